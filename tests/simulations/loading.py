"""`python -m tests.simulations.loading 100000`: what a load costs besides looking for faces, in time and in memory.

1. Everything is the product's own but the faces: the manifest is read, pictures are read, hashed and sealed, results
   are journalled, references compared, the revision digested, sealed and committed.
2. A stand-in for the face pipeline makes two templates for each of half as many people, from the number that is
   appended to a demo picture's bytes: no two pictures are equal. Its time is left out of the rate. The real models are
   in memory all the same, and have looked at some pictures before: what they take counts.
3. Memory is what the system counts as resident, looked at every 20 ms, by step. `besides templates` leaves out one copy
   of the templates: what is searched has to exist once. Processes that decode pictures are told beside (`decoders_mb`).
"""

import argparse
import json
import resource
import sys
import tempfile
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from time import perf_counter, sleep
from typing import Any

import numpy as np

from matcher.bootstrap import default_pipeline
from matcher.cli.output import Output
from matcher.config import load_settings
from matcher.domain.face import Face, FacePlace, Picture
from matcher.domain.policy import Quality
from matcher.domain.ports import FacePipeline
from matcher.domain.rejection import Rejected
from matcher.domain.template import Floats
from matcher.domain.watchlist import ListTerms
from matcher.kernels import normalise
from matcher.services import load
from matcher.services.collections import create_list
from matcher.services.load import load_list
from matcher.services.sources import PictureSource, Resuming
from matcher.store.manifest_files import read_manifest
from matcher.store.revisions_file import SealedRevisions
from matcher.vision.files import read_picture_file
from tests.services.world import MEASURES, MODEL, PLACE, World

DEMO = Path(__file__).resolve().parents[2] / "watchlists" / "demo" / "cohort"
PAGE = resource.getpagesize()
MB = 1_000_000
LOOKED_AT = 100


class MadeUpFaces:
    """A face for the number at the end of each picture; two numbers in a row are one person."""

    touchstone = b""

    def __init__(self, dim: int) -> None:
        self.identity = replace(MODEL, dim=dim)
        self.seconds = 0.0
        self._real: FacePipeline | None = None

    def look_at(self, pictures: list[Path]) -> None:
        """Opens the real models and has them look at pictures; they stay in memory."""
        self._real = default_pipeline(load_settings(), Output(as_json=False))
        some = [read_picture_file(path) for path in pictures]
        for _ in self._real.references(some, Quality()):
            pass

    def faces(self, picture: Picture, quality: Quality) -> list[Face | Rejected]:
        began = perf_counter()
        number = int.from_bytes(picture.data[-8:], "little")
        person = np.random.default_rng(number // 2).standard_normal((1, self.identity.dim))
        noise = np.random.default_rng([number, 1]).standard_normal((1, self.identity.dim))
        template: Floats = normalise((person + 0.3 * noise).astype(np.float32))[0]
        self.seconds += perf_counter() - began
        return [Face(own_place(number), MEASURES, template)]

    def references(
        self, pictures: Iterable[Picture | Rejected], quality: Quality
    ) -> Iterator[tuple[int, Face | Rejected]]:
        for number, picture in enumerate(pictures):
            yield number, picture if isinstance(picture, Rejected) else self.faces(picture, quality)[0]


def own_place(number: int) -> FacePlace:
    """Numbers of its own: shared ones would take no memory."""
    shift = number / 7
    x, y, width, high = PLACE.box
    points = [(x + shift, y + shift) for x, y in PLACE.landmarks]
    return FacePlace((x + shift, y + shift, width + shift, high + shift), tuple(points))  # type: ignore[arg-type]


class Watch:
    """Resident memory and time by step."""

    def __init__(self) -> None:
        self.step = "starting"
        self.peaks: dict[str, float] = {}
        self.seconds: dict[str, float] = {}
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def _look(self) -> None:
        while not self._ended.is_set():
            self.peaks[self.step] = max(self.peaks.get(self.step, 0.0), resident())
            sleep(0.02)

    @contextmanager
    def during(self, step: str) -> Iterator[None]:
        before, self.step, began = self.step, step, perf_counter()
        try:
            yield
        finally:
            self.seconds[step] = self.seconds.get(step, 0.0) + perf_counter() - began
            self.step = before

    def timed(self, step: str, call: Any) -> Any:
        def called(*args: Any, **named: Any) -> Any:
            with self.during(step):
                return call(*args, **named)

        return called

    def end(self) -> None:
        self._ended.set()
        self._thread.join()


def resident() -> float:
    """Megabytes."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE / MB


def decoders() -> float:
    """Megabytes of the processes that decode pictures, without what they share with others (libraries)."""
    tasks = Path("/proc/self/task").glob("*/children")
    sizes = [Path(f"/proc/{child}/statm").read_text().split() for task in tasks for child in task.read_text().split()]
    return sum(int(size[1]) - int(size[2]) for size in sizes) * PAGE / MB


def manifest(folder: Path, count: int) -> Path:
    path = folder / "people.csv"
    with path.open("w") as file:
        file.write("subject_id,image,name,site\n")
        for number in range(count):
            name = f"Made Up Person {number // 2}"
            file.write(f"S{number // 2:07},pictures/{number:07}.jpg,{name},{'north' if number % 4 < 2 else 'south'}\n")
    return path


def reader(pictures: list[Path], interrupted_at: int = 0) -> Any:
    def read(path: Path) -> Picture | Rejected:
        number = int(path.stem)
        if interrupted_at and number == interrupted_at:
            raise KeyboardInterrupt
        found = read_picture_file(pictures[number % len(pictures)])
        return found if isinstance(found, Rejected) else Picture(str(path), found.data + number.to_bytes(8, "little"))

    return read


def measure(count: int, dim: int, interrupted_at: int) -> dict[str, Any]:
    """One load into a new list; `interrupted_at` is the picture at which an earlier run of it ended, 0 for none."""
    watch = Watch()
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        world = World(folder)
        session = world.sessions["boss"]
        world.clock.now = datetime.now(UTC)
        create_list(session, "missing", ListTerms("find", "consent", "unit", date(2099, 12, 31), 10))
        begun = resident()
        pictures = sorted(DEMO.glob("*.jpg"))
        with watch.during("manifest"):
            rows = read_manifest(manifest(folder, count), "watchlist")
        for (where, name), step in STEPS.items():
            setattr(where, name, watch.timed(step, getattr(where, name)))
        faces = MadeUpFaces(dim)
        resuming = Resuming("loading", False, lambda found: print(found, file=sys.stderr))
        if interrupted_at:
            with suppress(KeyboardInterrupt):
                source = PictureSource(rows, reader(pictures, interrupted_at), faces, Quality(), resuming)
                load_list(session, "missing", source, False, lambda *_: None)
            faces.seconds = 0.0
            watch.seconds.clear()
        faces.look_at(pictures[:LOOKED_AT])
        beside = decoders()
        source = PictureSource(rows, reader(pictures), faces, Quality(), resuming)
        began = perf_counter()
        with watch.during("the rest"):
            result = load_list(session, "missing", source, False, lambda *_: None)
        seconds = perf_counter() - began - faces.seconds
        world.store.close()
    watch.end()
    peak = max(watch.peaks.values())
    templates = result.revision.templates * dim * 4 / MB
    return {
        "pictures": count,
        "interrupted_at": interrupted_at,
        "dim": dim,
        "templates": result.revision.templates,
        "digest": result.revision.digest,
        "seconds": round(seconds, 1),
        "pictures_per_second": round(count / seconds),
        "before_mb": round(begun),
        "peak_mb": round(peak),
        "high_water_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / MB),
        "templates_mb": round(templates, 1),
        "besides_templates_mb": round(peak - templates),
        "decoders_mb": round(beside),
        "steps": {
            step: {"seconds": round(watch.seconds.get(step, 0.0), 1), "peak_mb": round(peak)}
            for step, peak in watch.peaks.items()
        },
    }


STEPS = {
    (load, "_enrol"): "pictures",
    (load, "without_misplaced"): "comparing references",
    (load, "merged"): "merging",
    (load, "content_digest"): "digest",
    (SealedRevisions, "write"): "sealing the revision",
    (load, "_commit"): "commit",
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.simulations.loading")
    parser.add_argument("pictures", type=int, nargs="?", default=100_000)
    parser.add_argument("--dim", type=int, default=128)
    parser.add_argument("--interrupted-at", type=int, default=0, help="An earlier run ended at this picture.")
    given = parser.parse_args()
    print(json.dumps(measure(given.pictures, given.dim, given.interrupted_at), indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
