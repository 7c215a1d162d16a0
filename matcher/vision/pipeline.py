"""The whole way from a picture to templates: decode, detect, measure, align, embed.

What a template is depends on nothing but the picture's bytes and the model identity: not on the pictures beside it, the
number of threads or the order. `PREPROCESSING`, with the version of the detector's rewrite behind it, names everything
between the bytes and the embedder's input (decoder, sizes at which faces are sought, what makes faces of the network's
answers, alignment); a change there is a new name: templates of two names are never compared.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from functools import cached_property

import cv2
import numpy as np

from matcher import kernels
from matcher.domain.face import Face, FacePlace, Picture
from matcher.domain.installed_model import InstalledModel
from matcher.domain.policy import Quality
from matcher.domain.provider import Provider
from matcher.domain.rejection import Reason, Rejected
from matcher.domain.template import ModelIdentity
from matcher.domain.touchstone import touchstone_of
from matcher.errors import BadInput
from matcher.kernels.threads import processors
from matcher.vision.align import STANDARD, Crop, align, crop_of
from matcher.vision.decoders import Decoders, decoders
from matcher.vision.detect import Detector
from matcher.vision.memory import give_back
from matcher.vision.pixels import Pixels
from matcher.vision.provider import Embedding, open_embedder
from matcher.vision.quality import check, inter_eye, measure
from matcher.vision.touchstone import shipped_faces
from matcher.vision.weights import read_weights

PREPROCESSING = "p3"
HINT = "crop the picture to the one that is meant"
AHEAD = 4  # pictures read ahead per thread: bounds memory whatever the length of the list


class FacePipeline:
    """Pictures in, templates or reasons out; `domain.ports.FacePipeline` as it runs on this machine."""

    def __init__(
        self,
        detector: Detector,
        embedder: Embedding,
        identity: ModelIdentity,
        threads: int,
        crop: Crop = STANDARD,
        *,
        decoding: Decoders | None = None,
    ) -> None:
        self._detector = detector
        self._embedder = embedder
        self._crop = crop
        self._identity = identity
        self._threads = threads
        self._decoders = decoders() if decoding is None else decoding

    @property
    def identity(self) -> ModelIdentity:
        """What makes these templates."""
        return self._identity

    @cached_property
    def touchstone(self) -> bytes:
        """What this machine makes of the shipped faces (`domain/touchstone.py`), made once.

        Raises BadInput where it finds none of them: such a model cannot be told from a wrong one.
        """
        results = [result for _, result in self.references(shipped_faces(), Quality.loosest())]
        rows = np.zeros((len(results), self._identity.dim), np.float32)
        for row, result in zip(rows, results, strict=True):
            if isinstance(result, Face):
                row[:] = result.template
        if not rows.any():
            reasons = sorted({result.reason.value for result in results if isinstance(result, Rejected)})
            raise BadInput(
                f"none of the {len(results)} shipped faces becomes a template ({', '.join(reasons)}): the manifest of "
                f"{self._identity.detector.partition('@')[0]} or {self._identity.embedder.partition('@')[0]} is wrong"
            )
        return touchstone_of(rows)

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
            self._decoders.close(kept=1)
            give_back()

    def faces(self, picture: Picture, quality: Quality) -> list[Face | Rejected]:
        """Every face of a probe picture, the largest first, each a face or the reason why not; never empty."""
        with self._decoders.raster(picture) as made:
            return [made] if isinstance(made, Rejected) else self._every_face(picture, made.pixels, quality)

    def _every_face(self, picture: Picture, pixels: Pixels, quality: Quality) -> list[Face | Rejected]:
        places = self._detector.find(pixels, every=True)
        if not places:
            return [Rejected(picture.name, Reason.NO_FACE)]
        return [self._face(picture.name, pixels, place, quality) for place in places]

    def _reference(self, picture: Picture | Rejected, quality: Quality) -> Face | Rejected:
        if isinstance(picture, Rejected):
            return picture
        with self._decoders.raster(picture) as made:
            return made if isinstance(made, Rejected) else self._only_face(picture, made.pixels, quality)

    def _only_face(self, picture: Picture, pixels: Pixels, quality: Quality) -> Face | Rejected:
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
        fed = aligned if self._crop is STANDARD else align(pixels, place, self._crop)
        raw = self._embedder.embed(fed[np.newaxis])
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
    """A pipeline of two installed models; `threads` pictures at once (unless said, two more than its processors).

    Raises IntegrityError if a file is not what was installed, BadInput if a model cannot be run, UsageError for a
    provider that is not there.
    """
    dim, fed = embedder.manifest.dim, embedder.manifest.fed
    if detector.manifest.kind != "detector" or embedder.manifest.kind != "embedder" or dim is None:
        raise BadInput(f"{detector.manifest.id} and {embedder.manifest.id} are not a detector and an embedder")
    if not embedder.rewrite.startswith(provider.graphs):
        raise BadInput(f"graph {embedder.rewrite} of {embedder.manifest.id} is not what provider {provider} runs")
    # One thread per picture is ours; OpenCV's own threads would only compete with it.
    cv2.setNumThreads(1)
    decoders().prepare()  # it starts while the models are read
    identity = ModelIdentity(
        embedder=embedder.manifest.pinned(),
        detector=detector.manifest.pinned(),
        preprocessing=fed.marked(f"{PREPROCESSING}+{detector.rewrite}"),
        rewrite=provider.marked(embedder.rewrite),
        dim=dim,
    )
    # Two more, because whoever waits, for a picture that another process decodes or for the interpreter, uses no
    # processor: on two, 247 pictures a second instead of 213 with one more and 192 with none (docs/benchmarks.md).
    count = processors() + 2 if threads is None else threads
    embedding = open_embedder(read_weights(embedder), dim, provider, count, fed)
    return FacePipeline(Detector(read_weights(detector)), embedding, identity, count, crop_of(fed))


def _result(waiting: deque[tuple[int, Future[Face | Rejected]]]) -> tuple[int, Face | Rejected]:
    index, future = waiting.popleft()
    return index, future.result()
