"""Eyes level, at the same place, nothing stretched, the face box inside."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from matcher.domain.face import FacePlace
from matcher.review.crop import apply, inverse, place_faces
from matcher.review.pixels import Grid, ImageMode, face_pixels


@st.composite
def places(draw: st.DrawFn) -> FacePlace:
    eyes, turn = draw(st.floats(10, 600)), math.radians(draw(st.floats(-170, 170)))
    x, y = draw(st.floats(0, 3000)), draw(st.floats(0, 3000))
    step_x, step_y = eyes / 2 * math.cos(turn), eyes / 2 * math.sin(turn)
    wide, high = 2.3 * eyes, 3.0 * eyes
    down_x, down_y = -math.sin(turn) * 0.3 * high, math.cos(turn) * 0.3 * high
    middle = (x + down_x * 0.5, y + down_y * 0.5)
    box = (middle[0] - wide / 2, middle[1] - high / 2, wide, high)
    nose, mouth = (x + down_x / 2, y + down_y / 2), (x + down_x, y + down_y)
    return FacePlace(box, ((x - step_x, y - step_y), (x + step_x, y + step_y), nose, mouth, mouth))


@given(places(), places(), st.integers(40, 2000), st.integers(40, 2000))
def test_eyes_lie_at_the_same_places_and_are_level(
    first: FacePlace, second: FacePlace, width: int, height: int
) -> None:
    pair = place_faces([first, second], width, height)
    drawn = [
        [apply(one.matrix, *eye) for eye in place.landmarks[:2]]
        for one, place in zip(pair, (first, second), strict=True)
    ]
    for mine, other in zip(*drawn, strict=True):
        assert mine == pytest.approx(other, abs=1e-4)
    (right_x, right_y), (left_x, left_y) = drawn[0]
    assert right_y == pytest.approx(left_y, abs=1e-4)
    assert right_x < left_x


@given(places(), st.integers(40, 2000), st.integers(40, 2000), st.booleans())
def test_a_similarity_and_its_inverse(place: FacePlace, width: int, height: int, mirrored: bool) -> None:
    (one,) = place_faces([place], width, height, mirrored=[mirrored])
    a, b, _, d, e, _ = one.matrix
    assert math.hypot(a, d) == pytest.approx(math.hypot(b, e))
    assert a * b + d * e == pytest.approx(0, abs=1e-6)
    assert (a * e - b * d > 0) is not mirrored
    there = apply(one.matrix, *place.landmarks[2])
    assert apply(inverse(one.matrix), *there) == pytest.approx(place.landmarks[2], abs=1e-3)
    assert 0 < one.face_share <= 1


@given(places(), places())
def test_a_larger_view_never_draws_a_smaller_face(first: FacePlace, second: FacePlace) -> None:
    small, large = Grid(40, 16, 10, 20), Grid(80, 40, 10, 20)
    heights = [
        face_pixels([one.face_share for one in place_faces([first, second], *view.size)], view, ImageMode.HALF_BLOCK)
        for view in (small, large)
    ]
    assert heights[0] <= heights[1]


def test_zoom_enlarges_until_the_face_fills_the_view() -> None:
    place = FacePlace((100, 100, 100, 130), ((130, 150), (170, 150), (150, 180), (135, 205), (165, 205)))
    shares = [place_faces([place], 400, 400, zoom=zoom)[0].face_share for zoom in (1.0, 1.6, 9.0)]
    assert shares == sorted(shares)
    assert shares[0] == pytest.approx(1 / 1.16, abs=0.02)
    assert shares[2] == 1.0


def test_a_profile_without_eye_distance_is_placed_by_its_box() -> None:
    place = FacePlace((100, 100, 100, 130), ((150, 150), (150, 151), (150, 180), (150, 205), (150, 205)))
    (one,) = place_faces([place], 400, 400)
    assert 0.5 < one.face_share <= 1


def test_pixels_by_mode() -> None:
    view = Grid(40, 16, 9, 21)
    rows = [
        face_pixels([0.5, 0.75], view, mode) for mode in (ImageMode.KITTY, ImageMode.HALF_BLOCK, ImageMode.CHARACTERS)
    ]
    assert rows == [168, 16, 8]


def test_modes_come_round() -> None:
    mode, seen = ImageMode.AUTO, []
    for _ in ImageMode:
        seen.append(mode)
        mode = mode.next(tuple(ImageMode))
    assert mode is ImageMode.AUTO
    assert set(seen) == set(ImageMode)
    without_pixels = (ImageMode.AUTO, ImageMode.HALF_BLOCK)
    assert ImageMode.AUTO.next(without_pixels) is ImageMode.HALF_BLOCK
    assert ImageMode.SIXEL.next(without_pixels) is ImageMode.AUTO
