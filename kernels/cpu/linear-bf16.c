/* linear-bf16.c - products of a linear layer's rows in bf16 (matmul.h): y [T,N] = x [T,K] w [N,K]^T + b, and
 * dx [T,K] = dy [T,N] w. The gradient of the weight: linear-bf16-weight.c.
 *
 * A tile of rows of y, all columns, is one call, which adds the bias to the float32 sums and rounds them on the way
 * out. The GELU is applied to the rounded sums, as published mixed precision has it, while the tile is in the
 * second-level cache. Tiles depend on the shape alone, so results do not depend on the number of threads.
 */
#include "linear-layer.h"
#include "matmul-scratch.h"

/* ------------------------------------------------------------------ packing */
/* B [K,N] of a product: element (k, n) is w[k * stride_k + n * stride_n]. */
struct packing {
    void *packed;
    const float *w;
    int64_t N, K, stride_k, stride_n;
};

static void pack_item(void *arg, int64_t item, int worker)
{
    (void)worker;
    const struct packing *p = arg;
    int64_t first = item * MATMUL_PART;
    matmul_pack_part(DTYPE_BF16, p->K, p->N, p->w, DTYPE_F32, p->stride_k, p->stride_n, first,
                     num_min(MATMUL_PART, p->N - first), p->packed);
}

/* By several threads. */
static void pack(struct op_ctx *c, const struct packing *p)
{
    op_for(c, num_ceil_div(p->N, MATMUL_PART), pack_item, (void *)p);
}

void linear_bf16_pack(struct op_ctx *c, struct tensor packed, struct tensor w)
{
    int64_t N = w.dims[0], K = w.dims[1];
    pack(c, &(struct packing){cpu_u8(packed), cpu_f32(w), N, K, 1, K});
}

/* Scratch for B [K,N]. */
static uint8_t *take_packed(struct op_ctx *c, int64_t K, int64_t N)
{
    return CPU_TAKE(c, uint8_t, (int64_t)matmul_packed_bytes(DTYPE_BF16, K, N));
}

/* ------------------------------------------------------------------ products */
struct product {
    struct matmul tile; /* M: of its rows */
    struct tiling rows;
    const uint16_t *x;
    const void *packed;
    struct tensor y, gelu; /* gelu: TENSOR_NONE, y itself, or another one */
    struct matmul_scratch scratch;
};

static void product_item(void *arg, int64_t i, int worker)
{
    const struct product *p = arg;
    struct matmul m = p->tile;
    int64_t first = tile_first(p->rows, i), at = first * m.N;
    void *y = m.rounded ? (void *)(cpu_bf16(p->y) + at) : (void *)(cpu_f32(p->y) + at);
    m.M = linear_tile_rows(p->rows, i);
    matmul_run(&m, p->x + first * m.K, p->packed, y, matmul_scratch_of(p->scratch, worker));
    linear_gelu(p->gelu, p->y, at, m.M * m.N);
}

/* p is complete but for its rows and scratch; T > 0. */
static void product_run(struct op_ctx *c, struct product *p, int64_t T)
{
    struct matmul products[] = {p->tile, p->tile};
    products[0].M = num_min(T, LINEAR_ROWS);
    products[1].M = linear_tile_rows_max(T);
    p->rows = linear_tiles(T);
    p->scratch = matmul_scratch_take(c, products, 2);
    op_for(c, p->rows.n, product_item, p);
}

void linear_bf16_fwd(struct op_ctx *c, struct tensor y, struct tensor gelu, struct tensor x, struct tensor w,
                     struct tensor b)
{
    int64_t T = x.dims[0], N = w.dims[0], K = w.dims[1];
    size_t mark = c->scratch->used;
    static const float planned = 0; /* stands for the bias, which has no address while planning */
    const float *bias = !tensor_given(b) ? NULL : op_planning(c) ? &planned : cpu_f32(b);
    struct product p = {.tile = {DTYPE_BF16, 0, N, K, .rounded = y.dtype == DTYPE_BF16, .bias = bias},
                        .x = cpu_bf16(x), .packed = cpu_u8(w), .y = y, .gelu = gelu};
    if (!w.packed) {
        uint8_t *packed = take_packed(c, K, N);
        pack(c, &(struct packing){packed, cpu_f32(w), N, K, 1, K});
        p.packed = packed;
    }
    product_run(c, &p, T);
    c->scratch->used = mark;
}

void linear_bf16_bwd_x(struct op_ctx *c, struct tensor dx, struct tensor dy, struct tensor w)
{
    int64_t T = dy.dims[0], N = w.dims[0], K = w.dims[1];
    size_t mark = c->scratch->used;
    uint8_t *packed = take_packed(c, N, K);
    pack(c, &(struct packing){packed, cpu_f32(w), K, N, K, 1}); /* of w transposed */
    struct product p = {.tile = {DTYPE_BF16, 0, K, N, .rounded = dx.dtype == DTYPE_BF16},
                        .x = cpu_bf16(dy), .packed = packed, .y = dx, .gelu = TENSOR_NONE};
    product_run(c, &p, T);
    c->scratch->used = mark;
}
