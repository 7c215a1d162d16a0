"""How an embedder is fed: what a manifest may say, and that whatever changes a number changes the digest."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from matcher.domain.model_input import ARCFACE, LARGEST, LEAST_SIDE, MOST_SIDE, EmbedderInput

SIDES = st.integers(LEAST_SIDE, MOST_SIDE)
NUMBERS = st.floats(-LARGEST, LARGEST)
SCALES = NUMBERS.filter(lambda one: one != 0)
THREE = st.tuples(NUMBERS, NUMBERS, NUMBERS)


@st.composite
def inputs(draw: st.DrawFn) -> EmbedderInput:
    height, width = draw(SIDES), draw(SIDES)
    xs, ys = [x / 112 * width for x, _ in ARCFACE], [y / 112 * height for _, y in ARCFACE]
    named = height == width and draw(st.booleans())
    return EmbedderInput(
        size=(height, width),
        channels=draw(st.sampled_from(["rgb", "bgr"])),
        mean=draw(THREE),
        scale=draw(st.tuples(SCALES, SCALES, SCALES)),
        template="arcface-112" if named else tuple(zip(xs, ys, strict=True)),
        layout=draw(st.sampled_from(["NCHW", "NHWC"])),
    )


@given(one=inputs())
def test_what_is_written_out_is_read_back_as_the_same(one: EmbedderInput) -> None:
    again = EmbedderInput.model_validate(one.model_dump())
    assert again == one
    assert again.digest() == one.digest()
    height, width = one.size
    assert all(0 <= x <= width and 0 <= y <= height for x, y in one.points)
    assert math.prod(one.shape) == 3 * height * width


@given(one=inputs(), other=inputs())
def test_inputs_share_a_digest_only_if_they_mean_the_same(one: EmbedderInput, other: EmbedderInput) -> None:
    def meaning(of: EmbedderInput) -> object:
        return of.size, of.channels, of.mean, of.scale, of.points, of.layout

    assert (one.digest() == other.digest()) == (meaning(one) == meaning(other))


@given(value=NUMBERS, scale=SCALES, side=SIDES)
def test_one_number_is_three_and_one_side_is_two(value: float, scale: float, side: int) -> None:
    short = EmbedderInput(size=side, mean=value, scale=scale)  # type: ignore[arg-type]
    long = EmbedderInput(size=(side, side), mean=(value,) * 3, scale=[scale] * 3)  # type: ignore[arg-type]
    assert (short, short.digest()) == (long, long.digest())


MOVED = [[38.3, 51.7], *(list(point) for point in ARCFACE[1:])]


@pytest.mark.parametrize(
    "changed",
    [{"size": 128}, {"channels": "bgr"}, {"mean": 1}, {"scale": 2}, {"template": MOVED}, {"layout": "NHWC"}],
)
def test_every_key_is_in_the_name_of_the_preprocessing(changed: dict[str, object]) -> None:
    assert EmbedderInput().marked("p9") == "p9"
    assert EmbedderInput(template=ARCFACE).marked("p9") == "p9"
    marked = EmbedderInput.model_validate(changed).marked("p9")
    assert marked.startswith("p9+")
    assert len(marked) == len("p9+") + 32


def test_the_order_of_means_is_that_of_the_channels() -> None:
    assert EmbedderInput(mean=(1, 2, 3)).digest() != EmbedderInput(mean=(3, 2, 1)).digest()


POINTS = [list(point) for point in ARCFACE]


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"size": 15}, "16 to 1024"),
        ({"size": 1025}, "16 to 1024"),
        ({"size": 112.0}, "whole number"),
        ({"size": True}, "whole number"),
        ({"size": [112]}, "height, width"),
        ({"size": "112"}, "height, width"),
        ({"channels": "grey"}, "'rgb' or 'bgr'"),
        ({"mean": "127"}, "one number for all channels"),
        ({"mean": [1, 2]}, "one number for all channels"),
        ({"mean": math.nan}, "one number for all channels"),
        ({"mean": math.inf}, "one number for all channels"),
        ({"mean": 1e7}, "one number for all channels"),
        ({"scale": 0}, "every face would look the same"),
        ({"scale": [1, 0.0, 1]}, "every face would look the same"),
        ({"scale": True}, "one number for all channels"),
        ({"template": "mine"}, "there is no template mine"),
        ({"template": POINTS[:4]}, "five points"),
        ({"template": [*POINTS[:4], [1]]}, "five points"),
        ({"template": [*POINTS[:4], [1, "2"]]}, "two numbers"),
        ({"template": [*POINTS[:4], [1, math.nan]]}, "two numbers"),
        ({"template": [*POINTS[:4], [113, 92]]}, "outside the input of 112 x 112"),
        ({"template": [*POINTS[:4], [-1, 92]]}, "outside the input"),
        ({"template": [POINTS[1], POINTS[0], *POINTS[2:]]}, "no upright face"),
        ({"template": [POINTS[3], POINTS[4], POINTS[2], POINTS[0], POINTS[1]]}, "no upright face"),
        ({"template": [[y, x] for x, y in POINTS]}, "no upright face"),
        ({"template": [[50, 50]] * 5}, "no upright face"),
        ({"size": [112, 96]}, "for square inputs"),
        ({"layout": "CHW"}, "'NCHW' or 'NHWC'"),
        ({"colour": "rgb"}, "not permitted"),
    ],
)
def test_what_cannot_be_is_refused_in_words(said: dict[str, object], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        EmbedderInput.model_validate(said)
