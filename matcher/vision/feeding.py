"""How an embedder is fed with aligned faces."""

from collections.abc import Callable

import numpy as np

from matcher.domain.model_input import EmbedderInput
from matcher.domain.template import Floats
from matcher.vision.pixels import Pixels

SFACE = EmbedderInput()


def prepared(aligned: Pixels, fed: EmbedderInput) -> Floats:
    """Aligned faces (n, height, width, 3) as the graph takes them, float32; SFace's are merely turned around."""
    faces = (aligned[..., ::-1] if fed.channels == "rgb" else aligned).astype(np.float32)
    if (fed.mean, fed.scale) != (SFACE.mean, SFACE.scale):
        faces = (faces - np.array(fed.mean, np.float32)) * np.array(fed.scale, np.float32)
    return np.ascontiguousarray(faces.transpose(0, 3, 1, 2) if fed.layout == "NCHW" else faces)


def embedded_one_by_one(
    aligned: Pixels, dim: int, run: Callable[[Floats], Floats], fed: EmbedderInput = SFACE
) -> Floats:
    """Raw embeddings float32 (n, dim) of aligned faces (n, height, width, 3), each prepared as said and run alone."""
    faces = prepared(aligned, fed)
    rows = np.empty((len(faces), dim), np.float32)
    for row, face in zip(rows, faces, strict=True):
        row[:] = run(face[np.newaxis]).reshape(dim)
    return rows
