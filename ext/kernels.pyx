# cython: boundscheck=False, wraparound=False, initializedcheck=False
"""The one seam between Python and C: typed views in, filled arrays out, GIL released once.

Nothing is checked here but what memory views check themselves (element type, number of axes, contiguity): shapes, finite
values and owners are the business of `matcher.kernels`, the only caller.
"""

from libc.stddef cimport ptrdiff_t
from libc.stdint cimport int32_t


cdef extern from "kernels.h" nogil:
    ctypedef struct float_rows:
        const float *values
        ptrdiff_t count
        ptrdiff_t d

    int serial_canonical_scores(float_rows queries, float_rows rows, int32_t *out)
    int serial_normalise(float_rows rows, float *out)
    int serial_maxima(
        float_rows queries, float_rows rows, const int32_t *owner, const int32_t *excluded, int32_t *out
    )


cdef inline float_rows whole(const float[:, ::1] matrix) noexcept nogil:
    # The address of element 0, 0 of an empty matrix is formed but never followed.
    return float_rows(&matrix[0, 0], matrix.shape[0], matrix.shape[1])


def canonical_scores(const float[:, ::1] queries, const float[:, ::1] rows, int32_t[:, ::1] out):
    cdef int failed
    with nogil:
        failed = serial_canonical_scores(whole(queries), whole(rows), &out[0, 0])
    if failed:
        raise MemoryError


def normalise(const float[:, ::1] rows, float[:, ::1] out):
    cdef int failed
    with nogil:
        failed = serial_normalise(whole(rows), &out[0, 0])
    if failed:
        raise MemoryError


def maxima(
    const float[:, ::1] queries,
    const float[:, ::1] rows,
    const int32_t[::1] owner,
    const int32_t[::1] excluded,
    int32_t[::1] out,
):
    cdef int failed
    with nogil:
        failed = serial_maxima(whole(queries), whole(rows), &owner[0], &excluded[0], &out[0])
    if failed:
        raise MemoryError
