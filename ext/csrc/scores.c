/* Canonical scores, unit rows, maxima and all pairs over a path's `dot`; the order of additions is in ../README.md. */
#include "kernels.h"

#include <fenv.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>

#if FLT_EVAL_METHOD != 0
#error "double arithmetic is not evaluated as double here, so scores would differ from other machines"
#endif

enum {
    QUERY_TILE = 16, /* 16 KiB of float64 at d = 128, beside the rows in the first-level cache */
    FIRST_PAIRS = 64,
};

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

/* ---- all pairs --------------------------------------------------------------------------------------------------- */

typedef int pair_taker(void *into, ptrdiff_t first, ptrdiff_t second, int32_t score);

/* Every pair of different owners whose first row is in the span. A row is read once for sixteen others, so the sums take
 * longer than memory does (measured), and no second level of blocking is needed. */
static inline __attribute__((always_inline)) int each_pair(const kernel_path *path, pair_span pairs, pair_taker *take,
                                                           void *into)
{
    const float_rows rows = pairs.rows;
    workspace work;
    int failed = 0;
    if (workspace_open(&work, rows.d) != 0)
        return -1;
    for (ptrdiff_t q = pairs.first; q < pairs.end && !failed; q += QUERY_TILE) {
        const ptrdiff_t nq = at_most(pairs.end - q, QUERY_TILE);
        widen(rows, q, nq, &work);
        for (ptrdiff_t j = q + 1; j < rows.count && !failed; j++)
            for (ptrdiff_t i = 0; i < at_most(j - q, nq); i++)
                if (pairs.owner[q + i] != pairs.owner[j])
                    failed |= take(into, q + i, j,
                                   millionths(path->dot(work.queries + i * work.stride, rows.values + j * rows.d, rows.d)));
    }
    workspace_close(&work);
    return failed ? -1 : 0;
}

typedef struct {
    const int32_t *group;
    int64_t *counts;
    int32_t width;
    int32_t bins;
} histograms;

static int count_pair(void *into, ptrdiff_t first, ptrdiff_t second, int32_t score)
{
    const histograms *to = into;
    const ptrdiff_t a = to->group[first], b = to->group[second];
    const ptrdiff_t place = a < b ? b * (b + 1) / 2 + a : a * (a + 1) / 2 + b;
    const int32_t bin = (score + MILLION) / to->width;
    to->counts[place * to->bins + (bin < to->bins ? bin : to->bins - 1)]++;
    return 0;
}

int pair_counts(const kernel_path *path, pair_span pairs, const int32_t *group, int32_t width, int64_t *counts)
{
    histograms to = {group, counts, width, 2 * MILLION / width};
    return each_pair(path, pairs, count_pair, &to);
}

typedef struct {
    pair_list *list;
    int32_t threshold;
} reaching;

static int keep_pair(void *into, ptrdiff_t first, ptrdiff_t second, int32_t score)
{
    const reaching *to = into;
    if (score < to->threshold)
        return 0;
    pair_list *list = to->list;
    if (list->count == list->capacity) {
        const ptrdiff_t wanted = list->capacity > 0 ? 2 * list->capacity : FIRST_PAIRS;
        scored_pair *items = realloc(list->items, (size_t)wanted * sizeof(scored_pair));
        if (items == NULL)
            return -1;
        list->items = items;
        list->capacity = wanted;
    }
    list->items[list->count++] = (scored_pair){(int32_t)first, (int32_t)second, score};
    return 0;
}

int pairs_reaching(const kernel_path *path, pair_span pairs, int32_t threshold, pair_list *found)
{
    reaching to = {found, threshold};
    return each_pair(path, pairs, keep_pair, &to);
}
