/* Every call of the core with one allocation refused, the first, the second and so on: each must say -1, not crash and
 * not pretend. The core is built with its allocations renamed to the three functions below. */
#include "kernels.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 600, QUERIES = 12, D = 24, ALL = -1000000 };

static int left; /* allocations until one is refused; below 0 none is */

static int refused(void)
{
    return left >= 0 && left-- == 0;
}

void *scarce_malloc(size_t size)
{
    return refused() ? NULL : malloc(size);
}

void *scarce_calloc(size_t count, size_t size)
{
    return refused() ? NULL : calloc(count, size);
}

void *scarce_realloc(void *old, size_t size)
{
    return refused() ? NULL : realloc(old, size);
}

static float rows[ROWS * D];
static _Alignas(64) uint8_t codes[(ROWS / 16 + 1) * (D / 4 + 1) * 64];
static int32_t owner[ROWS], scores[ROWS * QUERIES];
static int64_t counts[2];
static uint8_t tables[128];

static int called(int function, const kernel_path *path)
{
    const float_rows all = {rows, ROWS, D}, some = {rows, QUERIES, D};
    const code_rows set = {codes, ROWS, code_lines(D, 8), 8};
    const pair_span pairs = {all, owner, 0, ROWS};
    survivor_list found = {0};
    pair_list reaching = {0};
    const sign_query passing = {tables, 0.0f, 0.0f, -INFINITY};
    double floors[QUERIES];
    int result = 0;
    for (int i = 0; i < QUERIES; i++)
        floors[i] = -INFINITY;
    switch (function) {
    case 0: result = canonical_scores(path, some, all, scores); break;
    case 1: result = paired_scores(path, all, owner, all, scores); break;
    case 2: result = normalise(path, some, rows); break;
    case 3: result = maxima(path, some, all, owner, owner, scores); break;
    case 4: result = pair_counts(path, pairs, owner, 2000000, counts); break;
    case 5: result = pairs_reaching(path, pairs, ALL, &reaching); break;
    case 6: result = encode(all, 8, codes); break;
    case 7: result = scan_threshold(path, set, 0, ROWS / 16, some, ALL, &found); break;
    case 8: result = scan_top(path, set, 0, ROWS / 16, some, 400, floors, &found); break;
    case 9: result = scan_threshold(path, set, 0, ROWS / 16, (float_rows){rows, 1, D}, ALL, &found); break;
    case 10: result = scan_listed(path, set, owner, ROWS / 16, some, ALL, &found); break;
    case 11: result = scan_signs(path, (sign_rows){codes, ROWS, 1}, 0, ROWS / 16, passing, &found); break;
    default: result = 1;
    }
    free(found.items), free(reaching.items);
    return result;
}

int main(void)
{
    int wrong = 0, refusals = 0;
    for (int i = 0; i < ROWS; i++) {
        rows[i * D + i % D] = 1.0f;
        owner[i] = i % 2;
    }
    left = -1;
    wrong += encode((float_rows){rows, ROWS, D}, 8, codes) != 0;
    for (int place = 0; path_at(place) != NULL; place++)
        for (int function = 0; path_runs(path_at(place)) && function < 12; function++)
            for (int after = 0;; after++) {
                left = after;
                const int told = called(function, path_at(place));
                if (left >= 0) { /* there was enough for all of it */
                    wrong += told != 0;
                    break;
                }
                refusals++;
                wrong += told != -1;
            }
    printf("%d wrong, %s refusals\n", wrong, refusals > 50 ? "many" : "few");
    return wrong != 0;
}
