"""A world whose people have pictures, with a cohort of which known-answer items may be made."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import numpy as np

from matcher.domain.case import Verdict
from matcher.domain.cohort import CohortTerms
from matcher.domain.events import LogEntry
from matcher.domain.face import Picture
from matcher.domain.policy import Quality, parse_policy
from matcher.domain.records import AlertLine
from matcher.domain.template import Floats
from matcher.domain.vigilance import Answer
from matcher.kernels import normalise
from matcher.services.audit import verify
from matcher.services.collections import create_cohort
from matcher.services.load import load_cohort, load_list
from matcher.services.sources import PictureSource
from tests.services.world import Row, VectorPipeline, World, judgement, vectors

SAME, OTHER, UNSURE = Verdict.SAME, Verdict.DIFFERENT, Verdict.UNDECIDED
REVIEW = 'same_account = "mark"\nknown_answer_share = {share}\nknown_answers_least = 4\n'
USES = ("test", "train-reviewers")


def near(faces: Floats, seed: int) -> Floats:
    """Another picture of each of these faces."""
    return normalise(faces + 0.05 * vectors(len(faces), seed=seed))


class Pictured(World):
    """The small world with sealed pictures: a picture's bytes are its template. Chance is drawn the same every time."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.place = replace(self.place, random=np.random.default_rng(5).bytes)
        self.sessions = {name: replace(one, place=self.place) for name, one in self.sessions.items()}

    def pictures(self, rows: list[tuple[Row, bytes]]) -> PictureSource:
        data = {Path(f"{number}.jpg"): raw for number, (_, raw) in enumerate(rows)}
        told = [
            Row(row.subject_id, Path(f"{number}.jpg"), labels=row.labels, attributes=row.attributes)
            for number, (row, _) in enumerate(rows)
        ]
        return PictureSource(told, lambda path: Picture(path.name, data[path]), VectorPipeline(), Quality())

    def practised(
        self,
        uses: tuple[str, ...] = USES,
        share: float = 0.5,
        expires: date = date(2027, 1, 31),
        pictures: tuple[int, int] = (1, 2),
    ) -> "Pictured":
        """`pictures`: how many of each listed and of each cohort person."""
        people, (of_listed, of_cohort) = 200, pictures
        self.create(max(expires, date(2027, 1, 31)))
        listed = [
            (Row(f"S{i:03}", labels=(("name", "Planted"),)), shot[i].tobytes())
            for shot in [self.templates, *(near(self.templates, 90 + shot) for shot in range(1, of_listed))]
            for i in range(20)
        ]
        load_list(self.sessions["boss"], "missing", self.pictures(listed), False, lambda *_: None)
        terms = CohortTerms("volunteers", "consent", expires, uses=uses)
        create_cohort(self.sessions["boss"], "staff", terms)
        base = vectors(people, seed=2)
        shots = [base, *(near(base, 30 + shot) for shot in range(1, of_cohort))]
        rows = [
            (Row(f"C{i:04}", attributes=(("group", "a" if i % 2 else "b"),)), shot[i].tobytes())
            for shot in shots
            for i in range(people)
        ]
        load_cohort(self.sessions["boss"], "staff", self.pictures(rows), False, lambda *_: None)
        self.calibrate(parse_policy(f"[certification]\nalpha = 0.05\n[review]\n{REVIEW.format(share=share)}"))
        self.activate()
        return self

    def hit(self, number: int, case: str = "") -> None:
        self.clock.now += timedelta(minutes=1)
        self.submit(self.templates[number % 20], case=case or f"hit/{number}")

    def miss(self, number: int) -> None:
        self.clock.now += timedelta(minutes=1)
        probes = vectors(400, seed=77)
        probes = probes[(probes @ self.templates.T).max(axis=1) < 0.5]
        self.submit(probes[number], case=f"nobody/{number}")

    def items(self) -> list[AlertLine]:
        with self.place.work(write=False) as work:
            return list(work.alerts.known_lines())

    def answer(self, alert_id: str) -> Answer:
        with self.place.work(write=False) as work:
            found = work.vigilance.answer(self.sessions["boss"].vault, alert_id)
        assert found is not None
        return found

    def truths(self, alert_id: str) -> dict[str, Verdict]:
        """What somebody would say of each candidate who is always right."""
        mate = self.answer(alert_id).mate
        (line,) = [one for one in self.items() if one.alert_id == alert_id]
        return {one: SAME if one == mate else OTHER for one in line.candidate_ids}

    def say(self, who: str, alert_id: str, verdict: Callable[[str], Verdict]) -> None:
        desk = self.desk(who)
        for candidate in desk.claim(alert_id).candidates:
            desk.judge(alert_id, judgement(candidate.candidate_id, verdict(candidate.candidate_id)))
        desk.disclose(alert_id)
        desk.finish(alert_id)

    def queue_items(self, count: int) -> list[str]:
        """Searches until so many items wait."""
        number = 0
        while len(self.items()) < count:
            self.hit(number)
            self.miss(number)
            number += 1
        return [line.alert_id for line in self.items()]


def checked(world: World) -> None:
    verify(world.place, lambda *_: None)


def log_of(world: World) -> list[LogEntry]:
    with world.place.work(write=False) as work:
        return list(work.log.entries())


# --- making them ------------------------------------------------------------------------------------------------------
