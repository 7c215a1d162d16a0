"""What is said about one score after the blind judgement: numbers and the words for them, made in one place.

No group is named, no score is a percentage, and a chance is given only under the prior that the list declares.
"""

from dataclasses import dataclass

from matcher.domain.template import Millionths


@dataclass(frozen=True, slots=True)
class Prior:
    """The declared share of probes that are of listed people, and where that number comes from."""

    chance: float
    source: str


@dataclass(frozen=True, slots=True)
class ConfidenceLine:
    """What everyone sees after judging blind. `upper` is the bound, k of n what was counted in the worst cell."""

    text: str
    upper: float
    k: int
    n: int


@dataclass(frozen=True, slots=True)
class LikelihoodRatio:
    """log10 of how much more often a mate scores this than the best of people who are not on the list; 95 % interval.

    `capped`: the cohort is too small to show more.
    """

    log10: float
    lower: float
    upper: float
    capped: bool


@dataclass(frozen=True, slots=True)
class Posterior:
    """The chance under a declared prior, with the ends that the ratio's interval gives."""

    prior: Prior
    chance: float
    lower: float
    upper: float


@dataclass(frozen=True, slots=True)
class StripChart:
    """Everyone's scores in equal columns from `low` to `high` (millionths); this score is in column `at`."""

    low: Millionths
    high: Millionths
    at: int
    mated: tuple[int, ...]
    nonmated: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class MatchConfidence:
    """All of it. `ratio` is None for the reason in `no_ratio`; `details` are the sentences of the detail view."""

    line: ConfidenceLine
    ratio: LikelihoodRatio | None
    no_ratio: str | None
    break_even: float | None
    posterior: Posterior | None
    details: tuple[str, ...]
    strip: StripChart
