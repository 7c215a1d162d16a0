"""`matcher bench enrol`: from pictures to templates, ours beside OpenCV's own pipeline, in turns, in one process.

1. The whole is what `watchlist load` runs: `FacePipeline.references`, the largest face of each picture, no limit of
   quality changed. Stages are the same code, called one after the other on one thread.
2. Every way goes over the same pictures, read into memory before; each has a run that is not timed, then turns.
3. A ratio is told only where both found the same faces: a picture's two templates have a median cosine of 0.99 or more.
4. Beside the time on the clock stands that of the processor, the decoding processes' included: the former is at the
   mercy of other programs.
"""

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from matcher import kernels
from matcher.bench.machine import machine, processor_seconds
from matcher.bench.peers.opencv import OpenCvPipeline
from matcher.calibration.intervals import steady
from matcher.domain.face import Face, Picture
from matcher.domain.installed_model import InstalledModel
from matcher.domain.model_input import EmbedderInput
from matcher.domain.policy import Quality
from matcher.domain.provider import Provider
from matcher.domain.rejection import Rejected
from matcher.domain.template import Floats
from matcher.errors import BadInput
from matcher.models.rewrite import plain
from matcher.vision.align import align, crop_of
from matcher.vision.decoders import decoders
from matcher.vision.detect import Detector
from matcher.vision.files import read_picture_file
from matcher.vision.pipeline import open_pipeline
from matcher.vision.provider import open_embedder
from matcher.vision.weights import read_weights

TURNS = 5
SAME_FACE = 0.99
STAGES = ("decode", "detect", "align", "embed")
SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".bmp"})
Say = Callable[[str], None]
Templates = list[Floats | None]


@dataclass(frozen=True, slots=True)
class Setting:
    """What runs: the models, the provider of the embedder, and how many threads.

    `at_once` is how many pictures ours has under way, None for what the product does by itself.
    """

    detector: InstalledModel
    embedder: InstalledModel
    provider: Provider
    threads: int
    at_once: int | None = None


@dataclass(slots=True)
class Taken:
    """Seconds of each turn of one way, on the clock and of the processor."""

    clock: list[float] = field(default_factory=list)
    processor: list[float] = field(default_factory=list)

    def run(self, way: Callable[[], object]) -> None:
        """One turn."""
        clock, processor = time.perf_counter(), processor_seconds()
        way()
        self.clock.append(time.perf_counter() - clock)
        self.processor.append(processor_seconds() - processor)


def pictures_of(folder: Path, most: int) -> list[Picture]:
    """Up to `most` pictures of a folder and those below it, spread evenly in order of name. Raises BadInput."""
    if not folder.is_dir():
        raise BadInput(f"{folder} is not a folder of pictures")
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)
    chosen = [paths[at] for at in np.linspace(0, len(paths) - 1, min(most, len(paths))).astype(int)] if paths else []
    read = [read_picture_file(path, path.name) for path in chosen]
    found = [picture for picture in read if isinstance(picture, Picture)]
    if not found:
        raise BadInput(f"{folder} holds no picture that can be read ({', '.join(sorted(SUFFIXES))})")
    return found


def benchmark(setting: Setting, pictures: Sequence[Picture], say: Say) -> dict[str, Any]:
    """The whole comparison. Raises BadInput where no picture has a face."""
    if setting.embedder.manifest.fed != EmbedderInput():
        raise BadInput(
            f"OpenCV runs embedders that are fed as SFace is: {setting.embedder.manifest.id} has no peer here"
        )
    pipeline = open_pipeline(setting.detector, setting.embedder, setting.at_once, setting.provider)
    opencv = OpenCvPipeline(
        setting.detector.published.read_bytes(), plain(setting.embedder.published.read_bytes()), setting.threads
    )
    limits = Quality(several_faces="largest")

    def ours() -> Templates:
        return [_template(result) for _, result in pipeline.references(pictures, limits)]

    ways: dict[str, Callable[[], Templates]] = {
        "matcher": ours,
        "opencv": lambda: opencv.one_after_the_other(pictures),
        "opencv_side_by_side": lambda: opencv.side_by_side(pictures),
    }
    answers = _warmed(ways, say)
    if not any(row is not None for row in answers["matcher"]):
        raise BadInput("no picture gave a template: there is nothing to time")
    taken = _in_turns(ways, say)
    opencv.close()
    say("stages")
    return _told(setting, len(pictures), taken) | {
        "templates": sum(row is not None for row in answers["matcher"]),
        "stages": _stages(setting, pictures),
        "peers": {name: _peer(name, taken, answers, len(pictures)) for name in ways if name != "matcher"},
        "machine": machine() | {name: _version(name) for name in ("onnxruntime", "openvino", "opencv-python-headless")},
    }


def _warmed(ways: dict[str, Callable[[], Templates]], say: Say) -> dict[str, Templates]:
    answers = {}
    for name, way in ways.items():
        say(f"{name}: warming up")
        answers[name] = way()
    return answers


def _in_turns(ways: dict[str, Callable[[], Templates]], say: Say) -> dict[str, Taken]:
    taken = {name: Taken() for name in ways}
    for turn in range(TURNS):
        for name, way in ways.items():
            say(f"turn {turn + 1} of {TURNS}: {name}")
            taken[name].run(way)
    return taken


def _told(setting: Setting, count: int, taken: dict[str, Taken]) -> dict[str, Any]:
    mine = taken["matcher"]
    return {
        "images": count,
        "threads": setting.threads,
        "provider": setting.provider.value,
        "rewrite": setting.provider.marked(setting.embedder.rewrite),
        "images_per_second": steady(count / statistics.median(mine.clock)),
        "processor_ms_per_image": steady(1e3 * statistics.median(mine.processor) / count),
    }


def _stages(setting: Setting, pictures: Sequence[Picture]) -> dict[str, float]:
    """Milliseconds a picture, one thread, medians over the pictures."""
    dim, fed = setting.embedder.manifest.dim or 0, setting.embedder.manifest.fed
    crop = crop_of(fed)
    detector = Detector(read_weights(setting.detector))
    embedder = open_embedder(read_weights(setting.embedder), dim, setting.provider, 1, fed)
    spent: dict[str, list[float]] = {name: [] for name in STAGES}

    def timed(stage: str, work: Callable[..., Any], *given: object) -> Any:
        started = time.perf_counter()
        made = work(*given)
        spent[stage].append(1e3 * (time.perf_counter() - started))
        return made

    for picture in pictures:
        pixels = timed("decode", decoders().pixels, picture)
        if isinstance(pixels, Rejected):
            continue
        places = timed("detect", detector.find, pixels)
        if places:
            aligned = timed("align", align, pixels, places[0], crop)
            timed("embed", embedder.embed, aligned[np.newaxis])
    return {f"{name}_ms": steady(statistics.median(values)) for name, values in spent.items() if values}


def _peer(name: str, taken: dict[str, Taken], answers: dict[str, Templates], count: int) -> dict[str, Any]:
    both = [
        (mine, theirs)
        for mine, theirs in zip(answers["matcher"], answers[name], strict=True)
        if mine is not None and theirs is not None
    ]
    cosine = (
        statistics.median(float(mine @ kernels.normalise(row[np.newaxis])[0]) for mine, row in both) if both else None
    )
    same = cosine is not None and cosine >= SAME_FACE
    ratio = statistics.median(taken[name].clock) / statistics.median(taken["matcher"].clock)
    return {
        "images_per_second": steady(count / statistics.median(taken[name].clock)),
        "processor_ms_per_image": steady(1e3 * statistics.median(taken[name].processor) / count),
        "ratio": steady(ratio) if same else None,
        "ratio_reason": None if same else "the templates are not of the same faces",
        "images_both": len(both),
        "median_cosine": None if cosine is None else steady(cosine),
    }


def _template(result: Face | Rejected) -> Floats | None:
    return result.template if isinstance(result, Face) else None


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
