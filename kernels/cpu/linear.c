/* linear.c - the products of a linear layer, cut into tiles of rows and strips of columns that are one call of
 * gemm_f32 each; bias and GELU are applied to a tile while it is in the cache.
 *
 * y [T,N] = x [T,K] w [N,K]^T + b    dx [T,K] = dy [T,N] w    dw [N,K] += dy^T x    db [N] += sums of dy's columns
 *
 * Tiles depend on the shape alone, so results do not depend on the number of threads. An element of dw is one reduction
 * over all T rows inside one call. Where many rows share a weight it is transposed to [K,N] first
 * (gemm_prefers_transposed). Products of bf16 rows: linear-layer.h.
 */
#include "linear-layer.h"

enum {
    TILE_ROWS = 256,       /* a tile of y is 192 KiB: in the second-level cache for bias and GELU */
    STRIP = 192,           /* columns of a strip: enough items for many threads, and as fast as wider ones */
    WIDE = 3072,           /* above so many columns ... */
    STRIP_WIDE = 768,      /* ... wider strips still give enough items */
    FEW_ITEMS = 4,         /* fewer than these are cut finer: the threads share the rows of one image ... */
    FEW_STRIP = 96,        /* ... into strips that are hardly slower (tests/bench-op sgemm 257 96 384) */
    TRANSPOSE_FROM = 768,  /* from so many rows on transposing the weight pays */
    DW_STRIP = 96          /* rows of dw: each is a reduction over all T rows */
};

struct product {
    struct tiling rows, columns;
    bool tb;
    const float *a, *b;
    int64_t N, K, lda, ldb;
    float *y, *u;      /* [T,N]; u: the GELU's input, or NULL */
    const float *bias; /* [N] or NULL */
    bool gelu;
};

/* -- y = x w^T + b -- */

static void product_item(void *arg, int64_t item, int worker)
{
    (void)worker;
    const struct product *p = arg;
    int64_t i = item / p->columns.n, j = item % p->columns.n;
    int64_t r0 = tile_first(p->rows, i), n_rows = tile_rows(p->rows, i);
    int64_t c0 = tile_first(p->columns, j), n_columns = tile_rows(p->columns, j);
    const float *b = p->tb ? p->b + c0 * p->ldb : p->b + c0, *bias = p->bias ? p->bias + c0 : NULL;
    gemm_f32(false, p->tb, n_rows, n_columns, p->K, 1, p->a + r0 * p->lda, p->lda, b, p->ldb, 0, p->y + r0 * p->N + c0,
             p->N);
    for (int64_t at = r0 * p->N + c0, end = at + n_rows * p->N; at < end; at += p->N)
        if (p->gelu)
            activation_loops()->bias_gelu(p->y + at, p->u ? p->u + at : NULL, p->y + at, bias, n_columns);
        else if (bias)
            elementwise_loops()->add(p->y + at, bias, n_columns);
}

static void product_run(struct op_ctx *c, struct product *p, int64_t T)
{
    p->rows = tiling_of(T, TILE_ROWS);
    p->columns = tiling_of(p->N, p->N > WIDE ? STRIP_WIDE : STRIP);
    if (p->rows.n * p->columns.n < FEW_ITEMS)
        p->columns = tiling_of(p->N, FEW_STRIP);
    op_for(c, p->rows.n * p->columns.n, product_item, p);
}

/* p is empty but for bias, u and gelu. */
static void linear_f32(struct op_ctx *c, struct product *p, struct tensor y, struct tensor x, struct tensor w)
{
    int64_t T = x.dims[0], N = w.dims[0], K = w.dims[1];
    size_t mark = c->scratch->used;
    if (!w.packed && T >= TRANSPOSE_FROM && gemm_prefers_transposed()) {
        struct tensor wt = TENSOR_TAKE(c->scratch, DTYPE_F32, K, N);
        cpu_transpose(c, wt, w);
        w.data = wt.data;
        w.packed = true;
    }
    p->a = cpu_f32(x), p->lda = K;
    p->b = cpu_f32(w), p->ldb = w.packed ? N : K, p->tb = !w.packed;
    p->y = cpu_f32(y), p->N = N, p->K = K;
    product_run(c, p, T);
    c->scratch->used = mark;
}

/* Of rows in bf16: the weight says in what they are multiplied. */
static void linear_of_bf16(struct op_ctx *c, struct tensor y, struct tensor gelu, struct tensor x, struct tensor w,
                           struct tensor b)
{
    if (x.dims[0] == 0)
        return;
    if (w.dtype == DTYPE_I8)
        linear_int8_fwd(c, y, gelu, x, w, b);
    else
        linear_bf16_fwd(c, y, gelu, x, w, b);
}

void cpu_linear_fwd(struct op_ctx *c, struct tensor y, struct tensor x, struct tensor w, struct tensor b)
{
    if (x.dtype == DTYPE_BF16)
        linear_of_bf16(c, y, TENSOR_NONE, x, w, b);
    else
        linear_f32(c, &(struct product){.bias = cpu_f32(b)}, y, x, w);
}

void cpu_linear_gelu_fwd(struct op_ctx *c, struct tensor a, struct tensor u, struct tensor x, struct tensor w,
                         struct tensor b)
{
    if (x.dtype == DTYPE_BF16)
        linear_of_bf16(c, tensor_given(u) ? u : a, a, x, w, b);
    else
        linear_f32(c, &(struct product){.bias = cpu_f32(b), .u = cpu_f32(u), .gelu = true}, a, x, w);
}

/* -- backward -- */

void cpu_linear_bwd_x(struct op_ctx *c, struct tensor dx, struct tensor dy, struct tensor w)
{
    int64_t T = dy.dims[0], N = w.dims[0], K = w.dims[1];
    if (T == 0)
        return;
    if (dy.dtype == DTYPE_BF16) {
        linear_bf16_bwd_x(c, dx, dy, w);
        return;
    }
    struct product p = {.a = cpu_f32(dy), .lda = N, .b = cpu_f32(w), .ldb = K, .N = K, .K = N, .y = cpu_f32(dx)};
    product_run(c, &p, T);
}

struct weight_gradient {
    struct tiling strips; /* rows of dw */
    float *dw, *db;
    const float *dy, *x;
    int64_t T, N, K;
};

static void weight_gradient_item(void *arg, int64_t item, int worker)
{
    (void)worker;
    const struct weight_gradient *g = arg;
    int64_t n0 = tile_first(g->strips, item), n = tile_rows(g->strips, item);
    for (int64_t t = 0; g->db && t < g->T; t++)
        elementwise_loops()->add(g->db + n0, g->dy + t * g->N + n0, n);
    gemm_f32(true, false, n, g->K, g->T, 1, g->dy + n0, g->N, g->x, g->K, 1, g->dw + n0 * g->K, g->K);
}

void cpu_linear_bwd_w(struct op_ctx *c, struct tensor dw, struct tensor db, struct tensor dy, struct tensor x)
{
    int64_t T = dy.dims[0], N = dw.dims[0], K = dw.dims[1];
    if (T == 0)
        return;
    if (dy.dtype == DTYPE_BF16) {
        linear_bf16_bwd_w(c, dw, db, dy, x);
        return;
    }
    struct tiling strips = tiling_of(N, N > WIDE ? STRIP_WIDE : DW_STRIP);
    struct weight_gradient g = {strips, cpu_f32(dw), cpu_f32(db), cpu_f32(dy), cpu_f32(x), T, N, K};
    op_for(c, g.strips.n, weight_gradient_item, &g);
}
