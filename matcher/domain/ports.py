"""What the use cases need from the outside, as Protocols; `bootstrap.py` alone names the classes behind them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self

from matcher.domain.case import Correction, Judgement, Verdict
from matcher.domain.cohort import Cohort
from matcher.domain.desk import (
    MOST_WAITING,
    BlindAlert,
    ConcludedCandidate,
    DisclosedAlert,
    ListLine,
    LogPage,
    Practice,
    QueueEntry,
    QueueOrder,
    QueuePage,
    WorkPeriod,
)
from matcher.domain.events import Event, LogEntry, LogHead, Verified
from matcher.domain.face import Face, Picture
from matcher.domain.people import SignedIn, User
from matcher.domain.records import (
    AlertLine,
    AlertRecord,
    HomeFacts,
    LoadBegun,
    NewKeys,
    Progress,
    QueueRules,
    SignedCorrection,
    SignedJudgement,
    StoredReport,
)
from matcher.domain.rejection import Rejected
from matcher.domain.revision import Revision, RevisionContent, Screen
from matcher.domain.search import SearchAnswer
from matcher.domain.template import Floats, Millionths, ModelIdentity, Scores
from matcher.domain.vigilance import Answer, KnownItem, Result, Right
from matcher.domain.watch import Refutation, Search, Watched
from matcher.domain.watchlist import Watchlist

if TYPE_CHECKING:
    # pydantic is only loaded where a policy is read
    from matcher.domain.policy import Policy, Quality

# --- vision -----------------------------------------------------------------------------------------------------------


class FacePipeline(Protocol):
    """Pictures in, templates or reasons out."""

    @property
    def identity(self) -> ModelIdentity:
        """What makes these templates."""

    def references(
        self, pictures: Iterable[Picture | Rejected], quality: Quality
    ) -> Iterator[tuple[int, Face | Rejected]]:
        """One result per picture, in order."""

    def faces(self, picture: Picture, quality: Quality) -> list[Face | Rejected]:
        """Every face of a probe picture, or the one reason why there is none."""

    @property
    def touchstone(self) -> bytes:
        """What this machine makes of the shipped faces (`domain/touchstone.py`)."""


# --- keys -------------------------------------------------------------------------------------------------------------


class UnlockedKeys(Protocol):
    """What a passphrase opened."""

    @property
    def public_key(self) -> bytes:
        """Raw Ed25519 (32 bytes)."""

    def sign(self, message: bytes) -> bytes:
        """Ed25519 (RFC 8032)."""

    @property
    def vault(self) -> Vault | None:
        """None for an auditor, who holds no home key."""

    def keys_for(self, name: str, passphrase: str, holds_home_key: bool) -> NewKeys:
        """Keys for another user, with this user's home key wrapped for them. Raises MissingRole without one."""


class Keyring(Protocol):
    """Makes and opens keys."""

    def new_recovery(self) -> tuple[str, bytes]:
        """A recovery code to print once, and its public key."""

    def first_user(self, name: str, passphrase: str, recovery_public: bytes) -> NewKeys:
        """Makes the home key: wrapped for its first user and sealed to the recovery key."""

    def unlock(self, record: bytes, passphrase: str) -> UnlockedKeys:
        """Raises WrongPassphrase."""


# --- sealed store -----------------------------------------------------------------------------------------------------


class ContainerWriter(Protocol):
    """An authenticated container being written; nothing of it stays unless `keep` is called."""

    container_id: str

    def append(self, data: bytes) -> int:
        """Adds bytes and returns their offset."""

    def keep(self) -> None:
        """Syncs the container to disk under its name."""


class LoadJournal(Protocol):
    """What an unfinished load has made of its pictures, sealed as it goes; it outlives the process that keeps it."""

    @property
    def begun(self) -> LoadBegun:
        """As the first run of this load wrote it."""

    @property
    def known(self) -> int:
        """How many results earlier runs left."""

    @property
    def cut(self) -> int:
        """Bytes at the end of what earlier runs left that were not whole, and are gone."""

    def result(self, digest: str, source: str) -> Face | Rejected | None:
        """What became of these bytes (sha256, hex) in an earlier run, called `source` now; None if it is not known."""

    def add(self, digest: str, result: Face | Rejected) -> None:
        """Writes down what became of a picture: from here on the kill of this process does not undo it."""

    def restart(self, begin: LoadBegun) -> None:
        """Forgets what earlier runs left."""

    def discard(self) -> None:
        """Removes the journal."""


class Vault(Protocol):
    """Seals and opens with the home key: AES-256-GCM with `purpose` as associated data, so nothing can be moved."""

    def seal(self, purpose: str, data: bytes) -> bytes:
        """A sealed value: nonce and ciphertext."""

    def open(self, purpose: str, sealed: bytes) -> bytes:
        """The inverse. Raises IntegrityError when it was altered or sealed for another purpose."""

    def new_container(self, container_id: str) -> AbstractContextManager[ContainerWriter]:
        """A container under construction; on leaving without `keep` its file is removed."""

    def read(self, container_id: str, offset: int, length: int) -> bytes:
        """Bytes of a container; only the chunks needed are opened. Raises IntegrityError."""

    def size(self, container_id: str) -> int:
        """The plain length of a container in bytes."""

    def remove(self, container_id: str) -> None:
        """Removes a container's file, and unfinished ones of its id (nothing happens if there are none)."""

    def load_journal(self, binding: str, begin: LoadBegun) -> AbstractContextManager[LoadJournal]:
        """The journal of the load that `binding` describes, held by this process alone. Raises Refused otherwise."""

    def sweep(self, known: frozenset[str], before: datetime) -> int:
        """Removes what killed loads left: containers of no `known` revision, untouched since `before`."""

    def sweep_journals(self, before: datetime) -> int:
        """Removes journals of loads that nobody went on with since `before`."""


class Revisions(Protocol):
    """Sealed content of revisions, kept in containers named after the revision."""

    def write(self, vault: Vault, revision_id: str, content: RevisionContent, screen: Screen) -> None:
        """Seals items, templates and what a search keeps in memory; leaves nothing behind when it fails."""

    def screen(self, vault: Vault, revision: Revision) -> tuple[Screen, RowReader]:
        """What a search keeps in memory, and where it reads the rest. Raises IntegrityError."""

    def read(self, vault: Vault, revision: Revision) -> RevisionContent:
        """Opens everything and checks the content digest. Raises IntegrityError."""

    def discard(self, vault: Vault, revision_id: str) -> None:
        """Removes what `write` made, for a load whose transaction failed."""

    def present(self, revision_id: str) -> bool:
        """Whether the containers are there; needs no key."""


class Lead(Protocol):
    """The candidate of an alert whose identity was unsealed."""

    @property
    def alert_id(self) -> str: ...
    @property
    def candidate_id(self) -> str: ...


class Users(Protocol):
    """The people of a home. Their wrapped keys are the key store's business."""

    def get(self, name: str) -> User | None: ...
    def all(self) -> Sequence[User]: ...
    def count(self) -> int: ...
    def add(self, user: User, keys: bytes) -> None: ...
    def keys(self, name: str) -> bytes:
        """The encoded key record of a user."""

    def set_suspended(self, name: str, suspended: bool) -> None: ...


class HomeTable(Protocol):
    """The one row about the home itself."""

    def create(self, home_id: str, created_at: datetime, demo: bool, recovery_public: bytes) -> None: ...
    def get(self) -> HomeFacts: ...
    def set_recovery_sealed(self, sealed: bytes) -> None: ...


class Lists(Protocol):
    """Watchlists, whole."""

    def add(self, watchlist: Watchlist) -> None: ...
    def named(self, name: str) -> Watchlist | None: ...
    def by_id(self, list_id: str) -> Watchlist | None: ...
    def all(self) -> Sequence[Watchlist]: ...
    def save(self, watchlist: Watchlist) -> None:
        """Stores latest, latest_report, serving, certificate, suspension and retired_at; `Watch` keeps refutations."""


class Cohorts(Protocol):
    """Cohorts, whole."""

    def add(self, cohort: Cohort) -> None: ...
    def named(self, name: str) -> Cohort | None: ...
    def all(self) -> Sequence[Cohort]: ...
    def save(self, cohort: Cohort) -> None: ...


class RevisionTable(Protocol):
    """Public facts of revisions."""

    def add(self, revision: Revision) -> None: ...
    def get(self, revision_id: str) -> Revision | None: ...
    def ids(self) -> frozenset[str]: ...
    def all(self) -> Sequence[Revision]: ...


class Reports(Protocol):
    """Reports and the policies they were made under."""

    def add(self, report: StoredReport, policy: Policy) -> None:
        """Adding the same digest again changes nothing."""

    def get(self, digest: str) -> StoredReport | None: ...
    def of_list(self, list_id: str) -> Sequence[StoredReport]:
        """Oldest first."""

    def policy(self, digest: str) -> Policy: ...


class Alerts(Protocol):
    """Alerts, claims and judgements. Judgements are only ever added."""

    def add(self, vault: Vault, alert: AlertRecord) -> None: ...
    def get(self, vault: Vault, alert_id: str) -> AlertRecord | None: ...
    def lines(self) -> Sequence[AlertLine]:
        """Every alert of a search, oldest first; known-answer items are not among them."""

    def known_lines(self) -> Sequence[AlertLine]:
        """Every known-answer item, oldest first."""

    def open_policies(self) -> Sequence[str]:
        """Digests of the policies that open alerts were made under."""

    def count_waiting(self, reviewer: str, now: datetime, rules: QueueRules) -> int:
        """How many open alerts wait for a reviewer, but for the quorate."""

    def waiting_for(
        self, reviewer: str, now: datetime, rules: QueueRules, order: QueueOrder, most: int
    ) -> Sequence[QueueEntry]:
        """The first `most` of them in an order."""

    def quorate(self, now: datetime, rules: QueueRules) -> Sequence[str]:
        """Open alerts that as many reviewers have ended as their policies ask for, oldest first."""

    def closings(self, since: datetime) -> Sequence[tuple[datetime, str, int]]:
        """When, why and how many alerts were closed after `since`."""

    def line(self, alert_id: str) -> AlertLine | None: ...
    def searches_of_case(self, list_id: str, case: str) -> int:
        """Searches logged for this case on this list so far."""

    def count_search(self, list_id: str, case: str) -> int:
        """Adds one and returns the new count."""

    def cases(self) -> Mapping[tuple[str, str], int]:
        """Searches by list id and case."""

    def mark_concluded(self, alert_id: str, now: datetime, rejected: bool) -> None:
        """`rejected`: every candidate is *not a lead*. Raises Refused unless two people judged each *different*."""

    def add_lead(self, alert_id: str, candidate_id: str, now: datetime) -> None:
        """Raises Refused unless two different people's newest judgement of the candidate is *same*."""

    def claim(self, alert_id: str, who: SignedIn, order: tuple[str, ...], now: datetime, until: datetime) -> bool:
        """Takes or renews the claim in one atomic step; False while another reviewer's claim has not lapsed.

        The order of an earlier claim by the same reviewer is kept.
        """

    def release(self, alert_id: str, reviewer: str) -> None: ...
    def mark(self, alert_id: str, reviewer: str, step: str, now: datetime) -> None:
        """Sets disclosed_at, finished_at or recused_at (`step` is "disclosed", "finished" or "recused"), once."""

    def progress(self, alert_id: str) -> Sequence[Progress]:
        """Every reviewer's path, in the order of finishing, then claiming."""

    def add_judgement(self, judgement: SignedJudgement) -> None:
        """The newest judgement per reviewer and candidate counts. Raises Refused after that reviewer's disclosure."""

    def judgements(self, alert_id: str) -> Sequence[SignedJudgement]:
        """Oldest first."""

    def add_correction(
        self, alert_id: str, reviewer: str, correction: Correction, made_at: datetime, signature: bytes
    ) -> None: ...
    def corrections(self, alert_id: str) -> Sequence[SignedCorrection]:
        """Oldest first."""

    def progress_of(self, reviewer: str) -> Sequence[Progress]:
        """One reviewer's path through every alert that they claimed."""

    def judgements_of(self, reviewer: str) -> Sequence[SignedJudgement]:
        """Every judgement of one reviewer, by alert, oldest first."""

    def corrections_of(self, reviewer: str) -> Sequence[SignedCorrection]:
        """Every correction of one reviewer, by alert, oldest first."""

    def leads(self) -> Sequence[Lead]:
        """Every lead, oldest first."""

    def fingerprint(self, alert_id: str) -> str:
        """sha256 (hex) over all that an alert was made with, candidates and sealed bytes included."""

    def waiting(self, list_id: str) -> int:
        """How many alerts of a list wait for reviewers."""

    def close(self, list_id: str, reason: str, now: datetime) -> int:
        """Closes every open alert of a list as inconclusive with a reason; returns how many."""


class Watch(Protocol):
    """Searches under each report, and the reports that they refuted. Rows are only ever added."""

    def add_search(self, report: str, case: str, alert_id: str | None) -> int | None:
        """Numbers a search; its place among the cases that count, None for a case that was searched before."""

    def searches(self) -> Mapping[str, Sequence[Search]]:
        """Every search by report, in order."""

    def report_of(self, alert_id: str) -> str | None:
        """The report under which an alert's search was made."""

    def watched(self, report: str) -> Watched: ...
    def false_alarms(self, report: str) -> Sequence[int]:
        """Places of the cases that are estimated false alarms, ascending."""

    def refute(self, refutation: Refutation) -> None:
        """Raises Refused unless the counts are those of the tables and no list serves unstopped with the report."""

    def refutation(self, report: str) -> Refutation | None: ...
    def refutations(self) -> Sequence[Refutation]:
        """Every one, by report."""


class Vigilance(Protocol):
    """Known-answer items, what each reviewer said of them, and who may judge. Rows are only ever added."""

    def add(self, vault: Vault, item: KnownItem) -> None:
        """Queues an item as an alert."""

    def answer(self, vault: Vault, alert_id: str) -> Answer | None:
        """The truth of an item; None for an alert of a search."""

    def people_shown(self, vault: Vault, cohort_revision_id: str) -> frozenset[str]:
        """Cohort subjects whose face was the probe of an item already."""

    def cohort_revision(self, alert_id: str) -> str | None:
        """The cohort revision that an item was made of."""

    def items(self) -> Mapping[str, str]:
        """sha256 (hex) of the sealed answer of every item, by alert; needs no key."""

    def counts(self, report: str) -> tuple[int, int]:
        """How many alerts of searches and how many items were queued under a report."""

    def waiting(self, report: str) -> int:
        """How many items queued under a report wait for reviewers."""

    def sizes(self, report: str) -> Sequence[int]:
        """How many candidates each alert of a search has under a report."""

    def add_result(self, result: Result) -> None:
        """Raises Refused before the reviewer saw the score, and out of turn."""

    def results(self, reviewer: str) -> Sequence[Result]:
        """A reviewer's results in order."""

    def add_right(self, right: Right) -> None:
        """Takes a right to judge or gives it back. Raises Refused out of turn and for who would restore themselves."""

    def rights(self, reviewer: str) -> Sequence[Right]:
        """Every change of a reviewer's right to judge, in order."""

    def blind_verdicts(self) -> Sequence[tuple[str, str, str, Verdict]]:
        """(alert, candidate, reviewer, blind verdict) of concluded alerts of searches; who stepped back is left out."""


class Log(Protocol):
    """The append-only log; an entry commits with the change it describes."""

    def append(self, event: Event) -> LogEntry: ...
    def head(self) -> LogHead: ...
    def entries(self, after: int = 0, limit: int | None = None) -> Iterator[LogEntry]: ...
    def verify(self, each: Callable[[LogEntry], None] | None = None) -> LogHead:
        """Recomputes the whole chain and returns its head; `each` is handed every entry as soon as it holds.

        Raises IntegrityError naming the first bad entry.
        """


class UnitOfWork(Protocol):
    """One operation: leaving without `commit` undoes all of it. On entering, the database's write lock is taken."""

    def check_schema(self) -> None:
        """Raises IntegrityError when a rule of the database (a trigger) is missing or was changed."""

    home: HomeTable
    users: Users
    lists: Lists
    cohorts: Cohorts
    revisions: RevisionTable
    reports: Reports
    alerts: Alerts
    watch: Watch
    vigilance: Vigilance
    log: Log

    def __enter__(self) -> Self: ...
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...
    def commit(self) -> None: ...


class UnitsOfWork(Protocol):
    """Begins units of work. One that will not write takes no lock."""

    def __call__(self, write: bool = True) -> UnitOfWork: ...


# --- index ------------------------------------------------------------------------------------------------------------


class RowReader(Protocol):
    """Float rows of a revision, read when a search has to look at them."""

    def take(self, numbers: Scores) -> Floats:
        """Unit float32 rows (k, d) by number, int32 (k,) ascending and distinct. Raises IntegrityError."""


class Index(Protocol):
    """The templates of one revision, ready to be searched at a threshold. There is no search by rank."""

    @property
    def revision_digest(self) -> str: ...
    def at_or_above(self, queries: Floats, threshold: Millionths) -> SearchAnswer: ...
    def maxima(self, queries: Floats, excluded: Scores | None = None) -> Scores: ...


class IndexOpener(Protocol):
    """Opens the index of a sealed revision: its screen in memory, its rows where they are sealed."""

    def __call__(self, screen: Screen, rows: RowReader) -> Index: ...


class Screener(Protocol):
    """Makes what a search keeps in memory of a revision."""

    def __call__(self, content: RevisionContent, revision_digest: str) -> Screen: ...


class IndexBuilder(Protocol):
    """Builds the index of one revision in memory."""

    def __call__(self, templates: Floats, subjects: Scores, revision_digest: str) -> Index:
        """`templates` float32 (n, d) unit, `subjects` int32 (n,): the number of the subject of each row."""


# --- what the terminal interface stands on ----------------------------------------------------------------------------


class ReviewDesk(Protocol):
    """Everything one signed-in reviewer can do with alerts. Implemented in `services/review_desk.py`."""

    @property
    def user(self) -> User:
        """Whose desk this is."""

    def queue(self, order: QueueOrder = QueueOrder.OLDEST, most: int = MOST_WAITING) -> QueuePage:
        """The first `most` alerts waiting for this reviewer, in an order, and how many wait in all."""

    def closings(self) -> Sequence[str]:
        """What was closed as inconclusive in the last days, or stopped with nothing waiting, and why; newest first."""

    def claim(self, alert_id: str) -> BlindAlert:
        """Opens an alert. Raises Refused while another reviewer holds it."""

    def judge(self, alert_id: str, judgement: Judgement) -> None:
        """Commits one blind judgement; a second one for the same candidate replaces it until disclosure."""

    def recuse(self, alert_id: str, reason: str) -> None:
        """Steps back ("I know this person")."""

    def release(self, alert_id: str) -> None:
        """Gives the claim back."""

    def disclose(self, alert_id: str) -> DisclosedAlert:
        """Ends stage 1. Raises Refused until every candidate is judged."""

    def correct(self, alert_id: str, correction: Correction) -> None:
        """Withdraws *same*, or asks for a third reviewer by a change towards *same*."""

    def finish(self, alert_id: str) -> Sequence[ConcludedCandidate]:
        """Ends this reviewer's part and says where every candidate stands."""

    def own_work(self) -> Sequence[WorkPeriod]:
        """What this reviewer judged: the last week, the last month, and since the beginning."""

    def practice(self) -> Practice | None:
        """What this reviewer made of known-answer items; None for who is no reviewer."""


class LogReader(Protocol):
    """The log as one signed-in person may read it. Implemented in `services/log_reader.py`."""

    def newest(self, most: int) -> LogPage:
        """The newest entries."""

    def search(self, wanted: str, most: int, progress: Callable[[int, int], None]) -> LogPage:
        """The newest entries in which every word of `wanted` stands, looked for in the whole log.

        `progress` is told how many of how many entries were read; what it raises ends the search.
        """

    def verify(self, progress: Callable[[int, int], None]) -> Verified:
        """Checks log and tables. Raises IntegrityError naming the first thing that is wrong."""


class ListOffice(Protocol):
    """What the lists and calibration screens read and do. Implemented in `services/list_office.py`."""

    def lists(self) -> Sequence[ListLine]: ...
    def report(self, list_name: str) -> bytes:
        """The canonical JSON of the newest report of the list's latest revision. Raises Refused when there is none."""

    def consequence(self, list_name: str) -> tuple[str, int]:
        """The sentence an approver signs, and the number they must type."""

    def activate(self, list_name: str, typed: int) -> None:
        """Activates; raises AnotherPersonNeeded for the loader, Refused for a wrong number."""

    def suspend(self, list_name: str, reason: str) -> int:
        """Stops a list and returns how many waiting alerts were closed with it."""

    def log(self) -> LogReader:
        """The log."""


class Reception(Protocol):
    """Signing in."""

    def names(self) -> Sequence[str]:
        """Reviewers, approvers and auditors who can sign in."""

    def sign_in(self, name: str, passphrase: str) -> tuple[ReviewDesk, ListOffice]:
        """Raises WrongPassphrase or Refused."""
