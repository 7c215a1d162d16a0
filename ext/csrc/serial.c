/* The canonical score in plain C, for every machine; other paths must give these bits. See ../README.md. */
#include "kernels.h"

#include <fenv.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>

#if FLT_EVAL_METHOD != 0
#error "double arithmetic is not evaluated as double here, so scores would differ from other machines"
#endif

enum {
    LANES = 16,      /* partial sums of one pair: eight SSE2, four AVX2 or two AVX-512 registers */
    QUERY_TILE = 32, /* with ROW_TILE: 48 KiB of float64 at d = 128, the first-level cache of current cores */
    ROW_TILE = 16,
};

/* Two tiles as float64, their rows padded with zeros to a multiple of LANES. A zero leaves every partial sum as it is,
 * bit for bit: partial sums start at +0.0 and no round-to-nearest addition makes them -0.0. */
typedef struct {
    ptrdiff_t stride;
    double *queries;
    double *rows;
    fenv_t caller;
} workspace;

/* Another library may have left this thread with another rounding mode or with denormals flushed to zero. */
static int workspace_open(workspace *work, ptrdiff_t d)
{
    const size_t stride = ((size_t)d + LANES - 1) / LANES * LANES;
    if (stride > SIZE_MAX / ((QUERY_TILE + ROW_TILE) * sizeof(double)))
        return -1;
    work->queries = calloc((QUERY_TILE + ROW_TILE) * stride, sizeof(double));
    if (work->queries == NULL)
        return -1;
    work->rows = work->queries + QUERY_TILE * stride;
    work->stride = (ptrdiff_t)stride;
    fegetenv(&work->caller);
    fesetenv(FE_DFL_ENV);
    return 0;
}

static void workspace_close(workspace *work)
{
    fesetenv(&work->caller);
    free(work->queries);
}

static ptrdiff_t at_most(ptrdiff_t count, ptrdiff_t limit)
{
    return count < limit ? count : limit;
}

/* Rows first .. first + count - 1 as float64; the padding stays as calloc left it. */
static void widen(float_rows from, ptrdiff_t first, ptrdiff_t count, ptrdiff_t stride, double *to)
{
    for (ptrdiff_t i = 0; i < count; i++) {
        const float *restrict source = from.values + (first + i) * from.d;
        double *restrict target = to + i * stride;
        for (ptrdiff_t k = 0; k < from.d; k++)
            target[k] = source[k];
    }
}

/* The canonical order. Products of widened float32 are exact. */
static double dot(const double *restrict a, const double *restrict b, ptrdiff_t stride)
{
    double sum[LANES] = {0.0};
    for (ptrdiff_t k = 0; k < stride; k += LANES)
        for (int j = 0; j < LANES; j++)
            sum[j] += a[k + j] * b[k + j];
    for (int j = 0; j < 8; j++)
        sum[j] += sum[j + 8];
    for (int j = 0; j < 4; j++)
        sum[j] += sum[j + 4];
    for (int j = 0; j < 2; j++)
        sum[j] += sum[j + 2];
    return sum[0] + sum[1];
}

/* Clipping before rounding gives what rounding before clipping gives, and always fits. */
static int32_t millionths(double sum)
{
    const double scaled = sum * 1e6;
    return (int32_t)lrint(scaled > 1e6 ? 1e6 : scaled < -1e6 ? -1e6 : scaled);
}

int serial_canonical_scores(float_rows queries, float_rows rows, int32_t *out)
{
    workspace work;
    if (workspace_open(&work, rows.d) != 0)
        return -1;
    for (ptrdiff_t q = 0; q < queries.count; q += QUERY_TILE) {
        const ptrdiff_t nq = at_most(queries.count - q, QUERY_TILE);
        widen(queries, q, nq, work.stride, work.queries);
        for (ptrdiff_t r = 0; r < rows.count; r += ROW_TILE) {
            const ptrdiff_t nr = at_most(rows.count - r, ROW_TILE);
            widen(rows, r, nr, work.stride, work.rows);
            for (ptrdiff_t i = 0; i < nq; i++)
                for (ptrdiff_t j = 0; j < nr; j++)
                    out[(q + i) * rows.count + r + j] =
                        millionths(dot(work.queries + i * work.stride, work.rows + j * work.stride, work.stride));
        }
    }
    workspace_close(&work);
    return 0;
}

int serial_normalise(float_rows rows, float *out)
{
    workspace work;
    if (workspace_open(&work, rows.d) != 0)
        return -1;
    for (ptrdiff_t i = 0; i < rows.count; i++) {
        widen(rows, i, 1, work.stride, work.rows);
        const double length = sqrt(dot(work.rows, work.rows, work.stride));
        for (ptrdiff_t k = 0; k < rows.d; k++)
            out[i * rows.d + k] = (float)(work.rows[k] / length);
    }
    workspace_close(&work);
    return 0;
}

/* Rounding is monotone, so the score of the largest sum is the largest score: one rounding a query, not one a pair. */
int serial_maxima(float_rows queries, float_rows rows, const int32_t *owner, const int32_t *excluded, int32_t *out)
{
    workspace work;
    if (workspace_open(&work, rows.d) != 0)
        return -1;
    for (ptrdiff_t q = 0; q < queries.count; q += QUERY_TILE) {
        const ptrdiff_t nq = at_most(queries.count - q, QUERY_TILE);
        double best[QUERY_TILE];
        for (ptrdiff_t i = 0; i < nq; i++)
            best[i] = -INFINITY;
        widen(queries, q, nq, work.stride, work.queries);
        for (ptrdiff_t r = 0; r < rows.count; r += ROW_TILE) {
            const ptrdiff_t nr = at_most(rows.count - r, ROW_TILE);
            widen(rows, r, nr, work.stride, work.rows);
            for (ptrdiff_t i = 0; i < nq; i++)
                for (ptrdiff_t j = 0; j < nr; j++) {
                    if (owner[r + j] == excluded[q + i])
                        continue;
                    const double sum =
                        dot(work.queries + i * work.stride, work.rows + j * work.stride, work.stride);
                    best[i] = sum > best[i] ? sum : best[i];
                }
        }
        for (ptrdiff_t i = 0; i < nq; i++)
            out[q + i] = isinf(best[i]) ? INT32_MIN : millionths(best[i]);
    }
    workspace_close(&work);
    return 0;
}
