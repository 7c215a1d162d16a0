"""What runs the embedder. It is part of a template's identity: lists and certificates never cross from one to another.

1. `onnxruntime` is always there.
2. `openvino` (an extra) computes in 32 bits too; its templates differ from onnxruntime's by rounding alone.
3. `openvino-bf16` computes in bfloat16 where the processor can. Its templates differ by up to some hundredths: another
   operating point, calibrated on its own. It is refused where the processor would quietly compute in 32 bits.
4. `onnxruntime-int8` runs another graph, in 8-bit integers (`models/quantise.py`): the fastest, and the same bits on
   every processor. Another operating point again. It is refused where the processor's 8-bit sums are not exact.
"""

from enum import StrEnum

from matcher.errors import BadInput


class Provider(StrEnum):
    """A way to run the embedder."""

    ONNXRUNTIME = "onnxruntime"
    ONNXRUNTIME_INT8 = "onnxruntime-int8"
    OPENVINO = "openvino"
    OPENVINO_BF16 = "openvino-bf16"

    def marked(self, rewrite: str) -> str:
        """The graph's version as identities hold it: the plain version for onnxruntime, else with the provider."""
        return rewrite if self is Provider.ONNXRUNTIME else f"{rewrite}+{self.value}"


def provider_from(text: str) -> Provider:
    """A provider by its name. Raises BadInput."""
    try:
        return Provider(text)
    except ValueError:
        raise BadInput(f"there is no provider {text}: known are {', '.join(Provider)}") from None
