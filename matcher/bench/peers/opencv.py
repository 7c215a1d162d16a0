"""OpenCV's own way from a picture to a template: `FaceDetectorYN` and `FaceRecognizerSF`, as its documentation has it.

1. The detector sees the picture as it is, and the first face found is taken.
2. OpenCV 5 does not load the published 8-bit file as it is (inputs that nothing feeds): it is given the same graph with
   these dropped and the weights unpacked, which is its faster form too.
3. Its network classes hold state: side by side, each thread has its own, made once.
"""

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from matcher.domain.face import Picture
from matcher.domain.template import Floats
from matcher.vision.yunet import MAX_FACES, MAX_OVERLAP, MIN_SCORE

_EMPTY = np.zeros(0, np.uint8)
_FIRST_SIZE = (320, 320)  # overwritten by the size of each picture


class OpenCvPipeline:
    """Templates of pictures, None where no face was found."""

    def __init__(self, detector: bytes, embedder: bytes, threads: int) -> None:
        import cv2  # here, after our package has set OpenCV's limits, which it reads at import

        self._cv2: Any = cv2
        self._threads = threads
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="opencv")
        self._weights = np.frombuffer(detector, np.uint8), np.frombuffer(embedder, np.uint8)
        self._own = threading.local()

    def template(self, picture: Picture) -> Floats | None:
        """One picture."""
        detector, recognizer = self._networks()
        pixels: Any = self._cv2.imdecode(np.frombuffer(picture.data, np.uint8), self._cv2.IMREAD_COLOR)
        if pixels is None:
            return None
        detector.setInputSize((pixels.shape[1], pixels.shape[0]))
        _, faces = detector.detect(pixels)
        if faces is None:
            return None
        row: Floats = recognizer.feature(recognizer.alignCrop(pixels, faces[0]))[0].copy()
        return row

    def one_after_the_other(self, pictures: Sequence[Picture]) -> list[Floats | None]:
        """One pipeline, whose own threads are as many as there are processors."""
        self._cv2.setNumThreads(self._threads)
        try:
            return [self.template(picture) for picture in pictures]
        finally:
            self._cv2.setNumThreads(1)  # what the product has

    def side_by_side(self, pictures: Sequence[Picture]) -> list[Floats | None]:
        """A pipeline on each processor, one thread each: what a careful user of OpenCV would write."""
        self._cv2.setNumThreads(1)
        return list(self._pool.map(self.template, pictures))

    def close(self) -> None:
        """Ends the threads."""
        self._pool.shutdown()

    def _networks(self) -> tuple[Any, Any]:
        made: tuple[Any, Any] | None = getattr(self._own, "networks", None)
        if made is None:
            finder, embedder = self._weights
            made = self._own.networks = (
                self._cv2.FaceDetectorYN.create("onnx", finder, _EMPTY, _FIRST_SIZE, MIN_SCORE, MAX_OVERLAP, MAX_FACES),
                self._cv2.FaceRecognizerSF.create("onnx", embedder, _EMPTY),
            )
        return made
