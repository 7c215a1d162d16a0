/* Compares every path that runs here with the serial one: survivors at thresholds, top k, canonical scores and pairs. */
#include "kernels.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint64_t state = 88172645463325252u;

static float uniform(void)
{
    state ^= state << 13, state ^= state >> 7, state ^= state << 17; /* xorshift64, Marsaglia 2003 */
    return (float)((double)(state >> 11) / 9007199254740992.0 - 0.5);
}

static const kernel_path *named(const char *name)
{
    for (int i = 0; path_at(i) != NULL; i++)
        if (strcmp(path_at(i)->name, name) == 0)
            return path_at(i);
    return NULL;
}

static int by_pair(const void *a, const void *b)
{
    const survivor *x = a, *y = b;
    return x->query != y->query ? (x->query > y->query) - (x->query < y->query) : (x->row > y->row) - (x->row < y->row);
}

static int same(survivor_list *one, survivor_list *other)
{
    qsort(one->items, (size_t)one->count, sizeof(survivor), by_pair);
    qsort(other->items, (size_t)other->count, sizeof(survivor), by_pair);
    return one->count == other->count && memcmp(one->items, other->items, (size_t)one->count * sizeof(survivor)) == 0;
}

/* Counts and list of all pairs among rows that belong to three people in turn. */
static int pairs_differ(const kernel_path *path, const kernel_path *plain, float_rows rows)
{
    enum { BINS = 2 * MILLION / 1000 };
    int32_t *owner = malloc((size_t)rows.count * sizeof(int32_t));
    for (ptrdiff_t i = 0; i < rows.count; i++)
        owner[i] = (int32_t)(i % 3);
    const pair_span all = {rows, owner, 0, rows.count};
    int64_t *one = calloc(6 * BINS, sizeof(int64_t)), *other = calloc(6 * BINS, sizeof(int64_t));
    pair_counts(path, all, owner, 1000, one);
    pair_counts(plain, all, owner, 1000, other);
    pair_list a = {0}, b = {0};
    pairs_reaching(path, all, 50000, &a);
    pairs_reaching(plain, all, 50000, &b);
    const int wrong = memcmp(one, other, 6 * BINS * sizeof(int64_t)) != 0 || a.count != b.count || a.count == 0 ||
                      memcmp(a.items, b.items, (size_t)a.count * sizeof(scored_pair)) != 0;
    free(owner), free(one), free(other), free(a.items), free(b.items);
    return wrong;
}

static int compared(const kernel_path *path, const kernel_path *plain, ptrdiff_t n, ptrdiff_t m, ptrdiff_t d, int bits)
{
    float *raw = malloc((size_t)((n + m) * d) * sizeof(float)), *unit = malloc((size_t)((n + m) * d) * sizeof(float));
    for (ptrdiff_t i = 0; i < (n + m) * d; i++)
        raw[i] = uniform();
    normalise(plain, (float_rows){raw, n + m, d}, unit);
    const float_rows rows = {unit, n, d}, queries = {unit + n * d, m, d};
    uint8_t *codes = aligned_alloc(64, (size_t)code_bytes(n, d, bits));
    encode(rows, bits, codes);
    const code_rows set = {codes, n, code_lines(d, bits), bits};
    const ptrdiff_t blocks = (n + BLOCK - 1) / BLOCK;
    int wrong = 0;
    for (int32_t threshold = -1000000; threshold <= 600000; threshold += 200000) {
        survivor_list a = {0}, b = {0};
        scan_threshold(path, set, 0, blocks, queries, threshold, &a);
        scan_threshold(plain, set, 0, blocks, queries, threshold, &b);
        wrong += !same(&a, &b);
        free(a.items), free(b.items);
    }
    double *x = malloc((size_t)m * sizeof(double)), *y = malloc((size_t)m * sizeof(double));
    for (ptrdiff_t i = 0; i < m; i++)
        x[i] = y[i] = -INFINITY;
    survivor_list a = {0}, b = {0};
    scan_top(path, set, 0, blocks, queries, 3, x, &a);
    scan_top(plain, set, 0, blocks, queries, 3, y, &b);
    wrong += !same(&a, &b) + (memcmp(x, y, (size_t)m * sizeof(double)) != 0);
    int32_t *s = malloc((size_t)(n * m) * sizeof(int32_t)), *t = malloc((size_t)(n * m) * sizeof(int32_t));
    canonical_scores(path, queries, rows, s);
    canonical_scores(plain, queries, rows, t);
    wrong += memcmp(s, t, (size_t)(n * m) * sizeof(int32_t)) != 0;
    wrong += pairs_differ(path, plain, rows);
    free(raw), free(unit), free(codes), free(x), free(y), free(s), free(t), free(a.items), free(b.items);
    return wrong;
}

int main(int count, char **names)
{
    static const ptrdiff_t sizes[] = {1, 2, 7, 8, 9, 16, 63, 128, 129, 513, 1100};
    const kernel_path *plain = named("serial"), *path = count > 1 ? named(names[1]) : NULL;
    if (path == NULL || !path_runs(path)) {
        printf("absent\n");
        return 2;
    }
    int wrong = 0, tried = 0;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
        for (ptrdiff_t m = 1; m <= 14; m += 4)
            for (int bits = 4; bits <= 8; bits += 4, tried++)
                wrong += compared(path, plain, 37 + 31 * m, m, sizes[i], bits);
    printf("%s: %d of %d differ\n", path->name, wrong, tried);
    return wrong != 0;
}
