"""A real home on disk with alerts that wait: drawn faces for pictures, vectors for their templates, no model."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from matcher.domain.face import Face, Picture
from matcher.domain.policy import Quality
from matcher.domain.rejection import Rejected
from matcher.domain.template import Floats
from matcher.services.load import load_list
from matcher.services.sources import PictureSource
from matcher.services.submit import Errand, submit
from tests.fakes.drawn_faces import drawn_face
from tests.services.world import MEASURES, MODEL, PASSPHRASE, Clock, Row, World

__all__ = ["PASSPHRASE", "waiting_home"]

PEOPLE = 6
NAME = "Planted \x1b[31mName\u202e"  # foreign text that would steer a terminal


@dataclass(frozen=True)
class DrawnPipeline:
    """Knows the drawn pictures by their bytes."""

    templates: Floats
    identity = MODEL
    touchstone = b""

    def faces(self, picture: Picture, quality: Quality) -> list[Face | Rejected]:
        person, face = next(
            (person, face)
            for person in range(PEOPLE)
            for face in (drawn_face(person), drawn_face(person, variant=1))
            if face.data == picture.data
        )
        return [Face(face.place, MEASURES, self.templates[person])]

    def references(
        self, pictures: Iterable[Picture | Rejected], quality: Quality
    ) -> Iterator[tuple[int, Face | Rejected]]:
        for number, picture in enumerate(pictures):
            yield number, picture if isinstance(picture, Rejected) else self.faces(picture, quality)[0]


def waiting_home(folder: Path, alerts: int = 3) -> Path:
    """The home's folder. Reviewers ana, ben and cleo, everybody's passphrase PASSPHRASE; two may share an account."""
    world = World(folder, Clock(datetime.now(UTC).replace(microsecond=0)))
    try:
        world.create()
        pipeline = DrawnPipeline(world.templates)
        rows = [Row(f"S{at:03}", Path(f"{at}.jpg"), labels=(("name", NAME), ("note", ""))) for at in range(PEOPLE)]
        source = PictureSource(
            rows, lambda path: Picture(path.name, drawn_face(int(path.stem)).data), pipeline, Quality()
        )
        load_list(world.sessions["boss"], "missing", source, False, lambda *_: None)
        world.cohort()
        world.calibrate()
        world.activate()
        for at in range(alerts):
            picture = Picture("probe", drawn_face(at, variant=1).data)
            images = [(Path("probe.jpg"), lambda _, picture=picture: picture)]
            done = list(submit(world.sessions["boss"], "missing", images, Errand("2026/1", "seen"), lambda: pipeline))
            assert done[0].alerts == 1
    finally:
        world.store.close()
    return folder / "home"
