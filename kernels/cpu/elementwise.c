/* elementwise.c - operations that read and write memory once: the end of a branch (layer scale, drop path, residual),
 * moving rows, the largest of each column, whole arrays, transposition. */
#include <string.h>

#include "cpu.h"
#include "dense-loops.h"

/* ------------------------------------------------------------------ partial sums */

struct partials {
    float *y;
    const float *x;
    int64_t n, C;
};

static void partials_item(void *arg, int64_t item, int worker)
{
    (void)worker, (void)item;
    const struct partials *p = arg;
    for (int64_t i = 0; i < p->n; i++)
        elementwise_loops()->add(p->y, p->x + i * p->C, p->C);
}

void cpu_add_partials(struct op_ctx *c, float *y, const float *partials, int64_t n, int64_t C)
{
    op_for(c, 1, partials_item, &(struct partials){y, partials, n, C});
}

/* ------------------------------------------------------------------ rows */

struct rows {
    float *y;
    const float *x, *r, *gamma, *scale;
    const uint16_t *r_bf16; /* instead of r */
    uint16_t *dr_bf16;      /* instead of y, which then has a row for each worker */
    float sign;             /* of what is added to x: 1 or -1 */
    const int64_t *rows;
    int64_t M, C;
    float *partials;
    struct tiling tiles;
};

static int64_t row_of(const struct rows *a, int64_t i)
{
    return a->rows ? a->rows[i] : i;
}

static void gather_item(void *arg, int64_t item, int worker)
{
    (void)worker;
    const struct rows *a = arg;
    for (int64_t i = item * CPU_ROWS; i < num_min((item + 1) * CPU_ROWS, a->M); i++)
        memcpy(a->y + i * a->C, a->x + row_of(a, i) * a->C, (size_t)a->C * sizeof *a->y);
}

void cpu_gather_rows(struct op_ctx *c, struct tensor y, struct tensor x, struct tensor rows)
{
    struct rows a = {.y = cpu_f32(y), .x = cpu_f32(x), .rows = cpu_i64(rows), .M = y.dims[0], .C = y.dims[1]};
    op_for(c, num_ceil_div(a.M, CPU_ROWS), gather_item, &a);
}

static void scatter_item(void *arg, int64_t item, int worker)
{
    (void)worker;
    const struct rows *a = arg;
    for (int64_t i = item * CPU_ROWS; i < num_min((item + 1) * CPU_ROWS, a->M); i++)
        elementwise_loops()->add(a->y + row_of(a, i) * a->C, a->x + i * a->C, a->C);
}

void cpu_scatter_add_rows(struct op_ctx *c, struct tensor x, struct tensor y, struct tensor rows)
{
    struct rows a = {.y = cpu_f32(x), .x = cpu_f32(y), .rows = cpu_i64(rows), .M = y.dims[0], .C = y.dims[1]};
    op_for(c, num_ceil_div(a.M, CPU_ROWS), scatter_item, &a);
}

enum { COLUMNS = 1024 }; /* of an item */

/* Magnitudes are compared as the whole numbers that the bits of floats without their sign are. a->y: the largest. */
static void magnitudes_item(void *arg, int64_t item, int worker)
{
    (void)worker;
    const struct rows *a = arg;
    int64_t first = item * COLUMNS, n = num_min(COLUMNS, a->C - first);
    int32_t largest[COLUMNS] = {0}, bits[COLUMNS];
    for (int64_t i = 0; i < a->M; i++) {
        memcpy(bits, a->x + row_of(a, i) * a->C + first, (size_t)n * sizeof *bits);
        for (int64_t j = 0; j < n; j++) {
            int32_t magnitude = bits[j] & INT32_MAX;
            largest[j] = magnitude > largest[j] ? magnitude : largest[j];
        }
    }
    memcpy(a->y + first, largest, (size_t)n * sizeof *largest);
}

void cpu_column_magnitudes(struct op_ctx *c, struct tensor largest, struct tensor x, struct tensor rows)
{
    struct rows a = {.y = cpu_f32(largest), .x = cpu_f32(x), .rows = cpu_i64(rows),
                     .M = tensor_given(rows) ? rows.dims[0] : x.dims[0], .C = x.dims[1]};
    op_for(c, num_ceil_div(a.C, COLUMNS), magnitudes_item, &a);
}

/* ------------------------------------------------------------------ the end of a branch */

static void residual_fwd_item(void *arg, int64_t item, int worker)
{
    (void)worker;
    const struct rows *a = arg;
    for (int64_t i = item * CPU_ROWS; i < num_min((item + 1) * CPU_ROWS, a->M); i++) {
        float *x = a->y + row_of(a, i) * a->C, scale = a->sign * (a->scale ? a->scale[i] : 1.0f);
        if (a->r_bf16)
            convert_loops()->bf16_scale_add(x, scale, a->r_bf16 + i * a->C, a->gamma, a->C);
        else if (a->gamma)
            elementwise_loops()->scale_add(x, scale, a->r + i * a->C, a->gamma, a->C);
        else
            elementwise_loops()->axpy(x, scale, a->r + i * a->C, a->C);
    }
}

static void residual_add(struct op_ctx *c, float sign, struct tensor x, struct tensor r, struct tensor gamma,
                         struct tensor rows, struct tensor scale)
{
    struct rows a = {.y = cpu_f32(x), .r = cpu_f32(r), .gamma = cpu_f32(gamma), .rows = cpu_i64(rows),
                     .scale = cpu_f32(scale), .sign = sign, .M = r.dims[0], .C = r.dims[1]};
    if (r.dtype == DTYPE_BF16)
        a.r_bf16 = cpu_bf16(r);
    op_for(c, num_ceil_div(a.M, CPU_ROWS), residual_fwd_item, &a);
}

void cpu_residual_fwd(struct op_ctx *c, struct tensor x, struct tensor r, struct tensor gamma, struct tensor rows,
                      struct tensor scale)
{
    residual_add(c, 1, x, r, gamma, rows, scale);
}

void cpu_residual_undo(struct op_ctx *c, struct tensor x, struct tensor r, struct tensor gamma, struct tensor rows,
                       struct tensor scale)
{
    residual_add(c, -1, x, r, gamma, rows, scale);
}

static void residual_bwd_item(void *arg, int64_t item, int worker)
{
    const struct rows *a = arg;
    float *sum = a->gamma ? a->partials + item * a->C : NULL;
    if (sum)
        memset(sum, 0, (size_t)a->C * sizeof *sum);
    int64_t i = tile_first(a->tiles, item);
    for (int64_t end = i + tile_rows(a->tiles, item); i < end; i++) {
        const float *dx = a->x + row_of(a, i) * a->C, scale = a->scale ? a->scale[i] : 1.0f;
        float *dr = a->y + (a->dr_bf16 ? worker : i) * a->C;
        if (sum && a->r_bf16)
            convert_loops()->bf16_scale_add(sum, scale, a->r_bf16 + i * a->C, dx, a->C);
        else if (sum)
            elementwise_loops()->product_add(sum, scale, a->r + i * a->C, dx, a->C);
        if (a->gamma)
            elementwise_loops()->scale_by(dr, scale, dx, a->gamma, a->C);
        else
            elementwise_loops()->scale(dr, scale, dx, a->C);
        if (a->dr_bf16)
            convert_loops()->to_bf16(a->dr_bf16 + i * a->C, dr, a->C);
    }
}

void cpu_residual_bwd(struct op_ctx *c, struct tensor dr, struct tensor dgamma, struct tensor dx, struct tensor r,
                      struct tensor gamma, struct tensor rows, struct tensor scale)
{
    int64_t M = dr.dims[0], C = dr.dims[1];
    if (M == 0)
        return;
    size_t mark = c->scratch->used;
    struct tiling tiles = tiling_of(M, CPU_SUM_ROWS);
    float *partials = CPU_TAKE(c, float, tensor_given(gamma) ? tiles.n * C : 0);
    struct rows a = {.y = cpu_f32(dr), .x = cpu_f32(dx), .r = cpu_f32(r), .gamma = cpu_f32(gamma),
                     .rows = cpu_i64(rows), .scale = cpu_f32(scale), .M = M, .C = C, .partials = partials,
                     .tiles = tiles};
    if (r.dtype == DTYPE_BF16)
        a.r_bf16 = cpu_bf16(r);
    if (dr.dtype == DTYPE_BF16) {
        a.dr_bf16 = cpu_bf16(dr);
        a.y = CPU_TAKE(c, float, C * op_workers(c));
    }
    op_for(c, tiles.n, residual_bwd_item, &a);
    if (tensor_given(gamma))
        cpu_add_partials(c, cpu_f32(dgamma), partials, tiles.n, C);
    c->scratch->used = mark;
}

/* ------------------------------------------------------------------ whole arrays */

struct stretch {
    float *y;
    const float *x;
    double *y64; /* of f64 */
    const double *x64;
    double a;
    int64_t n;
    double *sums; /* of runs of `each` elements */
    int64_t each;
};

struct filled {
    float *f32;
    double *f64; /* one of the two */
    double value;
    int64_t n;
};

static void fill_item(void *arg, int64_t item, int worker)
{
    (void)worker;
    const struct filled *f = arg;
    int64_t first = item * CPU_STRETCH, end = num_min(first + CPU_STRETCH, f->n);
    for (int64_t i = first; i < end && f->f32; i++)
        f->f32[i] = (float)f->value;
    for (int64_t i = first; i < end && f->f64; i++)
        f->f64[i] = f->value;
}

void cpu_fill(struct op_ctx *c, struct tensor x, double value)
{
    struct filled f = {.value = value, .n = tensor_elements(x)};
    if (x.dtype == DTYPE_F64)
        f.f64 = cpu_f64(x);
    else
        f.f32 = cpu_f32(x);
    op_for(c, num_ceil_div(f.n, CPU_STRETCH), fill_item, &f);
}

struct copied {
    uint8_t *y;
    const uint8_t *x;
    int64_t n_bytes;
};

static void copy_item(void *arg, int64_t item, int worker)
{
    (void)worker;
    const struct copied *s = arg;
    int64_t bytes = CPU_STRETCH * (int64_t)sizeof(float), at = item * bytes;
    memcpy(s->y + at, s->x + at, (size_t)num_min(bytes, s->n_bytes - at));
}

void cpu_copy(struct op_ctx *c, struct tensor y, struct tensor x)
{
    struct copied s = {cpu_u8(y), cpu_u8(x), tensor_elements(x) * (int64_t)dtype_bytes(x.dtype)};
    op_for(c, num_ceil_div(s.n_bytes, CPU_STRETCH * (int64_t)sizeof(float)), copy_item, &s);
}

struct divided {
    float *y;
    const double *x;
    double divisor;
    int64_t n;
};

static void divide_item(void *arg, int64_t item, int worker)
{
    (void)worker;
    const struct divided *d = arg;
    for (int64_t i = item * CPU_STRETCH; i < num_min((item + 1) * CPU_STRETCH, d->n); i++)
        d->y[i] = (float)(d->x[i] / d->divisor);
}

void cpu_divide(struct op_ctx *c, struct tensor y, struct tensor x, double divisor)
{
    struct divided d = {cpu_f32(y), cpu_f64(x), divisor, tensor_elements(x)};
    op_for(c, num_ceil_div(d.n, CPU_STRETCH), divide_item, &d);
}

static void axpy_item(void *arg, int64_t item, int worker)
{
    (void)worker;
    const struct stretch *s = arg;
    int64_t at = item * CPU_STRETCH, n = num_min(CPU_STRETCH, s->n - at);
    if (s->x)
        elementwise_loops()->axpy(s->y + at, (float)s->a, s->x + at, n);
    else
        dense_loops()->axpy(s->a, s->x64 + at, s->y64 + at, n);
}

void cpu_axpy(struct op_ctx *c, struct tensor y, double a, struct tensor x)
{
    struct stretch s = {.a = a, .n = tensor_elements(x)};
    if (x.dtype == DTYPE_F32)
        s.y = cpu_f32(y), s.x = cpu_f32(x);
    else
        s.y64 = cpu_f64(y), s.x64 = cpu_f64(x);
    op_for(c, num_ceil_div(s.n, CPU_STRETCH), axpy_item, &s);
}

static void sum_squares_item(void *arg, int64_t item, int worker)
{
    (void)worker;
    const struct stretch *s = arg;
    int64_t at = item * s->each;
    s->sums[item] = row_loops()->sum_squares(s->x + at, num_min(s->each, s->n - at));
}

void cpu_sum_squares_each(struct op_ctx *c, double *out, struct tensor x, int64_t each)
{
    int64_t n = tensor_elements(x);
    struct stretch s = {.x = cpu_f32(x), .n = n, .sums = out, .each = each};
    op_for(c, num_ceil_div(n, each), sum_squares_item, &s);
}

void cpu_sum_squares(struct op_ctx *c, double *out, struct tensor x)
{
    size_t mark = c->scratch->used;
    int64_t n_sums = num_ceil_div(tensor_elements(x), CPU_STRETCH);
    double *sums = CPU_TAKE(c, double, n_sums);
    cpu_sum_squares_each(c, sums, x, CPU_STRETCH);
    *out = 0;
    for (int64_t i = 0; i < n_sums && !op_planning(c); i++)
        *out += sums[i];
    c->scratch->used = mark;
}

/* ------------------------------------------------------------------ transposition */

enum { TRANSPOSE_ROWS = 64 }; /* of x, in one item: four squares of the loop (simd-elementwise.c) */

struct transposed {
    float *y;
    const float *x;
    int64_t N, K;
};

static void transpose_item(void *arg, int64_t item, int worker)
{
    (void)worker;
    const struct transposed *t = arg;
    int64_t n0 = item * TRANSPOSE_ROWS, n = num_min(TRANSPOSE_ROWS, t->N - n0);
    elementwise_loops()->transpose(t->y + n0, t->N, t->x + n0 * t->K, t->K, n, t->K);
}

void cpu_transpose(struct op_ctx *c, struct tensor y, struct tensor x)
{
    struct transposed t = {cpu_f32(y), cpu_f32(x), x.dims[0], x.dims[1]};
    op_for(c, num_ceil_div(t.N, TRANSPOSE_ROWS), transpose_item, &t);
}
