"""Running the networks; the only file that imports onnxruntime.

Each face goes through alone, on one thread. The runtime's last bits may depend on batch size and thread count; a batch
of one on one thread cannot, and costs nothing: several faces run side by side on several threads of the caller
(measured on two cores: 22.5 ms a face alone, 26.2 ms in batches of 8; before rewrite 2).

An 8-bit graph runs only where 8-bit sums are exact (`exactness.py`): as they are, else by the runtime's slower way,
else not at all.
"""

import os
from functools import cache
from typing import Any

# Since mid-2026 the runtime's Linux builds upload usage events and keep a device id in the user's cache folder. Its
# switch is read at import (onnxruntime 1.32 knows the first name, its main branch the second);
# `disable_telemetry_events()` comes too late. tests/vision/test_no_telemetry.py fails when neither works any more.
os.environ["ORT_DISABLE_TELEMETRY"] = os.environ["ORT_TELEMETRY_DISABLED"] = "1"
import onnxruntime
from onnxruntime.capi import onnxruntime_pybind11_state as failures

from matcher.domain.template import Floats
from matcher.errors import BadInput, UsageError
from matcher.vision import exactness
from matcher.vision.align import SIDE
from matcher.vision.pixels import Pixels, embedded_one_by_one

# What the runtime raises on a model that it cannot run; its classes have no common ancestor below Exception.
_UNUSABLE = (
    failures.Fail,
    failures.InvalidArgument,
    failures.InvalidGraph,
    failures.InvalidProtobuf,
    failures.NotImplemented,
    failures.RuntimeException,
)


_PRECISE = "session.x64quantprecision"  # products of unsigned bytes alone: exact, at half the speed with VNNI


def open_session(weights: bytes, what: str, *, sizes_vary: bool = False, precise: bool = False) -> Any:
    """A session on one thread, which may be run from several threads at once. Raises BadInput, naming `what` it is."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    # The runtime keeps a plan of its memory for every size it has met, and a block of its own for the largest.
    options.enable_mem_pattern = not sizes_vary
    options.log_severity_level = 3  # the runtime writes on stderr, where the interface draws
    if precise:
        options.add_session_config_entry(_PRECISE, "1")
    try:
        # Named: the default list may hold providers that talk to a network.
        return onnxruntime.InferenceSession(weights, options, providers=["CPUExecutionProvider"])
    except _UNUSABLE as error:
        raise BadInput(f"the {what} cannot be loaded: {str(error).splitlines()[0]}") from None


class Embedder:
    """An embedding model in memory; `embed` may be called from several threads at once."""

    def __init__(self, weights: bytes, dim: int, precise: bool = False) -> None:
        self._session = open_session(weights, "embedder", precise=precise)
        self._input = self._session.get_inputs()[0]
        self._dim = dim
        if list(self._input.shape)[1:] != [3, SIDE, SIDE]:
            raise BadInput(f"the embedder takes {self._input.shape}, not faces of 3 x {SIDE} x {SIDE}")
        if self._session.get_outputs()[0].shape[-1] != dim:
            raise BadInput(f"the embedder gives {self._session.get_outputs()[0].shape}, its manifest says {dim}")

    def embed(self, aligned: Pixels) -> Floats:
        """Raw embeddings float32 (n, d) of aligned faces uint8 (n, 112, 112, 3), blue green red."""
        return embedded_one_by_one(
            aligned, self._dim, lambda face: self._session.run(None, {self._input.name: face})[0]
        )


def open_eight_bit(weights: bytes, dim: int) -> Embedder:
    """An embedder whose 8-bit sums are exact. Raises BadInput as `Embedder` does, UsageError where they cannot be."""
    for precise in (False, True):
        if sums_exactly(precise):
            return Embedder(weights, dim, precise)
    raise UsageError("the sums of 8-bit products are not exact on this processor: use provider onnxruntime")


@cache
def sums_exactly(precise: bool) -> bool:
    """Whether the runtime answers the question of `exactness.py` rightly, as it is or by its slower way."""
    session = open_session(exactness.question(), "question of 8-bit sums", precise=precise)
    return exactness.right(*session.run(None, exactness.inputs()))
