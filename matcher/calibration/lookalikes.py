"""Look-alikes and magnets: whom of the listed people this threshold does not keep apart from others.

1. Look-alikes are two listed people, different subjects, whose best score reaches the threshold: whoever matches one
   may match the other. Magnets are listed people whom more cohort people match best than chance allows.
2. For magnets every cohort person at or above the threshold counts once, for the listed person who scored best (of
   equal ones the first in the order of subject ids). If all N listed people attracted alike, each would be expected to
   attract (people at or above the threshold) / N, and the number is at most Poisson: a subject is a magnet where the
   one-sided tail P(X >= attracted) is at most 0.05 / N (Bonferroni over all subjects).
3. Public reports hold handles of listed people and counts; who they are only an admin of the home can be told, and
   nowhere is it said which cohort person resembles whom.
4. Neither stands in the way of a certificate: false alarms are counted as they are. They are for whoever keeps the list
   and for the reviewer, who is told after judging that a candidate has look-alikes.
5. Among more than 50,000 templates pairs are not looked for, and the report says so.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction

from matcher.calibration.pairs import FoundPairs
from matcher.domain.template import Millionths

MOST_TEMPLATES = 50_000  # 1.25 billion scores, 20 to 30 s on one core
MOST_LISTED = 1_000
FAMILY = Fraction(5, 100)
NOT_LOOKED = "not looked for"
NO_THRESHOLD = "no threshold"
TOO_LARGE = f"not looked for among more than {MOST_TEMPLATES:,} templates"
TOO_MANY = "too many pairs reach this threshold to be listed: it tells almost nobody on the list apart"


@dataclass(frozen=True, slots=True)
class LookAlikePair:
    """Two listed people by handle (ascending) and their best score."""

    one: str
    other: str
    score: Millionths


@dataclass(frozen=True, slots=True)
class Magnet:
    """A listed person by handle, and how many cohort people at or above the threshold resemble them most."""

    subject: str
    attracted: int


@dataclass(frozen=True, slots=True)
class LookAlikes:
    """`found` pairs in all (None for `reason`), of which those with the highest scores are in `pairs`.

    `subjects` are the handles of everybody in a pair. `magnet_from`: from how many of the `attracted` cohort people on
    a subject is a magnet; None where there is no threshold or where even all of them would not be too many.
    """

    found: int | None
    reason: str | None
    pairs: tuple[LookAlikePair, ...]
    subjects: tuple[str, ...]
    attracted: int | None
    magnet_from: int | None
    magnets: tuple[Magnet, ...]


def unlooked(reason: str) -> LookAlikes:
    """Nothing was looked for."""
    return LookAlikes(None, reason, (), (), None, None, ())


def look_alikes(handles: Sequence[str], found: FoundPairs | str, best: Iterable[int]) -> LookAlikes:
    """`found` are pairs of numbers of listed people at or above the threshold, or why there are none.

    `handles` name the N listed people by number; `best` holds, for each cohort person at or above the threshold, the
    number of the listed person who scored best.
    """
    counts = Counter(best)
    attracted = counts.total()
    least = magnet_from(attracted, len(handles))
    magnets = [Magnet(handles[who], k) for who, k in counts.items() if least is not None and k >= least]
    pairs = () if isinstance(found, str) else _pairs(handles, found)
    highest = sorted(pairs, key=lambda pair: (-pair.score, pair.one, pair.other))[:MOST_LISTED]
    return LookAlikes(
        found=None if isinstance(found, str) else len(pairs),
        reason=found if isinstance(found, str) else None,
        pairs=tuple(sorted(highest, key=lambda pair: (pair.one, pair.other))),
        subjects=tuple(sorted({handle for pair in pairs for handle in (pair.one, pair.other)})),
        attracted=attracted,
        magnet_from=least,
        magnets=tuple(sorted(magnets, key=lambda magnet: magnet.subject)),
    )


def has_look_alikes(found: LookAlikes, handle: str) -> bool | None:
    """Whether a listed person is in a pair; None where nobody looked."""
    return None if found.found is None else handle in found.subjects


def magnet_from(attracted: int, subjects: int) -> int | None:
    """The fewest people on one of `subjects` that the Poisson bound does not allow; None where it allows all."""
    from scipy.special import gammainc

    if not attracted or not subjects:
        return None
    limit, expected = float(FAMILY / subjects), attracted / subjects
    # P(X >= k) of a Poisson variable is the regularised lower incomplete gamma function at (k, expected)
    return next((k for k in range(1, attracted + 1) if gammainc(k, expected) <= limit), None)


def _pairs(handles: Sequence[str], found: FoundPairs) -> tuple[LookAlikePair, ...]:
    made = []
    for a, b, score in zip(found.one.tolist(), found.other.tolist(), found.scores.tolist(), strict=True):
        one, other = sorted((handles[a], handles[b]))
        made.append(LookAlikePair(one, other, score))
    return tuple(made)
