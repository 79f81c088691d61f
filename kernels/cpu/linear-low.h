/* linear-low.h - products of linear layers in bf16 and in int8: y [T,N] = x [T,K] w [N,K]^T + b.
 *
 * y F32 or BF16, x BF16, b [N] F32 or TENSOR_NONE; gelu [T,N] (TENSOR_NONE, y itself, or another tensor of its type) =
 * the GELU of y.
 */
#ifndef LINEAR_LOW_H
#define LINEAR_LOW_H

#include "cpu.h"

/* w F32, or packed BF16 or I8 */
void linear_low_fwd(struct op_ctx *c, struct tensor y, struct tensor gelu, struct tensor x, struct tensor w,
                    struct tensor b);
/* dx [T,K] = dy [T,N] w [N,K]; dx F32 or BF16, dy BF16, w F32 */
void linear_low_bwd_x(struct op_ctx *c, struct tensor dx, struct tensor dy, struct tensor w);
/* linear-low-weight.c: dw [N,K] += dy [T,N]^T x [T,K], db [N] (optional) += column sums of dy; dw, db F32, dy, x
 * BF16 */
void linear_low_bwd_w(struct op_ctx *c, struct tensor dw, struct tensor db, struct tensor dy, struct tensor x);

/* -- linear-int8.c: w packed I8 -- */
void linear_int8_fwd(struct op_ctx *c, struct tensor y, struct tensor gelu, struct tensor x, struct tensor w,
                     struct tensor b);
void linear_int8_pack(struct op_ctx *c, struct tensor packed, struct tensor w, struct tensor smoothing);
size_t linear_int8_bytes(int64_t N, int64_t K); /* of a packed weight */

/* -- what both share -- */
/* Tiles of rows: the last one has up to twice as many, less one. So there are few shapes of calls whatever the sizes of
 * images (matmul.c caches them). */
enum { LINEAR_LOW_ROWS = 64 };
static inline struct tiling linear_low_tiles(int64_t T)
{
    return (struct tiling){num_max(1, T / LINEAR_LOW_ROWS), LINEAR_LOW_ROWS, T};
}
static inline int64_t linear_low_rows(struct tiling t, int64_t i)
{
    return i + 1 < t.n ? t.height : t.rows - tile_first(t, i);
}
/* The GELU of n elements of y from `at` on; nothing where gelu is TENSOR_NONE. */
static inline void linear_low_gelu(struct tensor gelu, struct tensor y, int64_t at, int64_t n)
{
    if (gelu.dtype == DTYPE_BF16)
        activation_loops()->bf16_gelu(cpu_bf16(gelu) + at, cpu_bf16(y) + at, n);
    else if (gelu.dtype == DTYPE_F32)
        activation_loops()->bias_gelu(cpu_f32(gelu) + at, NULL, cpu_f32(y) + at, NULL, n);
}

#endif
