/* Plain C for every machine: what the other paths must equal. */
#include "codes.h"
#include "paths.h"
#include "signs.h"

static double dot(const double *query, const float *row, ptrdiff_t d)
{
    double sum[LANES] = {0.0};
    ptrdiff_t k = 0;
    for (; k + LANES <= d; k += LANES)
        for (int j = 0; j < LANES; j++)
            sum[j] += query[k + j] * (double)row[k + j];
    for (int j = 0; k + j < d; j++)
        sum[j] += query[k + j] * (double)row[k + j];
    for (int width = LANES / 2; width > 0; width /= 2)
        for (int j = 0; j < width; j++)
            sum[j] += sum[j + width];
    return sum[0];
}

static void test(const uint8_t *facts_line, const int32_t *sums, int number, const scan_query *query, ptrdiff_t block,
                 survivors *kept)
{
    const uint16_t *facts = (const uint16_t *)facts_line;
    unsigned mask = 0;
    for (int r = 0; r < BLOCK; r++)
        mask |= (unsigned)(upper_of(sums[r], facts[r], facts[BLOCK + r], query->loss_weight) >= query->limit) << r;
    if (mask)
        keep_block(kept, number, block, sums, mask);
}

static void sum_bytes(const uint8_t *line, ptrdiff_t lines, const scan_query *query, int32_t *sums)
{
    for (int r = 0; r < BLOCK; r++)
        sums[r] = -query->offset;
    for (ptrdiff_t g = 0; g < lines; g++, line += LINE)
        for (int r = 0; r < BLOCK; r++)
            for (int i = 0; i < 4; i++)
                sums[r] += line[4 * r + i] * query->codes[4 * g + i];
}

static void unpack(const uint8_t *from, ptrdiff_t lines, uint8_t *to)
{
    for (ptrdiff_t g = 0; g < lines; g++, from += LINE, to += 2 * LINE)
        for (int i = 0; i < LINE; i++) {
            to[i] = from[i] & 15;
            to[LINE + i] = from[i] >> 4;
        }
}

static void scan4(code_rows codes, ptrdiff_t first, ptrdiff_t end, scan_query *query, int number,
                  survivors *kept)
{
    uint8_t bytes[2 * LINE];
    for (ptrdiff_t b = first; b < end; b++) {
        const uint8_t *block = block_at(codes, b);
        int32_t sums[BLOCK], part[BLOCK];
        for (int r = 0; r < BLOCK; r++)
            sums[r] = -query->offset;
        for (ptrdiff_t g = 0; g < codes.lines; g++) {
            const scan_query here = {query->codes + GROUP * g, 0, 0.0f, 0.0f};
            unpack(block + g * LINE, 1, bytes);
            sum_bytes(bytes, 2, &here, part);
            for (int r = 0; r < BLOCK; r++)
                sums[r] += part[r];
        }
        test(block + codes.lines * LINE, sums, number, query, b, kept);
    }
}

static void scan8(code_rows codes, ptrdiff_t first, ptrdiff_t end, scan_query *query, int number,
                  survivors *kept)
{
    for (ptrdiff_t b = first; b < end; b++) {
        int32_t sums[BLOCK];
        sum_bytes(block_at(codes, b), codes.lines, query, sums);
        test(block_at(codes, b) + codes.lines * LINE, sums, number, query, b, kept);
    }
}

static void tile(code_rows codes, ptrdiff_t blocks, ptrdiff_t base, scan_query *queries, int number, int count,
                 survivors *kept)
{
    for (ptrdiff_t b = 0; b < blocks; b++)
        for (int q = 0; q < count; q++) {
            int32_t sums[BLOCK];
            sum_bytes(block_at(codes, b), codes.lines, queries + q, sums);
            test(block_at(codes, b) + codes.lines * LINE, sums, number + q, queries + q, base + b, kept);
        }
}

const kernel_path serial_path = {"serial", dot, scan4, scan8, tile, unpack, signs_plain};
