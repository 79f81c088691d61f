/* linear-int8.c - weights as integers of 8 bits, and forward products of a linear layer with them (matmul.h):
 * y [T,N] = x [T,K] w [N,K]^T + b. Weights are symmetric, by output channel; rows of inputs are asymmetric.
 *
 *   q[n,k] = round(w[n,k] smoothing[k] / channel[n])       channel[n] = max over k of |w[n,k] smoothing[k]| / 127
 *   v[t,k] = x[t,k] / smoothing[k]
 *   p[t,k] = round((v[t,k] - offset[t]) / scale[t])        offset: middle of the range of row t, scale: its width / 254
 *   y[t,n] = ((sum over k of p[t,k] q[n,k]) scale[t] + (sum over k of q[n,k]) offset[t]) channel[n] + b[n]
 *
 * Sums are exact. With the offset, which costs a multiplication for each element of y, what comes out of a GELU has 8
 * bits and not 7: of a trained ViT-S it takes a third of all the error.
 *
 * A tile of rows of x is quantised, then multiplied by the weight strip by strip: the sums of a strip stay in the
 * second-level cache until they are scaled, rounded and, where asked for, passed through the GELU. Rows are divided by
 * the smoothing while they are quantised: it is not folded into what computes x, since a GELU would not allow that.
 *
 * A packed weight: struct header, channel [N], q_sum [N], 1 / smoothing [K], strips of columns; each in whole cache
 * lines.
 */
#include <string.h>

#include "linear-layer.h"
#include "matmul-scratch.h"

enum { STRIP = 768 }; /* columns */

struct header {
    int64_t strip_bytes; /* from a strip to the next one: asking the library costs as much as a small product */
};

struct weight {
    int64_t N, K;
    struct tiling strips;
    int64_t strip_bytes;
    float *channel, *q_sum, *inverse; /* [N] scales, [N] sum over k of q[n,k], [K] 1 / smoothing */
    uint8_t *strip; /* [strips.n] */
};

static struct tiling strips_of(int64_t N)
{
    return (struct tiling){num_ceil_div(N, STRIP), STRIP, N};
}

static int64_t strip_bytes(int64_t N, int64_t K)
{
    return cpu_lines(matmul_packed_bytes(DTYPE_I8, K, num_min(N, STRIP)));
}

static int64_t float_lines(int64_t n)
{
    return cpu_lines((size_t)n * sizeof(float));
}

static int64_t bytes_before_strips(int64_t N, int64_t K)
{
    return cpu_lines(sizeof(struct header)) + 2 * float_lines(N) + float_lines(K);
}

size_t linear_int8_packed_bytes(int64_t N, int64_t K)
{
    return (size_t)(bytes_before_strips(N, K) + strips_of(N).n * strip_bytes(N, K));
}

/* Its parts; while planning without addresses. */
static struct weight parts_of(struct tensor packed)
{
    int64_t N = packed.dims[0], K = packed.dims[1];
    struct weight w = {.N = N, .K = K, .strips = strips_of(N)};
    uint8_t *at = cpu_u8(packed);
    if (!at)
        return w;
    w.strip_bytes = ((const struct header *)(const void *)at)->strip_bytes;
    w.channel = (float *)(void *)(at + cpu_lines(sizeof(struct header)));
    w.q_sum = (float *)(void *)((uint8_t *)w.channel + float_lines(N));
    w.inverse = (float *)(void *)((uint8_t *)w.q_sum + float_lines(N));
    w.strip = at + bytes_before_strips(N, K);
    return w;
}

/* ------------------------------------------------------------------ quantising */
struct quantizing {
    int8_t *q;
    float *scale;
    const float *w, *smoothing;
    struct tiling rows;
    int64_t K;
};

static void quantize_item(void *arg, int64_t i, int worker)
{
    (void)worker;
    const struct quantizing *z = arg;
    int64_t first = tile_first(z->rows, i), end = first + tile_rows(z->rows, i);
    for (int64_t n = first; n < end; n++)
        z->scale[n] = quantize_loops()->quantize_weight_row(z->q + n * z->K, z->w + n * z->K, z->smoothing, z->K);
}

void cpu_quantize(struct op_ctx *c, struct tensor q, struct tensor scale, struct tensor w, struct tensor smoothing)
{
    size_t mark = c->scratch->used;
    int64_t N = w.dims[0], K = w.dims[1];
    float *no_smoothing = CPU_TAKE(c, float, tensor_given(smoothing) ? 0 : K);
    for (int64_t k = 0; k < K && !tensor_given(smoothing) && !op_planning(c); k++)
        no_smoothing[k] = 1;
    struct quantizing z = {cpu_i8(q), cpu_f32(scale), cpu_f32(w),
                           tensor_given(smoothing) ? cpu_f32(smoothing) : no_smoothing, tiling_of(N, CPU_ROWS), K};
    op_for(c, z.rows.n, quantize_item, &z);
    c->scratch->used = mark;
}

/* ------------------------------------------------------------------ packing */
struct packing {
    struct weight to;
    const int8_t *q; /* [N,K] */
};

static void pack_item(void *arg, int64_t i, int worker)
{
    (void)worker;
    const struct packing *p = arg;
    const struct weight *to = &p->to;
    int64_t K = to->K, first = tile_first(to->strips, i), n = tile_rows(to->strips, i);
    for (int64_t r = first; r < first + n; r++) {
        int32_t sum = 0;
        for (int64_t k = 0; k < K; k++)
            sum += p->q[r * K + k];
        to->q_sum[r] = (float)sum;
    }
    matmul_pack(DTYPE_I8, K, n, p->q + first * K, DTYPE_I8, 1, K, to->strip + i * to->strip_bytes);
}

void cpu_pack_int8(struct op_ctx *c, struct tensor packed, struct tensor q, struct tensor scale,
                   struct tensor smoothing)
{
    int64_t N = q.dims[0], K = q.dims[1];
    if (op_planning(c))
        return;
    *(struct header *)(void *)cpu_u8(packed) = (struct header){strip_bytes(N, K)};
    struct packing p = {parts_of(packed), cpu_i8(q)};
    memcpy(p.to.channel, cpu_f32(scale), (size_t)N * sizeof(float));
    for (int64_t k = 0; k < K; k++)
        p.to.inverse[k] = tensor_given(smoothing) ? 1 / cpu_f32(smoothing)[k] : 1;
    op_for(c, p.to.strips.n, pack_item, &p);
}

/* ------------------------------------------------------------------ products */
struct product {
    struct weight w;
    struct tiling rows;
    const uint16_t *x;
    const float *bias;
    struct tensor y, gelu;   /* as linear_int8_fwd has them */
    int64_t tile_rows, strip; /* of the largest tile */
    int8_t *q;                /* [worker, tile_rows, K] */
    int32_t *sums;            /* [worker, tile_rows, strip] */
    struct matmul_scratch scratch;
};

/* Row r of y, columns [first, first + n), from its sums. */
static void finish_row(const struct product *p, const int32_t *sums, int64_t r, struct quantized_row row, int64_t first,
                       int64_t n)
{
    int64_t at = r * p->w.N + first;
    const float *channel = p->w.channel + first, *q_sum = p->w.q_sum + first, *bias = p->bias ? p->bias + first : NULL;
    if (p->y.dtype == DTYPE_BF16)
        quantize_loops()->to_bf16(cpu_bf16(p->y) + at, sums, row, channel, q_sum, bias, n);
    else
        quantize_loops()->to_f32(cpu_f32(p->y) + at, sums, row, channel, q_sum, bias, n);
    linear_gelu(p->gelu, p->y, at, n);
}

static void product_item(void *arg, int64_t i, int worker)
{
    const struct product *p = arg;
    const struct weight *w = &p->w;
    int64_t K = w->K, first = tile_first(p->rows, i), n_rows = linear_tile_rows(p->rows, i);
    int8_t *q = p->q + worker * p->tile_rows * K;
    int32_t *sums = p->sums + worker * p->tile_rows * p->strip;
    struct quantized_row row[LINEAR_ROWS_MAX];
    for (int64_t r = 0; r < n_rows; r++)
        row[r] = quantize_loops()->quantize_input_row(q + r * K, p->x + (first + r) * K, w->inverse, K);
    for (int64_t j = 0; j < w->strips.n; j++) {
        int64_t n = tile_rows(w->strips, j);
        struct matmul m = {.type = DTYPE_I8, .M = n_rows, .N = n, .K = K};
        matmul_run(&m, q, w->strip + j * w->strip_bytes, sums, matmul_scratch_of(p->scratch, worker));
        for (int64_t r = 0; r < n_rows; r++)
            finish_row(p, sums + r * n, first + r, row[r], tile_first(w->strips, j), n);
    }
}

/* Scratch for any tile and strip; T > 0. */
static void take_scratch(struct op_ctx *c, struct product *p, int64_t T)
{
    int64_t rows[] = {num_min(T, LINEAR_ROWS), linear_tile_rows_max(T)};
    int64_t columns[] = {tile_rows(p->w.strips, 0), tile_rows(p->w.strips, p->w.strips.n - 1)};
    struct matmul products[4];
    for (int i = 0; i < 4; i++)
        products[i] = (struct matmul){.type = DTYPE_I8, .M = rows[i / 2], .N = columns[i % 2], .K = p->w.K};
    p->tile_rows = rows[1], p->strip = columns[0];
    p->q = CPU_TAKE(c, int8_t, p->tile_rows * p->w.K * op_workers(c));
    p->sums = CPU_TAKE(c, int32_t, p->tile_rows * p->strip * op_workers(c));
    p->scratch = matmul_scratch_take(c, products, 4);
}

void linear_int8_fwd(struct op_ctx *c, struct tensor y, struct tensor gelu, struct tensor x, struct tensor w,
                     struct tensor b)
{
    size_t mark = c->scratch->used;
    struct product p = {.w = parts_of(w), .rows = linear_tiles(x.dims[0]), .x = cpu_bf16(x), .bias = cpu_f32(b),
                        .y = y, .gelu = gelu};
    take_scratch(c, &p, x.dims[0]);
    op_for(c, p.rows.n, product_item, &p);
    c->scratch->used = mark;
}
