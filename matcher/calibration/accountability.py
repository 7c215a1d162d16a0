"""What a list was used for over a period: who answers for it, how often it is wrong, what became of its searches.

1. Nobody searched for, listed or tested is in it: counts, rates by declared group, digests and the words of its owner.
2. A count that is left out is None, and its name is in `withheld`; what was never counted is None with a reason.
3. In the public form a count of 1 to 9 is left out, and where the outcomes of alerts have such a count all outcomes
   are, so that none is found by subtraction; a group of 1 to 9 people is left out with its family (`groups.untold`).
   Names of staff and what they wrote as reasons are left out too.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

from matcher.calibration.groups import FEWEST, untold
from matcher.calibration.report import GroupReport
from matcher.domain.template import Millionths

_OUTCOMES = ("leads", "rejected", "inconclusive", "closed", "waiting")


@dataclass(frozen=True, slots=True)
class GroupRate:
    """How often a group was wrongly flagged (k of n searches) and missed, as the report in force counted it."""

    group: str
    people: int
    false_alarms: int | None
    searches: int
    fpir: float | None
    fpir_upper95: float | None
    fpir_reason: str | None
    misses: int | None
    mates: int
    fnir: float | None
    fnir_reason: str | None


@dataclass(frozen=True, slots=True)
class Reviews:
    """What was done with a list in the period; known-answer items are not in it.

    Of the alerts of the period's searches so many became leads, were rejected, stayed inconclusive, were closed
    unjudged, or wait at the time of the report.
    """

    searches: int | None = 0
    alerts: int | None = 0
    leads: int | None = 0
    rejected: int | None = 0
    inconclusive: int | None = 0
    closed: int | None = 0
    waiting: int | None = 0
    judgements: int | None = 0
    corrections: int | None = 0
    recusals: int | None = 0
    withheld: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Happened:
    """One thing that happened to the list: when (RFC 3339, UTC), what, by whom, and the words or numbers beside it."""

    at: str
    what: str
    by: str | None
    detail: str | None


@dataclass(frozen=True, slots=True)
class DataPolicy:
    """The rules that the certificate in force binds; `probe_days` None: probes are kept until somebody erases them."""

    digest: str
    reviewers_required: int
    submitter_may_review: bool
    same_account: str
    lease_hours: int
    probe_days: int | None


@dataclass(frozen=True, slots=True)
class ListAccount:
    """One list. `version` numbers the revision that serves; what is None has no activation in force behind it."""

    name: str
    state: str
    version: int | None
    digest: str | None
    model: str | None
    purpose: str
    legal_basis: str
    owner: str
    expires: str
    policy: DataPolicy | None
    report: str | None
    threshold: Millionths | None
    groups: tuple[GroupRate, ...]
    groups_withheld: int
    reviews: Reviews
    happened: tuple[Happened, ...]


@dataclass(frozen=True, slots=True)
class Account:
    """All lists of a home over a period of days (UTC, both included), by a release of the program."""

    program: str
    first_day: str
    last_day: str
    log_entries: int
    log_head: str
    public: bool
    lists: tuple[ListAccount, ...]


def group_rates(groups: Sequence[GroupReport], public: bool) -> tuple[tuple[GroupRate, ...], int]:
    """Rates of every cell that may be told, and how many may not."""
    hidden = untold([(one.cell, one.n_people) for one in groups]) if public else frozenset()
    shown = tuple(_group_rate(one) for one in groups if one.cell not in hidden)
    return shown, len(groups) - len(shown)


def public_form(account: ListAccount) -> ListAccount:
    """Without counts of 1 to 9 and what they follow from, names and reasons (rule 3)."""
    happened = tuple(replace(one, by=None, detail=None) for one in account.happened)
    return replace(account, reviews=_without_small(account.reviews), happened=happened)


def _without_small(reviews: Reviews) -> Reviews:
    counts = {one.name: getattr(reviews, one.name) for one in fields(reviews) if one.name != "withheld"}
    small = {name for name, count in counts.items() if count is not None and 0 < count < FEWEST}
    if small & set(_OUTCOMES):
        small |= set(_OUTCOMES)
    return replace(reviews, **dict.fromkeys(small, None), withheld=tuple(sorted(small)))


def _group_rate(one: GroupReport) -> GroupRate:
    return GroupRate(
        group=one.cell.label,
        people=one.n_people,
        false_alarms=one.fpir.k,
        searches=one.fpir.n,
        fpir=one.fpir.rate,
        fpir_upper95=one.fpir.upper95,
        fpir_reason=one.fpir_reason,
        misses=None if one.fnir is None else one.fnir.k,
        mates=0 if one.fnir is None else one.fnir.n,
        fnir=None if one.fnir is None else one.fnir.rate,
        fnir_reason=one.fnir_reason,
    )
