"""How well a reviewer tells people apart, and how well two reviewers agree.

1. Hits are mated items judged *same*, false confirms non-mated ones judged *same*; *undecided* is neither, and counted
   beside them. Rates carry exact intervals (`intervals.py`).
2. d' = z(H) - z(F) and the criterion c = -(z(H) + z(F)) / 2, with H = (hits + 0.5) / (mated + 1) and
   F = (false confirms + 0.5) / (non-mated + 1): the log-linear correction of Hautus (1995), made whether or not a rate
   is 0 or 1. A positive c is a reviewer slow to say *same*. Undefined without items of both kinds.
3. Agreement is on whether a candidate is the *same*, because that is what a lead is made of: Cohen's kappa (1960), and
   PABAK = 2 p_o - 1 (Byrt, Bishop and Carlin 1993), which does not fall where one answer is rare. Candidates of one
   alert are not independent, so neither has an interval. Kappa is undefined where both always say one and the same.
4. A floor is looked at with the 2nd, 4th, 8th, ... item of its kind, from the policy's number on, as a list is watched
   (`sequential.py`): the exact one-sided bound decides, never the rate. A reviewer who keeps to both floors is ever
   suspended, between one restoring and the next, with probability at most 5 %, half of it for each floor.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from matcher.calibration.intervals import Estimate, estimate, steady
from matcher.calibration.sequential import Look, look
from matcher.domain.case import Verdict
from matcher.domain.vigilance import Result

CHANCE = 0.05

NO_ITEMS = "known-answer items of both kinds are needed: mated and non-mated ones"
NO_COMMON = "nobody else judged the same candidates"
ONE_ANSWER = "both gave one and the same answer throughout: chance alone would agree as often"


@dataclass(frozen=True, slots=True)
class Skill:
    """What one reviewer made of known-answer items; d' and criterion are None for the reason in `reason`."""

    hits: Estimate
    undecided_mated: int
    false_confirms: Estimate
    undecided_nonmated: int
    d_prime: float | None
    criterion: float | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class Agreement:
    """How often two or more people said the same of `n` candidates, `agreed` of them; None for the reason beside it."""

    n: int
    agreed: int
    kappa: float | None
    pabak: float | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class Floors:
    """A policy's limits: the least hit rate, the most false confirms, and from how many items of a kind they count."""

    least_hit_rate: float
    most_false_confirm_rate: float
    least_items: int


@dataclass(frozen=True, slots=True)
class Fall:
    """A look at which a reviewer fell below a floor; `what` was counted in it."""

    what: str
    floor: float
    look: Look

    @property
    def reason(self) -> str:
        """Why, in one line."""
        taken = self.look
        return (
            f"{taken.k} of the first {taken.n} {self.what}: more than {100 * taken.lower:.3g} % (exact lower bound at "
            f"look {taken.number}), at most {100 * taken.alpha:.3g} % are allowed"
        )


def skill_of(results: Iterable[Result]) -> Skill:
    """The rates and indices of one reviewer's results."""
    found = list(results)
    mated = [one.said for one in found if one.mated]
    others = [one.said for one in found if not one.mated]
    hits, false_confirms = mated.count(Verdict.SAME), others.count(Verdict.SAME)
    d_prime, criterion = (None, None) if not mated or not others else _indices(hits, mated, false_confirms, others)
    return Skill(
        hits=estimate(hits, len(mated)),
        undecided_mated=mated.count(Verdict.UNDECIDED),
        false_confirms=estimate(false_confirms, len(others)),
        undecided_nonmated=others.count(Verdict.UNDECIDED),
        d_prime=d_prime,
        criterion=criterion,
        reason=NO_ITEMS if d_prime is None else None,
    )


def agreement_of(pairs: Sequence[tuple[bool, bool]]) -> Agreement:
    """Agreement over (one said *same*, the other said *same*), one pair per candidate and pair of people."""
    n = len(pairs)
    if not n:
        return Agreement(0, 0, None, None, NO_COMMON)
    agreed = sum(one == other for one, other in pairs)
    yes_one, yes_other = sum(one for one, _ in pairs), sum(other for _, other in pairs)
    # in whole numbers, so that agreement by chance is 1 exactly where it is
    chance = yes_one * yes_other + (n - yes_one) * (n - yes_other)
    kappa = None if chance == n * n else steady((agreed * n - chance) / (n * n - chance))
    return Agreement(n, agreed, kappa, steady(2 * agreed / n - 1), ONE_ANSWER if kappa is None else None)


def fallen(results: Sequence[Result], floors: Floors) -> Fall | None:
    """Whether the newest result completes a look that shows the reviewer below a floor (rule 4)."""
    if not results:
        return None
    mated = results[-1].mated
    said = [one.said for one in results if one.mated == mated]
    wrong = sum((verdict is not Verdict.SAME) == mated for verdict in said)
    # what is allowed is a share of errors: of misses 1 - the least hit rate
    most = steady(1 - floors.least_hit_rate) if mated else floors.most_false_confirm_rate
    floor = floors.least_hit_rate if mated else floors.most_false_confirm_rate
    n = len(said)
    if n < max(2, floors.least_items) or n & (n - 1) or not 0 < most < 1:
        return None
    taken = look(wrong, n, most, CHANCE / 2)
    what = "mated known-answer items not confirmed" if mated else "non-mated known-answer items confirmed"
    return Fall(what, floor, taken) if taken.exceeded else None


def _indices(
    hits: int, mated: Sequence[Verdict], false_confirms: int, others: Sequence[Verdict]
) -> tuple[float, float]:
    from scipy.special import ndtri

    hit = float(ndtri((hits + 0.5) / (len(mated) + 1)))
    false = float(ndtri((false_confirms + 0.5) / (len(others) + 1)))
    return steady(hit - false), steady(-(hit + false) / 2)
