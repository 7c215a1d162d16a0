"""What a load is made from: a manifest of pictures and what turns them into templates, or templates made elsewhere."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from matcher.domain.face import Picture
from matcher.domain.policy import Quality
from matcher.domain.ports import FacePipeline
from matcher.domain.rejection import Rejected
from matcher.domain.revision import UNSEEN, Pairs
from matcher.domain.template import Floats, ModelIdentity

Progress = Callable[[int, int, int], None]  # done, of how many, of the done ones: known from an earlier run


class Row(Protocol):
    """One row of a manifest."""

    @property
    def subject_id(self) -> str: ...
    @property
    def image(self) -> Path | None: ...
    @property
    def name(self) -> str: ...
    @property
    def labels(self) -> Pairs: ...
    @property
    def attributes(self) -> Pairs: ...
    @property
    def session(self) -> str | None: ...


@dataclass(frozen=True, slots=True)
class Unfinished:
    """What earlier runs of a load have done: so many pictures of its rows; `cut` bytes behind them were not whole."""

    pictures: int
    rows: int
    begun_at: datetime
    cut: int


@dataclass(frozen=True, slots=True)
class Resuming:
    """That a load goes on where an earlier run of it ended; `origin` tells it from other loads of the same collection.

    `restart`: what earlier runs did is forgotten. `told` hears what is gone on with, if anything is.
    """

    origin: str
    restart: bool
    told: Callable[[Unfinished], None]


@dataclass(frozen=True, slots=True)
class PictureSource:
    """A manifest of pictures and what turns them into templates; without `resuming` an interrupted load is lost."""

    rows: Sequence[Row]
    read: Callable[[Path], Picture | Rejected]
    pipeline: FacePipeline
    quality: Quality
    resuming: Resuming | None = None

    @property
    def model(self) -> ModelIdentity:
        """What makes these templates."""
        return self.pipeline.identity

    @property
    def quality_digest(self) -> str:
        """Of the limits that these pictures are held to."""
        return self.quality.digest()

    @property
    def touchstone(self) -> bytes:
        """What this machine makes of the shipped faces."""
        return self.pipeline.touchstone


@dataclass(frozen=True, slots=True, eq=False)
class EmbeddingSource:
    """Templates that came as unit float32 (n, d), one per row; no picture was seen."""

    rows: Sequence[Row]
    templates: Floats
    model: ModelIdentity
    quality_digest: str = UNSEEN
    touchstone: bytes = b""


Source = PictureSource | EmbeddingSource
