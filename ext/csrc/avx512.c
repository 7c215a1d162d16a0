/* AVX-512 with VNNI: sixteen rows a register, four dimensions an instruction. */
#include "codes.h"
#include "paths.h"
#include "signs.h"

#ifdef MATCHER_X86
#ifdef __clang__
#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx512vnni"))), apply_to = function)
#else
#pragma GCC target("avx512f,avx512bw,avx512vl,avx512dq,avx512vnni")
#endif
#include <immintrin.h>

enum {
    AHEAD = 2048, /* bytes that a stream is asked for before they are used; measured, see docs/benchmarks.md */
    SIDE = 4,     /* blocks of a tile: SIDE x TILE sums stay in registers */
};

static double dot(const double *query, const float *row, ptrdiff_t d)
{
    __m512d low = _mm512_setzero_pd(), high = _mm512_setzero_pd();
    ptrdiff_t k = 0;
    for (; k + LANES <= d; k += LANES) {
        /* Products are exact, so fusing them with the sum changes no bit. */
        low = _mm512_fmadd_pd(_mm512_loadu_pd(query + k), _mm512_cvtps_pd(_mm256_loadu_ps(row + k)), low);
        high = _mm512_fmadd_pd(_mm512_loadu_pd(query + k + 8), _mm512_cvtps_pd(_mm256_loadu_ps(row + k + 8)), high);
    }
    if (k < d) {
        const __m512 rest = _mm512_maskz_loadu_ps((__mmask16)((1u << (d - k)) - 1u), row + k);
        low = _mm512_fmadd_pd(_mm512_loadu_pd(query + k), _mm512_cvtps_pd(_mm512_castps512_ps256(rest)), low);
        high = _mm512_fmadd_pd(_mm512_loadu_pd(query + k + 8), _mm512_cvtps_pd(_mm512_extractf32x8_ps(rest, 1)), high);
    }
    const __m512d eight = _mm512_add_pd(low, high);
    const __m256d four = _mm256_add_pd(_mm512_castpd512_pd256(eight), _mm512_extractf64x4_pd(eight, 1));
    const __m128d two = _mm_add_pd(_mm256_castpd256_pd128(four), _mm256_extractf128_pd(four, 1));
    return _mm_cvtsd_f64(two) + _mm_cvtsd_f64(_mm_unpackhi_pd(two, two));
}

static inline __m512i four_codes(const int8_t *codes)
{
    int32_t four;
    memcpy(&four, codes, sizeof four);
    return _mm512_set1_epi32(four);
}

/* upper_of for sixteen rows: the same operations in the same order. */
static inline __mmask16 reaching(__m512i sums, const uint8_t *facts, const scan_query *query)
{
    const __m512 scale = _mm512_cvtepi32_ps(_mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i *)facts)));
    const __m512 loss = _mm512_cvtepi32_ps(_mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i *)(facts + 32))));
    const __m512 along = _mm512_mul_ps(_mm512_cvtepi32_ps(sums), scale);
    const __m512 beside = _mm512_mul_ps(loss, _mm512_set1_ps(query->loss_weight));
    return _mm512_cmp_ps_mask(_mm512_add_ps(along, beside), _mm512_set1_ps(query->limit), _CMP_GE_OQ);
}

static __attribute__((noinline)) void hand_over(__m512i sums, unsigned mask, int number, ptrdiff_t block, survivors *kept)
{
    int32_t each[BLOCK];
    _mm512_storeu_si512(each, sums);
    keep_block(kept, number, block, each, mask);
}

static void scan4(code_rows codes, ptrdiff_t first, ptrdiff_t end, scan_query *query, int number,
                  survivors *kept)
{
    const __m512i nibble = _mm512_set1_epi8(15), start = _mm512_set1_epi32(-query->offset);
    const uint8_t *line = block_at(codes, first);
    for (ptrdiff_t b = first; b < end; b++, line += LINE) {
        __m512i even = start, odd = _mm512_setzero_si512();
        __m512i even2 = odd, odd2 = odd;
        const int8_t *values = query->codes;
        ptrdiff_t g = 0;
        for (; g + 2 <= codes.lines; g += 2, line += 2 * LINE, values += 2 * GROUP) {
            _mm_prefetch((const char *)line + AHEAD, _MM_HINT_T0);
            _mm_prefetch((const char *)line + AHEAD + LINE, _MM_HINT_T0);
            const __m512i one = _mm512_loadu_si512(line), two = _mm512_loadu_si512(line + LINE);
            even = _mm512_dpbusd_epi32(even, _mm512_and_si512(one, nibble), four_codes(values));
            odd = _mm512_dpbusd_epi32(odd, _mm512_and_si512(_mm512_srli_epi16(one, 4), nibble), four_codes(values + 4));
            even2 = _mm512_dpbusd_epi32(even2, _mm512_and_si512(two, nibble), four_codes(values + 8));
            odd2 = _mm512_dpbusd_epi32(odd2, _mm512_and_si512(_mm512_srli_epi16(two, 4), nibble),
                                       four_codes(values + 12));
        }
        if (g < codes.lines) {
            const __m512i one = _mm512_loadu_si512(line);
            even = _mm512_dpbusd_epi32(even, _mm512_and_si512(one, nibble), four_codes(values));
            odd = _mm512_dpbusd_epi32(odd, _mm512_and_si512(_mm512_srli_epi16(one, 4), nibble), four_codes(values + 4));
            line += LINE;
        }
        const __m512i sums = _mm512_add_epi32(_mm512_add_epi32(even, odd), _mm512_add_epi32(even2, odd2));
        const unsigned mask = reaching(sums, line, query);
        if (mask)
            hand_over(sums, mask, number, b, kept);
    }
}

static void scan8(code_rows codes, ptrdiff_t first, ptrdiff_t end, scan_query *query, int number,
                  survivors *kept)
{
    const __m512i start = _mm512_set1_epi32(-query->offset);
    const uint8_t *line = block_at(codes, first);
    for (ptrdiff_t b = first; b < end; b++, line += LINE) {
        __m512i even = start, odd = _mm512_setzero_si512();
        const int8_t *values = query->codes;
        for (ptrdiff_t g = 0; g < codes.lines; g += 2, line += 2 * LINE, values += GROUP) {
            _mm_prefetch((const char *)line + AHEAD, _MM_HINT_T0);
            _mm_prefetch((const char *)line + AHEAD + LINE, _MM_HINT_T0);
            even = _mm512_dpbusd_epi32(even, _mm512_loadu_si512(line), four_codes(values));
            odd = _mm512_dpbusd_epi32(odd, _mm512_loadu_si512(line + LINE), four_codes(values + 4));
        }
        const __m512i sums = _mm512_add_epi32(even, odd);
        const unsigned mask = reaching(sums, line, query);
        if (mask)
            hand_over(sums, mask, number, b, kept);
    }
}

/* sums += codes * four, in place. Written in assembler because GCC 12 copies every sum before and after the intrinsic,
 * which costs the tile half its speed; the instruction is _mm512_dpbusd_epi32's. */
static inline __attribute__((always_inline)) void add_products(__m512i *sums, __m512i codes, __m512i four)
{
    __asm__("vpdpbusd %2, %1, %0" : "+v"(*sums) : "v"(codes), "v"(four));
}

/* `side` blocks against `count` queries; both are constants where this is inlined, and every loop over them is unrolled,
 * so that the sums stay in registers. */
static inline __attribute__((always_inline)) void square(const uint8_t *first, ptrdiff_t stride, ptrdiff_t lines,
                                                         ptrdiff_t base, scan_query *queries, int number,
                                                         const int side, const int count, survivors *kept)
{
    __m512i sums[TILE * SIDE];
#pragma GCC unroll 24
    for (int i = 0; i < side * count; i++)
        sums[i] = _mm512_set1_epi32(-queries[i / side].offset);
    for (ptrdiff_t g = 0; g < lines; g++) {
        __m512i line[SIDE], four = _mm512_setzero_si512();
#pragma GCC unroll 4
        for (int s = 0; s < side; s++)
            line[s] = _mm512_loadu_si512(first + s * stride + g * LINE);
#pragma GCC unroll 24
        for (int i = 0; i < side * count; i++) {
            if (i % side == 0)
                four = four_codes(queries[i / side].codes + 4 * g);
            add_products(&sums[i], line[i % side], four);
        }
    }
#pragma GCC unroll 24
    for (int i = 0; i < side * count; i++) {
        const unsigned mask = reaching(sums[i], first + i % side * stride + lines * LINE, queries + i / side);
        if (mask)
            hand_over(sums[i], mask, number + i / side, base + i % side, kept);
    }
}

static inline __attribute__((always_inline)) void squares(code_rows codes, ptrdiff_t blocks, ptrdiff_t base,
                                                          scan_query *queries, int number, const int count,
                                                          survivors *kept)
{
    const ptrdiff_t stride = (codes.lines + 1) * LINE;
    ptrdiff_t b = 0;
    for (; b + SIDE <= blocks; b += SIDE)
        square(codes.bytes + b * stride, stride, codes.lines, base + b, queries, number, SIDE, count, kept);
    for (; b < blocks; b++)
        square(codes.bytes + b * stride, stride, codes.lines, base + b, queries, number, 1, count, kept);
}

static void tile(code_rows codes, ptrdiff_t blocks, ptrdiff_t base, scan_query *queries, int number, int count,
                 survivors *kept)
{
    switch (count) {
    case 6: squares(codes, blocks, base, queries, number, 6, kept); break;
    case 5: squares(codes, blocks, base, queries, number, 5, kept); break;
    case 4: squares(codes, blocks, base, queries, number, 4, kept); break;
    case 3: squares(codes, blocks, base, queries, number, 3, kept); break;
    case 2: squares(codes, blocks, base, queries, number, 2, kept); break;
    default: squares(codes, blocks, base, queries, number, 1, kept); break;
    }
}

static void unpack(const uint8_t *from, ptrdiff_t lines, uint8_t *to)
{
    const __m512i nibble = _mm512_set1_epi8(15);
    for (ptrdiff_t g = 0; g < lines; g++, from += LINE, to += 2 * LINE) {
        const __m512i both = _mm512_loadu_si512(from);
        _mm512_storeu_si512(to, _mm512_and_si512(both, nibble));
        _mm512_storeu_si512(to + LINE, _mm512_and_si512(_mm512_srli_epi16(both, 4), nibble));
    }
}

/* Sums of table entries by 16 bits: `even` and `odd` rows apart, a lane of 128 bits for each quarter of a line. At most
 * 128 lines of 2 * 255 fit. `even` has the odd rows' sums on top of it, 256-fold, until the end. */
static inline __m512i whole_sums(__m512i even, __m512i odd)
{
    const __m512i order = _mm512_setr_epi32(0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
    even = _mm512_sub_epi16(even, _mm512_slli_epi16(odd, 8));
    const __m512i e = _mm512_add_epi32(_mm512_cvtepu16_epi32(_mm512_castsi512_si256(even)),
                                       _mm512_cvtepu16_epi32(_mm512_extracti64x4_epi64(even, 1)));
    const __m512i o = _mm512_add_epi32(_mm512_cvtepu16_epi32(_mm512_castsi512_si256(odd)),
                                       _mm512_cvtepu16_epi32(_mm512_extracti64x4_epi64(odd, 1)));
    const __m256i evens = _mm256_add_epi32(_mm512_castsi512_si256(e), _mm512_extracti64x4_epi64(e, 1));
    const __m256i odds = _mm256_add_epi32(_mm512_castsi512_si256(o), _mm512_extracti64x4_epi64(o, 1));
    return _mm512_permutex2var_epi32(_mm512_castsi256_si512(evens), order, _mm512_castsi256_si512(odds));
}

static inline __mmask16 signs_reaching(__m512i sums, const uint8_t *facts, const sign_query *query)
{
    const __m512 first = _mm512_cvtepi32_ps(_mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i *)facts)));
    const __m512 second = _mm512_cvtepi32_ps(_mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i *)(facts + 32))));
    const __m512 apart = _mm512_sub_ps(_mm512_mul_ps(first, _mm512_set1_ps(query->along)),
                                       _mm512_mul_ps(second, _mm512_set1_ps(query->beside)));
    const __m512 limit = _mm512_add_ps(apart, _mm512_set1_ps(query->start));
    return _mm512_cmp_ps_mask(_mm512_cvtepi32_ps(sums), limit, _CMP_GE_OQ);
}

static int signs(sign_rows codes, ptrdiff_t first, ptrdiff_t end, const sign_query *query, survivor_list *found)
{
    const __m512i nibble = _mm512_set1_epi8(15);
    const uint8_t *line = codes.bytes + first * (codes.lines + 1) * LINE;
    for (ptrdiff_t b = first; b < end; b++, line += LINE) {
        __m512i even = _mm512_setzero_si512(), odd = even;
        const uint8_t *tables = query->tables;
        for (ptrdiff_t g = 0; g < codes.lines; g++, line += LINE, tables += 2 * LINE) {
            _mm_prefetch((const char *)line + AHEAD, _MM_HINT_T0);
            const __m512i both = _mm512_loadu_si512(line);
            const __m512i low = _mm512_shuffle_epi8(_mm512_loadu_si512(tables), _mm512_and_si512(both, nibble));
            const __m512i high = _mm512_shuffle_epi8(_mm512_loadu_si512(tables + LINE),
                                                     _mm512_and_si512(_mm512_srli_epi16(both, 4), nibble));
            even = _mm512_add_epi16(even, _mm512_add_epi16(low, high));
            odd = _mm512_add_epi16(odd, _mm512_add_epi16(_mm512_srli_epi16(low, 8), _mm512_srli_epi16(high, 8)));
        }
        const __m512i sums = whole_sums(even, odd);
        const unsigned mask = signs_reaching(sums, line, query);
        if (mask) {
            int32_t each[BLOCK];
            _mm512_storeu_si512(each, sums);
            if (keep_signs(codes, b, each, mask, found) != 0)
                return -1;
        }
    }
    return 0;
}

const kernel_path avx512_path = {"avx512", dot, scan4, scan8, tile, unpack, signs};
#ifdef __clang__
#pragma clang attribute pop
#endif
#endif
