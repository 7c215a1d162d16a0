"""The table that 8-bit steps are taken from: the largest magnitude that each channel of each layer showed.

1. It is shipped beside the manifest, `models/<id>/ranges.json`, or lies in the models folder, `<folder>/<id>/`. It says
   which pictures it was measured on: made-up people alone.
2. Magnitudes are of three digits, rounded up: decimal text, so that every processor reads the same numbers.
3. `measure` makes it (`matcher bench ranges`), and is no part of an installation: floating point sums differ in their
   last bits from one processor to another, and a digit may then turn out otherwise.
"""

import json
from collections.abc import Iterable, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Annotated

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from matcher.domain.model_manifest import ModelManifest, Sha256
from matcher.errors import BadInput
from matcher.models.catalogue import SHIPPED
from matcher.models.chain import Chain, Reals, pre_activations

RANGES = "ranges.json"
Magnitude = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class Ranges(BaseModel):
    """One `ranges.json`; `largest` holds the channels of each layer, by the name of the convolution's output."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    id: str
    source_sha256: Sha256
    pictures: str
    faces: Annotated[int, Field(gt=0)]
    largest: dict[str, tuple[Magnitude, ...]]

    def arrays(self) -> dict[str, Reals]:
        """The magnitudes as `quantise` takes them."""
        return {name: np.array(values, np.float64) for name, values in self.largest.items()}

    def encode(self) -> bytes:
        """UTF-8 JSON, a line for each layer."""
        head = json.dumps(self.model_dump(exclude={"largest"}), indent=2)[:-2]
        rows = (f"    {json.dumps(name)}: {json.dumps(values)}" for name, values in self.largest.items())
        return f'{head},\n  "largest": {{\n'.encode() + ",\n".join(rows).encode() + b"\n  }\n}\n"


def ranges_of(manifest: ModelManifest, folder: Path) -> Ranges:
    """The table of a model. Raises BadInput where there is none, or one of other weights."""
    for place in (files(SHIPPED), folder):
        page = place / manifest.id / RANGES
        if page.is_file():
            try:
                ranges = Ranges.model_validate_json(page.read_bytes())
            except ValidationError:
                raise BadInput(f"{page} is not a table of ranges") from None
            if ranges.id != manifest.id or ranges.source_sha256 != manifest.sha256:
                raise BadInput(f"{page} was measured on other weights than {manifest.pinned()}")
            return ranges
    raise BadInput(
        f"model {manifest.id} has no {RANGES}: it cannot be run in 8 bits; take another provider, or see "
        "`matcher bench ranges --help`"
    )


def measure(chain: Chain, faces: Iterable[npt.NDArray[np.uint8]]) -> dict[str, tuple[float, ...]]:
    """The largest magnitude of each channel, before and after PRelu, over faces (3, height, width), 0..255."""
    largest: dict[str, Reals] = {layer.name: np.zeros(len(layer.bias)) for layer in chain.layers}
    for face in faces:
        for layer, values in zip(chain.layers, pre_activations(chain, face.astype(np.float64)), strict=False):
            low, high = values.min(axis=(1, 2)), values.max(axis=(1, 2))
            sloped = np.abs(layer.slopes * low)  # of two slopes, only that of the negative side can enlarge
            seen = np.maximum(np.maximum(np.abs(low), np.abs(high)), np.where(low < 0, sloped, 0.0))
            largest[layer.name] = np.maximum(largest[layer.name], seen)
    return _rounded_up(largest)


def _rounded_up(largest: Mapping[str, Reals]) -> dict[str, tuple[float, ...]]:
    return {name: tuple(_three_digits(float(value)) for value in values) for name, values in largest.items()}


def _three_digits(value: float) -> float:
    from decimal import ROUND_UP, Context

    return float(Context(prec=3, rounding=ROUND_UP).create_decimal_from_float(value))
