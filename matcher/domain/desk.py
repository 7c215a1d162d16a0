"""What a reviewer is shown, stage by stage. The type of each stage holds what that stage may show and nothing else."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from matcher.domain.case import Judgement, Outcome, Verdict
from matcher.domain.confidence import MatchConfidence
from matcher.domain.face import FacePlace
from matcher.domain.template import Millionths


class Stage(StrEnum):
    """Where one reviewer is with one alert."""

    BLIND = "blind"
    DISCLOSED = "disclosed"
    FINISHED = "finished"


MOST_WAITING = 500  # what a queue shows at once; a person judges a few dozen alerts a day


class QueueOrder(StrEnum):
    """Which waiting alerts come first; of equal ones the oldest."""

    OLDEST = "oldest"
    NEWEST = "newest"
    CANDIDATES = "most candidates"
    FEWEST = "fewest candidates"
    BEGUN = "begun by you"

    def key(self, entry: "QueueEntry") -> tuple[float, float, str]:
        """What entries are sorted by."""
        age = entry.queued_at.timestamp()
        if self is QueueOrder.NEWEST:
            return -age, 0, entry.alert_id
        count = entry.candidates
        first = {QueueOrder.CANDIDATES: -count, QueueOrder.FEWEST: count, QueueOrder.BEGUN: not entry.begun}
        return first.get(self, 0), age, entry.alert_id


@dataclass(frozen=True, slots=True)
class QueueEntry:
    """A waiting alert: its age and how many candidates; nothing about list, case, score or the other reviewer."""

    alert_id: str
    queued_at: datetime
    candidates: int
    begun: bool


@dataclass(frozen=True, slots=True)
class QueuePage:
    """The first waiting alerts of an order, how many wait in all, and in `closed` why nothing waits for this person."""

    entries: tuple[QueueEntry, ...]
    waiting: int
    closed: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class FacePicture:
    """One picture with one face in it; the bytes are the original file's."""

    data: bytes
    place: FacePlace


@dataclass(frozen=True, slots=True, eq=False)
class BlindCandidate:
    """Stage 1: a candidate's reference pictures and a random handle."""

    candidate_id: str
    references: tuple[FacePicture, ...]


@dataclass(frozen=True, slots=True, eq=False)
class BlindAlert:
    """Stage 1: faces only, candidates in random order. `min_pixels`: least face height on screen for *same*."""

    alert_id: str
    probe: FacePicture
    candidates: tuple[BlindCandidate, ...]
    judged: tuple[Judgement, ...]
    stage: Stage
    min_pixels: int


@dataclass(frozen=True, slots=True)
class DisclosedCandidate:
    """Stage 2: what the software found, after the reviewer's own judgement.

    `look_alikes`: whether the list holds somebody whom this threshold does not keep apart; None where nobody looked.
    `truth` is said of a known-answer item only, and empty otherwise.
    """

    candidate_id: str
    own: Verdict
    score: Millionths
    threshold: Millionths
    confidence: MatchConfidence
    rank: int
    candidates: int
    look_alikes: bool | None
    truth: str = ""


@dataclass(frozen=True, slots=True)
class DisclosedAlert:
    """Stage 2 of a whole alert."""

    alert_id: str
    list_name: str
    case: str
    searches_of_case: int
    candidates: tuple[DisclosedCandidate, ...]


@dataclass(frozen=True, slots=True)
class Label:
    """The unsealed identity of a lead."""

    subject_id: str
    name: str
    note: str


@dataclass(frozen=True, slots=True)
class ConcludedCandidate:
    """Stage 3: the outcome; `label` only for a lead, `waiting` says what is still needed otherwise.

    `stopped` says why the list stopped, where this alert's conclusion stopped it.
    """

    candidate_id: str
    outcome: Outcome
    waiting: str
    independent: bool
    label: Label | None
    stopped: str


@dataclass(frozen=True, slots=True)
class ListLine:
    """One list as the lists screen shows it: `waiting` alerts, and by whom and why it was `stopped`, if it is.

    `watched` says how many searches reviewers rejected since its report was activated.
    """

    name: str
    state: str
    purpose: str
    owner: str
    subjects: int
    digest: str
    threshold: Millionths | None
    tier: str
    loaded_by: str
    approver: str
    ends_at: datetime | None
    expires: str
    next_step: str
    waiting: int
    stopped: str
    watched: str


@dataclass(frozen=True, slots=True)
class LogLine:
    """One entry of the log as one person may read it.

    `closed`: it is about a search or a review, and this person may judge: it says no more than its place.
    """

    sequence: int
    time: datetime
    actor: str
    account: str
    terminal: str
    action: str
    details: str
    hash: str
    closed: bool


@dataclass(frozen=True, slots=True)
class LogPage:
    """Newest entries of the log that fit a filter, newest first; `fitting` of the `total` entries looked at do."""

    lines: tuple[LogLine, ...]
    fitting: int
    total: int


@dataclass(frozen=True, slots=True)
class Share:
    """k of n; `rate` and its exact two-sided 95 % interval are None where n is 0."""

    k: int
    n: int
    rate: float | None
    interval: tuple[float, float] | None


@dataclass(frozen=True, slots=True)
class Practice:
    """What a reviewer made of known-answer items since they may judge; `reason` says why there is no d' yet.

    `hits`: *same* of mates; `false_confirms`: *same* of others.
    """

    hits: Share
    false_confirms: Share
    d_prime: float | None
    criterion: float | None
    reason: str


@dataclass(frozen=True, slots=True)
class WorkPeriod:
    """One reviewer's judgements of the last `days` days, or of all time (None).

    `changed`: candidates whose judgement changed after the score was shown, of those whose score was shown; `withdrawn`
    and `towards_same` are its two kinds. `median_seconds` is the time on screen, None without an item.
    """

    days: int | None
    alerts: int
    same: int
    undecided: int
    different: int
    median_seconds: float | None
    changed: Share
    withdrawn: int
    towards_same: int

    @property
    def items(self) -> int:
        """Candidates judged."""
        return self.same + self.undecided + self.different
