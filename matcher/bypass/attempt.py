"""What an attempt is, what is promised about it, and what came of it.

1. *Prevented*: it was refused, or it was done and gave nothing of what it was for. *Detected*: something was altered,
   and the program refuses to work with it, or `audit verify` names it. *Out of scope*: it works, as the table says.
2. Every attempt promises a verdict, the layer that answers, and words of the answer: another refusal than the one that
   is meant, a slip in the attempt itself for example, keeps no promise.
3. The layer is not what the table says but where the answer came from (`run.py`).
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matcher.bypass.town import Town


class Verdict(StrEnum):
    """What came of an attempt; SUCCEEDED is promised of none."""

    PREVENTED = "prevented"
    DETECTED = "detected"
    OUT_OF_SCOPE = "out of scope"
    SUCCEEDED = "SUCCEEDED"


class Layer(StrEnum):
    """What answered."""

    COMMANDS = "command line"
    CONFIGURATION = "configuration and policy"
    SERVICES = "services"
    RULES = "rules of lists, alerts and people"
    SIGNATURES = "certificates and signatures"
    CERTIFIED = "recomputed report"
    DATABASE = "rules of the database"
    STORE = "checks of what is stored"
    SEAL = "seal"
    FILES = "files of the home"
    REVIEW = "review interface"
    MODELS = "model files"
    LOG = "audit verify"
    NOBODY = "nobody"


class Attacker(StrEnum):
    """Who tries; `docs/threat-model.md` says what each of them can do."""

    ANYBODY = "anybody at the program"
    REVIEWER = "reviewer"
    APPROVER = "approver"
    ADMIN = "admin"
    AUDITOR = "auditor"
    DISK = "somebody with the disk"
    MACHINE = "somebody with the machine"
    RECOVERER = "somebody with the recovery code"
    KEY_HOLDER = "somebody with a passphrase and a program"


@dataclass(frozen=True, slots=True)
class Answer:
    """What an attempt met; `layer` where it is known otherwise than from an error."""

    verdict: Verdict
    layer: Layer
    words: str


@dataclass(frozen=True, slots=True)
class Promise:
    """What is to come of an attempt: the verdict, the layer, and words that are in its answer."""

    verdict: Verdict
    layer: Layer
    words: str


@dataclass(frozen=True, slots=True)
class Attempt:
    """One way to get past a safeguard.

    `deed` tries it in a town of its own. It returns the `Answer` that it met; anything else means that it got what it
    was for. An error of this program or of the database is an answer too. `sentence` says why it comes to that.
    """

    name: str
    attacker: Attacker
    promise: Promise
    sentence: str
    deed: "Callable[[Town], object]"


@dataclass(frozen=True, slots=True)
class Tried:
    """An attempt and what came of it."""

    attempt: Attempt
    family: str
    answer: Answer
    seconds: float

    @property
    def as_promised(self) -> bool:
        """Whether verdict, layer and words are what the table says."""
        promise, answer = self.attempt.promise, self.answer
        same = (answer.verdict, answer.layer) == (promise.verdict, promise.layer)
        return same and promise.words in answer.words


def prevented(layer: Layer, words: str) -> Promise:
    """A promise."""
    return Promise(Verdict.PREVENTED, layer, words)


def detected(layer: Layer, words: str) -> Promise:
    """A promise."""
    return Promise(Verdict.DETECTED, layer, words)


OUT_OF_SCOPE = Promise(Verdict.OUT_OF_SCOPE, Layer.NOBODY, "")


def withstood(layer: Layer, words: str) -> Answer:
    """The answer to an attempt that was not refused, and gave nothing."""
    return Answer(Verdict.PREVENTED, layer, words)
