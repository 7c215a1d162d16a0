"""The account of a period as one self-contained HTML page and as JSON, of the same value; equal values, equal bytes."""

import json
from collections.abc import Iterator
from dataclasses import asdict, fields

from matcher.calibration.accountability import Account, GroupRate, ListAccount, Reviews
from matcher.calibration.groups import FEWEST
from matcher.domain.template import score_text
from matcher.report.document import Section, Table, document
from matcher.report.wording import share, share_up

_SUPPRESSED = f"left out (or beside one that is): fewer than {FEWEST}"
_WORDS = {
    "searches": "searches",
    "alerts": "alerts queued by them",
    "leads": "of these: lead, reviewers agree",
    "rejected": "of these: no lead, reviewers agree",
    "inconclusive": "of these: inconclusive",
    "closed": "of these: closed unjudged",
    "waiting": "of these: waiting now",
    "judgements": "judgements",
    "corrections": "corrections after the score was shown",
    "recusals": "reviewers who stepped back",
}


def accountability_json(account: Account) -> str:
    """Sorted keys; what was left out is null and named in `withheld`."""
    return json.dumps(asdict(account), sort_keys=True, indent=2, allow_nan=False) + "\n"


def accountability_html(account: Account) -> str:
    """The page."""
    told = (
        f"From {account.first_day} to {account.last_day} (UTC), both included. Nobody who was searched for, listed or "
        "tested is in this account. A lead is not an identification."
    )
    if account.public:
        told += f" Counts of 1 to {FEWEST - 1}, and what they would follow from, are left out."
    sections = [section for one in account.lists for section in _sections(one)]
    return document("Account of the watchlists of this home", told, [*sections, _made_from(account)])


def _sections(one: ListAccount) -> Iterator[Section]:
    yield Section(f"List {one.name}", (), (_terms(one), _policy(one)))
    yield Section(f"{one.name}: how often it is wrong", *_rates(one))
    yield Section(f"{one.name}: searches and reviews", (), (_reviews(one.reviews),))
    rows = tuple((row.at, row.what, row.by or "-", row.detail or "-") for row in one.happened)
    heads = ("time (UTC)", "what", "by", "detail")
    happened = Table("In the order of the log", heads, rows, frozenset({0, 1, 2, 3}))
    nothing = () if rows else ("Nothing.",)
    yield Section(f"{one.name}: activations, changes, suspensions", nothing, (happened,) if rows else ())


def _terms(one: ListAccount) -> Table:
    rows = (
        ("purpose", one.purpose),
        ("legal basis", one.legal_basis),
        ("owner", one.owner),
        ("last day", one.expires),
        ("state now", one.state),
        ("version", "never activated" if one.version is None else f"revision {one.version}"),
        ("digest of what it held", one.digest or "-"),
        ("model", one.model or "-"),
        ("threshold", "-" if one.threshold is None else score_text(one.threshold)),
        ("calibration report", one.report or "-"),
    )
    return Table("What it is", ("", ""), rows, frozenset({0, 1}))


def _policy(one: ListAccount) -> Table:
    found = one.policy
    if found is None:
        return Table("Data policy", ("", ""), (("undefined", "never activated"),), frozenset({0, 1}))
    kept = "until erased" if found.probe_days is None else f"{found.probe_days} days after the alert ended"
    rows = (
        ("probes without a candidate", "never stored"),
        ("probes of alerts", f"sealed, kept {kept}"),
        ("references, names, templates", "sealed until erased; the list ends on its last day"),
        ("reviewers for every candidate", f"{found.reviewers_required}, judging blind"),
        ("a submitter may review", "yes" if found.submitter_may_review else "no"),
        ("reviewers of one account", "refused" if found.same_account == "refuse" else "marked not independent"),
        ("an activation lasts", f"{found.lease_hours} hours"),
        ("policy", found.digest),
    )
    return Table("Data policy", ("", ""), rows, frozenset({0, 1}))


def _rates(one: ListAccount) -> tuple[tuple[str, ...], tuple[Table, ...]]:
    if one.report is None:
        return ("Undefined: it was never activated.",), ()
    left_out = (f"{one.groups_withheld} groups are left out: they, or one beside them, are small.",)
    heads = ("group", "people", "false alarms", "FPIR", "upper 95 %", "misses", "FNIR")
    table = Table("As the report in force counted", heads, tuple(_rate(group) for group in one.groups))
    return (left_out if one.groups_withheld else ()), (table,)


def _rate(group: GroupRate) -> tuple[str, ...]:
    undefined = f"undefined: {group.fpir_reason}"
    missing = f"undefined: {group.fnir_reason}"
    return (
        group.group,
        f"{group.people:,}",
        "-" if group.false_alarms is None else f"{group.false_alarms}/{group.searches}",
        undefined if group.fpir is None else share(group.fpir),
        undefined if group.fpir_upper95 is None else share_up(group.fpir_upper95),
        "-" if group.misses is None else f"{group.misses}/{group.mates}",
        missing if group.fnir is None else share(group.fnir),
    )


def _reviews(reviews: Reviews) -> Table:
    names = [one.name for one in fields(reviews) if one.name != "withheld"]
    counts = {name: getattr(reviews, name) for name in names}
    rows = tuple((_WORDS[name], _SUPPRESSED if counts[name] is None else f"{counts[name]:,}") for name in names)
    return Table("In the period; where its alerts stand now", ("", "count"), rows)


def _made_from(account: Account) -> Section:
    rows = (
        ("program", f"matcher {account.program}"),
        ("log entries", f"{account.log_entries:,}"),
        ("head of the log", account.log_head),
    )
    return Section(
        "Made from", ("`matcher audit verify` checks the log.",), (Table("", ("", ""), rows, frozenset({0, 1})),)
    )
