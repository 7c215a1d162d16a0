"""What the store keeps, as values: reports, alerts, judgements and progress as they are written and read."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from matcher.domain.case import Correction, Judgement
from matcher.domain.face import FacePlace
from matcher.domain.template import Millionths


@dataclass(frozen=True, slots=True)
class HomeFacts:
    """What a home knows of itself. `recovery_sealed` is the home key under the recovery key, once a home key exists."""

    home_id: str
    created_at: datetime
    demo: bool
    recovery_public: bytes
    recovery_sealed: bytes | None


@dataclass(frozen=True, slots=True)
class Restored:
    """What a home was made of: a backup, begun `made_at`; the log goes on after `entries`; lists `stopped`.

    Its tables were of version `came_from`.
    """

    backup_id: str
    made_at: str
    entries: int
    stopped: tuple[str, ...]
    came_from: int


@dataclass(frozen=True, slots=True)
class Upgraded:
    """A home brought up from version `came_from`, and its backup, begun at log entry `sequence`: `size` bytes in it."""

    backup_id: str
    sequence: int
    size: int
    came_from: int


@dataclass(frozen=True, slots=True)
class NewKeys:
    """A new user's public signing key and the encoded, wrapped rest; `recovery_sealed` only for a home's first user."""

    public_key: bytes
    record: bytes
    recovery_sealed: bytes | None = None


@dataclass(frozen=True, slots=True)
class StoredCheckpoint:
    """A checkpoint as stored: the public key that signed it, the peaks of its tree, and the signed note as text."""

    size: int
    log_key: bytes
    peaks: bytes
    note: str


@dataclass(frozen=True, slots=True)
class LoadBegun:
    """What the journal of a load begins with: the revision that is to be made, and since when."""

    revision_id: str
    at: datetime


@dataclass(frozen=True, slots=True)
class StoredReport:
    """A report as stored: canonical JSON and whose revisions it is about."""

    digest: str
    list_id: str
    revision_id: str
    cohort_revision_id: str
    policy_digest: str
    certified: bool
    made_by: str
    made_at: datetime
    body: bytes


@dataclass(frozen=True, slots=True)
class CandidateRecord:
    """A candidate of an alert; `subject_id` is sealed in the store and travels in memory only."""

    candidate_id: str
    subject_id: str
    score: Millionths
    rank: int


@dataclass(frozen=True, slots=True, eq=False)
class AlertRecord:
    """An alert with everything the search used. `probe` are the bytes of the photograph (sealed in the store)."""

    alert_id: str
    list_id: str
    revision_id: str
    certificate_digest: str
    report_digest: str
    policy_digest: str
    threshold: Millionths
    case: str
    reason: str
    searches_of_case: int
    submitted_by: str
    submitted_at: datetime
    probe: bytes
    place: FacePlace
    candidates: tuple[CandidateRecord, ...]


@dataclass(frozen=True, slots=True)
class AlertLine:
    """What the queue needs of an alert without opening any seal.

    `rejected`: concluded with every candidate *not a lead* by quorum; None until it is concluded. `known_answer`: no
    alert of a search, nothing is concluded from it (`vigilance.py`).
    """

    alert_id: str
    list_id: str
    policy_digest: str
    submitted_by: str
    submitted_at: datetime
    candidate_ids: tuple[str, ...]
    closed_reason: str | None
    closed_at: datetime | None
    concluded_at: datetime | None
    rejected: bool | None
    known_answer: bool = False


@dataclass(frozen=True, slots=True)
class QueueRules:
    """What decides, beside who did what, whether an alert waits for somebody.

    `required`: how many reviewers, by the digest of each policy of an open alert; `lenient`: those of them under which
    a submitter may review; `ended`: cohort revisions whose known-answer items wait for nobody.
    """

    required: Mapping[str, int]
    lenient: frozenset[str] = frozenset()
    ended: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class SignedJudgement:
    """A judgement with who signed it, where, and the signature over its canonical bytes."""

    alert_id: str
    reviewer: str
    account: str
    terminal: str
    made_at: datetime
    judgement: Judgement
    signature: bytes


@dataclass(frozen=True, slots=True)
class SignedCorrection:
    """A correction with who signed it, and the signature over its canonical bytes."""

    alert_id: str
    reviewer: str
    made_at: datetime
    correction: Correction
    signature: bytes


@dataclass(frozen=True, slots=True)
class Progress:
    """One reviewer's path through one alert; times are None until they happened.

    `order` is the order of candidates on screen, `claimed_until` the end of the claim's lease.
    """

    alert_id: str
    reviewer: str
    account: str
    terminal: str
    order: tuple[str, ...]
    claimed_until: datetime | None
    disclosed_at: datetime | None
    finished_at: datetime | None
    recused_at: datetime | None
