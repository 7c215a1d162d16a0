/* Signs of rotated rows against one rotated query: the first pass of the cascade, which a benchmark alone uses.
 *
 * Four signs of a row are one half of a byte, and what they add to the inner product lies in a table of 16 bytes.
 */
#include "signs.h"

#include <fenv.h>

int keep_signs(sign_rows signs, ptrdiff_t block, const int32_t *sums, unsigned mask, survivor_list *found)
{
    for (int r = 0; r < BLOCK; r++) {
        const ptrdiff_t row = block * BLOCK + r;
        if (!(mask >> r & 1u) || row >= signs.count)
            continue;
        if (append_survivor(found, (survivor){0, (int32_t)row, (float)sums[r], 0}) != 0)
            return -1;
    }
    return 0;
}

static void add_line(const uint8_t *line, const uint8_t *tables, int32_t *sums)
{
    for (int i = 0; i < LINE; i++) {
        const uint8_t *low = tables + i / BLOCK * BLOCK;
        sums[i % BLOCK] += low[line[i] & 15] + (low + LINE)[line[i] >> 4];
    }
}

/* In float32 and in this order on every path. */
static unsigned reaching(const int32_t *sums, const uint8_t *facts_line, const sign_query *query)
{
    const uint16_t *facts = (const uint16_t *)facts_line;
    unsigned mask = 0;
    for (int r = 0; r < BLOCK; r++) {
        const float along = (float)facts[r] * query->along;
        const float beside = (float)facts[BLOCK + r] * query->beside;
        const float apart = along - beside;
        mask |= (unsigned)((float)sums[r] >= apart + query->start) << r;
    }
    return mask;
}

int signs_plain(sign_rows signs, ptrdiff_t first, ptrdiff_t end, const sign_query *query, survivor_list *found)
{
    const uint8_t *line = signs.bytes + first * (signs.lines + 1) * LINE;
    for (ptrdiff_t b = first; b < end; b++, line += LINE) {
        int32_t sums[BLOCK] = {0};
        for (ptrdiff_t g = 0; g < signs.lines; g++, line += LINE)
            add_line(line, query->tables + 2 * LINE * g, sums);
        const unsigned mask = reaching(sums, line, query);
        if (mask && keep_signs(signs, b, sums, mask, found) != 0)
            return -1;
    }
    return 0;
}

int scan_signs(const kernel_path *path, sign_rows signs, ptrdiff_t first, ptrdiff_t end, sign_query query,
               survivor_list *found)
{
    fenv_t caller;
    fegetenv(&caller);
    fesetenv(FE_DFL_ENV);
    const int failed = path->signs(signs, first, end, &query, found);
    fesetenv(&caller);
    return failed;
}
