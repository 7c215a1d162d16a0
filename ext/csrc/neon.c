/* NEON with the dot-product instructions of Armv8.2: four rows a register. */
#include "codes.h"
#include "paths.h"
#include "signs.h"

#ifdef MATCHER_ARM
#ifdef __clang__
#pragma clang attribute push(__attribute__((target("dotprod"))), apply_to = function)
#else
#pragma GCC target("arch=armv8.2-a+dotprod")
#endif
#include <arm_neon.h>

enum { QUARTER = 16, QUARTERS = 4 };

static double dot(const double *query, const float *row, ptrdiff_t d)
{
    float64x2_t sum[8];
    for (int i = 0; i < 8; i++)
        sum[i] = vdupq_n_f64(0.0);
    float rest[LANES] = {0.0f};
    for (ptrdiff_t k = 0; k < d; k += LANES) {
        const float *from = row + k;
        if (k + LANES > d) {
            memcpy(rest, from, (size_t)(d - k) * sizeof(float));
            from = rest;
        }
        /* Products are exact, so fusing them with the sum changes no bit. */
        for (int i = 0; i < 8; i++)
            sum[i] = vfmaq_f64(sum[i], vld1q_f64(query + k + 2 * i), vcvt_f64_f32(vld1_f32(from + 2 * i)));
    }
    for (int width = 4; width > 0; width /= 2)
        for (int i = 0; i < width; i++)
            sum[i] = vaddq_f64(sum[i], sum[i + width]);
    return vgetq_lane_f64(sum[0], 0) + vgetq_lane_f64(sum[0], 1);
}

static inline int8x16_t four_codes(const int8_t *codes)
{
    int32_t four;
    memcpy(&four, codes, sizeof four);
    return vreinterpretq_s8_s32(vdupq_n_s32(four));
}

/* 4-bit codes are small enough to be signed; 8-bit ones are centred, so that nothing has to be taken off. */
static inline int8x16_t centred(const uint8_t *codes)
{
    return vreinterpretq_s8_u8(veorq_u8(vld1q_u8(codes), vdupq_n_u8(128)));
}

static unsigned reaching_quarter(int32x4_t sums, const uint16_t *facts, const scan_query *query)
{
    const float32x4_t scale = vcvtq_f32_u32(vmovl_u16(vld1_u16(facts)));
    const float32x4_t loss = vcvtq_f32_u32(vmovl_u16(vld1_u16(facts + BLOCK)));
    const float32x4_t along = vmulq_f32(vcvtq_f32_s32(sums), scale);
    const float32x4_t beside = vmulq_f32(loss, vdupq_n_f32(query->loss_weight));
    const uint32x4_t reached = vcgeq_f32(vaddq_f32(along, beside), vdupq_n_f32(query->limit));
    const uint32x4_t bit = {1, 2, 4, 8};
    return vaddvq_u32(vandq_u32(reached, bit));
}

static void test(const int32x4_t *sums, const uint8_t *facts_line, int number, const scan_query *query,
                 ptrdiff_t block, survivors *kept)
{
    const uint16_t *facts = (const uint16_t *)facts_line;
    unsigned mask = 0;
    for (int i = 0; i < QUARTERS; i++)
        mask |= reaching_quarter(sums[i], facts + 4 * i, query) << 4 * i;
    if (!mask)
        return;
    int32_t each[BLOCK];
    for (int i = 0; i < QUARTERS; i++)
        vst1q_s32(each + 4 * i, sums[i]);
    keep_block(kept, number, block, each, mask);
}

static void scan4(code_rows codes, ptrdiff_t first, ptrdiff_t end, scan_query *query, int number,
                  survivors *kept)
{
    for (ptrdiff_t b = first; b < end; b++) {
        const uint8_t *line = block_at(codes, b);
        int32x4_t sums[QUARTERS];
        for (int i = 0; i < QUARTERS; i++)
            sums[i] = vdupq_n_s32(-query->offset);
        for (ptrdiff_t g = 0; g < codes.lines; g++, line += LINE) {
            const int8x16_t low = four_codes(query->codes + GROUP * g), high = four_codes(query->codes + GROUP * g + 4);
            for (int i = 0; i < QUARTERS; i++) {
                const uint8x16_t both = vld1q_u8(line + QUARTER * i);
                sums[i] = vdotq_s32(sums[i], vreinterpretq_s8_u8(vandq_u8(both, vdupq_n_u8(15))), low);
                sums[i] = vdotq_s32(sums[i], vreinterpretq_s8_u8(vshrq_n_u8(both, 4)), high);
            }
        }
        test(sums, line, number, query, b, kept);
    }
}

static void scan8(code_rows codes, ptrdiff_t first, ptrdiff_t end, scan_query *query, int number,
                  survivors *kept)
{
    for (ptrdiff_t b = first; b < end; b++) {
        const uint8_t *line = block_at(codes, b);
        int32x4_t sums[QUARTERS];
        for (int i = 0; i < QUARTERS; i++)
            sums[i] = vdupq_n_s32(0);
        for (ptrdiff_t g = 0; g < codes.lines; g++, line += LINE)
            for (int i = 0; i < QUARTERS; i++)
                sums[i] = vdotq_s32(sums[i], centred(line + QUARTER * i), four_codes(query->codes + 4 * g));
        test(sums, line, number, query, b, kept);
    }
}

/* One block against three queries: twelve sums stay in registers. */
static inline __attribute__((always_inline)) void column(const uint8_t *line, ptrdiff_t lines, const int small,
                                                         ptrdiff_t block, scan_query *queries, int number,
                                                         const int count, survivors *kept)
{
    int32x4_t sums[3][QUARTERS];
    for (int q = 0; q < count; q++)
        for (int i = 0; i < QUARTERS; i++)
            sums[q][i] = vdupq_n_s32(small ? -queries[q].offset : 0);
    for (ptrdiff_t g = 0; g < lines; g++, line += LINE)
        for (int i = 0; i < QUARTERS; i++) {
            const int8x16_t four_rows =
                small ? vreinterpretq_s8_u8(vld1q_u8(line + QUARTER * i)) : centred(line + QUARTER * i);
            for (int q = 0; q < count; q++)
                sums[q][i] = vdotq_s32(sums[q][i], four_rows, four_codes(queries[q].codes + 4 * g));
        }
    for (int q = 0; q < count; q++)
        test(sums[q], line, number + q, queries + q, block, kept);
}

static void tile(code_rows codes, ptrdiff_t blocks, ptrdiff_t base, scan_query *queries, int number, int count,
                 survivors *kept)
{
    for (ptrdiff_t b = 0; b < blocks; b++) {
        const uint8_t *line = block_at(codes, b);
        int q = 0;
        for (; q + 3 <= count; q += 3) {
            if (codes.bits == 4)
                column(line, codes.lines, 1, base + b, queries + q, number + q, 3, kept);
            else
                column(line, codes.lines, 0, base + b, queries + q, number + q, 3, kept);
        }
        for (; q < count; q++)
            column(line, codes.lines, codes.bits == 4, base + b, queries + q, number + q, 1, kept);
    }
}

static void unpack(const uint8_t *from, ptrdiff_t lines, uint8_t *to)
{
    for (ptrdiff_t g = 0; g < lines; g++, from += LINE, to += 2 * LINE)
        for (int i = 0; i < QUARTERS; i++) {
            const uint8x16_t both = vld1q_u8(from + QUARTER * i);
            vst1q_u8(to + QUARTER * i, vandq_u8(both, vdupq_n_u8(15)));
            vst1q_u8(to + LINE + QUARTER * i, vshrq_n_u8(both, 4));
        }
}

const kernel_path neon_path = {"neon", dot, scan4, scan8, tile, unpack, signs_plain};
#ifdef __clang__
#pragma clang attribute pop
#endif
#endif
