/* linear-low.c - forward products of a linear layer in lower precision (matmul.h): y [T,N] = x [T,K] w [N,K]^T + b.
 *
 * A weight is packed in strips of columns of y. A tile of rows times a strip is one call, whose float32 sums stay in
 * the second-level cache until bias and GELU are applied and the result is rounded. Tiles and strips depend on the
 * shape alone, so results do not depend on the number of threads. All tiles of a strip are computed one after another,
 * so that the strip stays in the cache. A tile has TILE_ROWS rows, the last one up to twice as many less one: few
 * shapes of calls whatever the sizes of images (matmul.c caches them).
 */
#include <string.h>

#include "cpu.h"
#include "linear-tiles.h"
#include "matmul.h"

enum { TILE_ROWS = 128, ALIGNMENT = 64 };

static struct tiling row_tiles(int64_t T)
{
    return (struct tiling){num_max(1, T / TILE_ROWS), TILE_ROWS, T};
}

static int64_t rows_of_tile(struct tiling t, int64_t i)
{
    return i + 1 < t.n ? t.height : t.rows - i * t.height;
}

/* ------------------------------------------------------------------ packing */
static size_t strip_bytes(enum dtype dtype, int64_t K, int64_t n)
{
    return (size_t)num_ceil_div((int64_t)matmul_packed_bytes(dtype, K, n), ALIGNMENT) * ALIGNMENT;
}

size_t cpu_packed_bytes(enum dtype dtype, int64_t N, int64_t K)
{
    struct tiling strips = linear_strips(N);
    if (dtype == DTYPE_F32)
        return gemm_prefers_transposed() ? (size_t)(N * K) * sizeof(float) : 0;
    if (!matmul_supports(dtype) || N <= 0 || K <= 0)
        return 0;
    return (size_t)(strips.n - 1) * strip_bytes(dtype, K, strips.height) +
           strip_bytes(dtype, K, tile_rows(strips, strips.n - 1));
}

struct packing {
    uint8_t *packed;
    const float *w;
    int64_t K;
    size_t strip_bytes;
    struct tiling strips;
};

static void pack_item(void *arg, int64_t i, int worker)
{
    (void)worker;
    const struct packing *p = arg;
    matmul_pack(DTYPE_BF16, p->K, tile_rows(p->strips, i), p->w + tile_first(p->strips, i) * p->K, DTYPE_F32, 1, p->K,
                p->packed + (size_t)i * p->strip_bytes);
}

void cpu_pack(struct op_ctx *c, struct tensor packed, struct tensor w)
{
    int64_t N = w.dims[0], K = w.dims[1];
    if (packed.dtype == DTYPE_F32) {
        struct tensor transposed = {.data = packed.data, .dtype = DTYPE_F32, .n_dims = 2, .dims = {K, N}};
        cpu_transpose(c, transposed, w);
        return;
    }
    struct tiling strips = linear_strips(N);
    struct packing p = {cpu_u8(packed), cpu_f32(w), K, strip_bytes(packed.dtype, K, strips.height), strips};
    op_for(c, strips.n, pack_item, &p);
}

/* ------------------------------------------------------------------ products */
struct product {
    struct tiling rows, strips;
    int64_t N, K;
    const uint16_t *x;
    const uint8_t *packed;
    size_t strip_bytes;
    float *sums; /* [worker, tile] */
    int64_t sums_of_worker;
    struct linear_out out;
};

static void product_item(void *arg, int64_t item, int worker)
{
    const struct product *p = arg;
    int64_t i = item % p->rows.n, j = item / p->rows.n, r0 = i * p->rows.height, n_rows = rows_of_tile(p->rows, i);
    int64_t c0 = tile_first(p->strips, j), n_columns = tile_rows(p->strips, j);
    float *sums = p->sums + worker * p->sums_of_worker;
    struct matmul m = {.type = DTYPE_BF16, .M = n_rows, .N = n_columns, .K = p->K};
    matmul_run(&m, p->x + r0 * p->K, p->packed + (size_t)j * p->strip_bytes, sums, NULL);
    for (int64_t r = 0; r < n_rows; r++)
        linear_finish_row(&p->out, sums + r * n_columns, r0 + r, c0, n_columns);
}

void linear_low(struct op_ctx *c, const struct linear_out *out, struct tensor x, struct tensor w)
{
    int64_t T = x.dims[0], N = w.dims[0], K = w.dims[1];
    size_t mark = c->scratch->used;
    if (!w.packed) {
        struct tensor bytes = TENSOR_TAKE(c->scratch, DTYPE_U8, (int64_t)cpu_packed_bytes(DTYPE_BF16, N, K));
        struct tensor packed = tensor_packed(bytes, DTYPE_BF16, N, K);
        cpu_pack(c, packed, w);
        w = packed;
    }
    struct tiling rows = row_tiles(T), strips = linear_strips(N);
    int64_t most_rows = rows_of_tile(rows, rows.n - 1) > rows.height ? rows_of_tile(rows, rows.n - 1) : rows.height;
    struct product p = {.rows = rows, .strips = strips, .N = N, .K = K, .x = cpu_bf16(x), .packed = cpu_u8(w),
                        .strip_bytes = strip_bytes(DTYPE_BF16, K, strips.height), .out = *out,
                        .sums_of_worker = num_min(T, most_rows) * strips.height};
    p.sums = CPU_TAKE(c, float, p.sums_of_worker * op_workers(c));
    op_for(c, T > 0 ? rows.n * strips.n : 0, product_item, &p);
    c->scratch->used = mark;
}
