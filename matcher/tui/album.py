"""The pictures of one alert: decoded once each, drawn for one view at a time. Called from worker threads."""

from dataclasses import dataclass

from textual.strip import Strip

from matcher.domain.desk import BlindAlert, FacePicture
from matcher.review.pixels import Grid, ImageMode
from matcher.review.session import View
from matcher.tui.graphics import strips
from matcher.tui.pictures import Crops, Decoded, crop_pair, decode
from matcher.vision.decoders import FOR_EYES, decoders

KEPT = 6  # decoded pictures; a photograph of 12 megapixels is 36 MB


@dataclass(frozen=True, slots=True)
class Job:
    """Everything that decides what is drawn; equal jobs give equal pixels."""

    current: int
    reference: int
    view: View
    mode: ImageMode
    grid: Grid


@dataclass(frozen=True, slots=True, eq=False)
class DrawnPair:
    """Two crops, ready for a mode."""

    crops: Crops
    mode: ImageMode
    probe_strips: list[Strip]
    reference_strips: list[Strip]


class Album:
    """Decodes and draws; nothing is ever written to a disk."""

    def __init__(self, alert: BlindAlert) -> None:
        self._alert = alert
        self._decoded: dict[tuple[int, int], Decoded] = {}
        decoders(FOR_EYES).prepare()  # it starts while the screen is drawn

    def draw(self, job: Job) -> DrawnPair:
        """Both faces for a view. Raises BadInput when one cannot be shown."""
        probe, reference = self._alert.probe, self._alert.candidates[job.current].references[job.reference]
        images = self._picture((-1, -1), probe), self._picture((job.current, job.reference), reference)
        crops = crop_pair(images, (probe, reference), job.grid, job.mode, job.view)
        return DrawnPair(crops, job.mode, strips(crops.probe, job.mode), strips(crops.reference, job.mode))

    def _picture(self, key: tuple[int, int], picture: FacePicture) -> Decoded:
        known = self._decoded.get(key)
        if known is not None:
            return known
        image = decode(picture.data)
        if len(self._decoded) >= KEPT:
            self._decoded = {at: kept for at, kept in self._decoded.items() if at == (-1, -1)}
        self._decoded[key] = image
        return image
