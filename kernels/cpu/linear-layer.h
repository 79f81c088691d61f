/* linear-layer.h - how linear layers are computed in bf16 and in int8, and how they cut their rows: linear.c and pack.c
 * choose by element type.
 *
 *   y [T,N] = x [T,K] w [N,K]^T + b
 *
 * x BF16, y F32 or BF16, b [N] F32 or TENSOR_NONE; gelu [T,N] = the GELU of y as it was rounded: TENSOR_NONE, y itself,
 * or another tensor of its type. Scratch is taken while planning, too, and given back; fewer rows never need more.
 */
#ifndef LINEAR_LAYER_H
#define LINEAR_LAYER_H

#include "cpu.h"

/* -- linear-bf16.c -- */
/* w F32, or packed BF16 */
void linear_bf16_fwd(struct op_ctx *c, struct tensor y, struct tensor gelu, struct tensor x, struct tensor w,
                     struct tensor b);
/* dx [T,K] = dy [T,N] w [N,K]; dx F32 or BF16, dy BF16, w F32 */
void linear_bf16_bwd_x(struct op_ctx *c, struct tensor dx, struct tensor dy, struct tensor w);
/* packed BF16 = w [N,K] F32, rounded */
void linear_bf16_pack(struct op_ctx *c, struct tensor packed, struct tensor w);

/* -- linear-bf16-weight.c -- */
/* dw [N,K] += dy [T,N]^T x [T,K], db [N] (optional) += column sums of dy; dw, db F32, dy, x BF16 */
void linear_bf16_bwd_w(struct op_ctx *c, struct tensor dw, struct tensor db, struct tensor dy, struct tensor x);

/* -- linear-int8.c -- */
/* w packed I8 */
void linear_int8_fwd(struct op_ctx *c, struct tensor y, struct tensor gelu, struct tensor x, struct tensor w,
                     struct tensor b);
size_t linear_int8_packed_bytes(int64_t N, int64_t K);

/* -- what bf16 and int8 share -- */
/* Tiles of LINEAR_ROWS rows; the last one has up to twice as many, less one. So there are few shapes of calls whatever
 * the sizes of images (matmul.c caches them). */
enum { LINEAR_ROWS = 64, LINEAR_ROWS_MAX = 2 * LINEAR_ROWS - 1 };
static inline struct tiling linear_tiles(int64_t T)
{
    return (struct tiling){num_max(1, T / LINEAR_ROWS), LINEAR_ROWS, T};
}
static inline int64_t linear_tile_rows(struct tiling t, int64_t i)
{
    return i + 1 < t.n ? t.height : t.rows - tile_first(t, i);
}
/* Rows of the largest tile that T or fewer rows can have: scratch for it holds what fewer rows need. */
static inline int64_t linear_tile_rows_max(int64_t T)
{
    return num_min(T, LINEAR_ROWS_MAX);
}
/* The GELU of n elements of y from `at` on; nothing where gelu is TENSOR_NONE. */
static inline void linear_gelu(struct tensor gelu, struct tensor y, int64_t at, int64_t n)
{
    if (gelu.dtype == DTYPE_BF16)
        activation_loops()->bf16_gelu(cpu_bf16(gelu) + at, cpu_bf16(y) + at, n);
    else if (gelu.dtype == DTYPE_F32)
        activation_loops()->bias_gelu(cpu_f32(gelu) + at, NULL, cpu_f32(y) + at, NULL, n);
}

#endif
