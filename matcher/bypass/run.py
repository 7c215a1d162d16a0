"""Trying every attempt, each in a copy of the town, and reading what came of it.

1. The town itself must verify before anything is tried in it.
2. A refusal is *prevented*; where something had been altered before, an IntegrityError is *detected*.
3. An attempt that got what it was for is followed by `audit verify`: what it names is *detected*, else it *succeeded*,
   which is *out of scope* where the table says so, and otherwise a failure.
4. The layer is told by the innermost module of this program that the error came from.
"""

import time
import traceback
from collections.abc import Callable, Iterable
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlcipher3 import dbapi2

from matcher.bypass.attempt import Answer, Attempt, Layer, Tried, Verdict
from matcher.bypass.town import Town, throw_away_town
from matcher.domain.people import Seat
from matcher.errors import IntegrityError, MatcherError
from matcher.services.audit import verify

# The first that begins the name of the module that answered.
_LAYERS = (
    ("matcher.config", Layer.CONFIGURATION),
    ("matcher.domain.policy", Layer.CONFIGURATION),
    ("matcher.domain.certificate", Layer.SIGNATURES),
    ("matcher.domain", Layer.RULES),
    ("matcher.calibration.certified", Layer.CERTIFIED),
    ("matcher.services", Layer.SERVICES),
    ("matcher.review", Layer.REVIEW),
    ("matcher.store.failures", Layer.DATABASE),
    ("matcher.store.home", Layer.FILES),
    ("matcher.store.engine", Layer.FILES),
    ("matcher.store.certificates", Layer.SIGNATURES),
    ("matcher.store.lists", Layer.STORE),
    ("matcher.store.reports", Layer.STORE),
    ("matcher.store", Layer.SEAL),
    ("matcher.vision.weights", Layer.MODELS),
    ("matcher.models", Layer.MODELS),
)


def run(families: Iterable[tuple[str, tuple[Attempt, ...]]], progress: Callable[[int, int], None]) -> tuple[Tried, ...]:
    """Tries all attempts. Raises IntegrityError where the town itself does not verify."""
    attempts = [(family, attempt) for family, some in families for attempt in some]
    with throw_away_town() as town:
        audited = _audited(town)
        if audited is not None:
            raise IntegrityError(f"the home for the attempts does not verify: {audited.words}")
        done = []
        for number, (family, attempt) in enumerate(attempts, start=1):
            with TemporaryDirectory(dir=town.folder.parent) as folder:
                done.append(try_one(family, attempt, town.copy(Path(folder) / "town")))
            progress(number, len(attempts))
    return tuple(done)


def try_one(family: str, attempt: Attempt, town: Town) -> Tried:
    """Tries one attempt in a town of its own."""
    started = time.monotonic()
    answer = _met(attempt, town)
    if answer is None:
        answer = _audited(town) or Answer(Verdict.SUCCEEDED, Layer.NOBODY, "nothing answered")
    if answer.verdict is Verdict.SUCCEEDED and attempt.promise.verdict is Verdict.OUT_OF_SCOPE:
        answer = Answer(Verdict.OUT_OF_SCOPE, answer.layer, answer.words)
    return Tried(attempt, family, answer, time.monotonic() - started)


def _met(attempt: Attempt, town: Town) -> Answer | None:
    try:
        met = attempt.deed(town)
    except dbapi2.IntegrityError as refused:
        return Answer(Verdict.PREVENTED, Layer.DATABASE, str(refused))
    except MatcherError as refused:
        found = isinstance(refused, IntegrityError) and town.altered
        return Answer(Verdict.DETECTED if found else Verdict.PREVENTED, _layer_of(refused), str(refused))
    return met if isinstance(met, Answer) else None


def _audited(town: Town) -> Answer | None:
    """What `audit verify` finds, in the hands of somebody who holds no key."""
    try:
        verify(town.place(Seat("account of audrey", "/dev/audrey")), lambda *_: None)
    except MatcherError as found:
        return Answer(Verdict.DETECTED, Layer.LOG, str(found))
    return None


def _layer_of(error: MatcherError) -> Layer:
    package = Path(__file__).parent.parent
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        path = Path(frame.filename)
        if not path.is_relative_to(package) or path.is_relative_to(Path(__file__).parent):
            continue
        module = ".".join((package.name, *path.relative_to(package).with_suffix("").parts))
        for beginning, layer in _LAYERS:
            if module.startswith(beginning):
                return layer
    return Layer.NOBODY
