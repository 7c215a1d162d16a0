"""`python -m tests.simulations.occluders MODELS`: what `eye_detail` and `mouth_detail` see of a face that is covered.

Occluders are drawn on the aligned faces of the demo cohort, each at a place, tone and grain of its own (fixed seed).
For each the table tells the area under the ROC curve against the untouched faces, and how many of the covered ones a
limit catches; above it stands whom of the untouched that limit rejects, group by group. Drawn ones are smoother than
real ones.
"""

import csv
import sys
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from matcher.domain.face import FacePlace, Picture
from matcher.domain.rejection import Rejected
from matcher.models.catalogue import default
from matcher.models.install import verify
from matcher.vision.align import SIDE, TEMPLATE, align
from matcher.vision.decode import decode
from matcher.vision.detect import Detector
from matcher.vision.pixels import Pixels
from matcher.vision.quality import measure
from matcher.vision.weights import read_weights

DEMO = Path(__file__).resolve().parents[2] / "watchlists" / "demo"
LIMITS = {"eye_detail": 0.6, "mouth_detail": 0.4}
EVERY = 4  # one in four untouched faces is covered
_Floats = np.ndarray[tuple[int, ...], np.dtype[np.float64]]
# Draws its shape, 1 inside, and gives the grain of what it is made of.
_Shape = Callable[[_Floats, np.random.Generator], float]


def _ellipse(shape: _Floats, at: tuple[float, float], axes: tuple[float, float]) -> None:
    cv2.ellipse(shape, (int(at[0]), int(at[1])), (int(axes[0]), int(axes[1])), 0, 0, 360, 1, -1)


def glasses(shape: _Floats, rng: np.random.Generator) -> float:
    """Dark glasses."""
    for eye in TEMPLATE[:2] + rng.uniform(-1.5, 1.5, 2):
        _ellipse(shape, (eye[0], eye[1] + 2), (rng.uniform(13, 17), rng.uniform(9, 13)))
    shape[47:51, 49:63] = 1
    return 4


def patch(shape: _Floats, rng: np.random.Generator) -> float:
    """A patch on one eye."""
    _ellipse(shape, tuple(TEMPLATE[rng.integers(2)] + rng.uniform(-1.5, 1.5, 2)), (13, 10))
    return 3


def half(shape: _Floats, rng: np.random.Generator) -> float:
    """A hand over one half of the face."""
    middle = int(rng.uniform(52, 60))
    shape[20:, slice(0, middle) if rng.integers(2) else slice(middle, SIDE)] = 1
    return 6


def telephone(shape: _Floats, rng: np.random.Generator) -> float:
    """A telephone held before one half of the face."""
    left = int(rng.uniform(8, 20) if rng.integers(2) else rng.uniform(62, 74))
    shape[int(rng.uniform(30, 45)) : int(rng.uniform(95, 110)), left : left + 34] = 1
    return 2


def mask(shape: _Floats, rng: np.random.Generator) -> float:
    """A mask from the nose to below the chin."""
    top = rng.uniform(66, 74)
    corners = [[16, top + 2], [56, top - 6], [96, top + 2], [92, 100], [76, 112], [36, 112], [20, 100]]
    cv2.fillPoly(shape, [np.array(corners, np.int32)], 1)
    return 6


def scarf(shape: _Floats, rng: np.random.Generator) -> float:
    """A coarse scarf up to the nose."""
    shape[int(rng.uniform(78, 86)) :] = 1
    return 15


def hand(shape: _Floats, rng: np.random.Generator) -> float:
    """A hand on the mouth."""
    _ellipse(shape, (56 + rng.uniform(-8, 8), 92 + rng.uniform(-1.5, 1.5)), (24, 14))
    return 5


def fringe(shape: _Floats, rng: np.random.Generator) -> float:
    """Hair down to the eyes."""
    shape[: int(rng.uniform(52, 60))] = 1
    return 18


def hat(shape: _Floats, rng: np.random.Generator) -> float:
    """A hat or band down to the brows."""
    shape[: int(rng.uniform(36, 42))] = 1
    return 10


OCCLUDERS: tuple[_Shape, ...] = (glasses, patch, half, telephone, mask, scarf, hand, fringe, hat)
_DARK, _SKIN = {glasses, telephone, fringe}, {half, hand}


def covered(crop: Pixels, occluder: _Shape, rng: np.random.Generator) -> Pixels:
    """The aligned face with this in front of it."""
    shape = np.zeros((SIDE, SIDE))
    grain = occluder(shape, rng)
    if occluder in _SKIN:
        colour = np.median(crop[58:70, 40:72].reshape(-1, 3), axis=0) * rng.uniform(0.85, 1.1)
    else:
        colour = np.repeat(rng.uniform(5, 55), 3) if occluder in _DARK else rng.uniform(20, 230, 3)
    noise = cv2.GaussianBlur(rng.normal(0, 1, (SIDE, SIDE)), (0, 0), 1.5)
    shade = np.linspace(-1, 1, SIDE)[:, None] * rng.uniform(-12, 12)
    layer = np.clip(colour + (noise / noise.std() * grain + shade)[..., None], 0, 255)
    part = cv2.GaussianBlur(shape, (0, 0), 0.8)[..., None]
    return np.asarray(crop * (1 - part) + layer * part, np.uint8)


def details(crop: Pixels) -> tuple[float, float]:
    """Of one aligned face."""
    first, second, third, fourth, fifth = ((float(x), float(y)) for x, y in TEMPLATE)
    place = FacePlace((0, 0, SIDE, SIDE), (first, second, third, fourth, fifth))
    found = measure(place, crop, (SIDE, SIDE))
    return found.eye_detail, found.mouth_detail


def auc(untouched: _Floats, hidden: _Floats) -> float:
    """How often a covered face has less than an untouched one."""
    below = np.searchsorted(np.sort(untouched), hidden, "right")
    return float(1 - below.mean() / len(untouched))


def main(models: Path) -> int:
    """Prints the two tables."""
    detector = Detector(read_weights(verify(default("detector"), models)))
    crops, groups = [], []
    for row in csv.DictReader((DEMO / "cohort.csv").open(encoding="utf-8")):
        pixels = decode(Picture(row["image"], (DEMO / row["image"]).read_bytes()))
        places = [] if isinstance(pixels, Rejected) else detector.find(pixels)
        if places and not isinstance(pixels, Rejected):
            crops.append(align(pixels, places[0]))
            groups.append(f"{row['skin_tone']} {row['presentation']}")
    bare, rng = np.array([details(crop) for crop in crops]), np.random.default_rng(5)
    for column, (name, limit) in enumerate(LIMITS.items()):
        lost = bare[:, column] < limit
        parts = ", ".join(f"{one} {lost[np.array(groups) == one].mean():.1%}" for one in sorted(set(groups)))
        print(f"{name} below {limit}: {lost.mean():.1%} of {len(lost)} untouched ({parts})")
    print("| in front of the face | AUC eye_detail | caught | AUC mouth_detail | caught |\n|---|---|---|---|---|")
    for occluder in OCCLUDERS:
        hidden = np.array([details(covered(crop, occluder, rng)) for crop in crops[::EVERY]])
        cells = (
            f"{auc(bare[:, i], hidden[:, i]):.3f} | {(hidden[:, i] < limit).mean():.0%}"
            for i, limit in enumerate(LIMITS.values())
        )
        print(f"| {(occluder.__doc__ or '').rstrip('.').lower()} | {' | '.join(cells)} |")
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
