/* linear-low.c - forward products of a linear layer in bf16 (matmul.h): y [T,N] = x [T,K] w [N,K]^T + b.
 *
 * A tile of rows of y, all columns, is one call, which adds the bias to the float32 sums and rounds them on the way
 * out. The GELU is applied to the rounded sums, as published mixed precision has it, while the tile is in the
 * second-level cache. Tiles depend on the shape alone, so results do not depend on the number of threads. A tile has
 * TILE_ROWS rows, the last one up to twice as many less one: few shapes of calls whatever the sizes of images (matmul.c
 * caches them).
 */
#include <string.h>

#include "cpu.h"
#include "linear-low.h"
#include "matmul.h"

enum { TILE_ROWS = 64 };

/* ------------------------------------------------------------------ packing */
size_t cpu_packed_bytes(enum dtype dtype, int64_t N, int64_t K)
{
    if (dtype == DTYPE_F32)
        return gemm_prefers_transposed() ? (size_t)(N * K) * sizeof(float) : 0;
    return matmul_supports(dtype) && N > 0 && K > 0 ? matmul_packed_bytes(dtype, K, N) : 0;
}

struct packing {
    void *packed;
    const float *w;
    int64_t N, K;
};

static void pack_item(void *arg, int64_t item, int worker)
{
    (void)worker;
    const struct packing *p = arg;
    int64_t first = item * MATMUL_PART;
    matmul_pack_part(DTYPE_BF16, p->K, p->N, p->w, DTYPE_F32, 1, p->K, first, num_min(MATMUL_PART, p->N - first),
                     p->packed);
}

void cpu_pack(struct op_ctx *c, struct tensor packed, struct tensor w)
{
    int64_t N = w.dims[0], K = w.dims[1];
    if (packed.dtype == DTYPE_F32) {
        struct tensor transposed = {.data = packed.data, .dtype = DTYPE_F32, .n_dims = 2, .dims = {K, N}};
        cpu_transpose(c, transposed, w);
        return;
    }
    struct packing p = {cpu_u8(packed), cpu_f32(w), N, K};
    op_for(c, num_ceil_div(N, MATMUL_PART), pack_item, &p);
}

/* ------------------------------------------------------------------ products */
struct product {
    struct matmul tile; /* of TILE_ROWS rows */
    int64_t T, n_tiles;
    const uint16_t *x;
    const void *packed;
    struct tensor y, gelu; /* gelu: TENSOR_NONE, y itself, or another one */
    uint8_t *scratch;      /* [worker, scratch_bytes] */
    size_t scratch_bytes;
};

static int64_t rows_of_tile(const struct product *p, int64_t i)
{
    return i + 1 < p->n_tiles ? TILE_ROWS : p->T - i * TILE_ROWS;
}

static void gelu_rows(const struct product *p, int64_t first, int64_t n)
{
    int64_t at = first * p->tile.N, elements = n * p->tile.N;
    if (p->gelu.dtype == DTYPE_BF16)
        activation_loops()->bf16_gelu(cpu_bf16(p->gelu) + at, cpu_bf16(p->y) + at, elements);
    else if (p->gelu.dtype == DTYPE_F32)
        activation_loops()->bias_gelu(cpu_f32(p->gelu) + at, NULL, cpu_f32(p->y) + at, NULL, elements);
}

static void product_item(void *arg, int64_t i, int worker)
{
    const struct product *p = arg;
    struct matmul m = p->tile;
    int64_t first = i * TILE_ROWS, at = first * m.N;
    m.M = rows_of_tile(p, i);
    matmul_run(&m, p->x + first * m.K, p->packed,
               m.rounded ? (void *)(cpu_bf16(p->y) + at) : (void *)(cpu_f32(p->y) + at),
               p->scratch + (size_t)worker * p->scratch_bytes);
    gelu_rows(p, first, m.M);
}

/* Scratch of a call on any tile, in whole cache lines. */
static size_t scratch_bytes(const struct product *p)
{
    struct matmul first = p->tile, last = p->tile;
    first.M = rows_of_tile(p, 0);
    last.M = rows_of_tile(p, p->n_tiles - 1);
    int64_t bytes = num_max((int64_t)matmul_scratch_bytes(&first), (int64_t)matmul_scratch_bytes(&last));
    return (size_t)(num_ceil_div(bytes, 64) * 64);
}

void linear_low_fwd(struct op_ctx *c, struct tensor y, struct tensor gelu, struct tensor x, struct tensor w,
                    struct tensor b)
{
    int64_t T = x.dims[0], N = w.dims[0], K = w.dims[1];
    size_t mark = c->scratch->used;
    if (T == 0)
        return;
    if (!w.packed) {
        struct tensor bytes = TENSOR_TAKE(c->scratch, DTYPE_U8, (int64_t)cpu_packed_bytes(DTYPE_BF16, N, K));
        struct tensor packed = tensor_packed(bytes, DTYPE_BF16, N, K);
        cpu_pack(c, packed, w);
        w = packed;
    }
    static const float planned = 0; /* stands for the bias, which has no address while planning */
    const float *bias = !tensor_given(b) ? NULL : op_planning(c) ? &planned : cpu_f32(b);
    struct product p = {.tile = {DTYPE_BF16, TILE_ROWS, N, K, .rounded = y.dtype == DTYPE_BF16, .bias = bias},
                        .T = T, .n_tiles = num_max(1, T / TILE_ROWS), .x = cpu_bf16(x), .packed = cpu_u8(w), .y = y,
                        .gelu = gelu};
    p.scratch_bytes = scratch_bytes(&p);
    p.scratch = CPU_TAKE(c, uint8_t, (int64_t)p.scratch_bytes * op_workers(c));
    op_for(c, p.n_tiles, product_item, &p);
    c->scratch->used = mark;
}
