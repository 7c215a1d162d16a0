import csv
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from matcher.domain import ports
from matcher.domain.face import Face, Picture
from matcher.domain.policy import Quality
from matcher.domain.rejection import Reason, Rejected
from matcher.domain.template import ModelIdentity
from matcher.errors import BadInput, IntegrityError
from matcher.models.catalogue import default
from matcher.models.verify import verify
from matcher.vision.files import read_picture_file
from matcher.vision.pipeline import AHEAD, FacePipeline, open_pipeline
from tests.vision.pictures import ONE_FACE, turned

LARGEST = Quality(several_faces="largest")


def picture(path: Path) -> Picture:
    result = read_picture_file(path)
    assert isinstance(result, Picture)
    return result


def only_face(pipeline: FacePipeline, item: Picture) -> Face:
    (result,) = pipeline.faces(item, Quality())
    assert isinstance(result, Face), result
    return result


@pytest.fixture(scope="module")
def sixteen(demo: Path) -> list[Picture]:
    return [picture(path) for path in sorted((demo / "list").glob("*.jpg"))[:16]]


def templates(results: Iterator[tuple[int, Face | Rejected]]) -> list[bytes]:
    return [result.template.tobytes() for _, result in results if isinstance(result, Face)]


def test_the_identity_names_everything_that_makes_a_template(pipeline: FacePipeline) -> None:
    identity = pipeline.identity
    assert identity.embedder == default("embedder").pinned()
    assert identity.detector == default("detector").pinned()
    assert (identity.preprocessing, identity.rewrite, identity.dim) == ("p3+r1", "r2", 128)
    assert ModelIdentity.parse(identity.text()) == identity


def test_it_is_the_port_that_the_use_cases_see(pipeline: FacePipeline) -> None:
    seen: ports.FacePipeline = pipeline
    assert seen.identity.pictures_seen


def test_a_template_is_a_unit_vector_that_nobody_can_change(pipeline: FacePipeline) -> None:
    template = only_face(pipeline, picture(ONE_FACE)).template
    assert (template.shape, template.dtype) == ((128,), np.float32)
    assert np.linalg.norm(template.astype(np.float64)) == pytest.approx(1, abs=1e-6)
    with pytest.raises(ValueError, match="read-only"):
        template[0] = 0


def test_company_order_and_threads_do_not_change_a_bit(
    pipeline: FacePipeline, models_folder: Path, sixteen: list[Picture]
) -> None:
    together = templates(pipeline.references(sixteen, Quality()))
    assert len(together) == 16
    assert [templates(pipeline.references([item], Quality()))[0] for item in sixteen] == together
    assert templates(pipeline.references(sixteen[::-1], Quality())) == together[::-1]
    assert [only_face(pipeline, item).template.tobytes() for item in sixteen] == together
    models = [verify(default(kind), models_folder) for kind in ("detector", "embedder")]
    for threads in (1, 5):
        assert templates(open_pipeline(*models, threads).references(sixteen, Quality())) == together


def test_two_pictures_of_one_person_are_nearer_than_two_people(pipeline: FacePipeline, sixteen: list[Picture]) -> None:
    rows = np.array([only_face(pipeline, item).template for item in sixteen])
    scores = rows @ rows.T
    mated = [scores[row, row + 1] for row in range(0, 16, 2)]
    others = [scores[row, column] for row in range(16) for column in range(16) if row // 2 != column // 2]
    assert np.mean(mated) > np.mean(others) + 0.2


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
@pytest.mark.parametrize("orientation", [3, 6, 8])
def test_a_turned_picture_gives_the_template_of_the_upright_one(
    pipeline: FacePipeline, kind: str, orientation: int
) -> None:
    upright = only_face(pipeline, picture(ONE_FACE)).template
    assert float(upright @ only_face(pipeline, Picture("turned", turned(orientation, kind))).template) > 0.97


def test_results_keep_their_place_and_rejections_pass_through(pipeline: FacePipeline, sixteen: list[Picture]) -> None:
    missing = Rejected("gone.jpg", Reason.MISSING_FILE)
    junk = Picture("junk.jpg", b"junk")
    results = dict(pipeline.references([sixteen[0], missing, junk, sixteen[1]], Quality()))
    assert list(results) == [0, 1, 2, 3]
    assert results[1] is missing
    assert isinstance(results[2], Rejected)
    assert results[2].source == "junk.jpg"
    assert all(isinstance(results[index], Face) for index in (0, 3))


def test_pictures_are_taken_no_faster_than_results(pipeline: FacePipeline, sixteen: list[Picture]) -> None:
    taken = 0

    def endless() -> Iterator[Picture]:
        nonlocal taken
        while True:
            taken += 1
            yield sixteen[0]

    results = pipeline.references(endless(), Quality())
    for done in range(1, 4):
        next(results)
        assert taken <= done + 2 * AHEAD
    results.close()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("faces")]


def test_an_error_of_the_source_ends_the_run(pipeline: FacePipeline, sixteen: list[Picture]) -> None:
    def broken() -> Iterator[Picture]:
        yield sixteen[0]
        raise IntegrityError("the seal does not open")

    with pytest.raises(IntegrityError):
        list(pipeline.references(broken(), Quality()))


def test_two_faces_are_one_reason_or_the_largest(pipeline: FacePipeline, demo: Path) -> None:
    two = picture(demo / "probes" / "P35.jpg")
    ((_, strict),) = pipeline.references([two], Quality())
    assert isinstance(strict, Rejected)
    assert (strict.reason, strict.detail[:7]) == (Reason.SEVERAL_FACES, "2 faces")
    assert strict.detail.endswith("crop the picture to the one that is meant")
    ((_, largest),) = pipeline.references([two], LARGEST)
    probe = pipeline.faces(two, Quality())
    assert len(probe) == 2
    assert isinstance(largest, Face)
    assert isinstance(probe[0], Face)
    assert np.array_equal(largest.template, probe[0].template)


def test_no_face_and_a_face_too_small(pipeline: FacePipeline, demo: Path) -> None:
    for number, reason in (("36", Reason.NO_FACE), ("37", Reason.FACE_TOO_SMALL)):
        item = picture(demo / "probes" / f"P{number}.jpg")
        (probe,) = pipeline.faces(item, Quality())
        ((_, reference),) = pipeline.references([item], Quality())
        assert isinstance(probe, Rejected)
        assert probe.reason is reason
        assert reference == probe


def test_the_demo_passes_its_own_limits(pipeline: FacePipeline, demo: Path) -> None:
    with (demo / "cohort.csv").open(encoding="utf-8") as lines:
        cohort = [row["image"] for row in csv.DictReader(lines)]
    darkest_and_most_turned = [f"cohort/{name}.jpg" for name in ("C030df_1", "C103dm_1", "C210lf_1", "C200dm_1")]
    degraded = [f"probes/P{number}.jpg" for number in (13, 14, 15, 16)]
    chosen = [*darkest_and_most_turned, *cohort[::40], *degraded]
    results = list(pipeline.references((read_picture_file(demo / name) for name in chosen), LARGEST))
    assert [result for _, result in results if isinstance(result, Rejected)] == []


def test_models_in_each_other_s_place_are_refused(models_folder: Path) -> None:
    detector, embedder = (verify(default(kind), models_folder) for kind in ("detector", "embedder"))
    with pytest.raises(BadInput, match="not a detector and an embedder"):
        open_pipeline(embedder, detector, 1)


def test_altered_weights_are_never_run(models_folder: Path, tmp_path: Path) -> None:
    detector, embedder = (verify(default(kind), models_folder) for kind in ("detector", "embedder"))
    altered = tmp_path / "detector.onnx"
    data = detector.used.read_bytes()
    altered.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    with pytest.raises(IntegrityError, match="not used"):
        open_pipeline(replace(detector, used=altered), embedder, 1)
