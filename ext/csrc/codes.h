/* Units of the code sets and the test that every path applies to a sum; the proof is in ../README.md. */
#ifndef MATCHER_CODES_H
#define MATCHER_CODES_H

#include "kernels.h"

#include <string.h>

#define SCALE_UNIT_4 0x1p-18 /* scales below 1/4; one sought above it is cut, and the loss is that of the cut one */
#define SCALE_UNIT_8 0x1p-22 /* scales up to 1/64: a unit vector's 8-bit scale is at most 1/127 */
#define LOSS_UNIT 0x1p-15
#define LOSS_ROUNDED_UP (1.0 + 0x1p-40) /* more than the roundings of a sum of 4,096 squares and its root */

/* R of the proof: no query and no row is longer. */
#define LENGTH_AT_MOST (1.0 + 1e-6)

static inline const uint8_t *block_at(code_rows codes, ptrdiff_t block)
{
    return codes.bytes + block * (codes.lines + 1) * LINE;
}

/* The test of one row, in float32 and in this order on every path: no fused operation, so every path keeps the same. */
static inline float upper_of(int32_t sum, uint16_t scale, uint16_t loss, float loss_weight)
{
    const float along = (float)sum * (float)scale;
    const float beside = (float)loss * loss_weight;
    return along + beside;
}

#endif
