/* attention.h - how attention cuts its work into items, and the two ways to compute it. */
#ifndef ATTENTION_H
#define ATTENTION_H

#include <stdint.h>

#include "cpu.h"
#include "tiles.h"

/* Exponentials are powers of two, which cost less: exp(x) = 2^(x ATTENTION_LOG2_E). */
#define ATTENTION_LOG2_E 1.44269504f

/* seg, n_seg: op.h; heads NH. An item is one head of one segment, or a part of its query rows, at most `queries` of
 * them (0: all), which is a multiple of `step`; where they are cut depends on the segment's length alone. */
struct attention_cut {
    const int64_t (*seg)[2];
    int n_seg;
    int64_t NH, queries, step;
};

/* N rows of a segment from row `first`, of which the item's query rows are n_queries from `query`. */
struct attention_item {
    int64_t head, first, N, query, n_queries;
};

int64_t attention_items(const struct attention_cut *cut);
struct attention_item attention_item(const struct attention_cut *cut, int64_t item);
int64_t attention_longest(const struct attention_cut *cut); /* rows of the longest segment; 0: there is none */

/* n elements of a worker's scratch, from base + *used on, in whole cache lines. base NULL: they are only counted. */
static inline void *attention_carve(uint8_t *base, int64_t *used, int64_t n, size_t bytes_each)
{
    void *p = base ? base + *used : NULL;
    *used += cpu_lines((size_t)n * bytes_each);
    return p;
}

/* Share t of n of N rows, `width` bytes each: rows of a head are so far apart that the processor does not foresee them.
 * (Inlined by force: gcc takes a function for one without effects that only prefetches.) */
static inline __attribute__((always_inline)) void attention_prefetch(const void *x, int64_t row_bytes, int64_t width,
                                                                     int64_t N, int64_t t, int64_t n)
{
    for (int64_t row = t * N / n; row < (t + 1) * N / n; row++)
        for (int64_t i = 0; i < width; i += 64)
            __builtin_prefetch((const char *)x + row * row_bytes + i);
}

/* By products of float32, on any processor; bf16 is converted. */
void attention_products_fwd(struct op_ctx *c, struct tensor o, struct tensor lse, struct tensor qkv,
                            const int64_t (*seg)[2], int n_seg, int NH);
void attention_products_bwd(struct op_ctx *c, struct tensor dqkv, struct tensor d_o, struct tensor o, struct tensor lse,
                            struct tensor qkv, const int64_t (*seg)[2], int n_seg, int NH);

/* By tiles of the operands' element type. */
void attention_tiled_fwd(struct op_ctx *c, const struct tiles *t, struct tensor o, struct tensor lse, struct tensor qkv,
                         const int64_t (*seg)[2], int n_seg, int NH);
void attention_tiled_bwd(struct op_ctx *c, const struct tiles *t, struct tensor dqkv, struct tensor d_o,
                         struct tensor o, struct tensor lse, struct tensor qkv, const int64_t (*seg)[2], int n_seg,
                         int NH);

#endif
