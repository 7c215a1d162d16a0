"""An embedder's graph beside its manifest: what goes in and what comes out, before the model is taken.

1. One picture of 32-bit numbers goes in, channels first or last as the manifest says, in the manifest's size. Sides
   that the graph leaves open fit any size.
2. As many 32-bit numbers come out as the manifest's `dim` says, where the graph tells.
"""

import math
from typing import TYPE_CHECKING

from matcher.domain.model_manifest import ModelManifest
from matcher.errors import BadInput

if TYPE_CHECKING:
    from onnx import ValueInfoProto


def require_shapes(graph: bytes, manifest: ModelManifest) -> None:
    """Passes only for a graph (of one input and one output) that the manifest describes. Raises BadInput."""
    import onnx

    model = onnx.load_model_from_string(graph)
    taken, given = model.graph.input[0], model.graph.output[0]
    wanted, found = manifest.fed.shape, _sides(taken)
    if len(found) != 4 or any(side not in (0, due) for side, due in zip(found[1:], wanted[1:], strict=False)):
        raise BadInput(
            f"model {manifest.id} takes {_written(found)}, its manifest says {_written(list(wanted))} "
            f"({manifest.fed.layout}): correct the keys input.size and input.layout"
        )
    for value, what in ((taken, "takes"), (given, "gives")):
        kind = value.type.tensor_type.elem_type
        if kind != onnx.TensorProto.FLOAT:
            name = onnx.TensorProto.DataType.Name(kind)
            raise BadInput(f"model {manifest.id} {what} {name}: only models of 32-bit numbers (FLOAT) are taken")
    out = _sides(given)[1:]
    if 0 not in out and math.prod(out) != manifest.dim:
        raise BadInput(f"model {manifest.id} gives {math.prod(out)} numbers, its manifest says dim = {manifest.dim}")


def _sides(value: "ValueInfoProto") -> list[int]:
    """The sizes of a value; 0 for one that is left open."""
    return [max(0, dim.dim_value) for dim in value.type.tensor_type.shape.dim]


def _written(sides: list[int]) -> str:
    return " x ".join(["n", *("any" if side == 0 else str(side) for side in sides[1:])])
