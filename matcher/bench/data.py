"""Vectors to time with: uniform directions, face-like ones, or a file's."""

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import numpy as np

from matcher import kernels
from matcher.domain.template import Floats
from matcher.errors import BadInput

Kind = Literal["uniform", "faces"]
AT_ONCE = 100_000  # a multiple of the 16 rows of a block of codes
_PER_SUBJECT = 4


def vectors(kind: Kind, n: int, d: int, seed: int) -> Floats:
    """Unit float32 (n, d).

    `uniform`: independent directions. `faces`: four templates a subject (a common direction and noise, mates near 0.8),
    and eight shared directions that all subjects lean towards by up to 0.5, which gives the non-mated scores their
    heavier upper tail.
    """
    made, at = np.empty((n, d), np.float32), 0
    for rows in pieces(kind, n, d, seed):
        made[at : at + len(rows)] = rows
        at += len(rows)
    return made


def pieces(kind: Kind, n: int, d: int, seed: int) -> Iterator[Floats]:
    """The same, 100,000 rows at once, for lists that do not fit into memory."""
    rng = np.random.default_rng(seed)
    leanings = rng.standard_normal((8, d), dtype=np.float32) / np.sqrt(d)
    for at in range(0, n, AT_ONCE):
        count = min(AT_ONCE, n - at)
        rows = rng.standard_normal((count, d), dtype=np.float32)
        if kind == "faces":
            subjects = rng.standard_normal((-(-count // _PER_SUBJECT), d), dtype=np.float32)
            lean = rng.uniform(0, 0.5, len(subjects)).astype(np.float32)[:, np.newaxis]
            subjects += lean * np.sqrt(d) * leanings[rng.integers(0, 8, len(subjects))]
            rows = np.repeat(subjects, _PER_SUBJECT, axis=0)[:count] + np.float32(0.5) * rows
        yield kernels.normalise(rows)


def vectors_of(path: Path) -> Floats:
    """Unit rows of a float32 `.npy` (n, d), or of `embeddings` in an `.npz`, never unpickled. Raises BadInput."""
    try:
        loaded = np.load(path, allow_pickle=False)
        rows = loaded["embeddings"] if isinstance(loaded, np.lib.npyio.NpzFile) else loaded
    except (OSError, ValueError, EOFError, KeyError) as error:
        raise BadInput(f"{path} is no array of vectors: {error}") from None
    if rows.dtype != np.float32 or rows.ndim != 2 or not rows.size or not np.isfinite(rows).all():
        raise BadInput(f"{path} must hold finite float32 vectors (n, d), not {rows.dtype} {rows.shape}")
    return kernels.normalise(np.ascontiguousarray(rows))


def held_out(rows: Floats, most: int) -> tuple[Floats, Floats]:
    """What stays to be searched, and up to `most` rows, spread evenly, to search with: at most a tenth of all.

    Raises BadInput for fewer than ten rows.
    """
    if len(rows) < 10:
        raise BadInput("a data set of fewer than ten vectors leaves none to search with: give --queries")
    taken = np.linspace(0, len(rows) - 1, min(most, len(rows) // 10)).astype(int)
    return np.delete(rows, taken, axis=0), np.ascontiguousarray(rows[taken])
