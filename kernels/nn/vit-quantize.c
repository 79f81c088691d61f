/* vit-quantize.c - ranges, smoothing and errors of the products of a backbone in int8 (vit-quantize.h), and the picture
 * of noise that stands for images where there are none. */
#include "vit-quantize.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "num.h"
#include "regression.h"
#include "rng.h"
#include "vit-internal.h"

const char *const vit_product_name[VIT_PRODUCTS] = {"qkv", "proj", "fc1", "fc2"};

/* ------------------------------------------------------------------ the products of a network */
static int weight_row(const struct vit *v, int64_t block, enum vit_product product)
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
            int row = weight_row(q->vit, i, (enum vit_product)k);
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
            p->error = i == 0 || i + 1 == v->config.depth ? INFINITY : 0;
            at += 2 * p->K;
            for (int64_t j = 0; j < p->K; j++)
                p->smoothing[j] = 1;
        }
    q->columns = at;
    return 0;
}

void vit_quantization_release(struct vit_quantization *q)
{
    if (q->memory)
        pthread_mutex_destroy(&q->lock);
    free(q->memory);
    *q = (struct vit_quantization){0};
}

/* ------------------------------------------------------------------ ranges and smoothing */
/* out [K], host memory: the largest magnitudes in the columns of x [..,K]. */
static void column_magnitudes(struct op_ctx *c, struct tensor x, float *out)
{
    size_t mark = c->scratch->used;
    struct tensor largest = TENSOR_TAKE(c->scratch, DTYPE_F32, x.dims[1]);
    op_column_magnitudes(c, largest, &(struct regression_data){.x = x});
    op_copy_out(c, out, largest);
    c->scratch->used = mark;
}

void vit_quantization_see_range(void *arg, struct op_ctx *c, int64_t block, enum vit_product product, struct tensor x)
{
    struct vit_quantization *q = arg;
    struct vit_quantized_product *p = &q->product[block][product];
    pthread_mutex_lock(&q->lock);
    column_magnitudes(c, x, q->columns);
    for (int64_t j = 0; j < p->K && !op_planning(c); j++)
        if (!(q->columns[j] <= p->range[j])) /* a NaN, too */
            p->range[j] = q->columns[j];
    p->is_smoothed = false;
    pthread_mutex_unlock(&q->lock);
}

static int by_size(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

/* The median of x [n]; sorted: scratch [n] */
static float median(const float *x, int64_t n, float *sorted)
{
    memcpy(sorted, x, (size_t)n * sizeof *x);
    qsort(sorted, (size_t)n, sizeof *sorted, by_size);
    return sorted[n / 2];
}

/* The lock is held. Columns of zeros are multiplied with as the smallest that count. */
static void smooth(struct op_ctx *c, struct vit_quantization *q, int64_t block, enum vit_product product)
{
    struct vit_quantized_product *p = &q->product[block][product];
    const float smallest = 1e-5f;
    struct tensor w = vit_matrix(q->values, weight_row(q->vit, block, product), p->N);
    if (op_planning(c)) {
        column_magnitudes(c, w, NULL);
        return;
    }
    float least = fmaxf(median(p->range, p->K, q->columns), smallest);
    column_magnitudes(c, w, q->columns);
    for (int64_t j = 0; j < p->K; j++)
        p->smoothing[j] = sqrtf((p->range[j] > least ? p->range[j] : least) / fmaxf(q->columns[j], smallest));
    p->is_smoothed = true;
}

/* ------------------------------------------------------------------ errors */
/* ||y - exact|| / ||exact|| of the product in int8. */
static double relative_error(struct op_ctx *c, const struct vit_quantized_product *p, struct tensor x, struct tensor w)
{
    size_t mark = c->scratch->used;
    int64_t T = x.dims[0], N = p->N, K = p->K, n_bytes = (int64_t)c->backend->packed_bytes(DTYPE_I8, N, K);
    struct tensor packed = tensor_packed(TENSOR_TAKE(c->scratch, DTYPE_U8, n_bytes), DTYPE_I8, N, K);
    struct tensor smoothing = TENSOR_TAKE(c->scratch, DTYPE_F32, K);
    struct tensor rounded = TENSOR_TAKE(c->scratch, DTYPE_BF16, T, K);
    struct tensor exact = TENSOR_TAKE(c->scratch, DTYPE_F32, T, N), y = TENSOR_TAKE(c->scratch, DTYPE_F32, T, N);
    double difference = 0, all = 0;
    op_copy_in(c, smoothing, p->smoothing);
    op_pack(c, packed, w, smoothing);
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
    struct tensor w = vit_matrix(q->values, weight_row(q->vit, block, product), p->N);
    if (p->error > VIT_QUANTIZE_ERROR_MAX)
        return;
    pthread_mutex_lock(&q->lock);
    if (!p->is_smoothed)
        smooth(c, q, block, product);
    pthread_mutex_unlock(&q->lock);
    double error = relative_error(c, p, x, w);
    pthread_mutex_lock(&q->lock);
    if (!(error <= p->error)) /* a NaN stays */
        p->error = error;
    pthread_mutex_unlock(&q->lock);
}

static void see_both(void *arg, struct op_ctx *c, int64_t block, enum vit_product product, struct tensor x)
{
    vit_quantization_see_range(arg, c, block, product, x);
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

/* values [3,side,side], zero before: about as large as those of photographs after normalisation */
static void draw_noise(float *values, int64_t side, float *grid)
{
    for (int64_t channel = 0; channel < 3; channel++) {
        float *at = values + channel * side * side, octaves = 0;
        for (int64_t cells = 1; cells <= side / 2; cells *= 2, octaves++) {
            struct rng r = rng_stream(0, (uint64_t)channel, (uint64_t)cells, RNG_PICTURE);
            add_octave(at, side, cells, &r, grid);
        }
        for (int64_t i = 0; i < side * side; i++)
            at[i] *= 1.5f / sqrtf(octaves); /* interpolation takes a third of the deviation */
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

/* ------------------------------------------------------------------ text */
/* Of a block: products, and those in int8. */
static int count_block(const struct vit_quantization *q, int64_t block, int *n_products)
{
    int n = 0;
    *n_products = 0;
    for (int k = 0; k < VIT_PRODUCTS; k++) {
        const struct vit_quantized_product *p = &q->product[block][k];
        *n_products += p->K > 0;
        n += p->K > 0 && vit_is_quantized(p);
    }
    return n;
}

int vit_quantization_count(const struct vit_quantization *q, int *n_products)
{
    int n = 0, of_block;
    *n_products = 0;
    for (int64_t i = 0; i < q->vit->config.depth; i++) {
        n += count_block(q, i, &of_block);
        *n_products += of_block;
    }
    return n;
}

/* Adds "3.fc2 (error 4.2 %)" to a list; what does not fit is left out. */
static void add_product(char *list, size_t size, int64_t block, int product, double error)
{
    size_t at = strlen(list);
    int n = snprintf(list + at, size - at, "%s%" PRId64 ".%s", at ? ", " : "", block, vit_product_name[product]);
    if (n > 0 && (size_t)n < size - at && isfinite(error))
        snprintf(list + at + n, size - at - (size_t)n, " (error %.1f %%)", 100 * error);
}

/* What stays in bf16, whole blocks by their number. */
static void list_others(const struct vit_quantization *q, char *list, size_t size)
{
    int n_products;
    *list = 0;
    for (int64_t i = 0; i < q->vit->config.depth; i++) {
        if (count_block(q, i, &n_products) == 0) {
            size_t at = strlen(list);
            snprintf(list + at, size - at, "%sblock %" PRId64, at ? ", " : "", i);
            continue;
        }
        for (int k = 0; k < VIT_PRODUCTS; k++)
            if (q->product[i][k].K > 0 && !vit_is_quantized(&q->product[i][k]))
                add_product(list, size, i, k, q->product[i][k].error);
    }
}

const char *vit_quantization_text(const struct vit_quantization *q, char out[VIT_QUANTIZE_TEXT_MAX])
{
    char list[VIT_QUANTIZE_TEXT_MAX - 80];
    int n_products, n = vit_quantization_count(q, &n_products);
    list_others(q, list, sizeof list);
    snprintf(out, VIT_QUANTIZE_TEXT_MAX, "%d of %d products in int8%s%s", n, n_products, *list ? "; in bf16: " : "",
             list);
    return out;
}
