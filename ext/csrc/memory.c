/* Reading memory and nothing else: the limit that a scan is measured against. */
#include "kernels.h"

uint64_t read_all(const uint8_t *bytes, ptrdiff_t count)
{
    uint64_t sums[8] = {0};
    const uint64_t *words = (const uint64_t *)bytes;
    for (ptrdiff_t i = 0; i + 8 <= count / 8; i += 8) {
        __builtin_prefetch((const char *)(words + i) + 2048);
        for (int j = 0; j < 8; j++)
            sums[j] += words[i + j];
    }
    uint64_t all = 0;
    for (int j = 0; j < 8; j++)
        all += sums[j];
    return all;
}
