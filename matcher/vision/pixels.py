"""The one array type of this package, and how an embedder is fed with it."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from matcher.domain.template import Floats

Pixels = npt.NDArray[np.uint8]  # (height, width, 3), blue green red, as OpenCV has it


def embedded_one_by_one(aligned: Pixels, dim: int, run: Callable[[Floats], Floats]) -> Floats:
    """Raw embeddings float32 (n, dim) of aligned faces (n, side, side, 3), each run alone.

    `run` is fed red green blue, 0..255, channels first (1, 3, side, side): the model's own graph does the rest.
    """
    faces = np.ascontiguousarray(aligned[..., ::-1].transpose(0, 3, 1, 2), np.float32)
    rows = np.empty((len(faces), dim), np.float32)
    for row, face in zip(rows, faces, strict=True):
        row[:] = run(face[np.newaxis]).reshape(dim)
    return rows
