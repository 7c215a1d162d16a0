"""One reviewer's own statistics: how much, how long, and how often the score changed their mind.

1. An item is a candidate of an alert; the newest blind judgement of it counts, in the period in which it was made.
2. Time is how long the candidate was on screen, as the signed judgement says.
3. *Changed after the score*: of the items whose score was shown, those with a correction. It is an index of automation
   bias: somebody who judges before the machine speaks has little reason to change afterwards.
4. Shares carry k, n and the exact two-sided 95 % interval; without an item there is no share and no median.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from statistics import median

from matcher.calibration.intervals import estimate
from matcher.domain.case import Verdict
from matcher.domain.desk import Share, WorkPeriod
from matcher.domain.records import SignedJudgement
from matcher.domain.tables import UnitOfWork

DAYS = (7, 30, None)

Item = tuple[str, str]  # alert, candidate


def own_work(work: UnitOfWork, reviewer: str, now: datetime) -> Sequence[WorkPeriod]:
    """The last week, the last month, and since the beginning."""
    newest = {(one.alert_id, one.judgement.candidate_id): one for one in work.alerts.judgements_of(reviewer)}
    shown = {step.alert_id for step in work.alerts.progress_of(reviewer) if step.disclosed_at is not None}
    changed = {
        (one.alert_id, one.correction.candidate_id): one.correction.verdict
        for one in work.alerts.corrections_of(reviewer)
    }
    return [_period(days, _since(newest, days, now), shown, changed) for days in DAYS]


def _since(newest: Mapping[Item, SignedJudgement], days: int | None, now: datetime) -> dict[Item, SignedJudgement]:
    start = None if days is None else now - timedelta(days=days)
    return {item: one for item, one in newest.items() if start is None or one.made_at > start}


def _period(
    days: int | None, made: Mapping[Item, SignedJudgement], shown: set[str], changed: Mapping[Item, Verdict]
) -> WorkPeriod:
    verdicts = [one.judgement.verdict for one in made.values()]
    scored = [item for item in made if item[0] in shown]
    turned = [changed[item] for item in scored if item in changed]
    return WorkPeriod(
        days=days,
        alerts=len({alert for alert, _ in made}),
        same=verdicts.count(Verdict.SAME),
        undecided=verdicts.count(Verdict.UNDECIDED),
        different=verdicts.count(Verdict.DIFFERENT),
        median_seconds=_median(one.judgement.seconds for one in made.values()),
        changed=_share(len(turned), len(scored)),
        withdrawn=sum(verdict is not Verdict.SAME for verdict in turned),
        towards_same=turned.count(Verdict.SAME),
    )


def _median(seconds: Iterable[float]) -> float | None:
    found = list(seconds)
    return round(median(found), 3) if found else None


def _share(k: int, n: int) -> Share:
    found = estimate(k, n)
    return Share(k, n, found.rate, found.cp95)
