/* Screening codes of unit rows: what a row becomes, and an upper bound of what it lost. Plain C on every machine.
 *
 * 4 bits: element k becomes c in 0 .. 15 and stands for scale * (c - 8); 8 bits: c in 1 .. 255 for scale * (c - 128).
 * A scale is an integer number of SCALE_UNIT, a loss (the length of row minus codes) one of LOSS_UNIT, rounded up.
 */
#include "codes.h"

#include <fenv.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { STARTS = 2, STEPS = 2 };

ptrdiff_t code_lines(ptrdiff_t d, int bits)
{
    const ptrdiff_t groups = (d + GROUP - 1) / GROUP;
    return bits == 4 ? groups : 2 * groups;
}

ptrdiff_t code_bytes(ptrdiff_t count, ptrdiff_t d, int bits)
{
    return (count + BLOCK - 1) / BLOCK * (code_lines(d, bits) + 1) * LINE;
}

/* Nearest integer, ties to even, for |x| < 2^22: vectorises everywhere, which rintf does not. */
static inline float nearest(float x)
{
    const float shift = 12582912.0f; /* 1.5 * 2^23 */
    return (x + shift) - shift;
}

static inline float within(float x, float low, float high)
{
    return x < low ? low : x > high ? high : x;
}

static double folded(const float *sum)
{
    double all = 0.0;
    for (int j = 0; j < LANES; j++)
        all += sum[j];
    return all;
}

/* One step of alternating least squares: the codes for a scale, then the best scale for those codes. */
static float better_scale(const float *row, ptrdiff_t padded, float scale)
{
    float along[LANES] = {0}, square[LANES] = {0};
    const float inverse = 1.0f / scale;
    for (ptrdiff_t k = 0; k < padded; k += LANES)
        for (int j = 0; j < LANES; j++) {
            const float code = within(nearest(row[k + j] * inverse), -8.0f, 7.0f);
            along[j] += row[k + j] * code;
            square[j] += code * code;
        }
    const double all = folded(square);
    return all > 0.0 ? (float)(folded(along) / all) : scale;
}

static float squared_loss(const float *row, ptrdiff_t padded, float scale)
{
    float lost[LANES] = {0};
    const float inverse = 1.0f / scale;
    for (ptrdiff_t k = 0; k < padded; k += LANES)
        for (int j = 0; j < LANES; j++) {
            const float rest = row[k + j] - scale * within(nearest(row[k + j] * inverse), -8.0f, 7.0f);
            lost[j] += rest * rest;
        }
    return (float)folded(lost);
}

static float in_units(float scale, double unit)
{
    const double units = nearbyint((double)scale / unit);
    return (float)(within((float)units, 1.0f, 65535.0f) * unit);
}

/* Where the search for a 4-bit scale starts: the best one for a normal distribution, and one that clips nothing. */
static float scale4(const float *row, ptrdiff_t padded, ptrdiff_t d, float largest)
{
    float square[LANES] = {0};
    for (ptrdiff_t k = 0; k < padded; k += LANES)
        for (int j = 0; j < LANES; j++)
            square[j] += row[k + j] * row[k + j];
    /* Max (1960), "Quantizing for minimum distortion": 16 equal steps of 0.3352 standard deviations. */
    const float starts[STARTS] = {0.3352f * sqrtf((float)(folded(square) / (double)d)), largest / 7.0f};
    float best = in_units(largest / 7.0f, SCALE_UNIT_4), least = FLT_MAX;
    for (int i = 0; i < STARTS; i++) {
        float scale = starts[i];
        for (int step = 0; step < STEPS; step++)
            scale = better_scale(row, padded, scale);
        scale = in_units(scale, SCALE_UNIT_4);
        const float lost = squared_loss(row, padded, scale);
        if (lost < least) {
            least = lost;
            best = scale;
        }
    }
    return best;
}

/* The smallest scale in units at which nothing is clipped. */
static float scale8(float largest)
{
    return (float)(ceil((double)largest / 127.0 / SCALE_UNIT_8) * SCALE_UNIT_8);
}

/* Codes of one row without their excess, into bytes; returns the length of what was lost, before it is rounded up. */
static double quantised(const float *row, ptrdiff_t padded, int bits, float scale, uint8_t *codes)
{
    const float inverse = 1.0f / scale;
    const float low = bits == 4 ? -8.0f : -127.0f, high = bits == 4 ? 7.0f : 127.0f;
    const int excess = bits == 4 ? 8 : 128;
    double lost[LANES] = {0.0}, all = 0.0;
    for (ptrdiff_t k = 0; k < padded; k += LANES)
        for (int j = 0; j < LANES; j++) {
            const float code = within(nearest(row[k + j] * inverse), low, high);
            const double rest = (double)row[k + j] - (double)scale * (double)code;
            lost[j] += rest * rest;
            codes[k + j] = (uint8_t)((int)code + excess);
        }
    for (int j = 0; j < LANES; j++)
        all += lost[j];
    return sqrt(all);
}

/* The codes of one row to their places in a block: four bytes of every line. */
static void lay_out(const uint8_t *codes, int bits, ptrdiff_t lines, uint8_t *block, ptrdiff_t place)
{
    for (ptrdiff_t g = 0; g < lines; g++) {
        uint32_t four, high;
        if (bits == 8) {
            memcpy(&four, codes + 4 * g, sizeof four);
        } else {
            memcpy(&four, codes + 8 * g, sizeof four);
            memcpy(&high, codes + 8 * g + 4, sizeof high);
            four |= high << 4; /* codes of 4 bits: no bit crosses a byte, whatever the order of bytes */
        }
        memcpy(block + g * LINE + place * 4, &four, sizeof four);
    }
}

static void encode_row(float *row, uint8_t *codes, ptrdiff_t d, int bits, uint8_t *block, ptrdiff_t lines,
                       ptrdiff_t place)
{
    const ptrdiff_t padded = (d + LANES - 1) / LANES * LANES;
    float largest = 0.0f;
    for (ptrdiff_t k = 0; k < d; k++)
        largest = fabsf(row[k]) > largest ? fabsf(row[k]) : largest;
    const float scale = bits == 4 ? scale4(row, padded, d, largest) : scale8(largest);
    const double lost = quantised(row, padded, bits, scale, codes);
    memset(codes + d, 0, (size_t)(padded - d)); /* what pads a row has the code 0 and meets zeros of a query */
    lay_out(codes, bits, lines, block, place);
    uint16_t *facts = (uint16_t *)(block + lines * LINE);
    facts[place] = (uint16_t)lrint((double)scale / (bits == 4 ? SCALE_UNIT_4 : SCALE_UNIT_8));
    facts[BLOCK + place] = (uint16_t)ceil(lost * LOSS_ROUNDED_UP / LOSS_UNIT);
}

int encode(float_rows rows, int bits, uint8_t *out)
{
    const ptrdiff_t padded = (rows.d + LANES - 1) / LANES * LANES, lines = code_lines(rows.d, bits);
    float *row = calloc((size_t)padded, sizeof(float) + 1);
    if (row == NULL)
        return -1;
    uint8_t *codes = (uint8_t *)(row + padded);
    fenv_t caller;
    fegetenv(&caller);
    fesetenv(FE_DFL_ENV);
    memset(out, 0, (size_t)code_bytes(rows.count, rows.d, bits));
    for (ptrdiff_t i = 0; i < rows.count; i++) {
        memcpy(row, rows.values + i * rows.d, (size_t)rows.d * sizeof(float));
        encode_row(row, codes, rows.d, bits, out + i / BLOCK * (lines + 1) * LINE, lines, i % BLOCK);
    }
    fesetenv(&caller);
    free(row);
    return 0;
}
