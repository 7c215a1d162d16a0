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

import numpy as np

# Since mid-2026 the runtime's Linux builds upload usage events and keep a device id in the user's cache folder. Its
# switch is read at import (onnxruntime 1.32 knows the first name, its main branch the second);
# `disable_telemetry_events()` comes too late. tests/vision/test_no_telemetry.py fails when neither works any more.
os.environ["ORT_DISABLE_TELEMETRY"] = os.environ["ORT_TELEMETRY_DISABLED"] = "1"
import onnxruntime
from onnxruntime.capi import onnxruntime_pybind11_state as failures

from matcher.domain.model_input import EmbedderInput
from matcher.domain.provider import Provider
from matcher.domain.template import Floats
from matcher.errors import BadInput, UsageError
from matcher.vision import exactness
from matcher.vision.feeding import SFACE, embedded_one_by_one
from matcher.vision.pixels import Pixels

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
CPU, CUDA = "CPUExecutionProvider", "CUDAExecutionProvider"
# Without these, templates would depend on the card's own choices: TF32 keeps 10 bits of 23, and a search for the
# fastest algorithm finds another one from run to run.
_CUDA_OPTIONS = {"device_id": "0", "use_tf32": "0", "cudnn_conv_algo_search": "DEFAULT"}


def open_session(
    weights: bytes,
    what: str,
    provider: Provider = Provider.ONNXRUNTIME,
    *,
    sizes_vary: bool = False,
    precise: bool = False,
) -> Any:
    """A session on one thread, which may be run from several threads at once. Raises BadInput, naming `what` it is.

    Raises UsageError for CUDA where it is not there, or where a part of the model would run elsewhere.
    """
    if provider is Provider.CUDA and CUDA not in onnxruntime.get_available_providers():
        raise UsageError(
            f"provider {provider} needs a build of onnxruntime with CUDA: pip uninstall onnxruntime, then pip install "
            "onnxruntime-gpu (with the CUDA and cuDNN that it names), or leave it out"
        )
    options = session_options(provider)
    # The runtime keeps a plan of its memory for every size it has met, and a block of its own for the largest.
    options.enable_mem_pattern = not sizes_vary
    if precise:
        options.add_session_config_entry(_PRECISE, "1")
    try:
        # The runtime would otherwise retry on the processor, now or at a later run, and go on there.
        session = onnxruntime.InferenceSession(weights, options, providers=execution(provider), enable_fallback=0)
    except _UNUSABLE as error:
        if provider is Provider.CUDA:
            raise UsageError(_not_whole(provider, what, str(error).splitlines()[0])) from None
        raise BadInput(f"the {what} cannot be loaded: {str(error).splitlines()[0]}") from None
    wanted = CUDA if provider is Provider.CUDA else CPU
    if session.get_providers()[0] != wanted:
        raise UsageError(_not_whole(provider, what, f"the runtime would use {session.get_providers()[0]}"))
    return session


def _not_whole(provider: Provider, what: str, why: str) -> str:
    return (
        f"provider {provider} is installed but does not run the whole {what} ({why}): look at the driver, CUDA and "
        "cuDNN, or leave it out; nothing is left to the processor in silence"
    )


def session_options(provider: Provider) -> Any:
    """The runtime's options: one thread; on CUDA the same algorithm at every run, and no node left to the processor."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3  # the runtime writes on stderr, where the interface draws
    if provider is Provider.CUDA:
        options.use_deterministic_compute = True
        options.add_session_config_entry("session.disable_cpu_ep_fallback", "1")
    return options


def execution(provider: Provider) -> list[Any]:
    """What runs the graph, by name: the runtime's default list may hold providers that talk to a network."""
    return [(CUDA, _CUDA_OPTIONS)] if provider is Provider.CUDA else [CPU]


class Embedder:
    """An embedding model in memory; `embed` may be called from several threads at once."""

    def __init__(
        self, weights: bytes, dim: int, fed: EmbedderInput = SFACE, provider: Provider = Provider.ONNXRUNTIME
    ) -> None:
        precise = provider is Provider.ONNXRUNTIME_INT8 and _only_precise()
        self._session = open_session(weights, "embedder", provider, precise=precise)
        self._input = self._session.get_inputs()[0]
        self._dim = dim
        self._fed = fed
        sides = list(self._input.shape)[1:]
        # A side that the graph leaves open is a name or None.
        due = [side if type(side) is int else wanted for side, wanted in zip(sides, fed.shape[1:], strict=False)]
        if due != list(fed.shape[1:]) or len(sides) != 3:
            raise BadInput(f"the embedder takes {self._input.shape}, its manifest says {list(fed.shape)}")
        if self._input.type != "tensor(float)":
            raise BadInput(f"the embedder takes {self._input.type}: only 32-bit numbers (tensor(float)) are fed")
        made = self._session.get_outputs()[0].shape
        if type(made[-1]) is not int:
            made = self._run(np.zeros(fed.shape, np.float32)).shape
        if made[-1] != dim:
            raise BadInput(f"the embedder gives {made}, its manifest says {dim}")

    def embed(self, aligned: Pixels) -> Floats:
        """Raw embeddings float32 (n, d) of aligned faces uint8 (n, height, width, 3), blue green red."""
        return embedded_one_by_one(aligned, self._dim, self._run, self._fed)

    def _run(self, face: Floats) -> Floats:
        return np.asarray(self._session.run(None, {self._input.name: face})[0])


def _only_precise() -> bool:
    """Whether 8-bit sums are exact by the runtime's slower way alone. Raises UsageError where they are not at all."""
    for precise in (False, True):
        if sums_exactly(precise):
            return precise
    raise UsageError("the sums of 8-bit products are not exact on this processor: use provider onnxruntime")


@cache
def sums_exactly(precise: bool) -> bool:
    """Whether the runtime answers the question of `exactness.py` rightly, as it is or by its slower way."""
    session = open_session(exactness.question(), "question", precise=precise)
    return exactness.right(*session.run(None, exactness.inputs()))
