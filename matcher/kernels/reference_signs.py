"""The obvious NumPy twin of the scan over signs: the float32 operations of `ext/csrc/signs.c`, in its order."""

import numpy as np
import numpy.typing as npt

BLOCK, LINE = 16, 64

SignView = tuple[npt.NDArray[np.uint8], int, int]
Weights = tuple[float, float, float]
_RECORD = np.dtype([("query", np.int32), ("row", np.int32), ("upper", np.float32), ("at_most", np.int32)])


def scan_signs(view: SignView, span: tuple[int, int], tables: npt.NDArray[np.uint8], weights: Weights) -> bytes:
    """Records of every row of these blocks whose sum of table entries reaches its limit."""
    (signs, count, lines), (first, end) = view, span
    blocks = signs.reshape(-1, lines + 1, LINE)[first:end]
    sums = np.zeros((end - first, BLOCK), np.int64)
    for line, (low, high) in enumerate(tables.reshape(lines, 2, 4, BLOCK)):
        for quarter in range(4):
            both = blocks[:, line].reshape(-1, 4, BLOCK)[:, quarter]
            sums += low[quarter].astype(np.int64)[both & 15] + high[quarter][both >> 4]
    facts = np.ascontiguousarray(blocks[:, -1]).view("<u2").reshape(-1, 2, BLOCK).astype(np.float32)
    along, beside, start = (np.float32(weight) for weight in weights)
    apart = facts[:, 0] * along - facts[:, 1] * beside
    upper = sums.astype(np.float32).ravel()
    kept = np.flatnonzero(upper >= (apart + start).ravel())
    kept = kept[kept + first * BLOCK < count]
    records = np.empty(len(kept), _RECORD)
    records["query"], records["row"], records["upper"] = 0, kept + first * BLOCK, upper[kept]
    records["at_most"] = 0
    return records.tobytes()
