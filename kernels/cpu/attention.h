/* attention.h - how attention cuts its work into items, and the operations in bf16 (attention-bf16.c). */
#ifndef ATTENTION_H
#define ATTENTION_H

#include <stdint.h>

#include "cpu.h"

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

/* With matmul_supports(DTYPE_BF16) alone. */
void attention_bf16_fwd(struct op_ctx *c, struct tensor o, struct tensor lse, struct tensor qkv,
                        const int64_t (*seg)[2], int n_seg, int NH);

#endif
