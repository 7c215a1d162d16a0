"""The same model on another machine, and another model: who refuses, what is said, and what is still served."""

from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from matcher.domain.cohort import CohortTerms
from matcher.domain.face import Picture
from matcher.domain.rejection import Rejected
from matcher.domain.same_model import how_to_get, what_differs
from matcher.domain.template import ModelIdentity
from matcher.domain.touchstone import touchstone_of
from matcher.errors import Refused
from matcher.services.audit import verify
from matcher.services.calibrate import Question, calibrate_list
from matcher.services.collections import create_cohort
from matcher.services.load import load_cohort, load_list
from matcher.services.remove import remove_subjects
from matcher.services.sources import PictureSource
from matcher.services.submit import Errand, Submission, submit
from tests.services.world import DIM, NOBODY, PILOT, Row, VectorPipeline, World, vectors

MODEL = ModelIdentity("a@" + "1" * 64, "d@" + "2" * 64, "p3+r1", "r2", DIM)
HERE = vectors(4, seed=9)


def moved(by: float) -> bytes:
    """A machine's touchstone, one of its faces about this far from where this machine has it."""
    other = HERE.astype(np.float64)
    aside = vectors(1, seed=10)[0].astype(np.float64)
    aside -= aside @ other[2] * other[2]
    other[2] = other[2] * np.cos(by) + aside / np.linalg.norm(aside) * np.sin(by)
    return touchstone_of(other.astype(np.float32))


@dataclass
class Machine(VectorPipeline):
    """A pipeline of pictures that are vectors, on a machine of this touchstone."""

    identity: ModelIdentity = MODEL
    touchstone: bytes = touchstone_of(HERE)


class Lived:
    """A home whose list and cohort were loaded from pictures, calibrated and activated."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.boss = world.sessions["boss"]
        world.create()
        create_cohort(self.boss, "staff", CohortTerms("volunteers", "consent", date(2027, 1, 31)))
        self.load(Machine(), "missing", 20, 1)
        self.load(Machine(), "staff", 200, 2)
        self.calibrate()
        world.activate()

    def load(self, machine: Machine, name: str, count: int, seed: int, fresh: bool = False) -> None:
        faces = {f"{name}{seed}-{i}": face for i, face in enumerate(vectors(count, seed))}

        def read(path: Path) -> Picture | Rejected:
            return Picture(path.name, faces[path.name].tobytes())

        rows = [Row(key, Path(key), attributes=(("group", "ab"[i % 2]),)) for i, key in enumerate(faces)]
        run = load_list if name == "missing" else load_cohort
        run(self.boss, name, PictureSource(rows, read, machine, PILOT.quality), fresh, lambda *_: None)

    def calibrate(self) -> None:
        calibrate_list(self.boss, Question("missing", "staff", PILOT), NOBODY)

    def submit(self, machine: Machine) -> list[Submission]:
        picture = Picture("probe", vectors(1, seed=77)[0].tobytes())
        return list(
            submit(self.boss, "missing", [(Path("p"), lambda _: picture)], Errand("1", "seen"), lambda: machine)
        )


@pytest.fixture
def lived(world: World) -> Lived:
    return Lived(world)


def test_a_machine_within_the_tolerance_searches_adds_and_tests(lived: Lived) -> None:
    near = Machine(touchstone=moved(0.000490))
    assert lived.submit(near)[0].searched == 1
    lived.load(near, "missing", 3, 5)
    lived.load(near, "staff", 200, 6, fresh=True)
    lived.calibrate()


def test_a_machine_beyond_it_is_refused_everywhere_and_nothing_changes(lived: Lived) -> None:
    far = Machine(touchstone=moved(0.000510))
    with lived.world.place.work(write=False) as work:
        held = work.lists.named("missing")
    for act in (lambda: lived.submit(far), lambda: lived.load(far, "missing", 3, 5)):
        with pytest.raises(Refused, match=r"of the shipped faces is 51\d millionths away, more than 500"):
            act()
        assert lived.world.log_actions()[-1] == "refused"
    with lived.world.place.work(write=False) as work:
        assert work.lists.named("missing") == held
    lived.load(far, "staff", 200, 6, fresh=True)
    with pytest.raises(Refused, match="list missing and cohort staff were made on machines that differ"):
        lived.calibrate()
    assert lived.submit(Machine())[0].searched == 1


def test_additions_are_compared_with_the_first_machine_not_with_the_last(lived: Lived) -> None:
    """Otherwise a list could wander as far as one likes, in steps within the tolerance."""
    lived.load(Machine(touchstone=moved(0.000400)), "missing", 3, 5)
    with pytest.raises(Refused, match="millionths away"):
        lived.load(Machine(touchstone=moved(0.000800)), "missing", 3, 6)


def test_loading_anew_takes_over_and_a_removal_keeps(lived: Lived) -> None:
    far = Machine(touchstone=moved(0.01))
    lived.load(far, "missing", 20, 5, fresh=True)
    remove_subjects(lived.boss, "missing", ["missing5-3"])
    with lived.world.place.work(write=False) as work:
        found = work.lists.named("missing")
    assert found is not None
    assert found.latest is not None
    assert found.latest.touchstone == far.touchstone
    verify(lived.world.place, lambda *_: None)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"embedder": "b@" + "3" * 64}, r"embedder a@11111111, not b@33333333\): set MATCHER_EMBEDDER=a, or load"),
        ({"embedder": "a@" + "3" * 64}, f"install the embedder a of sha256 {'1' * 64}, or load"),
        ({"detector": "e@" + "2" * 64}, "set MATCHER_DETECTOR=d, or load"),
        ({"rewrite": "r2+openvino"}, r"rewrite r2, not r2\+openvino\): set MATCHER_PROVIDER=onnxruntime, or load"),
        ({"preprocessing": "p3+r1+" + "0" * 32}, r"use the release and the manifest \(\[input\]\)"),
    ],
)
def test_no_certificate_survives_another_identity(lived: Lived, changed: dict[str, str], words: str) -> None:
    other = Machine(identity=replace(MODEL, **changed))  # type: ignore[arg-type]
    for act in (lambda: lived.submit(other), lambda: lived.load(other, "missing", 3, 5)):
        with pytest.raises(Refused, match=words):
            act()
    lived.load(other, "staff", 200, 6, fresh=True)
    with pytest.raises(Refused, match=r"hold templates of different models.*and load the cohort again"):
        lived.calibrate()
    # the list made anew with it has no certificate of its own yet, and the old one does not cover it
    lived.load(other, "missing", 20, 7, fresh=True)
    with pytest.raises(Refused, match=words):
        lived.submit(other)
    assert lived.submit(Machine())[0].searched == 1


def test_embeddings_made_elsewhere_have_no_machine_to_compare(world: World) -> None:
    world.active()
    with pytest.raises(Refused, match="embeddings made elsewhere: no photograph"):
        list(submit(world.sessions["boss"], "missing", [], Errand("1", "seen"), Machine))


def test_what_is_the_same_is_not_told() -> None:
    other = replace(MODEL, dim=DIM + 1)
    assert what_differs(MODEL, other) == f"dim {DIM}, not {DIM + 1}"
    unseen = replace(MODEL, detector="unseen", preprocessing="unseen", rewrite="unseen")
    assert how_to_get(unseen, replace(unseen, embedder="b@1")) == "give embeddings of a (--model)"
