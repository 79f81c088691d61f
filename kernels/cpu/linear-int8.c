/* linear-int8.c - forward products of a linear layer in integers of 8 bits (matmul.h): y [T,N] = x [T,K] w [N,K]^T + b.
 *
 *   v[t,k] = x[t,k] / smoothing[k]
 *   p[t,k] = round((v[t,k] - middle[t]) / scale[t])        of the range of row t the middle, and the width / 254
 *   q[n,k] = round(w[n,k] smoothing[k] / channel[n])       channel[n] = max over k of |w[n,k] smoothing[k]| / 127
 *   y[t,n] = ((sum over k of p[t,k] q[n,k]) scale[t] + (sum over k of q[n,k]) middle[t]) channel[n] + b[n]
 *
 * Sums are exact. With the middle, which costs a multiplication for each element of y, what comes out of a GELU has 8
 * bits and not 7: of a trained ViT-S it takes a third of all the error.
 *
 * A tile of rows of x is quantised, then multiplied by the weight strip by strip: the sums of a strip stay in the
 * second-level cache until they are scaled, rounded and, where asked for, passed through the GELU. Dividing by the
 * smoothing while a row is quantised costs nothing measurable, so it is not folded into what computes x; a GELU would
 * not allow that.
 *
 * A packed weight: struct header, channel [N], sums of q [N], 1 / smoothing [K], strips of columns; each in
 * whole cache lines.
 */
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
    float *channel, *ones, *inverse;
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
    w.ones = (float *)(void *)((uint8_t *)w.channel + float_lines(N));
    w.inverse = (float *)(void *)((uint8_t *)w.ones + float_lines(N));
    w.strip = at + bytes_before_strips(N, K);
    return w;
}

/* ------------------------------------------------------------------ packing */
struct packing {
    struct weight to;
    const float *w, *smoothing;
    int8_t *q; /* [worker, strip] */
};

static void pack_item(void *arg, int64_t i, int worker)
{
    const struct packing *p = arg;
    const struct weight *to = &p->to;
    int64_t K = to->K, first = tile_first(to->strips, i), n = tile_rows(to->strips, i);
    int8_t *q = p->q + worker * STRIP * K;
    for (int64_t r = 0; r < n; r++) {
        int32_t sum = 0;
        to->channel[first + r] = quantize_loops()->from_f32(q + r * K, p->w + (first + r) * K, p->smoothing, K);
        for (int64_t k = 0; k < K; k++)
            sum += q[r * K + k];
        to->ones[first + r] = (float)sum;
    }
    matmul_pack(DTYPE_I8, K, n, q, DTYPE_I8, 1, K, to->strip + i * to->strip_bytes);
}

void linear_int8_pack(struct op_ctx *c, struct tensor packed, struct tensor w, struct tensor smoothing)
{
    size_t mark = c->scratch->used;
    int64_t N = w.dims[0], K = w.dims[1];
    float *ones = CPU_TAKE(c, float, K);
    int8_t *q = CPU_TAKE(c, int8_t, num_min(N, STRIP) * K * op_workers(c));
    if (!op_planning(c)) {
        *(struct header *)(void *)cpu_u8(packed) = (struct header){strip_bytes(N, K)};
        struct packing p = {parts_of(packed), cpu_f32(w), tensor_given(smoothing) ? cpu_f32(smoothing) : ones, q};
        for (int64_t k = 0; k < K; k++) {
            ones[k] = 1;
            p.to.inverse[k] = 1 / p.smoothing[k];
        }
        op_for(c, p.to.strips.n, pack_item, &p);
    }
    c->scratch->used = mark;
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
    const float *channel = p->w.channel + first, *ones = p->w.ones + first, *bias = p->bias ? p->bias + first : NULL;
    if (p->y.dtype == DTYPE_BF16)
        quantize_loops()->to_bf16(cpu_bf16(p->y) + at, sums, row, channel, ones, bias, n);
    else
        quantize_loops()->to_f32(cpu_f32(p->y) + at, sums, row, channel, ones, bias, n);
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
        row[r] = quantize_loops()->from_bf16(q + r * K, p->x + (first + r) * K, w->inverse, K);
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
