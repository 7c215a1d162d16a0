"""What a home's database holds, table by table, and the unit of work in which they change together."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self

from matcher.domain.case import Correction, Verdict
from matcher.domain.certificate import Certificate
from matcher.domain.checkpoint import Note
from matcher.domain.cohort import Cohort
from matcher.domain.desk import QueueEntry, QueueOrder
from matcher.domain.erasure import Erasure, Shown
from matcher.domain.events import Event, LogEntry, LogHead, Refusal
from matcher.domain.people import SignedIn, User
from matcher.domain.records import (
    AlertLine,
    AlertRecord,
    HomeFacts,
    Progress,
    QueueRules,
    SignedCorrection,
    SignedJudgement,
    StoredCheckpoint,
    StoredReport,
)
from matcher.domain.revision import Remains, Revision
from matcher.domain.vigilance import Answer, KnownItem, Result, Right
from matcher.domain.watch import Refutation, Search, Watched
from matcher.domain.watchlist import Watchlist

if TYPE_CHECKING:
    # pydantic is only loaded where a policy is read
    from matcher.domain.policy import Policy


from matcher.domain.ports import Vault


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
    def set_keys(self, name: str, keys: bytes) -> None:
        """Replaces the encoded key record of a user."""

    def remove(self, name: str) -> None:
        """Deletes the wrapped keys of a user; name, roles and public key stay."""


class HomeTable(Protocol):
    """The one row about the home itself."""

    def create(self, home_id: str, created_at: datetime, demo: bool, recovery_public: bytes) -> None: ...
    def get(self) -> HomeFacts: ...
    def set_recovery_sealed(self, sealed: bytes) -> None: ...
    def replace_recovery(self, public: bytes, sealed: bytes) -> None:
        """Another recovery key, and the home key as sealed to it."""

    def replace_sealed(self, sealed: bytes) -> None:
        """Another home key, sealed to the same recovery key. Raises Refused unless the newest log entry tells of it."""


class Lists(Protocol):
    """Watchlists, whole."""

    def add(self, watchlist: Watchlist) -> None: ...
    def named(self, name: str) -> Watchlist | None: ...
    def by_id(self, list_id: str) -> Watchlist | None: ...
    def all(self) -> Sequence[Watchlist]: ...
    def certificates(self) -> Iterator[Certificate]:
        """Every certificate that was ever signed, the oldest first."""

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


class Erasures(Protocol):
    """What was erased, and what is left. Values are emptied once what they were is written down."""

    def begin(self, erasure_id: str, collection_id: str, by: str, now: datetime) -> int:
        """Its number."""

    def leave(self, number: int, revision_id: str, left: Remains) -> None:
        """Notes what is left of a revision that serves no list."""

    def empty(self, number: int, alert_id: str, part: str) -> bytes:
        """Empties a sealed value of an alert that does not wait; returns it as it was, nothing if it was empty."""

    def close(self, alert_ids: Sequence[str], reason: str, now: datetime) -> None:
        """Closes alerts that wait, as inconclusive."""

    def shown(self, vault: Vault, list_id: str) -> Iterator[Shown]:
        """Candidates of searches of a list, but for the erased."""

    def practised(self, vault: Vault, revision_ids: frozenset[str]) -> Iterator[Shown]:
        """Candidates of known-answer items made of cohort revisions, but for the erased."""

    def policies(self) -> Sequence[str]:
        """Digests of the policies of alerts that ended and still have their probe."""

    def ended(self, policy_digest: str, before: datetime) -> Sequence[tuple[str, str]]:
        """(list, alert) of alerts under a policy that ended before, and still have their probe."""

    def waiting(self, list_id: str) -> Sequence[str]:
        """Alerts of a list that wait, known-answer items among them."""

    def cases(self, alert_ids: Sequence[str]) -> Sequence[str]:
        """Case references of alerts of searches, each once."""

    def finish(self, number: int, now: datetime) -> None: ...
    def all(self) -> Sequence[Erasure]: ...
    def unfinished(self) -> Sequence[Erasure]: ...
    def left(self, number: int) -> Sequence[tuple[str, Remains]]:
        """What an erasure left of each revision that it touched."""

    def parts(self, number: int) -> int:
        """How many sealed values it emptied or sealed anew."""

    def fingerprint(self, number: int) -> str:
        """sha256 (hex) over what it left of revisions, what it emptied and what it sealed anew."""

    def alerts(self) -> Sequence[str]:
        """Every alert, known-answer items among them."""

    def reseal(self, number: int, vaults: tuple[Vault, Vault], alert_id: str) -> Sequence[bytes]:
        """Seals the values of an alert anew, from the first vault to the second; what they were, the empty left out."""


class Log(Protocol):
    """The append-only log; an entry commits with the change it describes."""

    @property
    def written(self) -> Sequence[LogEntry]:
        """What this unit of work appended."""

    def append(self, event: Event) -> LogEntry: ...
    def knows(self, word: str) -> bool:
        """Whether a list, cohort, user or alert of this home is called so."""

    def count_refusal(self, refusal: Refusal, now: datetime) -> int:
        """Counts a refusal; which of its kind it is on its day (UTC)."""

    def refusals(self) -> Mapping[Refusal, tuple[str, int]]:
        """Every kind of refusal there was: the last day of it, and how many there were on that day."""

    def head(self) -> LogHead: ...
    def entries(self, after: int = 0, limit: int | None = None) -> Iterator[LogEntry]: ...
    def verify(self, each: Callable[[LogEntry], None] | None = None) -> LogHead:
        """Recomputes the whole chain and returns its head; `each` is handed every entry as soon as it holds.

        Raises IntegrityError naming the first bad entry.
        """


class Checkpoints(Protocol):
    """Signed checkpoints of the log (`domain/checkpoint.py`). Rows are only ever added."""

    def add(self, checkpoint: StoredCheckpoint) -> None:
        """Raises Refused unless its size is that of the log."""

    def newest(self) -> StoredCheckpoint | None: ...
    def all(self) -> Iterator[StoredCheckpoint]:
        """Every one, the oldest first."""

    def signed_by(self, log_key: bytes) -> bool:
        """Whether any is signed by this public key: then the log names it already."""


class Notary(Protocol):
    """Signs checkpoints of a log as it grows."""

    def before_commit(self, work: UnitOfWork) -> Note | None:
        """Adds a checkpoint to what is about to be committed, where one is due."""

    def after_commit(self, note: Note) -> None:
        """Takes a committed checkpoint out of the machine, where that is set up. Never raises StorageFailed."""


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
    erasures: Erasures
    log: Log
    checkpoints: Checkpoints

    def __enter__(self) -> Self: ...
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...
    def commit(self) -> None: ...
    def scrub(self) -> None:
        """Ends this unit, and rewrites the database's files so that nothing is in them that was deleted.

        Raises StorageFailed while somebody else reads or writes.
        """


class UnitsOfWork(Protocol):
    """Begins units of work. One that will not write takes no lock."""

    def __call__(self, write: bool = True) -> UnitOfWork: ...
