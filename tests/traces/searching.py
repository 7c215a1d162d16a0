"""A process that searches a list for one picture: real decoding, detection, alignment and embedding; see the test.

`python -m tests.traces.searching HOME PICTURE`; with `--control` it writes what it must not, for the trace to find.
"""

import os
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from matcher.config import load_settings
from matcher.domain.face import Face, Picture
from matcher.domain.people import Seat
from matcher.domain.policy import Quality
from matcher.domain.rejection import Rejected
from matcher.domain.template import Floats
from matcher.index.exact import ExactIndex
from matcher.index.screen import screen_of
from matcher.kernels import normalise
from matcher.models.catalogue import default
from matcher.models.record import installed
from matcher.services.submit import Errand, submit
from matcher.services.workplace import Workplace, sign_in
from matcher.store.key_record import KeyCost
from matcher.store.keyring import HomeKeyring
from matcher.store.revisions_file import SealedRevisions
from matcher.store.unit_of_work import open_store
from matcher.vision.align import align
from matcher.vision.decode import decode
from matcher.vision.files import read_picture_file
from matcher.vision.pipeline import FacePipeline, open_pipeline
from tests.services.world import DIM, MODEL, PASSPHRASE

NOON = datetime(2026, 11, 23, 13, tzinfo=UTC)


class Narrowed:
    """The real pipeline, with templates as short as those of the small world's list."""

    identity = MODEL
    touchstone = b""

    def __init__(self, whole: FacePipeline) -> None:
        self._whole = whole

    def faces(self, picture: Picture, quality: Quality) -> list[Face | Rejected]:
        found = self._whole.faces(picture, quality)
        return [replace(one, template=narrowed(one.template)) if isinstance(one, Face) else one for one in found]

    def references(self, pictures: object, quality: Quality) -> Iterator[tuple[int, Face | Rejected]]:
        raise NotImplementedError


def narrowed(template: Floats) -> Floats:
    """The first rows of a template, of unit length."""
    row: Floats = normalise(np.ascontiguousarray(template[np.newaxis, :DIM]))[0]
    return row


def real_pipeline() -> FacePipeline:
    """The default models, as they are installed."""
    folder = load_settings().models
    detector, embedder = (installed(default(kind), folder) for kind in ("detector", "embedder"))
    assert detector is not None
    assert embedder is not None
    return open_pipeline(detector, embedder, 1)


def kept_from(path: Path) -> dict[str, bytes]:
    """Everything of a picture that must reach no file: its bytes, its pixels, the aligned face and its templates."""
    picture = read_picture_file(path)
    assert isinstance(picture, Picture)
    pixels = decode(picture)
    assert not isinstance(pixels, Rejected)
    (face,) = real_pipeline().faces(picture, Quality())
    assert isinstance(face, Face)
    crop = align(pixels, face.place)
    return {
        "picture": picture.data,
        "pixels": pixels.tobytes(),
        "thumbnail": crop.tobytes(),
        "template": face.template.tobytes(),
        "narrowed template": narrowed(face.template).tobytes(),
    }


def place_of(home: Path) -> Workplace:
    """A home, without the command line's settings."""
    seat = Seat("tester", "")

    def clock() -> datetime:
        return NOON

    return Workplace(
        work=open_store(home, seat, clock).unit_of_work,
        revisions=SealedRevisions(home / "sealed"),
        keyring=HomeKeyring(home / "sealed", KeyCost(passes=1, memory_kib=64, lanes=1)),
        build_index=ExactIndex.build,
        open_index=ExactIndex.opened,
        screen_of=screen_of,
        clock=clock,
        random=os.urandom,
        seat=seat,
    )


def main(home: Path, path: Path, control: bool) -> None:
    """Searches, and prints how many faces were searched and how many alerts were queued; or writes what it must not."""
    if control:
        for what, data in kept_from(path).items():
            (home / f"{what}.bin").write_bytes(data)
            (home / f"{what}.bin").unlink()
        return
    session = sign_in(place_of(home), "boss", PASSPHRASE)
    pipeline = Narrowed(real_pipeline())
    (done,) = submit(session, "missing", [(path, read_picture_file)], Errand("2026/7", "seen"), lambda: pipeline)
    sys.stdout.write(f"{done.searched} {done.alerts}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), "--control" in sys.argv)
