/* What the paths share in scanning signs; the layout and the proof are in ../README.md. */
#ifndef MATCHER_SIGNS_H
#define MATCHER_SIGNS_H

#include "kernels.h"

/* One path for every machine, and for those without instructions of their own. */
int signs_plain(sign_rows signs, ptrdiff_t first, ptrdiff_t end, const sign_query *query, survivor_list *found);

/* Hands over the rows of a block that stayed in: bit r of `mask` is row r of it. */
int keep_signs(sign_rows signs, ptrdiff_t block, const int32_t *sums, unsigned mask, survivor_list *found);

#endif
