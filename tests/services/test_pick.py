"""Which faces of a probe are searched."""

from pathlib import Path

import numpy as np
import pytest

from matcher.domain.events import Action
from matcher.domain.face import Face, Picture
from matcher.domain.policy import Quality
from matcher.domain.rejection import Reason, Rejected
from matcher.kernels import normalise
from matcher.services.submit import Errand, Submission, submit
from tests.services.world import DIM, MEASURES, PLACE, VectorPipeline, World


class Crowd(VectorPipeline):
    """Every DIM numbers of a picture are one more face, the largest first; zeros are a face that is rejected."""

    def faces(self, picture: Picture, quality: Quality) -> list[Face | Rejected]:
        rows = np.frombuffer(picture.data, np.float32).reshape(-1, DIM)
        return [
            Face(PLACE, MEASURES, normalise(row[None])[0]) if row.any() else Rejected(picture.name, Reason.BLURRED)
            for row in rows
        ]


def searched(world: World, faces: list[np.ndarray], largest: bool) -> Submission:
    picture = Picture("probe", np.concatenate(faces).astype(np.float32).tobytes())
    errand = Errand("2026/1", "seen", largest=largest)
    (one,) = submit(world.sessions["boss"], "missing", [(Path("p.jpg"), lambda _: picture)], errand, Crowd)
    return one


@pytest.mark.parametrize(("largest", "told"), [(False, (3, 2, 0)), (True, (1, 1, 2))])
def test_every_face_is_searched_or_only_the_largest(active: World, largest: bool, told: tuple[int, int, int]) -> None:
    stranger = -active.templates[2]
    one = searched(active, [active.templates[0], active.templates[1], stranger], largest)
    assert (one.searched, one.alerts, one.left_out) == told
    assert active.newest(Action.SEARCHED)["faces"] == told[0]


def test_the_largest_is_not_replaced_by_a_better_one(active: World) -> None:
    one = searched(active, [np.zeros(DIM), active.templates[1]], largest=True)
    assert (one.searched, one.alerts, one.left_out) == (0, 0, 1)
    assert [bad.reason for bad in one.rejected] == [Reason.BLURRED]
