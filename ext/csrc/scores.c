/* Canonical scores, unit rows and maxima over a path's `dot`; the order of additions is in ../README.md. */
#include "kernels.h"

#include <fenv.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>

#if FLT_EVAL_METHOD != 0
#error "double arithmetic is not evaluated as double here, so scores would differ from other machines"
#endif

enum { QUERY_TILE = 16 }; /* 16 KiB of float64 at d = 128, beside the rows in the first-level cache */

/* Queries as float64, padded with zeros to a multiple of LANES. A zero leaves every partial sum as it is, bit for bit:
 * partial sums start at +0.0 and no round-to-nearest addition makes them -0.0. */
typedef struct {
    ptrdiff_t stride;
    double *queries;
    fenv_t caller;
} workspace;

/* Another library may have left this thread with another rounding mode or with denormals flushed to zero. */
static int workspace_open(workspace *work, ptrdiff_t d)
{
    const size_t stride = ((size_t)d + LANES - 1) / LANES * LANES;
    if (stride > SIZE_MAX / (QUERY_TILE * sizeof(double)))
        return -1;
    work->queries = calloc(QUERY_TILE * stride, sizeof(double));
    if (work->queries == NULL)
        return -1;
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
static void widen(float_rows from, ptrdiff_t first, ptrdiff_t count, workspace *to)
{
    for (ptrdiff_t i = 0; i < count; i++) {
        const float *restrict source = from.values + (first + i) * from.d;
        double *restrict target = to->queries + i * to->stride;
        for (ptrdiff_t k = 0; k < from.d; k++)
            target[k] = source[k];
    }
}

/* Clipping before rounding gives what rounding before clipping gives, and always fits. */
static int32_t millionths(double sum)
{
    const double scaled = sum * 1e6;
    return (int32_t)lrint(scaled > 1e6 ? 1e6 : scaled < -1e6 ? -1e6 : scaled);
}

int canonical_scores(const kernel_path *path, float_rows queries, float_rows rows, int32_t *out)
{
    workspace work;
    if (workspace_open(&work, rows.d) != 0)
        return -1;
    for (ptrdiff_t q = 0; q < queries.count; q += QUERY_TILE) {
        const ptrdiff_t nq = at_most(queries.count - q, QUERY_TILE);
        widen(queries, q, nq, &work);
        for (ptrdiff_t j = 0; j < rows.count; j++)
            for (ptrdiff_t i = 0; i < nq; i++)
                out[(q + i) * rows.count + j] =
                    millionths(path->dot(work.queries + i * work.stride, rows.values + j * rows.d, rows.d));
    }
    workspace_close(&work);
    return 0;
}

int paired_scores(const kernel_path *path, float_rows queries, const int32_t *at, float_rows rows, int32_t *out)
{
    workspace work;
    if (workspace_open(&work, rows.d) != 0)
        return -1;
    int32_t widened = -1;
    for (ptrdiff_t j = 0; j < rows.count; j++) {
        if (at[j] != widened) {
            widened = at[j];
            widen(queries, widened, 1, &work);
        }
        out[j] = millionths(path->dot(work.queries, rows.values + j * rows.d, rows.d));
    }
    workspace_close(&work);
    return 0;
}

int normalise(const kernel_path *path, float_rows rows, float *out)
{
    workspace work;
    if (workspace_open(&work, rows.d) != 0)
        return -1;
    for (ptrdiff_t i = 0; i < rows.count; i++) {
        widen(rows, i, 1, &work);
        const double length = sqrt(path->dot(work.queries, rows.values + i * rows.d, rows.d));
        for (ptrdiff_t k = 0; k < rows.d; k++)
            out[i * rows.d + k] = (float)(work.queries[k] / length);
    }
    workspace_close(&work);
    return 0;
}

/* Rounding is monotone, so the score of the largest sum is the largest score: one rounding a query, not one a pair. */
int maxima(const kernel_path *path, float_rows queries, float_rows rows, const int32_t *owner, const int32_t *excluded,
           int32_t *out)
{
    workspace work;
    if (workspace_open(&work, rows.d) != 0)
        return -1;
    for (ptrdiff_t q = 0; q < queries.count; q += QUERY_TILE) {
        const ptrdiff_t nq = at_most(queries.count - q, QUERY_TILE);
        double best[QUERY_TILE];
        for (ptrdiff_t i = 0; i < nq; i++)
            best[i] = -INFINITY;
        widen(queries, q, nq, &work);
        for (ptrdiff_t j = 0; j < rows.count; j++)
            for (ptrdiff_t i = 0; i < nq; i++) {
                if (owner[j] == excluded[q + i])
                    continue;
                const double sum = path->dot(work.queries + i * work.stride, rows.values + j * rows.d, rows.d);
                best[i] = sum > best[i] ? sum : best[i];
            }
        for (ptrdiff_t i = 0; i < nq; i++)
            out[q + i] = isinf(best[i]) ? INT32_MIN : millionths(best[i]);
    }
    workspace_close(&work);
    return 0;
}
