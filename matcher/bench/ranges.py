"""`matcher bench ranges`: the table that an embedder's 8-bit steps are taken from (`models/ranges.py`).

The largest face of each picture, aligned as the product does it, goes through the published weights in floating point.
The table of the default model was made from the shipped, made-up people; no photograph of a person is needed.
"""

from collections.abc import Iterator, Sequence

import numpy as np

from matcher.domain.face import Picture
from matcher.domain.installed_model import InstalledModel
from matcher.domain.rejection import Rejected
from matcher.errors import BadInput
from matcher.models.chain import read_chain
from matcher.models.ranges import Ranges, measure
from matcher.models.rewrite import plain
from matcher.vision.align import align
from matcher.vision.decoders import decoders
from matcher.vision.detect import Detector
from matcher.vision.pixels import Pixels
from matcher.vision.weights import read_weights


def measured(detector: InstalledModel, embedder: InstalledModel, pictures: Sequence[Picture], named: str) -> Ranges:
    """The table of an embedder over the faces of these pictures. Raises BadInput where there is no face in any."""
    chain = read_chain(plain(embedder.published.read_bytes()))
    faces = list(_faces(Detector(read_weights(detector)), pictures))
    if not faces:
        raise BadInput("no picture has a face: there is nothing to measure")
    manifest = embedder.manifest
    return Ranges(
        id=manifest.id,
        source_sha256=manifest.sha256,
        pictures=named,
        faces=len(faces),
        largest=measure(chain, faces),
    )


def _faces(detector: Detector, pictures: Sequence[Picture]) -> Iterator[Pixels]:
    for picture in pictures:
        pixels = decoders().pixels(picture)
        places = [] if isinstance(pixels, Rejected) else detector.find(pixels)
        if places and not isinstance(pixels, Rejected):
            yield np.ascontiguousarray(align(pixels, places[0])[..., ::-1].transpose(2, 0, 1))
