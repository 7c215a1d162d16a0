"""Reviewers' figures as a table and as JSON."""

from typing import TYPE_CHECKING

from matcher.cli.output import Output, table

if TYPE_CHECKING:
    from matcher.calibration.intervals import Estimate
    from matcher.calibration.vigilance import Agreement
    from matcher.services.vigilance import ReviewerRecord, ReviewerStatistics

_HEADINGS = ("reviewer", "may judge", "hits", "95 %", "false confirms", "95 %", "d'", "criterion", "kappa", "PABAK")
_NOTE = (
    "Intervals are exact (Clopper-Pearson). Undecided is neither a hit nor a false confirm. d' and criterion with the\n"
    "log-linear correction; a positive criterion is slow to say same. kappa and PABAK: same or not, with all others,\n"
    "on concluded alerts."
)


def print_reviewers(output: Output, found: "ReviewerStatistics") -> None:
    """Prints the figures; what is undefined is null, with its reason."""
    value = {
        "reviewers": [_facts(one) for one in found.reviewers],
        "pairs": [{"reviewers": [pair.one, pair.other], **_agreement(pair.agreement)} for pair in found.pairs],
        "without_items": [{"watchlist": name, "because": why} for name, why in found.without_items],
    }
    lines = [table(_HEADINGS, [_row(one) for one in found.reviewers]) if found.reviewers else "There is no reviewer."]
    lines += [f"{one.name} is suspended: {one.suspended.reason}" for one in found.reviewers if one.suspended]
    lines += [
        f"{one.name} was restored; {one.before} older results are not in these figures"
        for one in found.reviewers
        if one.restored
    ]
    lines += [
        f"{pair.one} and {pair.other}: {pair.agreement.agreed} of {pair.agreement.n} alike, "
        f"kappa {_number(pair.agreement.kappa)}, PABAK {_number(pair.agreement.pabak)}"
        for pair in found.pairs
    ]
    lines += [f"no known-answer items are made for list {name}: {why}" for name, why in found.without_items]
    output.result(value, "\n".join([*lines, _NOTE]))


def _row(one: "ReviewerRecord") -> tuple[str, ...]:
    skill = one.skill
    return (
        one.name,
        "no, suspended" if one.suspended else "yes",
        _count(skill.hits, skill.undecided_mated),
        _interval(skill.hits),
        _count(skill.false_confirms, skill.undecided_nonmated),
        _interval(skill.false_confirms),
        _number(skill.d_prime),
        _number(skill.criterion),
        _number(one.agreement.kappa),
        _number(one.agreement.pabak),
    )


def _count(found: "Estimate", undecided: int) -> str:
    return f"{found.k} of {found.n}" + (f" ({undecided} undecided)" if undecided else "")


def _interval(found: "Estimate") -> str:
    return "-" if found.cp95 is None else f"{100 * found.cp95[0]:.1f} to {100 * found.cp95[1]:.1f} %"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def _facts(one: "ReviewerRecord") -> dict[str, object]:
    skill, taken = one.skill, one.suspended
    return {
        "name": one.name,
        "may_judge": taken is None,
        "suspended_because": None if taken is None else taken.reason,
        "suspended_at": None if taken is None else taken.at.isoformat(),
        "restored": one.restored,
        "results_before": one.before,
        "hits": _estimate(skill.hits) | {"undecided": skill.undecided_mated},
        "false_confirms": _estimate(skill.false_confirms) | {"undecided": skill.undecided_nonmated},
        "d_prime": skill.d_prime,
        "criterion": skill.criterion,
        "d_prime_undefined_because": skill.reason,
        "agreement": _agreement(one.agreement),
    }


def _estimate(found: "Estimate") -> dict[str, object]:
    interval = None if found.cp95 is None else list(found.cp95)
    return {"k": found.k, "n": found.n, "rate": found.rate, "cp95": interval, "upper95": found.upper95}


def _agreement(found: "Agreement") -> dict[str, object]:
    return {
        "n": found.n,
        "agreed": found.agreed,
        "kappa": found.kappa,
        "pabak": found.pabak,
        "undefined_because": found.reason,
    }
