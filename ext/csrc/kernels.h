/* The compiled core's interface; the contract is in ../README.md.
 *
 * Every matrix is row-major, contiguous and finite, with d >= 1 elements a row; the caller owns all of it and has
 * checked it. `out` overlaps no input. Nothing here keeps a pointer, starts a thread or touches a Python object.
 * Every function returns 0, or -1 where there was no memory for its workspace (then `out` is unspecified).
 */
#ifndef MATCHER_KERNELS_H
#define MATCHER_KERNELS_H

#include <stddef.h>
#include <stdint.h>

/* A matrix of float32 rows that is only read. */
typedef struct {
    const float *values;
    ptrdiff_t count;
    ptrdiff_t d;
} float_rows;

/* out[i * rows.count + j] = canonical score of query i and row j; queries.d == rows.d. */
int serial_canonical_scores(float_rows queries, float_rows rows, int32_t *out);

/* out = rows, each divided by its length; no row is all zeros. */
int serial_normalise(float_rows rows, float *out);

/* out[i] = the largest canonical score of query i over the rows j with owner[j] != excluded[i]; INT32_MIN where there
 * is none. Owners are >= 0, so excluded[i] == -1 excludes nobody. */
int serial_maxima(float_rows queries, float_rows rows, const int32_t *owner, const int32_t *excluded, int32_t *out);

#endif
