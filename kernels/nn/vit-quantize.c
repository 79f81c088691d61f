/* vit-quantize.c - ranges, smoothing and errors of the products of a backbone in int8 (vit-quantize.h), and the picture
 * of noise that stands for images where there are none. */
#include "vit-quantize.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "num.h"
#include "rng.h"
#include "vit-internal.h"

/* ------------------------------------------------------------------ the products of a network */
int vit_product_row(const struct vit *v, int64_t block, enum vit_product product)
{
    const struct vit_block_rows *row = &v->block[block];
    const int rows[VIT_PRODUCTS] = {row->qkv_w, row->proj_w, row->fc1_w, row->fc2_w};
    return rows[product];
}

static void find_sizes(struct vit_quantization *q, int64_t *sum, int64_t *largest)
{
    *sum = *largest = 0;
    for (int64_t i = 0; i < q->vit->config.depth; i++)
        for (int k = 0; k < VIT_PRODUCTS; k++) {
            int row = vit_product_row(q->vit, i, (enum vit_product)k);
            if (row < 0)
                continue;
            struct vit_quantized_product *p = &q->product[i][k];
            p->N = q->values->table->rows[row].dims[0];
            p->K = q->values->table->rows[row].dims[1];
            *sum += p->K;
            *largest = num_max(*largest, p->K);
        }
}

int vit_quantization_init(struct vit_quantization *q, const struct vit *v, const struct params_array *values,
                          struct fmt_error *e)
{
    int64_t sum, largest;
    *q = (struct vit_quantization){.vit = v, .values = values};
    find_sizes(q, &sum, &largest);
    q->memory = calloc((size_t)(2 * sum + largest) + 1, sizeof *q->memory);
    if (!q->memory)
        return fmt_no_memory(e);
    pthread_mutex_init(&q->lock, NULL);
    float *at = q->memory;
    for (int64_t i = 0; i < v->config.depth; i++)
        for (int k = 0; k < VIT_PRODUCTS; k++) {
            struct vit_quantized_product *p = &q->product[i][k];
            p->smoothing = at;
            p->range = at + p->K;
            p->excluded = i == 0 || i + 1 == v->config.depth;
            at += 2 * p->K;
            for (int64_t j = 0; j < p->K; j++)
                p->smoothing[j] = 1;
        }
    q->columns = at;
    return 0;
}

int vit_quantization_of_packed(struct vit_quantization *q, const struct vit *v, const struct params_array *values,
                               const struct vit_packed *packed, struct fmt_error *e)
{
    int status = vit_quantization_init(q, v, values, e);
    for (int64_t i = 0; i < v->config.depth && !status; i++)
        for (int k = 0; k < VIT_PRODUCTS; k++)
            q->product[i][k].excluded = packed->block[i][k].dtype != DTYPE_I8;
    return status;
}

void vit_quantization_release(struct vit_quantization *q)
{
    if (q->memory)
        pthread_mutex_destroy(&q->lock);
    free(q->memory);
    *q = (struct vit_quantization){0};
}

/* ------------------------------------------------------------------ ranges and smoothing */
/* out [K], host memory, under the lock: the larger of it and the largest magnitudes in the columns of x [T,K]. A NaN
 * stays. */
static void raise_to_columns(struct op_ctx *c, struct vit_quantization *q, struct tensor x, float *out)
{
    size_t mark = c->scratch->used;
    int64_t K = x.dims[1];
    struct tensor largest = TENSOR_TAKE(c->scratch, DTYPE_F32, K);
    op_column_magnitudes(c, largest, x, TENSOR_NONE);
    pthread_mutex_lock(&q->lock);
    op_copy_out(c, q->columns, largest);
    for (int64_t j = 0; j < K && !op_planning(c); j++)
        if (!(q->columns[j] <= out[j]) && !isnan(out[j]))
            out[j] = q->columns[j];
    pthread_mutex_unlock(&q->lock);
    c->scratch->used = mark;
}

void vit_quantization_see_range(void *arg, struct op_ctx *c, int64_t block, enum vit_product product, struct tensor x)
{
    struct vit_quantization *q = arg;
    raise_to_columns(c, q, x, q->product[block][product].range);
}

/* The median of x [n]; sorted: scratch [n] */
static float median(const float *x, int64_t n, float *sorted)
{
    memcpy(sorted, x, (size_t)n * sizeof *x);
    qsort(sorted, (size_t)n, sizeof *sorted, num_order_f32);
    return sorted[n / 2];
}

/* Columns of zeros are multiplied with as the smallest that count. */
static void smooth(struct op_ctx *c, struct vit_quantization *q, int64_t block, enum vit_product product)
{
    struct vit_quantized_product *p = &q->product[block][product];
    const float smallest = 1e-5f;
    int64_t K = op_planning(c) ? 0 : p->K;
    float least = K > 0 ? fmaxf(median(p->range, K, q->columns), smallest) : 0;
    memset(p->smoothing, 0, (size_t)K * sizeof *p->smoothing);
    raise_to_columns(c, q, vit_matrix(q->values, vit_product_row(q->vit, block, product), p->N), p->smoothing);
    for (int64_t j = 0; j < K; j++)
        p->smoothing[j] = sqrtf((p->range[j] > least ? p->range[j] : least) / fmaxf(p->smoothing[j], smallest));
}

void vit_quantization_smooth(struct op_ctx *c, struct vit_quantization *q)
{
    for (int64_t i = 0; i < q->vit->config.depth; i++)
        for (int k = 0; k < VIT_PRODUCTS; k++)
            if (q->product[i][k].K > 0)
                smooth(c, q, i, (enum vit_product)k);
}

void vit_quantize_weight(struct op_ctx *c, struct tensor packed, struct tensor w, const float *smoothing)
{
    size_t mark = c->scratch->used;
    int64_t N = w.dims[0], K = w.dims[1];
    struct tensor s = TENSOR_TAKE(c->scratch, DTYPE_F32, K), scale = TENSOR_TAKE(c->scratch, DTYPE_F32, N);
    struct tensor q = TENSOR_TAKE(c->scratch, DTYPE_I8, N, K);
    op_copy_in(c, s, smoothing);
    op_quantize(c, q, scale, w, s);
    op_pack_int8(c, packed, q, scale, s);
    c->scratch->used = mark;
}

/* ------------------------------------------------------------------ errors */
/* ||y - exact|| / ||exact|| of the product in int8. */
static double relative_error(struct op_ctx *c, const struct vit_quantized_product *p, struct tensor x, struct tensor w)
{
    size_t mark = c->scratch->used;
    int64_t T = x.dims[0], N = p->N, K = p->K, n_bytes = (int64_t)c->backend->packed_bytes(DTYPE_I8, N, K);
    struct tensor packed = tensor_packed(TENSOR_TAKE(c->scratch, DTYPE_U8, n_bytes), DTYPE_I8, N, K);
    struct tensor rounded = TENSOR_TAKE(c->scratch, DTYPE_BF16, T, K);
    struct tensor exact = TENSOR_TAKE(c->scratch, DTYPE_F32, T, N), y = TENSOR_TAKE(c->scratch, DTYPE_F32, T, N);
    double difference = 0, all = 0;
    vit_quantize_weight(c, packed, w, p->smoothing);
    op_convert(c, rounded, x);
    op_linear_fwd(c, exact, x, w, TENSOR_NONE);
    op_linear_fwd(c, y, rounded, packed, TENSOR_NONE);
    op_axpy(c, y, -1, exact);
    op_sum_squares(c, &difference, y);
    op_sum_squares(c, &all, exact);
    c->scratch->used = mark;
    return difference == 0 ? 0 : sqrt(difference / all);
}

void vit_quantization_see_error(void *arg, struct op_ctx *c, int64_t block, enum vit_product product, struct tensor x)
{
    struct vit_quantization *q = arg;
    struct vit_quantized_product *p = &q->product[block][product];
    if (p->excluded)
        return;
    double error = relative_error(c, p, x, vit_matrix(q->values, vit_product_row(q->vit, block, product), p->N));
    pthread_mutex_lock(&q->lock);
    if (!(error <= p->error) && !isnan(p->error))
        p->error = error;
    pthread_mutex_unlock(&q->lock);
}

/* Of one pass: each product is smoothed before its error is measured. */
static void see_both(void *arg, struct op_ctx *c, int64_t block, enum vit_product product, struct tensor x)
{
    vit_quantization_see_range(arg, c, block, product, x);
    smooth(c, arg, block, product);
    vit_quantization_see_error(arg, c, block, product, x);
}

/* ------------------------------------------------------------------ the picture of noise */
/* Adds noise of `cells` cells a side, interpolated, to a channel [side,side]; grid [(cells + 1)^2] is scratch. */
static void add_octave(float *channel, int64_t side, int64_t cells, struct rng *r, float *grid)
{
    int64_t n = cells + 1;
    for (int64_t i = 0; i < n * n; i++)
        grid[i] = (float)rng_normal(r);
    for (int64_t i = 0; i < side * side; i++) {
        double y = ((double)(i / side) + 0.5) * (double)cells / (double)side;
        double x = ((double)(i % side) + 0.5) * (double)cells / (double)side;
        const float *g = grid + (int64_t)y * n + (int64_t)x;
        float fy = (float)(y - floor(y)), fx = (float)(x - floor(x));
        channel[i] += (1 - fy) * ((1 - fx) * g[0] + fx * g[1]) + fy * ((1 - fx) * g[n] + fx * g[n + 1]);
    }
}

/* values [3,side,side], zero before: as large as those of photographs after normalisation and, as they are, flat in
 * places: the contrast rises from nothing at the top to strong at the bottom. */
static void draw_noise(float *values, int64_t side, float *grid)
{
    for (int64_t channel = 0; channel < 3; channel++) {
        float *at = values + channel * side * side, octaves = 0;
        for (int64_t cells = 1; cells <= side / 2; cells *= 2, octaves++) {
            struct rng r = rng_stream(0, (uint64_t)channel, (uint64_t)cells, RNG_PICTURE);
            add_octave(at, side, cells, &r, grid);
        }
        for (int64_t i = 0; i < side * side; i++) /* interpolation takes a third of the deviation */
            at[i] *= 1.5f / sqrtf(octaves) * ((float)(i / side) + 0.5f) / (float)side;
    }
}

int vit_quantize(struct op_ctx *c, struct vit_quantization *q, const struct vit_memory *memory, struct fmt_error *e)
{
    enum { PATCHES = 16 }; /* a side */
    int64_t side = PATCHES * q->vit->config.patch;
    float *picture = calloc((size_t)(4 * side * side), sizeof *picture);
    struct vit_activations *act = calloc(1, sizeof *act);
    struct vit_observer observer = {see_both, q};
    struct vit_request r = {.n_inputs = 1, .observer = &observer};
    int status = picture && act ? 0 : fmt_no_memory(e);
    if (!status) {
        if (!op_planning(c))
            draw_noise(picture, side, picture + 3 * side * side);
        struct tensor values = OP_BORROW(c, memory->device, DTYPE_F32, picture, 1, 3, side, side);
        r.inputs[0] = (struct vit_input){.B = 1, .H = side, .W = side, .values = values};
        status = vit_forward(c, q->vit, q->values, &r, memory, act, e);
    }
    if (!status)
        status = op_sync(c, e);
    free(picture);
    free(act);
    return status;
}
