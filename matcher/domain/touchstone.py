"""Whether this machine makes the templates that a list holds: what both make of the same made-up faces.

The same model run by the same provider need not give the same numbers on another processor or graphics card. So the
templates of a few shipped pictures are kept with every revision that was made from pictures, and whoever adds to it,
tests it or searches it makes them again.

1. What is compared is the length of the difference of two unit templates, in millionths. No score of that face against
   any template can move further (Cauchy, Schwarz).
2. At most `TOLERANCE`, 500 millionths, is taken for the same. Measured with the default models on eight demo faces
   (docs/models.md): on processors of 2008 to this year's at most 311, and scores between faces moved by 59, less than a
   step of a threshold (100); with weights rounded to the 10 bits of TF32 or half precision 1,269 to 1,722, and scores
   moved by 252, more than two steps.
3. A face for which one has a template and the other has none is another face: that is no rounding.
4. Embeddings made elsewhere have no touchstone, and nothing is compared with them.
"""

from typing import TYPE_CHECKING

from matcher.domain.template import MILLION, Millionths

if TYPE_CHECKING:
    from matcher.domain.template import Floats

TOLERANCE: Millionths = 500


def touchstone_of(templates: "Floats") -> bytes:
    """Unit templates (n, d), a row of zeros where a face gave none, as they are kept: float32, little-endian."""
    return templates.astype("<f4").tobytes()


def apart(one: bytes, other: bytes, dim: int) -> Millionths | None:
    """How far two touchstones are from each other, rounded up; None where they are not of the same faces."""
    import numpy as np

    if len(one) != len(other) or len(one) % (4 * dim):
        return None
    ours, theirs = (np.frombuffer(raw, "<f4").astype(np.float64).reshape(-1, dim) for raw in (one, other))
    lengths = np.linalg.norm(ours - theirs, axis=1)
    return int(np.ceil(lengths.max(initial=0.0) * MILLION))


def unlike(one: bytes, other: bytes, dim: int) -> str | None:
    """How two machines differ, as the middle of a sentence; None within the tolerance or where there is nothing."""
    if not one and not other:
        return None
    found = apart(one, other, dim)
    if found is None:
        return "of other faces, or of a release that compared machines by other faces"
    return f"{found:,} millionths away, more than {TOLERANCE}" if found > TOLERANCE else None
