/* Scans over code sets: queries become integers, blocks are handed to a path, rows whose bound reaches are collected.
 *
 * The bound and every rounding error in it are proven in ../README.md; names here are those of the proof.
 */
#include "codes.h"

#include <fenv.h>
#include <math.h>
#include <stdlib.h>

enum {
    /* Codes, one a byte, that stay in the second-level cache while every query passes over them; packed they are half. */
    CHUNK_BYTES = 96 * 1024,
    FEW = 8,                 /* so many queries pass over a chunk one by one; more are worth a tile (measured) */
    FIRST_CAPACITY = 64,
};

#define HALF_MILLIONTH 0.5e-6 /* a score is rounded to millionths */
#define ROUNDING 0x1p-19      /* all other roundings together, for |q^| = 1, at most 4,096 elements and losses below 2 */

struct survivors {
    survivor_list *list;
    code_rows codes;
    scan_query *queries;
    float *lows; /* k lower bounds a query, a heap with the least in front; NULL for a threshold scan */
    float *gaps;
    int k;
    int failed;
};

typedef struct {
    scan_query *queries;
    int8_t *values;
    double *units; /* a: what 1 in a sum times a scale is worth */
    double *rests; /* |x| |q - q^| at most, and ROUNDING */
    float *lows;
    float *gaps;
    uint8_t *chunk; /* 64-byte aligned */
    void *chunk_memory;
    fenv_t caller;
} scan_room;

static float rounded_down(double value)
{
    const float near = (float)value;
    return (double)near > value ? nextafterf(near, -INFINITY) : near;
}

static float rounded_up(double value)
{
    return -rounded_down(-value);
}

/* ---- what stays in ----------------------------------------------------------------------------------------------- */

static void sift_down(float *heap, int k, int at)
{
    for (;;) {
        int least = at;
        for (int child = 2 * at + 1; child <= 2 * at + 2 && child < k; child++)
            if (heap[child] < heap[least])
                least = child;
        if (least == at)
            return;
        const float moved = heap[at];
        heap[at] = heap[least];
        heap[least] = moved;
        at = least;
    }
}

static void raise_floor(survivors *kept, int query, float low)
{
    float *heap = kept->lows + (ptrdiff_t)query * kept->k;
    if (low <= heap[0])
        return;
    heap[0] = low;
    sift_down(heap, kept->k, 0);
    const float limit = rounded_down((double)heap[0] - (double)kept->gaps[query]);
    if (limit > kept->queries[query].limit)
        kept->queries[query].limit = limit;
}

int append_survivor(survivor_list *list, survivor one)
{
    if (list->count == list->capacity) {
        const ptrdiff_t wanted = list->capacity > 0 ? 2 * list->capacity : FIRST_CAPACITY;
        survivor *items = realloc(list->items, (size_t)wanted * sizeof(survivor));
        if (items == NULL)
            return -1;
        list->items = items;
        list->capacity = wanted;
    }
    list->items[list->count++] = one;
    return 0;
}

void keep_block(survivors *kept, int query, ptrdiff_t block, const int32_t *sums, unsigned mask)
{
    const uint16_t *facts = (const uint16_t *)(block_at(kept->codes, block) + kept->codes.lines * LINE);
    const float weight = kept->queries[query].loss_weight;
    for (int r = 0; r < BLOCK; r++) {
        const ptrdiff_t row = block * BLOCK + r;
        if (!(mask >> r & 1u) || row >= kept->codes.count)
            continue;
        const float upper = upper_of(sums[r], facts[r], facts[BLOCK + r], weight);
        if (append_survivor(kept->list, (survivor){query, (int32_t)row, upper, 0}) != 0)
            kept->failed = 1;
        if (kept->lows != NULL)
            raise_floor(kept, query, upper_of(sums[r], facts[r], facts[BLOCK + r], -weight));
    }
}

/* ---- queries as integers ----------------------------------------------------------------------------------------- */

/* Step 3: q^ = step * codes, and what that lost, |q - q^|. */
static double quantise(const float *values, ptrdiff_t d, int8_t *codes, double *step, int32_t *sum)
{
    double largest = 0.0, lost = 0.0;
    for (ptrdiff_t k = 0; k < d; k++)
        largest = fabs((double)values[k]) > largest ? fabs((double)values[k]) : largest;
    *step = largest / 127.0;
    *sum = 0;
    for (ptrdiff_t k = 0; k < d; k++) {
        const double code = nearbyint((double)values[k] / *step);
        const double rest = (double)values[k] - *step * code;
        codes[k] = (int8_t)code;
        *sum += codes[k];
        lost += rest * rest;
    }
    return sqrt(lost) * LOSS_ROUNDED_UP;
}

static void prepare(scan_room *room, code_rows codes, float_rows queries)
{
    const ptrdiff_t padded = code_lines(queries.d, 4) * GROUP;
    const double scale_unit = codes.bits == 4 ? SCALE_UNIT_4 : SCALE_UNIT_8;
    for (ptrdiff_t i = 0; i < queries.count; i++) {
        double step;
        int32_t sum;
        int8_t *values = room->values + i * padded;
        const double lost = quantise(queries.values + i * queries.d, queries.d, values, &step, &sum);
        const double length = LENGTH_AT_MOST + lost; /* |q^| at most, and |q| + |q - q^| */
        room->units[i] = step * scale_unit;
        room->rests[i] = LENGTH_AT_MOST * lost + ROUNDING * length;
        room->queries[i].codes = values;
        room->queries[i].offset = (codes.bits == 4 ? 8 : 128) * sum;
        room->queries[i].loss_weight = rounded_up(length * LOSS_UNIT / room->units[i]);
    }
}

/* Step 6: the least bound of a row whose canonical score is `score` millionths. */
static float limit_at(const scan_room *room, ptrdiff_t query, double score)
{
    const double reached = score * 1e-6 - HALF_MILLIONTH - room->rests[query];
    return rounded_down(reached / room->units[query]);
}

/* Step 8, the same turned round: no score above this has a limit that `upper` reaches. The float above it makes up for
 * the rounding of the limit, the last millionth for the roundings of this line. */
static int32_t score_at_most(const scan_room *room, ptrdiff_t query, float upper)
{
    const double reached = (double)nextafterf(upper, INFINITY) * room->units[query] + room->rests[query];
    return (int32_t)fmin(floor((reached + HALF_MILLIONTH) * 1e6) + 1.0, 1e6);
}

static void tell_scores(const scan_room *room, survivor_list *found, ptrdiff_t from)
{
    for (ptrdiff_t i = from; i < found->count; i++)
        found->items[i].at_most = score_at_most(room, found->items[i].query, found->items[i].upper);
}

/* ---- rooms ------------------------------------------------------------------------------------------------------- */

static void leave(scan_room *room)
{
    fesetenv(&room->caller);
    free(room->queries);
    free(room->values);
    free(room->units);
    free(room->rests);
    free(room->lows);
    free(room->gaps);
    free(room->chunk_memory);
}

static ptrdiff_t chunk_blocks(ptrdiff_t block_bytes)
{
    const ptrdiff_t blocks = CHUNK_BYTES / block_bytes / 4 * 4;
    return blocks < 4 ? 4 : blocks;
}

static int enter(scan_room *room, code_rows codes, float_rows queries, int k)
{
    const size_t count = (size_t)queries.count, padded = (size_t)code_lines(queries.d, 4) * GROUP;
    const size_t bytes = (size_t)(code_lines(queries.d, 8) + 1) * LINE;
    *room = (scan_room){0};
    fegetenv(&room->caller);
    fesetenv(FE_DFL_ENV);
    room->queries = calloc(count, sizeof(scan_query));
    room->values = calloc(count, padded);
    room->units = calloc(count, sizeof(double));
    room->rests = calloc(count, sizeof(double));
    room->lows = calloc(count * (size_t)(k > 0 ? k : 1), sizeof(float));
    room->gaps = calloc(count, sizeof(float));
    room->chunk_memory = malloc((size_t)chunk_blocks((ptrdiff_t)bytes) * bytes + LINE);
    if (!room->queries || !room->values || !room->units || !room->rests || !room->lows || !room->gaps ||
        !room->chunk_memory) {
        leave(room);
        return -1;
    }
    room->chunk = (uint8_t *)(((uintptr_t)room->chunk_memory + LINE - 1) / LINE * LINE);
    prepare(room, codes, queries);
    return 0;
}

/* ---- passes ------------------------------------------------------------------------------------------------------ */

static code_rows unpacked(const kernel_path *path, code_rows codes, ptrdiff_t first, ptrdiff_t blocks, uint8_t *to)
{
    const code_rows chunk = {to, codes.count, 2 * codes.lines, codes.bits};
    for (ptrdiff_t b = 0; b < blocks; b++) {
        const uint8_t *from = block_at(codes, first + b);
        uint8_t *target = to + b * (chunk.lines + 1) * LINE;
        path->unpack(from, codes.lines, target);
        memcpy(target + chunk.lines * LINE, from + codes.lines * LINE, LINE);
    }
    return chunk;
}

static void stream(const kernel_path *path, scan_room *room, ptrdiff_t first, ptrdiff_t end, int number,
                   survivors *kept)
{
    (kept->codes.bits == 4 ? path->scan4 : path->scan8)(kept->codes, first, end, room->queries + number, number, kept);
}

static void share_chunks(const kernel_path *path, scan_room *room, ptrdiff_t first, ptrdiff_t end, ptrdiff_t count,
                         survivors *kept)
{
    const code_rows codes = kept->codes;
    const ptrdiff_t lines = codes.bits == 4 ? 2 * codes.lines : codes.lines, step = chunk_blocks((lines + 1) * LINE);
    for (ptrdiff_t b = first; b < end && !kept->failed; b += step) {
        const ptrdiff_t blocks = end - b < step ? end - b : step;
        if (count <= FEW) {
            for (ptrdiff_t q = 0; q < count; q++)
                stream(path, room, b, b + blocks, (int)q, kept);
            continue;
        }
        const code_rows chunk =
            codes.bits == 4 ? unpacked(path, codes, b, blocks, room->chunk)
                            : (code_rows){block_at(codes, b), codes.count, codes.lines, codes.bits};
        for (ptrdiff_t q = 0; q < count; q += TILE)
            path->tile(chunk, blocks, b, room->queries + q, (int)q, (int)(count - q < TILE ? count - q : TILE), kept);
    }
}

static int pass(const kernel_path *path, scan_room *room, ptrdiff_t first, ptrdiff_t end, ptrdiff_t count,
                survivors *kept)
{
    if (count == 1)
        stream(path, room, first, end, 0, kept);
    else
        share_chunks(path, room, first, end, count, kept);
    return kept->failed ? -1 : 0;
}

static void set_limits(scan_room *room, ptrdiff_t count, int32_t threshold)
{
    for (ptrdiff_t i = 0; i < count; i++)
        /* Scores are clipped to the lowest threshold: every row reaches it. */
        room->queries[i].limit = threshold <= -1000000 ? -INFINITY : limit_at(room, i, threshold);
}

int scan_threshold(const kernel_path *path, code_rows codes, ptrdiff_t first, ptrdiff_t end, float_rows queries,
                   int32_t threshold, survivor_list *found)
{
    scan_room room;
    if (enter(&room, codes, queries, 0) != 0)
        return -1;
    set_limits(&room, queries.count, threshold);
    const ptrdiff_t before = found->count;
    survivors kept = {found, codes, room.queries, NULL, NULL, 0, 0};
    const int failed = pass(path, &room, first, end, queries.count, &kept);
    tell_scores(&room, found, before);
    leave(&room);
    return failed;
}

int scan_listed(const kernel_path *path, code_rows codes, const int32_t *blocks, ptrdiff_t count, float_rows queries,
                int32_t threshold, survivor_list *found)
{
    scan_room room;
    if (enter(&room, codes, queries, 0) != 0)
        return -1;
    set_limits(&room, queries.count, threshold);
    const ptrdiff_t before = found->count;
    survivors kept = {found, codes, room.queries, NULL, NULL, 0, 0};
    for (ptrdiff_t i = 0; i < count && !kept.failed; i++) {
        /* Blocks lie far apart: the next one is on its way while this one is scanned. */
        for (ptrdiff_t line = 0; i + 1 < count && line <= codes.lines; line++)
            __builtin_prefetch(block_at(codes, blocks[i + 1]) + line * LINE);
        for (ptrdiff_t q = 0; q < queries.count; q++)
            stream(path, &room, blocks[i], blocks[i] + 1, (int)q, &kept);
    }
    tell_scores(&room, found, before);
    leave(&room);
    return kept.failed ? -1 : 0;
}

/* Of what this scan appended, what still reaches the limits that it ended with. */
static void drop_below_limits(survivor_list *found, ptrdiff_t from, const scan_query *queries)
{
    ptrdiff_t left = from;
    for (ptrdiff_t i = from; i < found->count; i++)
        if (found->items[i].upper >= queries[found->items[i].query].limit)
            found->items[left++] = found->items[i];
    found->count = left;
}

int scan_top(const kernel_path *path, code_rows codes, ptrdiff_t first, ptrdiff_t end, float_rows queries, int k,
             double *floors, survivor_list *found)
{
    scan_room room;
    if (enter(&room, codes, queries, k) != 0)
        return -1;
    for (ptrdiff_t i = 0; i < queries.count; i++) {
        room.queries[i].limit = isinf(floors[i]) ? -INFINITY : limit_at(&room, i, floors[i]);
        /* Step 7: a row's score and the k-th lower bound are each known to within the rests, and both are rounded. */
        const double apart = 2 * (room.rests[i] + HALF_MILLIONTH);
        room.gaps[i] = rounded_up(apart / room.units[i]);
        for (int j = 0; j < k; j++)
            room.lows[i * k + j] = -INFINITY;
    }
    const ptrdiff_t before = found->count;
    survivors kept = {found, codes, room.queries, room.lows, room.gaps, k, 0};
    const int failed = pass(path, &room, first, end, queries.count, &kept);
    drop_below_limits(found, before, room.queries);
    tell_scores(&room, found, before);
    for (ptrdiff_t i = 0; i < queries.count; i++) {
        const double low = (double)room.lows[i * k] * room.units[i] - room.rests[i];
        floors[i] = fmax(floors[i], floor(low * 1e6) - 1.0); /* rounded or clipped, a score is no lower */
    }
    leave(&room);
    return failed;
}
