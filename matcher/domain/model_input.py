"""How an embedder is fed: everything between a found face and the numbers that go into its graph.

1. Whatever a manifest does not say is what SFace takes: 112 x 112 px, red green blue, 0..255, the ArcFace template.
2. A colour goes in as (value - mean) * scale, in 32 bits; means and scales are in the order of `channels`.
3. A template says where the five landmarks come to lie: by name, or as five points in px of the input. `arcface-112`
   grows with a square input, as InsightFace scales it; no other shape has a place for it.
4. The digest is over what the keys mean, however they are written: 127.5 and [127.5, 127.5, 127.5] are one input. It is
   part of a template's identity, so that nobody changes a mean under a list.
"""

import hashlib
import json
import math
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, field_validator, model_validator

Five = tuple[tuple[float, float], ...]
Three = tuple[float, float, float]
Named = Literal["arcface-112"]
NAMED: Named = "arcface-112"
SIDE = 112
# Right eye, left eye, nose tip, right and left mouth corner of the ArcFace template (Deng and others 2019), in px.
ARCFACE: Five = ((38.2946, 51.6963), (73.5318, 51.5014), (56.0252, 71.7366), (41.5493, 92.3655), (70.7299, 92.2041))
LEAST_SIDE, MOST_SIDE = 16, 1024  # px
LARGEST = 1e6  # of a mean or a scale: beyond it 32 bits hold no colours any more
_POINTS = "right eye, left eye, nose tip, right and left mouth corner, each [x, y] in px of the input"


class EmbedderInput(BaseModel):
    """The table `[input]` of an embedder's manifest."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    size: tuple[int, int] = (SIDE, SIDE)  # height, width
    channels: Literal["rgb", "bgr"] = "rgb"
    mean: Three = (0.0, 0.0, 0.0)
    scale: Three = (1.0, 1.0, 1.0)
    template: Named | Five = NAMED
    layout: Literal["NCHW", "NHWC"] = "NCHW"

    @field_validator("size", mode="before")
    @classmethod
    def _two_sides(cls, value: Any) -> Any:
        sides = (value, value) if type(value) is int else value
        known = isinstance(sides, list | tuple) and len(sides) == 2
        if not known or not all(type(side) is int and LEAST_SIDE <= side <= MOST_SIDE for side in sides):
            raise ValueError(f"must be px, or [height, width], each a whole number of {LEAST_SIDE} to {MOST_SIDE}")
        return tuple(sides)

    @field_validator("mean", "scale", mode="before")
    @classmethod
    def _three_numbers(cls, value: Any) -> Any:
        three = value if isinstance(value, list | tuple) else (value, value, value)
        if len(three) != 3 or not all(_number(one) and abs(one) <= LARGEST for one in three):
            raise ValueError("must be one number for all channels, or three in the order of the channels")
        return tuple(float(one) for one in three)

    @field_validator("scale")
    @classmethod
    def _keeps_something(cls, value: Three) -> Three:
        if 0.0 in value:
            raise ValueError("must not be 0: every face would look the same")
        return value

    @field_validator("template", mode="before")
    @classmethod
    def _five_points(cls, value: Any) -> Any:
        if isinstance(value, str):
            if value != NAMED:
                raise ValueError(f"there is no template {value}: give {NAMED}, or five points ({_POINTS})")
            return value
        pairs = isinstance(value, list | tuple) and len(value) == 5
        if not pairs or not all(isinstance(point, list | tuple) and len(point) == 2 for point in value):
            raise ValueError(f"must be {NAMED}, or five points: {_POINTS}")
        if not all(_number(one) for point in value for one in point):
            raise ValueError("a point is two numbers")
        return tuple((float(x), float(y)) for x, y in value)

    @model_validator(mode="after")
    def _template_fits(self) -> Self:
        height, width = self.size
        if self.template == NAMED:
            if height != width:
                raise ValueError(f"key template: {NAMED} is for square inputs: give five points for {height} x {width}")
            return self
        if not all(0 <= x <= width and 0 <= y <= height for x, y in self.points):
            raise ValueError(f"key template: a point lies outside the input of {height} x {width} px")
        right_eye, left_eye, _, right_mouth, left_mouth = self.points
        lowest_eye, highest_mouth = max(right_eye[1], left_eye[1]), min(right_mouth[1], left_mouth[1])
        if left_eye[0] - right_eye[0] < 1 or left_mouth[0] < right_mouth[0] or highest_mouth - lowest_eye < 1:
            raise ValueError(f"key template: no upright face has these points; they are {_POINTS}")
        return self

    @property
    def points(self) -> Five:
        """The five landmarks in px of the input."""
        if self.template != NAMED:
            return self.template
        times = self.size[0] / SIDE  # 1.0 changes no bit
        return tuple((x * times, y * times) for x, y in ARCFACE)

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """The shape of one face as the graph is fed with it."""
        height, width = self.size
        return (1, 3, height, width) if self.layout == "NCHW" else (1, height, width, 3)

    def digest(self) -> str:
        """sha256 (hex) of what the keys mean."""
        facts = (self.size, self.channels, self.mean, self.scale, self.points, self.layout)
        return hashlib.sha256(json.dumps(facts, separators=(",", ":")).encode()).hexdigest()

    def marked(self, preprocessing: str) -> str:
        """The name of the preprocessing as identities hold it: plain for SFace's input, else with the digest."""
        return preprocessing if self.digest() == _SFACE else f"{preprocessing}+{self.digest()[:32]}"


def _number(value: Any) -> bool:
    return type(value) in (int, float) and math.isfinite(value)


_SFACE = EmbedderInput().digest()
