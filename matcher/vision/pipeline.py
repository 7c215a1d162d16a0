"""The whole way from a picture to templates: decode, detect, measure, align, embed.

What a template is depends on nothing but the picture's bytes and the model identity: not on the pictures beside it, the
number of threads or the order. `PREPROCESSING` names everything between the bytes and the embedder's input (decoder,
sizes at which faces are sought, alignment); a change there is a new name: templates of two names are never compared.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace

import cv2
import numpy as np

from matcher import kernels
from matcher.domain.face import Face, FacePlace, Picture
from matcher.domain.installed_model import InstalledModel
from matcher.domain.policy import Quality
from matcher.domain.provider import Provider
from matcher.domain.rejection import Reason, Rejected
from matcher.domain.template import ModelIdentity
from matcher.errors import BadInput
from matcher.kernels.threads import processors
from matcher.vision.align import align
from matcher.vision.decode import decode
from matcher.vision.detect import Detector
from matcher.vision.pixels import Pixels
from matcher.vision.provider import Embedding, open_embedder
from matcher.vision.quality import check, inter_eye, measure
from matcher.vision.weights import read_weights

PREPROCESSING = "p2"
HINT = "crop the picture to the one that is meant"
AHEAD = 4  # pictures read ahead per thread: bounds memory whatever the length of the list


class FacePipeline:
    """Pictures in, templates or reasons out; `domain.ports.FacePipeline` as it runs on this machine."""

    def __init__(self, detector: Detector, embedder: Embedding, identity: ModelIdentity, threads: int) -> None:
        self._detector = detector
        self._embedder = embedder
        self._identity = identity
        self._threads = threads

    @property
    def identity(self) -> ModelIdentity:
        """What makes these templates."""
        return self._identity

    def references(
        self, pictures: Iterable[Picture | Rejected], quality: Quality
    ) -> Iterator[tuple[int, Face | Rejected]]:
        """One face or reason per picture, in order, numbered from 0.

        What comes in rejected goes out so. Pictures are taken only as fast as results are: at most `AHEAD` per thread.
        """
        pool = ThreadPoolExecutor(self._threads, thread_name_prefix="faces")
        waiting: deque[tuple[int, Future[Face | Rejected]]] = deque()
        try:
            for index, picture in enumerate(pictures):
                waiting.append((index, pool.submit(self._reference, picture, quality)))
                if len(waiting) >= AHEAD * self._threads:
                    yield _result(waiting)
            while waiting:
                yield _result(waiting)
        finally:
            pool.shutdown(cancel_futures=True)

    def faces(self, picture: Picture, quality: Quality) -> list[Face | Rejected]:
        """Every face of a probe picture, the largest first, each a face or the reason why not; never empty."""
        pixels = decode(picture)
        if isinstance(pixels, Rejected):
            return [pixels]
        places = self._detector.find(pixels, every=True)
        if not places:
            return [Rejected(picture.name, Reason.NO_FACE)]
        return [self._face(picture.name, pixels, place, quality) for place in places]

    def _reference(self, picture: Picture | Rejected, quality: Quality) -> Face | Rejected:
        if isinstance(picture, Rejected):
            return picture
        pixels = decode(picture)
        if isinstance(pixels, Rejected):
            return pixels
        places = self._detector.find(pixels)
        if not places:
            return Rejected(picture.name, Reason.NO_FACE)
        if len(places) > 1 and quality.several_faces == "reject":
            widths = ", ".join(f"{place.box[2]:.0f}" for place in places[:5])
            return Rejected(picture.name, Reason.SEVERAL_FACES, f"{len(places)} faces, {widths} px wide: {HINT}")
        return self._face(picture.name, pixels, places[0], quality)

    def _face(self, source: str, pixels: Pixels, place: FacePlace, quality: Quality) -> Face | Rejected:
        if inter_eye(place) < 1.0:  # below this neither pose nor alignment is defined
            return Rejected(source, Reason.FACE_TOO_SMALL, f"inter-eye distance {inter_eye(place):.1f} px")
        aligned = align(pixels, place)
        measures = measure(place, aligned, (pixels.shape[0], pixels.shape[1]))
        if (wrong := check(source, measures, quality)) is not None:
            return wrong
        raw = self._embedder.embed(aligned[np.newaxis])
        if not np.isfinite(raw).all() or not raw.any():
            return Rejected(source, Reason.NO_TEMPLATE, "the embedder gave no direction")
        measures = replace(measures, feature_norm=float(np.linalg.norm(raw.astype(np.float64))))
        if (wrong := check(source, measures, quality)) is not None:
            return wrong
        template = kernels.normalise(raw)[0]
        template.flags.writeable = False
        return Face(place, measures, template)


def open_pipeline(
    detector: InstalledModel,
    embedder: InstalledModel,
    threads: int | None = None,
    provider: Provider = Provider.ONNXRUNTIME,
) -> FacePipeline:
    """A pipeline of two installed models; `threads` pictures at once (unless said, as many as it may use processors).

    Raises IntegrityError if a file is not what was installed, BadInput if a model cannot be run, UsageError for a
    provider that is not there.
    """
    dim = embedder.manifest.dim
    if detector.manifest.kind != "detector" or embedder.manifest.kind != "embedder" or dim is None:
        raise BadInput(f"{detector.manifest.id} and {embedder.manifest.id} are not a detector and an embedder")
    # One thread per picture is ours; OpenCV's own threads would only compete with it.
    cv2.setNumThreads(1)
    identity = ModelIdentity(
        embedder=embedder.manifest.pinned(),
        detector=detector.manifest.pinned(),
        preprocessing=PREPROCESSING,
        rewrite=provider.marked(embedder.rewrite),
        dim=dim,
    )
    count = processors() if threads is None else threads
    embedding = open_embedder(read_weights(embedder), dim, provider, count)
    return FacePipeline(Detector(read_weights(detector)), embedding, identity, count)


def _result(waiting: deque[tuple[int, Future[Face | Rejected]]]) -> tuple[int, Face | Rejected]:
    index, future = waiting.popleft()
    return index, future.result()
