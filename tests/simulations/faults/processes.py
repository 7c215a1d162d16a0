"""Children that do one operation, and others that look at what it left.

1. A child is forked from a parent that has imported everything and started nothing: it holds no thread, no connection
   and no open file of a home, so that a moment of its life is a moment of the operation.
2. It opens the home, signs in, says that it is ready, and waits. Then each acknowledged step is one byte.
3. `look` opens the home in another child: verifies the log, opens every committed revision with its pictures, does the
   operation again, verifies, and sweeps; what is in `sealed` then must be what the committed revisions name.
4. What a first child imported on its way the parent imports too, so that a child's time is the operation's.
"""

import json
import os
import pickle
import socket
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from importlib import import_module
from pathlib import Path
from time import monotonic

from matcher.cli.exit_codes import exit_code_of
from matcher.domain.events import Action
from matcher.domain.revision import Revision
from matcher.errors import MatcherError, Refused
from matcher.services.audit import verify
from matcher.services.listed import listed_of
from matcher.services.uncommitted import pictures_of, sweep
from matcher.services.workplace import Session
from matcher.store.revisions_file import containers_of
from tests.simulations.faults.homes import OpenedHome, open_home
from tests.simulations.faults.operations import OPERATIONS, Steps
from tests.simulations.faults.watching import Found, Watch

STORAGE = 74
INTEGRITY = 6
INTERNAL = 1
_FOUND = "found"  # beside the home
LATER = timedelta(days=8)  # when journals are swept too


@dataclass(frozen=True)
class Plan:
    """An undisturbed run: the log's length before it and after each step, its actions, and how long it took."""

    boundaries: tuple[int, ...]
    actions: tuple[str, ...]
    seconds: float


@dataclass(frozen=True)
class Ended:
    """How a child ended: steps it acknowledged, whether by itself, and its exit code and words."""

    acknowledged: int
    done: bool
    code: int = 0
    said: str = ""


class Child:
    """One forked process that does an operation in a home as soon as it is told to."""

    def __init__(self, home: Path, name: str, watch: Watch | None = None) -> None:
        self._ear, mouth = socket.socketpair()
        self._home = home
        self.pid = os.fork()
        if self.pid == 0:
            self._ear.close()
            _live(mouth, lambda: _operate(mouth, home, name, watch))
        mouth.close()
        self._heard = b""
        while not self._heard.startswith(b"?"):
            part = self._ear.recv(4096)
            if not part:
                self.wait()
                raise RuntimeError(f"{name} did not begin: {self._heard.decode()}")
            self._heard += part
        self._heard = self._heard[1:]

    def begin(self) -> None:
        self._ear.send(b"!")

    def wait(self) -> Ended:
        """Hears it out; it is gone afterwards."""
        with suppress(ConnectionResetError):  # killed before it heard that it may begin
            while part := self._ear.recv(65_536):
                self._heard += part
        self._ear.close()
        _, status = os.waitpid(self.pid, 0)
        steps, _, rest = self._heard.partition(b"\n")
        if not rest:
            last = self._heard.decode().lstrip(".")
            return Ended(len(steps) - len(last.encode()), False, said=f"{last or 'nothing'}, status {status}")
        found = json.loads(rest)
        return Ended(steps.count(b"."), True, found["code"], found["said"])

    def found(self) -> Found:
        """What its watch saw, once it has come to its end."""
        path = self._home.parent / _FOUND
        found: Found = pickle.loads(path.read_bytes())  # noqa: S301 - written by our own child
        return found


def plan_of(home: Path, name: str) -> Plan:
    """Does the operation undisturbed in a home, and counts. The parent knows afterwards all modules of a child."""
    found = in_child(lambda: _planned(home, name))
    if len(found) != 3:
        raise RuntimeError(f"{name} fails by itself: {found}")
    boundaries, actions, modules = (json.loads(str(one)) for one in found)
    for module in modules:
        with suppress(ImportError):  # made by another module, under a name that is no module's
            import_module(module)
    return Plan(tuple(boundaries), tuple(actions), 0.0)


def _planned(home: Path, name: str) -> list[str]:
    operation = OPERATIONS[name]
    opened = open_home(home)
    boundaries = [_length(opened)]
    for _ in operation.steps(opened, opened.session(operation.who)):
        boundaries.append(_length(opened))
    plan = Plan(tuple(boundaries), tuple(_actions(opened, boundaries[0])), 0.0)
    if wrong := _look(home, name, plan, Ended(len(boundaries) - 1, True), True):
        raise RuntimeError(f"undisturbed it leaves: {wrong}")
    return [json.dumps(one) for one in (plan.boundaries, plan.actions, sorted(sys.modules))]


def timed(home: Path, name: str) -> float:
    """Seconds of the operation, undisturbed in a home."""
    child = Child(home, name)
    began = monotonic()
    child.begin()
    child.wait()
    return monotonic() - began


def look(home: Path, name: str, plan: Plan, ended: Ended, again: bool = True) -> list[str]:
    """What is wrong in the home after a fault; nothing if all is well. `again`: the whole of rule 3."""
    return [str(one) for one in in_child(lambda: looked(home, name, plan, ended, again))]


def looked(home: Path, name: str, plan: Plan, ended: Ended, again: bool) -> list[str]:
    """`look` in this process, which must be a child; an error of any kind is what is wrong."""
    try:
        return _look(home, name, plan, ended, again)
    except Exception as error:  # noqa: BLE001 - whatever it is, the home did not open
        return [f"a process that looked at the home ended with: {type(error).__name__}: {error}"]


def in_child(what: Callable[[], Sequence[object]]) -> list[object]:
    """A JSON list that another process found out."""
    (found,) = in_children([what])
    return found


def in_children(whats: Sequence[Callable[[], Sequence[object]]]) -> list[list[object]]:
    """As many of them, at the same time."""
    return [_heard(pid, ear) for pid, ear in [_started(what) for what in whats]]


def _started(what: Callable[[], Sequence[object]]) -> tuple[int, socket.socket]:
    ear, mouth = socket.socketpair()
    pid = os.fork()
    if pid == 0:
        ear.close()

        def tell() -> None:
            mouth.sendall(json.dumps(list(what())).encode())

        _live(mouth, tell)
    mouth.close()
    return pid, ear


def _heard(pid: int, ear: socket.socket) -> list[object]:
    heard = b""
    while part := ear.recv(65_536):
        heard += part
    ear.close()
    os.waitpid(pid, 0)
    try:
        found: list[object] = json.loads(heard)
    except ValueError:
        return [f"a process that looked at the home ended with: {heard.decode() or 'nothing'}"]
    return found


@contextmanager
def bystander(home: Path) -> Iterator[None]:
    """Another process that reads the database all the while: then no commit is followed by a checkpoint."""
    ear, mouth = socket.socketpair()
    pid = os.fork()
    if pid == 0:
        ear.close()

        def read() -> None:
            with open_home(home).place.work(write=False) as work:
                work.log.head()
                mouth.send(b"?")
                mouth.recv(1)

        _live(mouth, read)
    mouth.close()
    if ear.recv(1) != b"?":
        raise RuntimeError("nobody stands by")
    yield
    ear.close()
    os.waitpid(pid, 0)


def _live(mouth: socket.socket, what: Callable[[], None]) -> None:
    """The whole life of a forked child: it never returns into its parent's code."""
    try:
        what()
    except BaseException as error:  # noqa: BLE001 - the edge of a process
        mouth.sendall(f"{type(error).__name__}: {error}".encode())
    finally:
        os._exit(0)


def outcome_of(home: Path, name: str) -> tuple[int, str]:
    """Exit code and words of a whole operation, from opening the home on."""

    def whole() -> Steps:
        opened = open_home(home)
        yield from OPERATIONS[name].steps(opened, opened.session(OPERATIONS[name].who))

    return _outcome(whole(), lambda: None)


def _outcome(steps: Steps, step: Callable[[], None]) -> tuple[int, str]:
    try:
        for _ in steps:
            step()
    except MatcherError as error:
        return int(exit_code_of(error)), f"{type(error).__name__}: {error}"
    except OSError as error:
        return STORAGE, f"OSError: {error}"
    except Exception as error:  # noqa: BLE001 - what the program calls an internal error
        return INTERNAL, f"{type(error).__name__}: {error}"
    return 0, ""


def _operate(mouth: socket.socket, home: Path, name: str, watch: Watch | None) -> None:
    operation = OPERATIONS[name]
    opened = open_home(home)
    session = opened.session(operation.who)
    if watch is not None:
        watch.put_in_place()
    mouth.send(b"?")
    mouth.recv(1)

    def step() -> None:
        mouth.send(b".")
        if watch is not None:
            watch.acknowledged()

    code, said = _outcome(operation.steps(opened, session), step)
    if watch is not None:
        (home.parent / _FOUND).write_bytes(pickle.dumps(watch.found()))
    mouth.sendall(b"\n" + json.dumps({"code": code, "said": said}).encode())


def _look(home: Path, name: str, plan: Plan, ended: Ended, again: bool) -> list[str]:
    opened = open_home(home)
    admin = opened.session("boss")
    verify(opened.place, lambda *_: None)
    length = _length(opened, plan.boundaries[0])
    wrong = _misplaced(opened, plan, ended.acknowledged, OPERATIONS[name].pauses) + unreadable(opened, admin)
    if not again:
        return wrong
    wrong += _again(opened, name, length == plan.boundaries[-1] or length not in plan.boundaries)
    verify(opened.place, lambda *_: None)
    wrong += unreadable(opened, opened.session("boss"))  # their keys may be others by now
    sweep(open_home(home, LATER).session("boss"))
    return wrong + _strangers(home, opened)


def _misplaced(opened: OpenedHome, plan: Plan, acknowledged: int, pauses: Sequence[Action]) -> list[str]:
    """The log must stand between two steps: after what was acknowledged, and at most one step further."""
    actions = _actions(opened, plan.boundaries[0])
    length = plan.boundaries[0] + len(actions)
    wrong = []
    if length not in plan.boundaries and not (actions and actions[-1] in pauses):
        wrong.append(f"half done: the log ends with entry {length}")
    if length < plan.boundaries[acknowledged]:
        wrong.append(f"lost: step {acknowledged} was acknowledged, and the log ends with entry {length}")
    if length > plan.boundaries[min(acknowledged + 1, len(plan.boundaries) - 1)]:
        wrong.append(f"more than one step was not acknowledged: the log ends with entry {length}")
    if actions != list(plan.actions[: len(actions)]):
        wrong.append(f"the log tells of {actions}")
    return wrong


def _again(opened: OpenedHome, name: str, complete: bool) -> list[str]:
    """The operation must go through now; where it was done completely it may be refused as done."""
    operation = OPERATIONS[name]
    try:
        for _ in operation.steps(opened, opened.session(operation.who)):
            pass
    except MatcherError as error:
        if not (complete and isinstance(error, operation.refusals)):
            return [f"it cannot be done again: {type(error).__name__}: {error}"]
    return []


def unreadable(opened: OpenedHome, admin: Session) -> list[str]:
    """Opens every committed revision, and every picture that it names. Raises IntegrityError.

    One that the program refuses to open whole, because people were erased from it, is passed over.
    """
    with opened.place.work(write=False) as work:
        revisions = [work.revisions.get(one) for one in work.revisions.ids()]
    for revision in revisions:
        if revision is None:
            return ["a revision is there by its name only"]
        with suppress(Refused):
            _open_whole(opened, admin, revision)
    return []


def _open_whole(opened: OpenedHome, admin: Session, revision: Revision) -> None:
    for item in opened.place.revisions.read(admin.vault, revision).items:
        if item.picture is not None:
            admin.vault.read(item.picture.container, item.picture.offset, item.picture.length)
    opened.place.revisions.screen(admin.vault, revision)


def _strangers(home: Path, opened: OpenedHome) -> list[str]:
    with opened.place.work(write=False) as work:
        known = work.revisions.ids()
    named = {
        f"{one}.box"
        for revision in known
        for one in (*containers_of(revision), pictures_of(revision), listed_of(revision))
    }
    left = {path.name for path in (home / "sealed").iterdir()} - named
    return [f"left behind: {', '.join(sorted(left))}"] if left else []


def _length(opened: OpenedHome, after: int = 0) -> int:
    """Of the log, leaving out the attempts that were refused since `after`: they belong to no operation."""
    return after + len(_actions(opened, after))


def _actions(opened: OpenedHome, after: int) -> list[str]:
    with opened.place.work(write=False) as work:
        return [entry.action for entry in work.log.entries(after) if entry.action != Action.REFUSED]
