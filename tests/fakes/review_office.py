"""An in-memory home with the real interface of desk, office and reception; outcomes come from the real rule."""

import json
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from matcher.domain.case import (
    Correction,
    Judgement,
    Outcome,
    ReviewFile,
    Verdict,
    conclude,
    independent,
    reviewers_needed,
)
from matcher.domain.confidence import ConfidenceLine, LikelihoodRatio, MatchConfidence, StripChart
from matcher.domain.desk import (
    MOST_WAITING,
    BlindAlert,
    BlindCandidate,
    ConcludedCandidate,
    DisclosedAlert,
    DisclosedCandidate,
    FacePicture,
    Label,
    ListLine,
    LogLine,
    LogPage,
    Practice,
    QueueEntry,
    QueueOrder,
    QueuePage,
    Share,
    Stage,
    WorkPeriod,
)
from matcher.domain.events import Verified
from matcher.domain.people import Role, User
from matcher.errors import AnotherPersonNeeded, IntegrityError, MissingRole, Refused, WrongPassphrase
from tests.fakes.drawn_faces import drawn_face

QUORUM = 2
NO_PRACTICE = Practice(Share(0, 0, None, None), Share(0, 0, None, None), None, None, "no item was judged")
CONFIDENCE = (
    "Of every 1,000 people *not* on this list, up to 12 would score this high (95 % bound; worst tested group: "
    "0 of 250 did). This is not the chance that these two are the same person."
)
DETAIL = (
    "A score like this is about 413 times as frequent for a person on the list. Capped: 412 people cannot show more."
)
SAID = MatchConfidence(
    ConfidenceLine(CONFIDENCE, 0.012, 0, 250),
    LikelihoodRatio(2.615950052, 2.1, 2.615950052, True),
    None,
    1 / 414,
    None,
    (DETAIL, "It would be even odds if, before the comparison, 1 in 414 such people were on the list."),
    StripChart(100_000, 900_000, 40, (*[0] * 30, 1, 2, 9, *[0] * 15), (1, 5, 40, *[0] * 45)),
)


def let_go() -> threading.Event:
    """An event that holds nobody up."""
    event = threading.Event()
    event.set()
    return event


@dataclass
class Candidate:
    candidate_id: str
    references: tuple[FacePicture, ...]
    score: int
    label: Label


@dataclass
class Path:
    judgements: dict[str, Judgement] = field(default_factory=dict)
    corrections: list[Correction] = field(default_factory=list)
    disclosed: bool = False
    finished: bool = False
    recused: bool = False


@dataclass
class Alert:
    alert_id: str
    probe: FacePicture
    candidates: list[Candidate]
    queued_at: datetime
    case: str = "C-2026-0117"
    list_name: str = "spring fair"
    holder: str | None = None
    truth: str = ""  # of a known-answer item
    paths: dict[str, Path] = field(default_factory=dict)

    def files(self, terminals: dict[str, str]) -> list[ReviewFile]:
        return [
            ReviewFile(name, name, terminals.get(name, name), tuple((c, j.verdict) for c, j in path.judgements.items()),
                       tuple(path.corrections), True)
            for name, path in self.paths.items() if path.finished
        ]  # fmt: skip


@dataclass
class Home:
    """Everything that is stored; `terminals` maps reviewers to the terminal they sit at."""

    alerts: dict[str, Alert]
    lists: dict[str, ListLine]
    users: dict[str, tuple[User, str]]
    min_pixels: int = 16
    number: int = 7
    terminals: dict[str, str] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    closings: tuple[str, ...] = ()
    closed: str = ""  # why nothing waits
    stopped: str = ""  # why the next conclusion stops its list
    reasons: list[str] = field(default_factory=list)
    log: list[LogLine] = field(default_factory=lambda: [log_line(at) for at in range(1, 31)])
    work: Sequence[WorkPeriod] | None = None
    practice: Practice = NO_PRACTICE
    broken: str = ""  # what a verification finds
    hold: threading.Event = field(default_factory=let_go)

    def names(self) -> Sequence[str]:
        return tuple(self.users)

    def sign_in(self, name: str, passphrase: str) -> tuple["Desk", "Office"]:
        user, right = self.users[name]
        if passphrase != right:
            raise WrongPassphrase(f"the passphrase does not open the key of {name}: try again")
        return Desk(self, user), Office(self, user)


@dataclass
class Desk:
    home: Home
    user: User

    def closings(self) -> Sequence[str]:
        return self.home.closings

    def queue(self, order: QueueOrder = QueueOrder.OLDEST, most: int = MOST_WAITING) -> QueuePage:
        mine = []
        for alert in self.home.alerts.values():
            path = alert.paths.get(self.user.name)
            done = path is not None and (path.finished or path.recused)
            outcomes = conclude([c.candidate_id for c in alert.candidates], alert.files({}), QUORUM)
            enough = sum(p.finished for p in alert.paths.values()) >= reviewers_needed(outcomes, QUORUM)
            if not done and not enough and alert.holder in {None, self.user.name}:
                begun = path is not None and bool(path.judgements)
                mine.append(QueueEntry(alert.alert_id, alert.queued_at, len(alert.candidates), begun))
        return QueuePage(tuple(mine[:most]), len(mine), self.home.closed)

    def claim(self, alert_id: str) -> BlindAlert:
        self.home.calls.append(f"claim {alert_id}")
        alert = self.home.alerts[alert_id]
        if alert.holder not in {None, self.user.name}:
            raise Refused("another reviewer has just taken this alert: refresh the queue")
        alert.holder = self.user.name
        path = alert.paths.setdefault(self.user.name, Path())
        stage = Stage.FINISHED if path.finished else Stage.DISCLOSED if path.disclosed else Stage.BLIND
        shown = tuple(BlindCandidate(c.candidate_id, c.references) for c in alert.candidates)
        judged = tuple(path.judgements.values())
        return BlindAlert(alert_id, alert.probe, shown, judged, stage, self.home.min_pixels)

    def judge(self, alert_id: str, judgement: Judgement) -> None:
        judgement.check(self.home.min_pixels)
        path = self._path(alert_id)
        if path.disclosed:
            raise Refused("the score was shown: a change is a correction now")
        self.home.calls.append(f"judge {judgement.candidate_id} {judgement.verdict}")
        path.judgements[judgement.candidate_id] = judgement

    def recuse(self, alert_id: str, reason: str) -> None:
        self.home.calls.append("recuse")
        self._path(alert_id).recused = True
        self.home.alerts[alert_id].holder = None

    def progress(self, alert_id: str) -> tuple[Stage, dict[str, Verdict]]:
        path = self._path(alert_id)
        if path.finished or path.recused:
            raise Refused("this alert does not wait for you")
        stage = Stage.DISCLOSED if path.disclosed else Stage.BLIND
        return stage, {name: one.verdict for name, one in path.judgements.items()}

    def release(self, alert_id: str) -> None:
        self.home.calls.append(f"release {alert_id}")
        self.home.alerts[alert_id].holder = None

    def disclose(self, alert_id: str) -> DisclosedAlert:
        self.home.calls.append("disclose")
        alert, path = self.home.alerts[alert_id], self._path(alert_id)
        if len(path.judgements) < len(alert.candidates):
            raise Refused("judge every candidate first")
        path.disclosed = True
        ranked = sorted(alert.candidates, key=lambda c: -c.score)
        shown = tuple(
            DisclosedCandidate(c.candidate_id, path.judgements[c.candidate_id].verdict, c.score, 702_000, SAID,
                               ranked.index(c) + 1, len(ranked), len(ranked) > 1, alert.truth)
            for c in alert.candidates
        )  # fmt: skip
        return DisclosedAlert(alert_id, alert.list_name, alert.case, 7, shown)

    def correct(self, alert_id: str, correction: Correction) -> None:
        self.home.calls.append(f"correct {correction.verdict}")
        self._path(alert_id).corrections.append(correction)

    def finish(self, alert_id: str) -> Sequence[ConcludedCandidate]:
        self.home.calls.append("finish")
        alert, path = self.home.alerts[alert_id], self._path(alert_id)
        path.finished, alert.holder = True, None
        files = alert.files(self.home.terminals)
        outcomes = dict(conclude([c.candidate_id for c in alert.candidates], files, QUORUM))
        return [
            ConcludedCandidate(
                c.candidate_id,
                outcomes[c.candidate_id],
                "one more reviewer" if outcomes[c.candidate_id] in {Outcome.PENDING, Outcome.THIRD_NEEDED} else "",
                independent(files),
                c.label if outcomes[c.candidate_id] is Outcome.LEAD else None,
                self.home.stopped,
            )
            for c in alert.candidates
        ]

    def own_work(self) -> Sequence[WorkPeriod]:
        if self.home.work is not None:
            return self.home.work
        paths = [alert.paths.get(self.user.name, Path()) for alert in self.home.alerts.values()]
        judged = [one for path in paths for one in path.judgements.values()]
        verdicts = [one.verdict for one in judged]
        counts = (len(judged), *(verdicts.count(one) for one in (Verdict.SAME, Verdict.UNDECIDED, Verdict.DIFFERENT)))
        seconds = judged[0].seconds if judged else None
        return [WorkPeriod(days, *counts, seconds, Share(0, 0, None, None), 0, 0) for days in (7, 30, None)]

    def practice(self) -> Practice | None:
        return self.home.practice if Role.REVIEWER in self.user.roles else None

    def _path(self, alert_id: str) -> Path:
        return self.home.alerts[alert_id].paths[self.user.name]


@dataclass
class Office:
    home: Home
    user: User

    def lists(self) -> Sequence[ListLine]:
        return tuple(self.home.lists.values())

    def report(self, list_name: str) -> bytes:
        if self.home.lists[list_name].state == "enrolled":
            raise Refused(f"list {list_name} has no report yet: matcher calibrate {list_name} --cohort NAME")
        groups = [{"group": f"group {at}", "k": at % 3, "n": 250} for at in range(40)]
        return json.dumps({"verdict": "CERTIFIED at 2 % (pilot) by the demo cohort", "groups": groups}).encode()

    def consequence(self, list_name: str) -> tuple[str, int]:
        sentence = (
            "Up to 7 false alarms a day at 350 searches; worst group: darker, feminine; 16 % of listed people missed."
        )
        return sentence, self.home.number

    def activate(self, list_name: str, typed: int) -> None:
        line = self.home.lists[list_name]
        if Role.APPROVER not in self.user.roles:
            raise MissingRole(f"user {self.user.name} is no approver")
        if line.loaded_by == self.user.name:
            raise AnotherPersonNeeded("you loaded this list: another approver must activate it")
        if typed != self.home.number:
            raise Refused(f"{typed} is not the number in the sentence: nothing was activated")
        self.home.lists[list_name] = replace(line, state="active", approver=self.user.name)

    def log(self) -> "Log":
        return Log(self.home)

    def suspend(self, list_name: str, reason: str) -> int:
        self.home.reasons.append(reason)
        self.home.lists[list_name] = replace(
            self.home.lists[list_name], state="suspended", stopped=f"by {self.user.name}: {reason}"
        )
        return self.home.lists[list_name].waiting


def user(name: str, *roles: Role) -> User:
    return User(name, frozenset(roles or {Role.REVIEWER}), bytes(32), datetime(2026, 11, 1, tzinfo=UTC))


def list_line(name: str, *, state: str = "calibrated", loaded_by: str = "ada") -> ListLine:
    return ListLine(
        name=name, state=state, purpose="find people reported missing at the spring fair", owner="fair office",
        subjects=40, digest="9f2c" * 16, threshold=702_000 if state != "enrolled" else None, tier="pilot",
        loaded_by=loaded_by, approver="", ends_at=None, expires="2026-12-31", next_step="an approver activates it",
        waiting=3, stopped="", watched="",
    )  # fmt: skip


def alert(number: int, *, candidates: int = 2, name: str = "Esi Stavros", note: str = "invented") -> Alert:
    people = [
        Candidate(
            f"{'kqwxzv'[at]}{number}f8{'jhgtrn'[at]}",
            tuple(drawn_face(number + 10 * at, variant=variant) for variant in range(2)),
            734_512 - 11_111 * at,
            Label(f"SUBJ-{number}-{at}", name, note),
        )
        for at in range(candidates)
    ]
    since = datetime.now(UTC) - timedelta(hours=3 * number, minutes=12)
    return Alert(f"alert-{number}", drawn_face(number, variant=9), people, since)


def home(*alerts: Alert, **settings: object) -> Home:
    """Reviewers rita, sam and tom; approvers ann and ada (who loaded the list)."""
    people = [user("rita"), user("sam"), user("tom"), user("ann", Role.APPROVER), user("ada", Role.APPROVER)]
    made = Home(
        alerts={one.alert_id: one for one in alerts},
        lists={"spring fair": list_line("spring fair"), "winter fair": list_line("winter fair", state="enrolled")},
        users={one.name: (one, f"pass-{one.name}") for one in people},
    )
    for name, value in settings.items():
        setattr(made, name, value)
    return made


def votes(one: Alert, reviewer: str, *verdicts: Verdict) -> None:
    """A finished review by somebody else."""
    made = {
        c.candidate_id: Judgement(c.candidate_id, v, (), "kitty", 200, 9.0)
        for c, v in zip(one.candidates, verdicts, strict=True)
    }
    one.paths[reviewer] = Path(judgements=made, disclosed=True, finished=True)


@dataclass
class Log:
    home: Home

    def newest(self, most: int) -> LogPage:
        entries = tuple(reversed(self.home.log))
        return LogPage(entries[:most], len(entries), len(entries))

    def search(self, wanted: str, most: int, progress: Callable[[int, int], None]) -> LogPage:
        found = []
        for at, line in enumerate(self.home.log, start=1):
            progress(at, len(self.home.log))
            if wanted in f"{line.actor} {line.action} {line.details}":
                found.append(line)
        return LogPage(tuple(reversed(found))[:most], len(found), len(self.home.log))

    def verify(self, progress: Callable[[int, int], None]) -> Verified:
        for at in range(1, len(self.home.log) + 1):
            progress(at, len(self.home.log))
            self.home.hold.wait(0.05)
        if self.home.broken:
            raise IntegrityError(self.home.broken)
        return Verified(len(self.home.log), "ab" * 32, 1, 2, 2, 3, 0)


def log_line(
    sequence: int, action: str = "list.searched", actor: str = "boss", details: str = '{"list":"spring"}'
) -> LogLine:
    time = datetime(2026, 11, 20, 8, tzinfo=UTC) + timedelta(minutes=sequence)
    return LogLine(sequence, time, actor, "desk", "pts/1", action, details, f"{sequence:02x}" * 32, False)
