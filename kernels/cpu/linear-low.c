/* linear-low.c - products of a linear layer's rows in bf16 (matmul.h): y [T,N] = x [T,K] w [N,K]^T + b, and
 * dx [T,K] = dy [T,N] w. The gradient of the weight: linear-low-weight.c.
 *
 * A tile of rows of y, all columns, is one call, which adds the bias to the float32 sums and rounds them on the way
 * out. The GELU is applied to the rounded sums, as published mixed precision has it, while the tile is in the
 * second-level cache. Tiles depend on the shape alone, so results do not depend on the number of threads.
 */
#include <string.h>

#include "cpu.h"
#include "linear-low.h"
#include "matmul.h"

/* ------------------------------------------------------------------ packing */
size_t cpu_packed_bytes(enum dtype dtype, int64_t N, int64_t K)
{
    if (dtype == DTYPE_F32)
        return gemm_prefers_transposed() ? (size_t)(N * K) * sizeof(float) : 0;
    if (!matmul_supports(dtype) || N <= 0 || K <= 0)
        return 0;
    return dtype == DTYPE_I8 ? linear_int8_bytes(N, K) : matmul_packed_bytes(dtype, K, N);
}

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

void cpu_pack(struct op_ctx *c, struct tensor packed, struct tensor w, struct tensor smoothing)
{
    int64_t N = w.dims[0], K = w.dims[1];
    if (packed.dtype == DTYPE_I8) {
        linear_int8_pack(c, packed, w, smoothing);
        return;
    }
    if (packed.dtype == DTYPE_F32) {
        struct tensor transposed = {.data = packed.data, .dtype = DTYPE_F32, .n_dims = 2, .dims = {K, N}};
        cpu_transpose(c, transposed, w);
        return;
    }
    struct packing p = {cpu_u8(packed), cpu_f32(w), N, K, 1, K};
    op_for(c, num_ceil_div(N, MATMUL_PART), pack_item, &p);
}

/* ------------------------------------------------------------------ products */
struct product {
    struct matmul tile; /* M: of its rows */
    struct tiling rows;
    const uint16_t *x;
    const void *packed;
    struct tensor y, gelu; /* gelu: TENSOR_NONE, y itself, or another one */
    uint8_t *scratch;      /* [worker, scratch_bytes] */
    size_t scratch_bytes;
};

static void product_item(void *arg, int64_t i, int worker)
{
    const struct product *p = arg;
    struct matmul m = p->tile;
    int64_t first = tile_first(p->rows, i), at = first * m.N;
    m.M = linear_low_rows(p->rows, i);
    matmul_run(&m, p->x + first * m.K, p->packed,
               m.rounded ? (void *)(cpu_bf16(p->y) + at) : (void *)(cpu_f32(p->y) + at),
               p->scratch + (size_t)worker * p->scratch_bytes);
    linear_low_gelu(p->gelu, p->y, at, m.M * m.N);
}

/* Scratch of a call on any tile, in whole cache lines. Of the largest tile that T or fewer rows can have: what is
 * planned for the most rows holds fewer, too. */
static size_t scratch_bytes(const struct product *p)
{
    struct matmul usual = p->tile, largest = p->tile;
    usual.M = num_min(p->rows.rows, LINEAR_LOW_ROWS);
    largest.M = num_min(p->rows.rows, 2 * LINEAR_LOW_ROWS - 1);
    int64_t bytes = num_max((int64_t)matmul_scratch_bytes(&usual), (int64_t)matmul_scratch_bytes(&largest));
    return (size_t)(num_ceil_div(bytes, 64) * 64);
}

/* p has the tile, rows, x, y and gelu; packed is B of the product. */
static void product_run(struct op_ctx *c, struct product *p, struct tensor packed)
{
    size_t mark = c->scratch->used;
    p->packed = cpu_u8(packed);
    p->scratch_bytes = scratch_bytes(p);
    p->scratch = CPU_TAKE(c, uint8_t, (int64_t)p->scratch_bytes * op_workers(c));
    op_for(c, p->rows.n, product_item, p);
    c->scratch->used = mark;
}

/* Scratch for a weight [N,K] that is packed in the call. */
static struct tensor take_packed(struct op_ctx *c, int64_t N, int64_t K)
{
    struct tensor bytes = TENSOR_TAKE(c->scratch, DTYPE_U8, (int64_t)cpu_packed_bytes(DTYPE_BF16, N, K));
    return tensor_packed(bytes, DTYPE_BF16, N, K);
}

void linear_low_fwd(struct op_ctx *c, struct tensor y, struct tensor gelu, struct tensor x, struct tensor w,
                    struct tensor b)
{
    int64_t T = x.dims[0], N = w.dims[0], K = w.dims[1];
    size_t mark = c->scratch->used;
    if (T == 0)
        return;
    if (w.packed && w.dtype == DTYPE_I8) {
        linear_int8_fwd(c, y, gelu, x, w, b);
        return;
    }
    if (!w.packed) {
        struct tensor packed = take_packed(c, N, K);
        cpu_pack(c, packed, w, TENSOR_NONE);
        w = packed;
    }
    static const float planned = 0; /* stands for the bias, which has no address while planning */
    const float *bias = !tensor_given(b) ? NULL : op_planning(c) ? &planned : cpu_f32(b);
    struct product p = {.tile = {DTYPE_BF16, 0, N, K, .rounded = y.dtype == DTYPE_BF16, .bias = bias},
                        .rows = linear_low_tiles(T), .x = cpu_bf16(x), .y = y, .gelu = gelu};
    product_run(c, &p, w);
    c->scratch->used = mark;
}

void linear_low_bwd_x(struct op_ctx *c, struct tensor dx, struct tensor dy, struct tensor w)
{
    int64_t T = dy.dims[0], N = w.dims[0], K = w.dims[1];
    size_t mark = c->scratch->used;
    if (T == 0)
        return;
    struct tensor packed = take_packed(c, K, N); /* of w transposed */
    struct packing transposed = {cpu_u8(packed), cpu_f32(w), K, N, K, 1};
    op_for(c, num_ceil_div(K, MATMUL_PART), pack_item, &transposed);
    struct product p = {.tile = {DTYPE_BF16, 0, K, N, .rounded = dx.dtype == DTYPE_BF16},
                        .rows = linear_low_tiles(T), .x = cpu_bf16(dy), .y = dx, .gelu = TENSOR_NONE};
    product_run(c, &p, packed);
    c->scratch->used = mark;
}
