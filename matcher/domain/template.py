"""Templates, comparison scores and thresholds.

A template is a float32 unit vector. A comparison score is the cosine of two templates as an integer number of
millionths in [-1_000_000, 1_000_000] (the canonical score; `ext/README.md` defines it to the last bit). A threshold is
an integer of millionths too and always a multiple of 100 (0.0001). A score is never a percentage.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from matcher.errors import BadInput

MILLION = 1_000_000
THRESHOLD_STEP = 100  # millionths: thresholds are multiples of 0.0001

Millionths = int
Floats = npt.NDArray[np.float32]
Scores = npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class ModelIdentity:
    """What made a template; templates of different identities are never compared.

    `embedder` and `detector` are `id@sha256-of-the-published-file`; `preprocessing` and `rewrite` are version strings:
    the first with the digest of a manifest's `[input]` where it has one, the second with the provider (`provider.py`).
    For templates that came as embeddings, detector and preprocessing are the word `unseen`.
    """

    embedder: str
    detector: str
    preprocessing: str
    rewrite: str
    dim: int

    def text(self) -> str:
        """One canonical line; equal identities have equal lines."""
        return f"{self.embedder}|{self.detector}|{self.preprocessing}|{self.rewrite}|{self.dim}"

    @classmethod
    def parse(cls, text: str) -> "ModelIdentity":
        """The inverse of `text`."""
        embedder, detector, preprocessing, rewrite, dim = text.split("|")
        return cls(embedder, detector, preprocessing, rewrite, int(dim))

    @property
    def pictures_seen(self) -> bool:
        """False where the program was given embeddings and never saw a picture."""
        return self.detector != "unseen"


def threshold_from(text: str) -> Millionths:
    """A threshold as people write it ("0.702") in millionths.

    Raises BadInput unless it is a multiple of 0.0001 in [-1, 1].
    """
    from decimal import Decimal

    try:
        scaled = Decimal(text.strip()) * MILLION
    except ArithmeticError:  # not a number, or one beyond what decimals hold
        raise BadInput(f"threshold {text!r} is not a number: write it like 0.7020") from None
    if len(text) > 12 or not scaled.is_finite() or abs(scaled) > MILLION or scaled % THRESHOLD_STEP:
        raise BadInput(f"threshold {text} must be a multiple of 0.0001 between -1 and 1")
    return int(scaled)


def score_text(score: Millionths) -> str:
    """A score or threshold for people: four decimals, never a percentage."""
    return f"{score / MILLION:.4f}"
