"""The expected failure of one item: a value with a reason, counted and reported, never an exception."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from matcher.errors import BadInput


class Reason(StrEnum):
    """Why one picture or row did not become a template."""

    UNREADABLE = "unreadable"
    TOO_LARGE = "too large"
    NOT_A_PICTURE = "not a picture"
    FORMAT_NOT_INSTALLED = "format not installed"
    SEVERAL_FRAMES = "several frames"
    NOT_A_FILE = "not a regular file"
    MISSING_FILE = "missing file"
    NO_FACE = "no face"
    SEVERAL_FACES = "several faces"
    FACE_TOO_SMALL = "face too small"
    BLURRED = "blurred"
    EXTREME_POSE = "extreme pose"
    TOO_DARK = "too dark"
    TOO_BRIGHT = "too bright"
    LOW_CONTRAST = "low contrast"
    UNDER_EXPOSED = "under-exposed"
    OVER_EXPOSED = "over-exposed"
    UNEVEN_LIGHT = "uneven light"
    INCOMPLETE_FACE = "incomplete face"
    EYES_COVERED = "eyes covered"
    MOUTH_COVERED = "mouth covered"
    WEAK_FEATURES = "weak features"
    NO_TEMPLATE = "no template"
    NEARER_TO_ANOTHER = "nearer to another subject"
    UNDER_TWO_SUBJECTS = "same picture under two subjects"


@dataclass(frozen=True, slots=True)
class Rejected:
    """One item that was not taken: where it came from (sealed wherever it is stored), why, and the measured detail."""

    source: str
    reason: Reason
    detail: str = ""


class NothingUsable(BadInput):
    """Not one item of the input could be used; `rejected` holds each subject id with its reason."""

    def __init__(self, message: str, rejected: Sequence[tuple[str, Rejected]]) -> None:
        super().__init__(message)
        self.rejected = tuple(rejected)
