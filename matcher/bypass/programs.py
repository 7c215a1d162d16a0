"""Programs that call this one: every use case with everything that can be typed, and what a key opens by itself."""

import importlib
import inspect
import itertools
import pkgutil
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from contextlib import suppress
from dataclasses import fields, is_dataclass
from datetime import timedelta
from types import FunctionType
from typing import Any

from matcher import services
from matcher.bypass.attempt import OUT_OF_SCOPE, Answer, Attacker, Attempt, Layer, prevented, withstood
from matcher.bypass.town import COHORT, LIST, PLANTED, POLICY, Town
from matcher.domain.cohort import CohortTerms
from matcher.domain.desk import QueueOrder
from matcher.domain.erasure import PROBE
from matcher.domain.people import Role
from matcher.domain.ports import Vault
from matcher.domain.watchlist import ListTerms
from matcher.errors import IntegrityError, MatcherError
from matcher.services.calibrate import Question, Shipped
from matcher.services.collections import find_list
from matcher.services.people import remove_user
from matcher.services.review_desk import Desk
from matcher.services.rotate import rotate_home_key
from matcher.services.workplace import Session, Workplace
from matcher.store.alerts import purpose_of

_WHO = ("ana", "boss")
_LEAST = 30  # calls: fewer would mean that this attempt tries nothing
_DEEPEST = 8
_OPENED: frozenset[object] = frozenset({Session, Session | None, Workplace, Desk})
_TYPED_ONCE: dict[object, Sequence[object]] = {
    int: (0,),
    float: (0.05,),
    bool: (True,),
    Sequence[str]: (("S001",),),
    frozenset[Role]: (frozenset(Role),),
    Callable[[int, int], None]: (lambda *_: None,),
    QueueOrder: (QueueOrder.OLDEST,),
    Shipped: (Shipped(frozenset(), frozenset()),),
}
_TYPED: frozenset[object] = frozenset({*_TYPED_ONCE, str, str | None, bytes, ListTerms, CohortTerms, Question})


def use_cases() -> Iterator[Callable[..., object]]:
    """Public functions of the services, and what one does at a desk, that take a home or a session and what one types.

    The others take what only a program has in its hands: an opened revision, a unit of work.
    """
    for module in pkgutil.iter_modules(services.__path__):
        found = importlib.import_module(f"{services.__name__}.{module.name}")
        for name, value in vars(found).items():
            own = isinstance(value, FunctionType) and value.__module__ == found.__name__
            if own and not name.startswith("_") and _typed(value):
                yield value
    for name, value in vars(Desk).items():
        if isinstance(value, FunctionType) and not name.startswith("_") and _typed(value):
            yield value


def _typed(function: FunctionType) -> bool:
    kinds = _kinds(function)
    return bool(kinds) and kinds[0] in _OPENED and set(kinds) <= _OPENED | _TYPED


def _kinds(function: Callable[..., object]) -> list[object]:
    """The types of what must be given."""
    needed = [one for one in inspect.signature(function).parameters.values() if one.default is one.empty]
    return [Desk if one.name == "self" else one.annotation for one in needed]


def _every_use_case(town: Town) -> Answer | None:
    """Each in a home of its own, so that none is refused for what another one did."""
    calls = 0
    for function, who in itertools.product(use_cases(), _WHO):
        copy = town.copy(town.folder.parent / f"{town.folder.name}-called")
        for given in itertools.product(*_values(copy, function, who)):
            calls += 1
            with suppress(MatcherError):
                if shows_names(_called(function, given)):
                    return None
        shutil.rmtree(copy.folder)
    return withstood(Layer.SERVICES, f"{calls} calls showed no name") if calls >= _LEAST else None


def _called(function: Callable[..., object], given: Sequence[object]) -> object:
    found = function(*given)
    return list(found) if isinstance(found, Iterator) else found


def _values(town: Town, function: Callable[..., object], who: str) -> list[Sequence[object]]:
    session, expires = town.session(who), (town.clock.now + timedelta(days=9)).date()
    words = (LIST, "ben", town.alerts()[0])
    known: dict[object, Sequence[object]] = {
        Session: (session,),
        Session | None: (session,),
        Workplace: (session.place,),
        Desk: (town.desk(who),),
        str: words,
        str | None: (None, *words),
        bytes: (town.rows("SELECT body FROM reports")[0][0],),
        ListTerms: (ListTerms("find", "consent", "unit", expires, 10),),
        CohortTerms: (CohortTerms("volunteers", "consent", expires),),
        Question: (Question(LIST, COHORT, POLICY),),
    }
    return [known.get(kind) or _TYPED_ONCE[kind] for kind in _kinds(function)]


def shows_names(value: object, depth: int = 0) -> bool:
    """Whether a planted name or note is anywhere in a value that somebody was given."""
    if isinstance(value, str):
        return PLANTED in value
    if isinstance(value, bytes):
        return PLANTED.encode() in value
    return depth < _DEEPEST and any(shows_names(one, depth + 1) for one in _parts(value))


def _parts(value: object) -> Iterable[object]:
    """What opens homes is not looked into."""
    if isinstance(value, (Session, Workplace)):
        return ()
    if is_dataclass(value):
        return [getattr(value, one.name) for one in fields(value)]
    if isinstance(value, Mapping):
        return itertools.chain(value, value.values())
    return value if isinstance(value, (Sequence, Set)) else ()


def _own_program(town: Town) -> Any:
    session = town.session("ana")
    with session.place.work(write=False) as work:
        held = find_list(work, LIST).latest
    items = () if held is None else session.place.revisions.read(session.vault, held).items
    return None if shows_names(items) else withstood(Layer.SEAL, "no name was read")


def _kept_key(town: Town) -> Answer | None:
    """Ben kept his vault, the home key in it, and is removed before the home key is rotated."""
    kept, boss = town.session("ben").vault, town.session("boss")
    remove_user(boss, "ben")
    before = _opened(town, kept)
    rotate_home_key(boss, lambda *_: None)
    opened_nothing = before and not _opened(town, kept)
    return withstood(Layer.SEAL, "a key from before the rotation opened nothing") if opened_nothing else None


def _opened(town: Town, vault: Vault) -> int:
    """How many containers and photographs of the home a vault opens."""
    opened = 0
    for path in (town.home / "sealed").glob("*.box"):
        with suppress(IntegrityError):
            opened += len(vault.read(path.stem, 0, 1))
    for alert_id, probe in town.rows("SELECT alert_id, probe FROM alerts"):
        with suppress(IntegrityError):
            opened += bool(vault.open(purpose_of(alert_id, PROBE), probe))
    return opened


ATTEMPTS = (
    Attempt(
        "every use case, called by a program with all that can be typed",
        Attacker.REVIEWER,
        prevented(Layer.SERVICES, "calls showed no name"),
        "No function that takes a session and words shows a name before two people agree.",
        _every_use_case,
    ),
    Attempt(
        "a program of one's own that opens the seal with one's own key",
        Attacker.KEY_HOLDER,
        OUT_OF_SCOPE,
        "Whoever holds a key can write a program that reads what it opens: names are withheld by no mathematics.",
        _own_program,
    ),
    Attempt(
        "the home key kept by somebody who was removed",
        Attacker.KEY_HOLDER,
        prevented(Layer.SEAL, "a key from before the rotation opened nothing"),
        "Once the home key is rotated, everything is sealed anew and the key of before opens nothing in the home.",
        _kept_key,
    ),
)
