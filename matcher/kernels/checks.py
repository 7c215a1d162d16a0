"""What must hold before a kernel runs, checked once; below this line nothing is checked again. All raise BadInput."""

import numpy as np
import numpy.typing as npt

from matcher.domain.template import Floats, Scores
from matcher.errors import BadInput

MAX_DIMENSION = 4096  # up to which the bound of a scan is proven
UNIT_TOLERANCE = 1e-6  # of the squared length; `normalise` stays below 1.3e-7
ROWS_AT_ONCE = 256


def require_matrix(name: str, matrix: Floats) -> None:
    """A float32 matrix (n, d), d >= 1, C-contiguous, aligned, finite; n may be 0."""
    _require_layout(name, matrix, np.float32, axes=2)
    if matrix.shape[1] == 0:
        raise BadInput(f"{name} must have at least one element a row")
    if not np.isfinite(matrix).all():
        raise BadInput(f"{name} must be finite: an element is NaN or infinite")


def require_same_width(queries: Floats, rows: Floats) -> None:
    """Both matrices have the same d."""
    if queries.shape[1] != rows.shape[1]:
        raise BadInput(f"queries and rows cannot be compared: {queries.shape[1]} and {rows.shape[1]} elements a row")


def require_queries(queries: Floats, d: int) -> None:
    """Float32 queries (m, d), contiguous, as wide as what they are compared with; `require_unit` says the rest."""
    _require_layout("queries", queries, np.float32, axes=2)
    if queries.shape[1] != d:
        raise BadInput(f"queries and rows cannot be compared: {queries.shape[1]} and {d} elements a row")


def require_span(first: int, end: int, blocks: int) -> None:
    """Blocks first .. end - 1 of so many; there may be none."""
    if not 0 <= first <= end <= blocks:
        raise BadInput(f"there are {blocks} blocks, none from {first} to {end}")


def require_floors(floors: npt.NDArray[np.float64], *, count: int) -> None:
    """A float64 vector (count,), contiguous, that can be written to; minus infinity is allowed, NaN is not."""
    _require_layout("floors", floors, np.float64, axes=1)
    if len(floors) != count:
        raise BadInput(f"floors must have {count} elements, not {len(floors)}")
    if not floors.flags.writeable:
        raise BadInput("floors must not be read-only: a scan raises them")
    if np.isnan(floors).any():
        raise BadInput("floors must be numbers: an element is NaN")


def require_numbers(name: str, numbers: Scores, *, count: int, least: int) -> None:
    """An int32 vector (count,), contiguous, nothing below `least`."""
    _require_layout(name, numbers, np.int32, axes=1)
    if len(numbers) != count:
        raise BadInput(f"{name} must have {count} elements, not {len(numbers)}")
    if (numbers < least).any():
        raise BadInput(f"{name} must not go below {least}")


def require_unit(name: str, vectors: Floats) -> None:
    """As `require_matrix`; besides d <= 4096 and every squared length of float32 (n, d) within 1e-6 of 1."""
    _require_layout(name, vectors, np.float32, axes=2)
    if not 0 < vectors.shape[1] <= MAX_DIMENSION:
        raise BadInput(f"{name} have {vectors.shape[1]} elements a row: 1 to {MAX_DIMENSION} are supported")
    squared = _squared_lengths(vectors)
    # Asked this way round, because a length that is not a number is not near 1 either.
    if len(squared) and not (squared.max() <= 1 + UNIT_TOLERANCE and squared.min() >= 1 - UNIT_TOLERANCE):
        require_matrix(name, vectors)  # says so where an element is not finite
        raise BadInput(f"{name} must have unit length: normalise them first")


def _squared_lengths(vectors: Floats) -> npt.NDArray[np.float64]:
    """In float64, a few rows at a time: they stay in the cache, and no copy of all of them is made."""
    if len(vectors) <= ROWS_AT_ONCE:
        return np.asarray(np.einsum("ij,ij->i", vectors, vectors, dtype=np.float64))
    squared = np.empty(len(vectors))
    for at in range(0, len(vectors), ROWS_AT_ONCE):
        wide = vectors[at : at + ROWS_AT_ONCE].astype(np.float64)
        np.einsum("ij,ij->i", wide, wide, out=squared[at : at + ROWS_AT_ONCE])
    return squared


def require_no_zero_row(rows: Floats) -> None:
    """A vector of zeros has no direction."""
    if not rows.any(axis=1).all():
        raise BadInput("a row of zeros has no direction and cannot be normalised")


def _require_layout(name: str, array: npt.NDArray[np.generic], dtype: type[np.generic], *, axes: int) -> None:
    if not isinstance(array, np.ndarray) or array.dtype != dtype:
        raise BadInput(f"{name} must be a NumPy array of {dtype.__name__}")
    if array.ndim != axes:
        raise BadInput(f"{name} must have {axes} axes, not {array.ndim}")
    if not (array.flags.c_contiguous and array.flags.aligned):
        raise BadInput(f"{name} must be contiguous in C order and aligned")
