"""What a report says of likeness, adjudication and look-alikes, counted again from the report alone.

1. Realism is computed anew from the list's leave-one-out maxima and the cohort's non-mated maxima.
2. The median, who reaches it, and (where every pair is listed) how many people are joined follow from the report's
   scores, those set aside included; so does the digest of what an admin ruled.
3. The number of people at or above the threshold, and from how many on a subject is a magnet, are counted anew.
4. Which pairs there are needs the templates; of them only order, handles, scores and totals are checked. They are
   found again by `matcher report replay`.
"""

from collections.abc import Sequence
from itertools import pairwise

from matcher.calibration import adjudication, lookalikes
from matcher.calibration.adjudication import AdjudicatedPair, Adjudication, groups_of, median_of
from matcher.calibration.groups import EVERYONE
from matcher.calibration.handles import in_order, is_handle
from matcher.calibration.lookalikes import LookAlikePair, LookAlikes, magnet_from
from matcher.calibration.realism import realism
from matcher.calibration.report import Report
from matcher.calibration.resolutions import Ruling
from matcher.domain.template import MILLION, Millionths
from matcher.errors import IntegrityError


def check_realism(report: Report) -> None:
    """What the verdict rests on beside the maxima. Raises IntegrityError."""
    _require(list(report.listed_maxima) == sorted(report.listed_maxima), "the list's maxima are not in order")
    _require(len(report.listed_maxima) <= report.binding.N, "the list has fewer people than maxima")
    again = realism(report.listed_maxima, report.non_mated_maxima[EVERYONE])
    _require(report.realism == again, "its likeness to the list")


def check_integrity(report: Report) -> None:
    """The rest, of a report whose counts are known to be right. Raises IntegrityError."""
    maxima, mates = report.non_mated_maxima[EVERYONE], report.mated_scores[EVERYONE]
    _check_adjudication(report.adjudication, maxima, mates)
    _check_look_alikes(report.look_alikes, report)


def _check_adjudication(found: Adjudication, maxima: Sequence[Millionths], mates: Sequence[Millionths]) -> None:
    set_aside = (found.set_aside_maxima, found.set_aside_mates)
    _require(all(list(scores) == sorted(scores) for scores in set_aside), "the scores set aside are not in order")
    _require(max(map(len, set_aside)) <= found.joined, "more scores than people are set aside")
    median = median_of([*mates, *found.set_aside_mates])
    _require(found.median == median, "the median mated score")
    _require(found.reason == (adjudication.NO_MEDIAN if median is None else None), "the reason without a median")
    _require(found.resolutions == found.ruled().digest, "the digest of what was ruled")
    near = 0 if median is None else sum(score >= median for score in (*maxima, *found.set_aside_maxima))
    _require(len(found.perhaps_listed) == near and in_order(found.perhaps_listed), "people who may be on the list")
    _check_pairs(found.pairs, median)
    waiting = sum(pair.ruling is Ruling.OPEN for pair in found.pairs)
    _check_total(found.found, (len(found.pairs), waiting), adjudication.MOST_LISTED)
    joined = sum(len(group) - 1 for group in groups_of(found.pairs))
    complete = found.found == len(found.pairs)
    _require(found.joined == joined if complete else found.joined >= joined, "people joined")


def _check_look_alikes(found: LookAlikes, report: Report) -> None:
    tau = report.threshold.tau
    if tau is None or found.reason == lookalikes.NOT_LOOKED:
        reasons = (lookalikes.NO_THRESHOLD, lookalikes.NOT_LOOKED) if tau is None else (lookalikes.NOT_LOOKED,)
        _require(any(found == lookalikes.unlooked(reason) for reason in reasons), "look-alikes")
        return
    _require((found.found is None) == (found.reason in (lookalikes.TOO_LARGE, lookalikes.TOO_MANY)), "look-alikes")
    _check_pairs(found.pairs, tau)
    _check_total(found.found or 0, (len(found.pairs), len(found.pairs)), lookalikes.MOST_LISTED)
    named = {handle for pair in found.pairs for handle in (pair.one, pair.other)}
    complete = len(found.pairs) == (found.found or 0)
    _require(named == set(found.subjects) if complete else named <= set(found.subjects), "people with look-alikes")
    _require(in_order(found.subjects), "people with look-alikes")
    _require(found.attracted == report.everyone.fpir.k, "people who resemble somebody listed")
    least = magnet_from(found.attracted or 0, report.binding.N)
    _require(found.magnet_from == least, "the bound of magnets")
    counts = [magnet.attracted for magnet in found.magnets]
    _require(least is not None or not counts, "magnets")
    _require(all(k >= (least or 0) for k in counts) and sum(counts) <= (found.attracted or 0), "magnets")
    _require(in_order([magnet.subject for magnet in found.magnets]), "magnets")


def _check_pairs(pairs: Sequence[AdjudicatedPair | LookAlikePair], least: Millionths | None) -> None:
    written = all(is_handle(pair.one) and is_handle(pair.other) and pair.one < pair.other for pair in pairs)
    ordered = all((a.one, a.other) < (b.one, b.other) for a, b in pairwise(pairs))
    reached = all(least is not None and least <= pair.score <= MILLION for pair in pairs)
    _require(written and ordered and reached, "its pairs of people")


def _check_total(found: int, listed: tuple[int, int], most: int) -> None:
    """Not listed are only those beyond the most that a report lists: (all listed, of them open)."""
    pairs, waiting = listed
    _require(found == pairs or (found > pairs and waiting == most), "number of pairs")


def _require(true: bool, what: str) -> None:
    if not true:
        raise IntegrityError(f"the report does not hold together ({what}): it was changed")
