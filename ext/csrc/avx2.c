/* AVX2: a line of codes is two registers of eight rows. */
#include "codes.h"
#include "paths.h"
#include "signs.h"

#ifdef MATCHER_X86
#ifdef __clang__
#pragma clang attribute push(__attribute__((target("avx2"))), apply_to = function)
#else
#pragma GCC target("avx2")
#endif
#include <immintrin.h>

enum {
    AHEAD = 2048, /* bytes that a stream is asked for before they are used */
    HALF = 32,
    PAIRED = 4, /* lines of 4-bit codes whose sums of pairs fit in 16 bits: 8 * 2 * 15 * 127 < 2^15 */
};

static double dot(const double *query, const float *row, ptrdiff_t d)
{
    __m256d sum[4];
    for (int i = 0; i < 4; i++)
        sum[i] = _mm256_setzero_pd();
    float rest[LANES] = {0.0f};
    for (ptrdiff_t k = 0; k < d; k += LANES) {
        const float *from = row + k;
        if (k + LANES > d) {
            memcpy(rest, from, (size_t)(d - k) * sizeof(float));
            from = rest;
        }
        for (int i = 0; i < 4; i++)
            sum[i] = _mm256_add_pd(sum[i], _mm256_mul_pd(_mm256_loadu_pd(query + k + 4 * i),
                                                         _mm256_cvtps_pd(_mm_loadu_ps(from + 4 * i))));
    }
    const __m256d low = _mm256_add_pd(sum[0], sum[2]), high = _mm256_add_pd(sum[1], sum[3]);
    const __m256d four = _mm256_add_pd(low, high);
    const __m128d two = _mm_add_pd(_mm256_castpd256_pd128(four), _mm256_extractf128_pd(four, 1));
    return _mm_cvtsd_f64(two) + _mm_cvtsd_f64(_mm_unpackhi_pd(two, two));
}

static inline __m256i load(const uint8_t *from)
{
    return _mm256_loadu_si256((const __m256i *)from);
}

static inline __m256i four_codes(const int8_t *codes)
{
    int32_t four;
    memcpy(&four, codes, sizeof four);
    return _mm256_set1_epi32(four);
}

static inline unsigned reaching_half(__m256i sums, const uint8_t *facts, const scan_query *query)
{
    const __m256 scale = _mm256_cvtepi32_ps(_mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i *)facts)));
    const __m256 loss = _mm256_cvtepi32_ps(_mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i *)(facts + 32))));
    const __m256 along = _mm256_mul_ps(_mm256_cvtepi32_ps(sums), scale);
    const __m256 beside = _mm256_mul_ps(loss, _mm256_set1_ps(query->loss_weight));
    const __m256 reached = _mm256_cmp_ps(_mm256_add_ps(along, beside), _mm256_set1_ps(query->limit), _CMP_GE_OQ);
    return (unsigned)_mm256_movemask_ps(reached);
}

static inline void test(__m256i low, __m256i high, const uint8_t *facts, int number, const scan_query *query,
                        ptrdiff_t block, survivors *kept)
{
    const unsigned mask = reaching_half(low, facts, query) | reaching_half(high, facts + 16, query) << 8;
    if (!mask)
        return;
    int32_t each[BLOCK];
    _mm256_storeu_si256((__m256i *)each, low);
    _mm256_storeu_si256((__m256i *)(each + 8), high);
    keep_block(kept, number, block, each, mask);
}

/* Codes of 4 bits, one a byte: sums of two products fit in 16 bits, unsigned times signed. */
static inline __m256i small_products(__m256i codes, __m256i four)
{
    return _mm256_madd_epi16(_mm256_maddubs_epi16(codes, four), _mm256_set1_epi16(1));
}

/* Codes of 8 bits: |code| times the query's code with the code's sign, so that 2 * 127 * 127 fits in 16 bits. */
static inline __m256i large_products(__m256i codes, __m256i four)
{
    const __m256i centred = _mm256_xor_si256(codes, _mm256_set1_epi8(-128));
    return small_products(_mm256_abs_epi8(centred), _mm256_sign_epi8(four, centred));
}

static void scan4(code_rows codes, ptrdiff_t first, ptrdiff_t end, scan_query *query, int number,
                  survivors *kept)
{
    const __m256i nibble = _mm256_set1_epi8(15), ones = _mm256_set1_epi16(1);
    const uint8_t *line = block_at(codes, first);
    for (ptrdiff_t b = first; b < end; b++, line += LINE) {
        __m256i sums[2];
        sums[0] = sums[1] = _mm256_set1_epi32(-query->offset);
        for (ptrdiff_t g = 0; g < codes.lines; g += PAIRED) {
            __m256i pairs[2] = {_mm256_setzero_si256(), _mm256_setzero_si256()};
            for (ptrdiff_t i = g; i < g + PAIRED && i < codes.lines; i++, line += LINE) {
                _mm_prefetch((const char *)line + AHEAD, _MM_HINT_T0);
                const __m256i low = four_codes(query->codes + GROUP * i), high = four_codes(query->codes + GROUP * i + 4);
                for (int h = 0; h < 2; h++) {
                    const __m256i both = load(line + HALF * h);
                    const __m256i one = _mm256_maddubs_epi16(_mm256_and_si256(both, nibble), low);
                    const __m256i two =
                        _mm256_maddubs_epi16(_mm256_and_si256(_mm256_srli_epi16(both, 4), nibble), high);
                    pairs[h] = _mm256_add_epi16(pairs[h], _mm256_add_epi16(one, two));
                }
            }
            for (int h = 0; h < 2; h++)
                sums[h] = _mm256_add_epi32(sums[h], _mm256_madd_epi16(pairs[h], ones));
        }
        test(sums[0], sums[1], line, number, query, b, kept);
    }
}

static void scan8(code_rows codes, ptrdiff_t first, ptrdiff_t end, scan_query *query, int number,
                  survivors *kept)
{
    const uint8_t *line = block_at(codes, first);
    for (ptrdiff_t b = first; b < end; b++, line += LINE) {
        __m256i sums[2] = {_mm256_setzero_si256(), _mm256_setzero_si256()};
        for (ptrdiff_t g = 0; g < codes.lines; g++, line += LINE) {
            _mm_prefetch((const char *)line + AHEAD, _MM_HINT_T0);
            const __m256i four = four_codes(query->codes + 4 * g);
            for (int h = 0; h < 2; h++)
                sums[h] = _mm256_add_epi32(sums[h], large_products(load(line + HALF * h), four));
        }
        test(sums[0], sums[1], line, number, query, b, kept);
    }
}

/* One block against up to three queries: six sums, two codes and the constants stay in sixteen registers. */
static inline __attribute__((always_inline)) void column(const uint8_t *line, ptrdiff_t lines, int small,
                                                         ptrdiff_t block, scan_query *queries, int number,
                                                         const int count, survivors *kept)
{
    __m256i sums[3][2];
    for (int q = 0; q < count; q++)
        sums[q][0] = sums[q][1] = _mm256_set1_epi32(small ? -queries[q].offset : 0);
    for (ptrdiff_t g = 0; g < lines; g++, line += LINE)
        for (int h = 0; h < 2; h++) {
            const __m256i half = load(line + HALF * h);
            for (int q = 0; q < count; q++) {
                const __m256i four = four_codes(queries[q].codes + 4 * g);
                sums[q][h] =
                    _mm256_add_epi32(sums[q][h], small ? small_products(half, four) : large_products(half, four));
            }
        }
    for (int q = 0; q < count; q++)
        test(sums[q][0], sums[q][1], line, number + q, queries + q, block, kept);
}

static void tile(code_rows codes, ptrdiff_t blocks, ptrdiff_t base, scan_query *queries, int number, int count,
                 survivors *kept)
{
    const int small = codes.bits == 4;
    for (ptrdiff_t b = 0; b < blocks; b++) {
        const uint8_t *line = block_at(codes, b);
        int q = 0;
        for (; q + 3 <= count; q += 3) {
            if (small)
                column(line, codes.lines, 1, base + b, queries + q, number + q, 3, kept);
            else
                column(line, codes.lines, 0, base + b, queries + q, number + q, 3, kept);
        }
        for (; q < count; q++)
            column(line, codes.lines, small, base + b, queries + q, number + q, 1, kept);
    }
}

static void unpack(const uint8_t *from, ptrdiff_t lines, uint8_t *to)
{
    const __m256i nibble = _mm256_set1_epi8(15);
    for (ptrdiff_t g = 0; g < lines; g++, from += LINE, to += 2 * LINE)
        for (int h = 0; h < 2; h++) {
            const __m256i both = load(from + HALF * h);
            _mm256_storeu_si256((__m256i *)(to + HALF * h), _mm256_and_si256(both, nibble));
            _mm256_storeu_si256((__m256i *)(to + LINE + HALF * h),
                                _mm256_and_si256(_mm256_srli_epi16(both, 4), nibble));
        }
}

/* Eight 16-bit sums of each half of a register become eight of 32 bits. */
static inline __m256i widened(__m256i sums)
{
    return _mm256_add_epi32(_mm256_cvtepu16_epi32(_mm256_castsi256_si128(sums)),
                            _mm256_cvtepu16_epi32(_mm256_extracti128_si256(sums, 1)));
}

static inline void add_half(const uint8_t *half, const uint8_t *tables, __m256i *even, __m256i *odd)
{
    const __m256i nibble = _mm256_set1_epi8(15), both = load(half);
    const __m256i low = _mm256_shuffle_epi8(load(tables), _mm256_and_si256(both, nibble));
    const __m256i high =
        _mm256_shuffle_epi8(load(tables + LINE), _mm256_and_si256(_mm256_srli_epi16(both, 4), nibble));
    *even = _mm256_add_epi16(*even, _mm256_add_epi16(low, high));
    *odd = _mm256_add_epi16(*odd, _mm256_add_epi16(_mm256_srli_epi16(low, 8), _mm256_srli_epi16(high, 8)));
}

static inline unsigned signs_reaching(const int32_t *sums, const uint8_t *facts, const sign_query *query)
{
    const __m256 first = _mm256_cvtepi32_ps(_mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i *)facts)));
    const __m256 second = _mm256_cvtepi32_ps(_mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i *)(facts + 32))));
    const __m256 apart = _mm256_sub_ps(_mm256_mul_ps(first, _mm256_set1_ps(query->along)),
                                       _mm256_mul_ps(second, _mm256_set1_ps(query->beside)));
    const __m256 limit = _mm256_add_ps(apart, _mm256_set1_ps(query->start));
    return (unsigned)_mm256_movemask_ps(_mm256_cmp_ps(_mm256_cvtepi32_ps(load((const uint8_t *)sums)), limit, _CMP_GE_OQ));
}

/* 16-bit sums of even and odd rows, a lane of 128 bits for each quarter of a line; at most 128 lines of 2 * 255 fit.
 * Even sums carry the odd ones on top, 256-fold, until the end. */
static int signs(sign_rows codes, ptrdiff_t first, ptrdiff_t end, const sign_query *query, survivor_list *found)
{
    const uint8_t *line = codes.bytes + first * (codes.lines + 1) * LINE;
    for (ptrdiff_t b = first; b < end; b++, line += LINE) {
        __m256i even[2] = {_mm256_setzero_si256(), _mm256_setzero_si256()}, odd[2] = {even[0], even[0]};
        for (ptrdiff_t g = 0; g < codes.lines; g++, line += LINE) {
            _mm_prefetch((const char *)line + AHEAD, _MM_HINT_T0);
            for (int i = 0; i < 2; i++)
                add_half(line + HALF * i, query->tables + 2 * LINE * g + HALF * i, even + i, odd + i);
        }
        for (int i = 0; i < 2; i++)
            even[i] = _mm256_sub_epi16(even[i], _mm256_slli_epi16(odd[i], 8));
        const __m256i evens = _mm256_add_epi32(widened(even[0]), widened(even[1]));
        const __m256i odds = _mm256_add_epi32(widened(odd[0]), widened(odd[1]));
        const __m256i low = _mm256_unpacklo_epi32(evens, odds), high = _mm256_unpackhi_epi32(evens, odds);
        int32_t sums[BLOCK];
        _mm256_storeu_si256((__m256i *)sums, _mm256_permute2x128_si256(low, high, 0x20));
        _mm256_storeu_si256((__m256i *)(sums + 8), _mm256_permute2x128_si256(low, high, 0x31));
        const unsigned mask =
            signs_reaching(sums, line, query) | signs_reaching(sums + 8, line + 16, query) << 8;
        if (mask && keep_signs(codes, b, sums, mask, found) != 0)
            return -1;
    }
    return 0;
}

const kernel_path avx2_path = {"avx2", dot, scan4, scan8, tile, unpack, signs};
#ifdef __clang__
#pragma clang attribute pop
#endif
#endif
