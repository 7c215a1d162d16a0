"""What runs the embedder. It is part of a template's identity: lists and certificates never cross from one to another.

1. `onnxruntime` is always there.
2. `openvino` (an extra) computes in 32 bits too; its templates differ from onnxruntime's by rounding alone.
3. `onnxruntime-cuda` runs on a graphics card, in 32 bits (TF32 off), by the same algorithm at every run. A model of
   which a part would run on the processor is refused, and so is a card that does not start: nothing falls back in
   silence.
4. `openvino-bf16` computes in bfloat16 where the processor can. Its templates differ by up to some hundredths: another
   operating point, calibrated on its own. It is refused where the processor would quietly compute in 32 bits.
5. `onnxruntime-int8` runs another graph, in 8-bit integers (`models/quantise.py`): the same bits on every processor.
   Another operating point again. It is refused where the processor's 8-bit sums are not exact.
6. `openvino-int8` runs a third graph, in 8-bit integers too (`models/quantise_openvino.py`): the fastest, and another
   operating point. It is refused where a convolution is not run in 8 bits or its sums are not exact.
"""

from enum import StrEnum

from matcher.errors import BadInput


class Provider(StrEnum):
    """A way to run the embedder."""

    ONNXRUNTIME = "onnxruntime"
    ONNXRUNTIME_INT8 = "onnxruntime-int8"
    CUDA = "onnxruntime-cuda"
    OPENVINO = "openvino"
    OPENVINO_BF16 = "openvino-bf16"
    OPENVINO_INT8 = "openvino-int8"

    def marked(self, rewrite: str) -> str:
        """The graph's version as identities hold it: the plain version for onnxruntime, else with the provider."""
        return rewrite if self is Provider.ONNXRUNTIME else f"{rewrite}+{self.value}"

    @property
    def graphs(self) -> str:
        """The letter that versions of the graphs begin with that it runs."""
        return _GRAPHS.get(self, "r")

    @property
    def words(self) -> str:
        """What it is, for people."""
        return _WORDS[self]


_WORDS = {
    Provider.ONNXRUNTIME: "onnxruntime on the processor, 32 bits",
    Provider.ONNXRUNTIME_INT8: "onnxruntime on the processor, 8 bits",
    Provider.CUDA: "onnxruntime on a graphics card (CUDA), 32 bits",
    Provider.OPENVINO: "OpenVINO on the processor, 32 bits",
    Provider.OPENVINO_BF16: "OpenVINO on the processor, bfloat16",
    Provider.OPENVINO_INT8: "OpenVINO on the processor, 8 bits",
}
# Others run the rewrite that was installed (`models/rewrite.py`).
_GRAPHS = {Provider.ONNXRUNTIME_INT8: "q", Provider.OPENVINO_INT8: "v"}


def provider_words(rewrite: str) -> str:
    """What ran an embedder, for people, by the rewrite of an identity; for embeddings made elsewhere: unseen."""
    if rewrite == "unseen":
        return "unseen: the embeddings were made elsewhere"
    name = provider_of(rewrite)
    return Provider(name).words if name in list(Provider) else name


def provider_of(rewrite: str) -> str:
    """The name of the provider in the rewrite of an identity; the inverse of `marked`."""
    return rewrite.partition("+")[2] or Provider.ONNXRUNTIME.value


def provider_from(text: str) -> Provider:
    """A provider by its name. Raises BadInput."""
    try:
        return Provider(text)
    except ValueError:
        raise BadInput(f"there is no provider {text}: known are {', '.join(Provider)}") from None
