/* The compiled core's interface; the contract and the proof of the bound are in ../README.md.
 *
 * Every matrix is row-major, contiguous and finite, with d >= 1 elements a row; the caller owns all of it and has
 * checked it. Outputs overlap no input. Nothing here keeps a pointer, starts a thread or touches a Python object.
 * Functions that return int return 0, or -1 where there was no memory (then outputs are unspecified).
 */
#ifndef MATCHER_KERNELS_H
#define MATCHER_KERNELS_H

#include <stddef.h>
#include <stdint.h>

enum {
    LANES = 16, /* partial sums of one canonical score: eight SSE2, four AVX2 or two AVX-512 registers */
    BLOCK = 16, /* rows that lie together in a code set: one 32-bit sum each in a 64-byte register */
    LINE = 64,  /* bytes: one line holds 4 (8-bit codes) or 8 (4-bit codes) dimensions of a block */
    GROUP = 8,  /* dimensions are padded with zeros to a multiple of this */
    TILE = 6,   /* queries that share one pass over a chunk of codes */
    MILLION = 1000000, /* scores are integers of millionths */
};

/* A matrix of float32 rows that is only read. */
typedef struct {
    const float *values;
    ptrdiff_t count;
    ptrdiff_t d;
} float_rows;

/* A code set: ceil(count / BLOCK) blocks, each `lines` lines of codes and then one line of 16 scales and 16 losses. */
typedef struct {
    const uint8_t *bytes;
    ptrdiff_t count;
    ptrdiff_t lines;
    int bits; /* 4 or 8 */
} code_rows;

/* One query as a scan uses it. A row stays in when float(sum) * scale + loss * loss_weight >= limit. */
typedef struct {
    const int8_t *codes; /* -127 .. 127, zeros behind */
    int32_t offset;      /* what the codes' excess (8 or 128 a dimension) adds to a sum of products */
    float loss_weight;
    float limit;
} scan_query;

/* Where a scan hands over the rows of a block that stayed in; bit r of `mask` is row first_row + r. */
typedef struct survivors survivors;
void keep_block(survivors *kept, int query, ptrdiff_t block, const int32_t *sums, unsigned mask);

/* A growing list of (query, row) pairs. The bound of a row is `upper` in units of its query's scale while scanning, and
 * when a scan of codes returns also `at_most` millionths: its canonical score is no higher. */
typedef struct {
    int32_t query;
    int32_t row;
    float upper;
    int32_t at_most;
} survivor;

typedef struct {
    survivor *items;
    ptrdiff_t count;
    ptrdiff_t capacity;
} survivor_list;

int append_survivor(survivor_list *list, survivor one);

/* A set of signs of rotated rows: blocks of BLOCK rows, each `lines` lines of 32 dimensions and then one line of facts. */
typedef struct {
    const uint8_t *bytes;
    ptrdiff_t count;
    ptrdiff_t lines;
} sign_rows;

/* One rotated query: for each line of signs eight tables of 16 bytes, one for each four dimensions, and the weights of
 * a row's two facts. A row stays in when float(sum) >= along * alignment - beside * remainder + start. */
typedef struct {
    const uint8_t *tables;
    float along;
    float beside;
    float start;
} sign_query;

/* What one instruction set provides. Sums of products are exact, so every path keeps the same rows. */
typedef struct {
    const char *name;
    /* The canonical sum: `query` is padded with zeros to a multiple of LANES. */
    double (*dot)(const double *query, const float *row, ptrdiff_t d);
    /* Blocks first .. end - 1 against one query, which has this number, streaming. */
    void (*scan4)(code_rows codes, ptrdiff_t first, ptrdiff_t end, scan_query *query, int number, survivors *kept);
    void (*scan8)(code_rows codes, ptrdiff_t first, ptrdiff_t end, scan_query *query, int number, survivors *kept);
    /* The same against `count` <= TILE queries, numbered from `number` on; `codes` hold one code a byte, either of
     * 8 bits or of 4 as `unpack` leaves them, and their first block is number `base` of the whole. */
    void (*tile)(code_rows codes, ptrdiff_t blocks, ptrdiff_t base, scan_query *queries, int number, int count,
                 survivors *kept);
    /* `lines` lines of 4-bit codes become twice as many of one code a byte. */
    void (*unpack)(const uint8_t *from, ptrdiff_t lines, uint8_t *to);
    /* Rows of blocks first .. end - 1 whose sum of table entries reaches; appended. `signs_plain` where a path has none
     * of its own. */
    int (*signs)(sign_rows signs, ptrdiff_t first, ptrdiff_t end, const sign_query *query, survivor_list *found);
} kernel_path;

/* A path by its place (0 is the widest), NULL behind the last. `path_runs` says whether CPU and system support it. */
const kernel_path *path_at(int place);
int path_runs(const kernel_path *path);

/* out[i * rows.count + j] = canonical score of query i and row j; queries.d == rows.d. */
int canonical_scores(const kernel_path *path, float_rows queries, float_rows rows, int32_t *out);

/* out[i] = canonical score of query at[i] and row i: queries.d == rows.d, 0 <= at[i] < queries.count. */
int paired_scores(const kernel_path *path, float_rows queries, const int32_t *at, float_rows rows, int32_t *out);

/* out = rows, each divided by its length; no row is all zeros. */
int normalise(const kernel_path *path, float_rows rows, float *out);

/* out[i] = the largest canonical score of query i over the rows j with owner[j] != excluded[i]; INT32_MIN where there
 * is none. Owners are >= 0, so excluded[i] == -1 excludes nobody. */
int maxima(const kernel_path *path, float_rows queries, float_rows rows, const int32_t *owner, const int32_t *excluded,
           int32_t *out);

/* Pairs of rows i < j with first <= i < end and owner[i] != owner[j]: spans that join to 0 .. count give each pair once. */
typedef struct {
    float_rows rows;
    const int32_t *owner;
    ptrdiff_t first;
    ptrdiff_t end;
} pair_span;

/* Adds 1 for each pair at counts[place * bins + bin]: place = b (b + 1) / 2 + a of its groups a <= b, bins =
 * 2,000,000 / width (width divides it), bin = (score + 1,000,000) / width rounded down; the last bin holds 1,000,000 too.
 * Groups are >= 0. */
int pair_counts(const kernel_path *path, pair_span pairs, const int32_t *group, int32_t width, int64_t *counts);

/* A growing list of pairs of rows and their canonical scores. */
typedef struct {
    int32_t first;
    int32_t second;
    int32_t score;
} scored_pair;

typedef struct {
    scored_pair *items;
    ptrdiff_t count;
    ptrdiff_t capacity;
} pair_list;

/* The pairs whose canonical score is at least `threshold` (millionths); appended. */
int pairs_reaching(const kernel_path *path, pair_span pairs, int32_t threshold, pair_list *found);

/* Bytes of a code set; lines of codes a block. */
ptrdiff_t code_lines(ptrdiff_t d, int bits);
ptrdiff_t code_bytes(ptrdiff_t count, ptrdiff_t d, int bits);

/* Codes of rows of unit length into code_bytes(...) bytes. Plain C, the same bytes on every machine. */
int encode(float_rows rows, int bits, uint8_t *out);

/* Rows of blocks first .. end - 1 whose bound reaches `threshold` (millionths), for each unit query; appended. */
int scan_threshold(const kernel_path *path, code_rows codes, ptrdiff_t first, ptrdiff_t end, float_rows queries,
                   int32_t threshold, survivor_list *found);

/* The same for `count` blocks that are listed instead of a span. */
int scan_listed(const kernel_path *path, code_rows codes, const int32_t *blocks, ptrdiff_t count, float_rows queries,
                int32_t threshold, survivor_list *found);

/* Rows of blocks first .. end - 1 of a set of signs that stay in; appended, with their sum as `upper` and `at_most` 0. */
int scan_signs(const kernel_path *path, sign_rows signs, ptrdiff_t first, ptrdiff_t end, sign_query query,
               survivor_list *found);

/* Rows that may be among the k best of blocks first .. end - 1, for each unit query; appended. `floors` (one a query,
 * in millionths) are scores that the k-th best is known to reach; it is raised to what this scan learnt. */
int scan_top(const kernel_path *path, code_rows codes, ptrdiff_t first, ptrdiff_t end, float_rows queries, int k,
             double *floors, survivor_list *found);

/* Reads bytes, 64 at a time, aligned to 8, and returns their sum as 64-bit words; `count` % 64 at the end are left out. */
uint64_t read_all(const uint8_t *bytes, ptrdiff_t count);

#endif
