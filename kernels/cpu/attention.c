/* o = softmax(scale q k^T) v in each segment and head, scale = 1 / sqrt(HD); N rows of a segment, HD = C / NH. By tiles
 * where the processor has them for the operands' type, else by products of whole heads. */
#include "attention.h"

void cpu_attention_fwd(struct op_ctx *c, struct tensor o, struct tensor lse, struct tensor qkv,
                       const int64_t (*seg)[2], int n_seg, int NH)
{
    const struct tiles *t = tiles_of(o.dtype);
    if (t)
        attention_tiled_fwd(c, t, o, lse, qkv, seg, n_seg, NH);
    else
        attention_products_fwd(c, o, lse, qkv, seg, n_seg, NH);
}

void cpu_attention_bwd(struct op_ctx *c, struct tensor dqkv, struct tensor d_o, struct tensor o, struct tensor lse,
                       struct tensor qkv, const int64_t (*seg)[2], int n_seg, int NH)
{
    const struct tiles *t = tiles_of(o.dtype);
    if (t)
        attention_tiled_bwd(c, t, dqkv, d_o, o, lse, qkv, seg, n_seg, NH);
    else
        attention_products_bwd(c, dqkv, d_o, o, lse, qkv, seg, n_seg, NH);
}
