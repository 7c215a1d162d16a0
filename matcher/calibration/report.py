"""The calibration report: one frozen value, and the canonical JSON that is hashed, logged and signed.

1. Equal evidence gives equal bytes: sorted keys, no spaces, ASCII, no time, no random identifier.
2. Rates carry the integers they were made from; scores and thresholds are integers of millionths.
3. What is undefined is null and says why beside it; NaN and infinity are refused.
4. Non-mated maxima and mated scores are in it, by cell and without identifiers, so that anybody can count again
   (`certified.py` does), and misses at a raised threshold are counted and not guessed. So are the list's leave-one-out
   maxima; single people are pointed at by handles only.
5. `engine` is in it only where the list was tested for an approximate one.
"""

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass

from matcher.calibration.adjudication import Adjudication
from matcher.calibration.burden import BurdenTable
from matcher.calibration.comparisons import ComparisonRates
from matcher.calibration.differentials import Differentials
from matcher.calibration.engine import EngineTrial
from matcher.calibration.failures import Reasons
from matcher.calibration.group_tests import GroupTests
from matcher.calibration.groups import EVERYONE, Cell, CellEvidence, Level
from matcher.calibration.intervals import Estimate
from matcher.calibration.likelihood import Likelihood
from matcher.calibration.lookalikes import LookAlikes
from matcher.calibration.ratios import RateRatio
from matcher.calibration.realism import Realism
from matcher.calibration.selectivity import Selectivity
from matcher.calibration.threshold import Threshold
from matcher.calibration.verdict import GatedRate, Status
from matcher.domain.template import Millionths
from matcher.errors import IntegrityError

VERSION = 2
Key = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class MissRate(Estimate):
    """FNIR of a cell; `same_session` of its n searches may be optimistic."""

    same_session: int


@dataclass(frozen=True, slots=True)
class GroupReport:
    """One row of the report.

    Generalised rates count a failure as no candidate, or as a miss. `fnir_first` asks for the mate to be the best, ties
    against it. FNIR is None for the reason in `fnir_reason`; what is None within FPIR is so for `fpir_reason`.
    Reasons of failures are counts of people (`failures.py`).
    """

    key: Key
    level: Level
    gating: bool
    n_people: int
    fpir: GatedRate
    fpir_reason: str | None
    generalised_fpir: Estimate
    fnir: MissRate | None
    fnir_first: Estimate | None
    generalised_fnir: Estimate | None
    fnir_reason: str | None
    fta: Estimate
    fta_reasons: Reasons
    fte: Estimate
    fte_reasons: Reasons

    @property
    def cell(self) -> Cell:
        """The cell of this row."""
        return Cell(tuple(sorted(self.key.items())), self.level)


@dataclass(frozen=True, slots=True)
class PassingTier:
    """A tier that this evidence would certify, and at which threshold."""

    tier: str
    alpha: float
    tau: Millionths


@dataclass(frozen=True, slots=True)
class Verdict:
    """The verdict, why, and in one sentence. `binding_group` is the group that set the threshold."""

    status: Status
    alpha: float
    delta: float
    tier: str
    binding_group: Key | None
    not_tested: tuple[Key, ...]
    reasons: tuple[str, ...]
    sentence: str
    would_pass: tuple[PassingTier, ...]


@dataclass(frozen=True, slots=True)
class ReportBinding:
    """What the report is about: digests (sha256, hex), the model identity, and the list's N subjects.

    `provider` says in words what ran the embedder.
    """

    list: str
    model: str
    cohort: str
    policy: str
    N: int
    provider: str


@dataclass(frozen=True, slots=True)
class Attempt:
    """The attempt's number and what it may spend."""

    j: int
    delta_j: float


@dataclass(frozen=True, slots=True)
class ListLine:
    """The list's name and expected use; `prior` is declared by its owner, or None."""

    name: str
    searches_per_day: int
    prior: float | None


@dataclass(frozen=True, slots=True)
class CohortLine:
    """Whose people it was tested on.

    `left_out` are columns that they declare and that were not tested; `same_quality`: every picture of list and cohort
    was held to the quality limits of the report's policy.
    """

    name: str
    source: str
    shipped: bool
    people: int
    pictures_seen: bool
    left_out: tuple[str, ...]
    same_quality: bool


@dataclass(frozen=True, slots=True)
class Burden:
    """Expected false alarms a day at the upper bound of the gating cell that has the highest."""

    worst_group: Key
    k: int
    n: int
    upper95: float
    expected_false_alarms_per_day: float


@dataclass(frozen=True, slots=True)
class WorstMisses:
    """The declared group that the list misses most often."""

    key: Key
    k: int
    n: int


@dataclass(frozen=True, slots=True)
class Report:
    """A calibration report. Build it with `calibrate`."""

    version: int
    verdict: Verdict
    threshold: Threshold
    list: ListLine
    cohort: CohortLine
    binding: ReportBinding
    attempt: Attempt
    groups: tuple[GroupReport, ...]
    burden: Burden | None
    burden_shares: BurdenTable
    fnir_worst: WorstMisses | None
    realism: Realism
    adjudication: Adjudication
    look_alikes: LookAlikes
    comparisons: ComparisonRates | None
    selectivity: Selectivity | None
    differentials: tuple[Differentials, ...] | None
    ratios: tuple[RateRatio, ...] | None
    group_tests: GroupTests | None
    failure_tests: GroupTests
    not_computed: Mapping[str, str]
    non_mated_maxima: Mapping[str, tuple[Millionths, ...]]
    mated_scores: Mapping[str, tuple[Millionths, ...]]
    likelihood: Likelihood
    listed_maxima: tuple[Millionths, ...]
    engine: EngineTrial | None = None

    def canonical(self) -> bytes:
        """Canonical JSON. Raises ValueError for NaN or infinity."""
        plain = dataclasses.asdict(self)
        if self.engine is None:
            del plain["engine"]
        return json.dumps(plain, sort_keys=True, separators=(",", ":"), allow_nan=False).encode("ascii")

    def digest(self) -> str:
        """sha256 (hex) of the canonical JSON."""
        return hashlib.sha256(self.canonical()).hexdigest()

    def evidence(self) -> tuple[CellEvidence, ...]:
        """The cells with their maxima, in the report's order. Raises IntegrityError where a cell has none."""
        cells = [(group.cell, group.n_people) for group in self.groups]
        try:
            return tuple(CellEvidence(cell, people, self.non_mated_maxima[cell.name]) for cell, people in cells)
        except KeyError as error:
            raise IntegrityError(f"the report holds no maxima for the cell {error}: calibrate again") from None

    @property
    def everyone(self) -> GroupReport:
        """The row of all people."""
        return next(group for group in self.groups if group.cell.name == EVERYONE)


def parse_report(body: bytes) -> Report:
    """The report in canonical JSON. Raises IntegrityError for anything else, equivalent JSON included."""
    import msgspec

    try:
        report: Report = msgspec.json.decode(body, type=Report, strict=True)
        same = report.canonical() == body
    except (msgspec.DecodeError, ValueError) as error:
        if (version := version_of(body)) not in (None, VERSION):
            raise IntegrityError(f"report version {version} is not known: use the release that made it") from None
        raise IntegrityError(f"this is not a calibration report: {error}") from None
    if not same:
        raise IntegrityError("the report is not in its canonical form: it was changed after calibration")
    return report


@dataclass(frozen=True, slots=True)
class _Versioned:
    version: int


def version_of(body: bytes) -> int | None:
    """The version that a report says it has; None for what is no report of any version."""
    import msgspec

    try:
        return msgspec.json.decode(body, type=_Versioned, strict=True).version
    except (msgspec.DecodeError, ValueError):
        return None
