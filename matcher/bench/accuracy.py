"""`matcher bench accuracy`: pairs of pictures through the product's pipeline, and how often the answer is wrong.

1. A pair scores what the product would score: the canonical score of both templates, under the default quality limits
   or, for figures beside published ones, under the loosest that a policy may have.
2. *Accuracy* is the share of pairs on the right side of a threshold (at or above it: same). With a `fold` column of at
   least two folds the threshold of each fold is the best of all the others (Huang and others 2007, LFW's protocol);
   otherwise it is the best of the very pairs it is told of, which flatters, and the result says so.
3. Of equally good thresholds (multiples of 0.0001) the middle one is taken.
4. FMR and FNMR are told at thresholds that were given, with k, n and the exact interval, which takes pairs for
   independent (they share pictures and people, so it is somewhat too narrow).
5. A picture without a template is a failure to acquire: its pairs are not compared, and both are counted beside.
"""

import math
import statistics
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from matcher import kernels
from matcher.bench.machine import machine
from matcher.bench.pairs_file import ImagePair
from matcher.calibration.intervals import Estimate, estimate, steady
from matcher.domain.face import Face, Picture
from matcher.domain.policy import Quality
from matcher.domain.ports import FacePipeline
from matcher.domain.rejection import Rejected
from matcher.domain.template import MILLION, THRESHOLD_STEP, Floats, Millionths, Scores
from matcher.vision.decoders import decoders
from matcher.vision.files import read_picture_file

Which = Literal["largest", "central"]
Flags = npt.NDArray[np.bool_]
Progress = Callable[[int, int], None]
GRID = np.arange(-MILLION, MILLION + 1, THRESHOLD_STEP, dtype=np.int32)
OVERALL = "overall: the threshold is the best of these very pairs, which flatters"


@dataclass(frozen=True, slots=True)
class Taking:
    """Which face of a picture is taken, under which limits."""

    which: Which
    limits: Quality


@dataclass(frozen=True, slots=True, eq=False)
class Compared:
    """Pairs that had two templates: score, truth, fold and group of each."""

    scores: Scores
    same: Flags
    folds: tuple[str | None, ...]
    groups: tuple[str | None, ...]


def acquire(
    pipeline: FacePipeline, folder: Path, pairs: Sequence[ImagePair], taking: Taking, progress: Progress
) -> dict[str, Floats | Rejected]:
    """The template of each picture named in the pairs, or why there is none."""
    names = sorted({name for pair in pairs for name in (pair.image_a, pair.image_b)})
    found: dict[str, Floats | Rejected] = {}
    with ThreadPoolExecutor(thread_name_prefix="faces") as pool:
        for name, result in zip(
            names, pool.map(lambda name: _face(pipeline, folder, name, taking), names), strict=True
        ):
            found[name] = result.template if isinstance(result, Face) else result
            progress(len(found), len(names))
    return found


def compare(pairs: Sequence[ImagePair], found: Mapping[str, Floats | Rejected]) -> Compared:
    """The canonical scores of the pairs that have two templates."""
    kept, first, second = [], [], []
    for pair in pairs:
        one, other = found[pair.image_a], found[pair.image_b]
        if not isinstance(one, Rejected) and not isinstance(other, Rejected):
            kept.append(pair)
            first.append(one)
            second.append(other)
    scores = np.zeros(0, np.int32)
    if kept:
        scores = kernels.paired_scores(np.array(first), np.arange(len(kept), dtype=np.int32), np.array(second))
    same = np.array([pair.same for pair in kept], bool)
    return Compared(scores, same, tuple(pair.fold for pair in kept), tuple(pair.group for pair in kept))


def best_threshold(scores: Scores, same: Flags) -> Millionths:
    """The threshold with the most pairs on their right side; the middle one of several."""
    mated, others = np.sort(scores[same]), np.sort(scores[~same])
    right = len(mated) - np.searchsorted(mated, GRID) + np.searchsorted(others, GRID)
    best = np.flatnonzero(right == right.max())
    return int(GRID[best[len(best) // 2]])


def accuracy(told: Compared) -> dict[str, Any]:
    """Accuracy by folds where at least two are declared, else overall."""
    names = sorted({fold for fold in told.folds if fold is not None})
    overall = best_threshold(told.scores, told.same)
    right = (told.scores >= overall) == told.same
    if len(names) < 2:
        return {"method": OVERALL, "threshold": overall / MILLION, "folds": []} | _shown(int(right.sum()), len(right))
    folds: list[dict[str, Any]] = []
    for name in names:
        inside = np.array([fold == name for fold in told.folds])
        threshold = best_threshold(told.scores[~inside], told.same[~inside])
        hits = (told.scores[inside] >= threshold) == told.same[inside]
        folds.append({"fold": name, "threshold": threshold / MILLION} | _shown(int(hits.sum()), len(hits)))
    rates = [fold["rate"] for fold in folds]
    return {
        "method": f"{len(names)}-fold: the threshold of each fold is the best of the others",
        "threshold": None,
        "mean_of_folds": steady(statistics.mean(rates)),
        "standard_error": steady(statistics.stdev(rates) / math.sqrt(len(rates))),
        "folds": folds,
    } | _shown(sum(fold["k"] for fold in folds), sum(fold["n"] for fold in folds))


def at_threshold(told: Compared, threshold: Millionths) -> dict[str, Any]:
    """FMR and FNMR at one threshold, of all pairs and of each declared group."""
    everybody = np.ones(len(told.scores), bool)
    labels = sorted({group for group in told.groups if group is not None})
    members = {label: np.array([group == label for group in told.groups]) for label in labels}
    return (
        {"threshold": threshold / MILLION}
        | _errors(told, threshold, everybody)
        | {"groups": {label: _errors(told, threshold, chosen) for label, chosen in members.items()}}
    )


def failures(pairs: Sequence[ImagePair], found: Mapping[str, Floats | Rejected]) -> dict[str, Any]:
    """Pictures without a template, why, and the pairs that could not be compared for it, by group."""
    why = {name: result.reason.value for name, result in found.items() if isinstance(result, Rejected)}
    lost = [pair for pair in pairs if pair.image_a in why or pair.image_b in why]
    of_group = Counter(pair.group for pair in pairs if pair.group is not None)
    lost_of = Counter(pair.group for pair in lost if pair.group is not None)
    return {
        "images": _shown(len(why), len(found)),
        "reasons": dict(sorted(Counter(why.values()).items())),
        "pairs_not_compared": _shown(len(lost), len(pairs)),
        "groups": {label: _shown(lost_of[label], count) for label, count in sorted(of_group.items())},
    }


def benchmark(
    pipeline: FacePipeline, pairs: Sequence[ImagePair], found: Mapping[str, Floats | Rejected], at: Sequence[Millionths]
) -> dict[str, Any]:
    """Everything that is told of these pairs; accuracy is null, with its reason, where a kind of pair is missing."""
    told = compare(pairs, found)
    both = bool(told.same.any() and not told.same.all())
    return {
        "model": pipeline.identity.text(),
        "pairs": len(pairs),
        "compared": len(told.scores),
        "accuracy": accuracy(told) if both else None,
        "accuracy_reason": None if both else "pairs of one person and pairs of two must both have been compared",
        "at": [at_threshold(told, threshold) for threshold in at],
        "failures_to_acquire": failures(pairs, found),
        "interval": "Clopper-Pearson, 95 %, two-sided; pairs taken for independent",
        "machine": machine(),
    }


def _errors(told: Compared, threshold: Millionths, chosen: Flags) -> dict[str, Any]:
    reached, mated = told.scores[chosen] >= threshold, told.same[chosen]
    return {
        "fmr": _shown(int((reached & ~mated).sum()), int((~mated).sum())),
        "fnmr": _shown(int((~reached & mated).sum()), int(mated.sum())),
    }


def _shown(k: int, n: int) -> dict[str, Any]:
    made: Estimate = estimate(k, n)
    kept = {name: value for name, value in asdict(made).items() if name != "upper95"}
    return kept if n else kept | {"reason": "no trials"}


def _face(pipeline: FacePipeline, folder: Path, name: str, taking: Taking) -> Face | Rejected:
    picture = read_picture_file(folder / name, name)
    if isinstance(picture, Rejected):
        return picture
    results = pipeline.faces(picture, taking.limits)
    if taking.which == "largest":
        return results[0]
    faces = [result for result in results if isinstance(result, Face)]
    return min(faces, key=_from_centre(picture)) if faces else results[0]


def _from_centre(picture: Picture) -> Callable[[Face], float]:
    """How far the middle of a face's box is from the middle of the picture, in px."""
    pixels = decoders().pixels(picture)
    height, width = (0, 0) if isinstance(pixels, Rejected) else pixels.shape[:2]

    def distance(face: Face) -> float:
        x, y, wide, high = face.place.box
        return math.hypot(x + wide / 2 - width / 2, y + high / 2 - height / 2)

    return distance
