"""What is told beside the gate, in sentences that the terminal and the page share."""

from collections.abc import Iterator

from matcher.calibration.burden import BurdenTable
from matcher.calibration.report import Report
from matcher.calibration.selectivity import Selectivity
from matcher.report.wording import share, share_up

NEVER_A_GATE = "Nothing here certifies or refutes: groups are certified one by one, on exact bounds."


def selectivity_line(found: Selectivity) -> str:
    """How many candidates a search returns."""
    if found.rate is None:
        return f"candidates per search (SEL): undefined ({found.reason})"
    upper = "-" if found.upper95 is None else f"{found.upper95:.3g}"
    return (
        f"candidates per search of people who are not listed (SEL): {found.k:,} in {found.n:,} searches, "
        f"at most {upper} a search (guaranteed 95 % bound)"
    )


def same_session_lines(report: Report) -> list[str]:
    """How many mated searches may be optimistic."""
    found = report.everyone.fnir
    if found is None or not found.same_session:
        return []
    return [f"{found.same_session} of {found.n} mated searches: same session, optimistic"]


def comparison_lines(report: Report) -> Iterator[str]:
    """The false match rate of everyone, and why there is none."""
    rates = report.comparisons
    if rates is None:
        yield f"false matches (FMR): undefined ({report.not_computed['comparisons']})"
        return
    everyone = next(rate for rate in rates.fmr if rate.column is None)
    yield (
        f"false matches among the tested people (FMR): {everyone.k:,} of {everyone.n:,} comparisons, "
        f"{share(everyone.rate)}, at most {share_up(everyone.upper95)} of pairs of people (guaranteed 95 % bound)"
    )


def group_lines(report: Report) -> tuple[str, ...]:
    """What may be said of groups against each other: Holm's sentences and the conservative ratios."""
    if report.group_tests is None or report.ratios is None:
        return (f"Groups against each other: undefined ({report.not_computed['group_tests']}).",)
    return (*report.group_tests.sentences, *(ratio.text for ratio in report.ratios))


def share_rows(table: BurdenTable) -> tuple[tuple[str, str], ...]:
    """At which prior how many raised candidates are right at least."""
    return tuple(
        (
            f"1 in {1 / one.prior:,.0f}{' (declared for this list)' if one.declared else ''}",
            f"undefined ({table.reason})" if one.share is None else f"at least {share(one.share)}",
        )
        for one in table.shares
    )
