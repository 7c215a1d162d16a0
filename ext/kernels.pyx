"""The one seam between Python and C: typed views in, filled arrays out, GIL released once.

Nothing is checked here but what memory views check themselves (element type, number of axes, contiguity): shapes, finite
values, owners and code sets are the business of `matcher.kernels`, the only caller.
"""

from libc.stddef cimport ptrdiff_t
from libc.stdint cimport int32_t, int64_t, uint8_t, uint64_t
from libc.stdlib cimport free


cdef extern from "kernels.h" nogil:
    ctypedef struct float_rows:
        const float *values
        ptrdiff_t count
        ptrdiff_t d

    ctypedef struct code_rows:
        const uint8_t *bytes
        ptrdiff_t count
        ptrdiff_t lines
        int bits

    ctypedef struct survivor:
        int32_t query
        int32_t row
        float upper
        int32_t at_most

    ctypedef struct survivor_list:
        survivor *items
        ptrdiff_t count
        ptrdiff_t capacity

    ctypedef struct pair_span:
        float_rows rows
        const int32_t *owner
        ptrdiff_t first
        ptrdiff_t end

    ctypedef struct scored_pair:
        int32_t first
        int32_t second
        int32_t score

    ctypedef struct pair_list:
        scored_pair *items
        ptrdiff_t count
        ptrdiff_t capacity

    ctypedef struct sign_rows:
        const uint8_t *bytes
        ptrdiff_t count
        ptrdiff_t lines

    ctypedef struct sign_query:
        const uint8_t *tables
        float along
        float beside
        float start

    ctypedef struct kernel_path:
        const char *name

    const kernel_path *path_at(int place)
    int path_runs(const kernel_path *path)
    int c_canonical_scores "canonical_scores"(const kernel_path *, float_rows, float_rows, int32_t *)
    int c_paired_scores "paired_scores"(const kernel_path *, float_rows, const int32_t *, float_rows, int32_t *)
    int c_normalise "normalise"(const kernel_path *, float_rows, float *)
    int c_maxima "maxima"(
        const kernel_path *, float_rows, float_rows, const int32_t *, const int32_t *, int32_t *
    )
    int c_pair_counts "pair_counts"(const kernel_path *, pair_span, const int32_t *, int32_t width, int64_t *)
    int c_pairs_reaching "pairs_reaching"(const kernel_path *, pair_span, int32_t threshold, pair_list *)
    uint64_t c_read_all "read_all"(const uint8_t *, ptrdiff_t)
    ptrdiff_t c_code_lines "code_lines"(ptrdiff_t d, int bits)
    ptrdiff_t c_code_bytes "code_bytes"(ptrdiff_t count, ptrdiff_t d, int bits)
    int c_encode "encode"(float_rows, int bits, uint8_t *)
    int c_scan_threshold "scan_threshold"(
        const kernel_path *, code_rows, ptrdiff_t, ptrdiff_t, float_rows, int32_t, survivor_list *
    )
    int c_scan_listed "scan_listed"(
        const kernel_path *, code_rows, const int32_t *, ptrdiff_t, float_rows, int32_t, survivor_list *
    )
    int c_scan_signs "scan_signs"(const kernel_path *, sign_rows, ptrdiff_t, ptrdiff_t, sign_query, survivor_list *)
    int c_scan_top "scan_top"(
        const kernel_path *, code_rows, ptrdiff_t, ptrdiff_t, float_rows, int, double *, survivor_list *
    )


cdef inline float_rows whole(const float[:, ::1] matrix) noexcept nogil:
    # The address of element 0, 0 of an empty matrix is formed but never followed.
    return float_rows(&matrix[0, 0], matrix.shape[0], matrix.shape[1])


cdef inline code_rows coded(const uint8_t[::1] codes, ptrdiff_t count, ptrdiff_t d, int bits) noexcept nogil:
    return code_rows(&codes[0], count, c_code_lines(d, bits), bits)


def paths():
    """(name, whether it runs here) of every path that was built, the widest first."""
    found, place = [], 0
    while path_at(place) != NULL:
        found.append((path_at(place).name.decode("ascii"), bool(path_runs(path_at(place)))))
        place += 1
    return found


def read_all(const uint8_t[::1] memory):
    cdef uint64_t total
    with nogil:
        total = c_read_all(&memory[0], memory.shape[0])
    return total


def code_bytes(ptrdiff_t count, ptrdiff_t d, int bits):
    return c_code_bytes(count, d, bits)


cdef class Path:
    """The kernels of one instruction set."""

    cdef const kernel_path *path

    def __init__(self, str name):
        cdef int place = 0
        while path_at(place) != NULL:
            if path_at(place).name.decode("ascii") == name and path_runs(path_at(place)):
                self.path = path_at(place)
                return
            place += 1
        raise LookupError(name)

    def canonical_scores(self, const float[:, ::1] queries, const float[:, ::1] rows, int32_t[:, ::1] out):
        cdef int failed
        with nogil:
            failed = c_canonical_scores(self.path, whole(queries), whole(rows), &out[0, 0])
        if failed:
            raise MemoryError

    def paired_scores(
        self, const float[:, ::1] queries, const int32_t[::1] at, const float[:, ::1] rows, int32_t[::1] out
    ):
        cdef int failed
        with nogil:
            failed = c_paired_scores(self.path, whole(queries), &at[0], whole(rows), &out[0])
        if failed:
            raise MemoryError

    def normalise(self, const float[:, ::1] rows, float[:, ::1] out):
        cdef int failed
        with nogil:
            failed = c_normalise(self.path, whole(rows), &out[0, 0])
        if failed:
            raise MemoryError

    def maxima(
        self,
        const float[:, ::1] queries,
        const float[:, ::1] rows,
        const int32_t[::1] owner,
        const int32_t[::1] excluded,
        int32_t[::1] out,
    ):
        cdef int failed
        with nogil:
            failed = c_maxima(self.path, whole(queries), whole(rows), &owner[0], &excluded[0], &out[0])
        if failed:
            raise MemoryError

    def pair_counts(self, const float[:, ::1] rows, tuple people, tuple span, int32_t width, int64_t[:, ::1] out):
        """`people` are owner and group of each row, `span` the first row and the end."""
        cdef const int32_t[::1] owner = people[0], group = people[1]
        cdef ptrdiff_t first = span[0], end = span[1]
        cdef int failed
        with nogil:
            failed = c_pair_counts(self.path, pair_span(whole(rows), &owner[0], first, end), &group[0], width, &out[0, 0])
        if failed:
            raise MemoryError

    def pairs_reaching(self, const float[:, ::1] rows, const int32_t[::1] owner, tuple span, int32_t threshold):
        """Bytes of `scored_pair` records."""
        cdef ptrdiff_t first = span[0], end = span[1]
        cdef pair_list found = pair_list(NULL, 0, 0)
        cdef int failed
        with nogil:
            failed = c_pairs_reaching(self.path, pair_span(whole(rows), &owner[0], first, end), threshold, &found)
        return taken(found.items, found.count * sizeof(scored_pair), failed)

    def encode(self, const float[:, ::1] rows, int bits, uint8_t[::1] out):
        cdef int failed
        with nogil:
            failed = c_encode(whole(rows), bits, &out[0])
        if failed:
            raise MemoryError

    def scan_threshold(self, tuple view, tuple span, const float[:, ::1] queries, int32_t threshold):
        """Bytes of `survivor` records; `view` is codes, rows and bits, `span` the first block and the end."""
        cdef const uint8_t[::1] codes = view[0]
        cdef ptrdiff_t count = view[1], first = span[0], end = span[1]
        cdef int bits = view[2]
        cdef survivor_list found = survivor_list(NULL, 0, 0)
        cdef int failed
        with nogil:
            failed = c_scan_threshold(
                self.path, coded(codes, count, queries.shape[1], bits), first, end, whole(queries), threshold, &found
            )
        return taken(found.items, found.count * sizeof(survivor), failed)

    def scan_listed(self, tuple view, const int32_t[::1] blocks, const float[:, ::1] queries, int32_t threshold):
        """As `scan_threshold`, for the blocks that are listed."""
        cdef const uint8_t[::1] codes = view[0]
        cdef ptrdiff_t count = view[1]
        cdef int bits = view[2]
        cdef survivor_list found = survivor_list(NULL, 0, 0)
        cdef int failed
        with nogil:
            failed = c_scan_listed(
                self.path, coded(codes, count, queries.shape[1], bits), &blocks[0], blocks.shape[0], whole(queries),
                threshold, &found,
            )
        return taken(found.items, found.count * sizeof(survivor), failed)

    def scan_signs(self, tuple view, tuple span, const uint8_t[::1] tables, tuple weights):
        """Bytes of `survivor` records; `view` is signs, rows and lines a block, `weights` along, beside and start."""
        cdef const uint8_t[::1] signs = view[0]
        cdef sign_rows rows = sign_rows(&signs[0], view[1], view[2])
        cdef sign_query query = sign_query(&tables[0], weights[0], weights[1], weights[2])
        cdef ptrdiff_t first = span[0], end = span[1]
        cdef survivor_list found = survivor_list(NULL, 0, 0)
        cdef int failed
        with nogil:
            failed = c_scan_signs(self.path, rows, first, end, query, &found)
        return taken(found.items, found.count * sizeof(survivor), failed)

    def scan_top(self, tuple view, tuple span, const float[:, ::1] queries, int k, double[::1] floors):
        cdef const uint8_t[::1] codes = view[0]
        cdef ptrdiff_t count = view[1], first = span[0], end = span[1]
        cdef int bits = view[2]
        cdef survivor_list found = survivor_list(NULL, 0, 0)
        cdef int failed
        with nogil:
            failed = c_scan_top(
                self.path, coded(codes, count, queries.shape[1], bits), first, end, whole(queries), k, &floors[0], &found
            )
        return taken(found.items, found.count * sizeof(survivor), failed)


cdef bytes taken(void *items, size_t size, int failed):
    """A list as the bytes of its records; its memory goes back."""
    try:
        if failed:
            raise MemoryError
        return (<char *>items)[:size]
    finally:
        free(items)
