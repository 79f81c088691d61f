/* elementwise.c - what passes over memory once: the end of a branch (layer scale, drop path, residual), moving rows,
 * whole arrays, transposition. */
#include <string.h>

#include "cpu.h"

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

void cpu_gather_rows(struct op_ctx *c, float *y, const float *x, const int64_t *rows, int64_t M, int64_t C)
{
    struct rows a = {.y = y, .x = x, .rows = rows, .M = M, .C = C};
    op_for(c, num_ceil_div(M, CPU_ROWS), gather_item, &a);
}

static void scatter_item(void *arg, int64_t item, int worker)
{
    (void)worker;
    const struct rows *a = arg;
    for (int64_t i = item * CPU_ROWS; i < num_min((item + 1) * CPU_ROWS, a->M); i++)
        elementwise_loops()->add(a->y + row_of(a, i) * a->C, a->x + i * a->C, a->C);
}

void cpu_scatter_add_rows(struct op_ctx *c, float *x, const float *y, const int64_t *rows, int64_t M, int64_t C)
{
    struct rows a = {.y = x, .x = y, .rows = rows, .M = M, .C = C};
    op_for(c, num_ceil_div(M, CPU_ROWS), scatter_item, &a);
}

/* ------------------------------------------------------------------ the end of a branch */

static void residual_fwd_item(void *arg, int64_t item, int worker)
{
    (void)worker;
    const struct rows *a = arg;
    for (int64_t i = item * CPU_ROWS; i < num_min((item + 1) * CPU_ROWS, a->M); i++) {
        float *x = a->y + row_of(a, i) * a->C, scale = a->scale ? a->scale[i] : 1.0f;
        if (a->gamma)
            elementwise_loops()->scale_add(x, scale, a->r + i * a->C, a->gamma, a->C);
        else
            elementwise_loops()->axpy(x, scale, a->r + i * a->C, a->C);
    }
}

void cpu_residual_fwd(struct op_ctx *c, float *x, const float *r, const float *gamma, const int64_t *rows,
                      const float *scale, int64_t M, int64_t C)
{
    struct rows a = {.y = x, .r = r, .gamma = gamma, .rows = rows, .scale = scale, .M = M, .C = C};
    op_for(c, num_ceil_div(M, CPU_ROWS), residual_fwd_item, &a);
}

static void residual_bwd_item(void *arg, int64_t item, int worker)
{
    (void)worker;
    const struct rows *a = arg;
    float *sum = a->gamma ? a->partials + item * a->C : NULL;
    if (sum)
        memset(sum, 0, (size_t)a->C * sizeof *sum);
    int64_t i = tile_first(a->tiles, item);
    for (int64_t end = i + tile_rows(a->tiles, item); i < end; i++) {
        const float *dx = a->x + row_of(a, i) * a->C, scale = a->scale ? a->scale[i] : 1.0f;
        if (sum)
            elementwise_loops()->product_add(sum, scale, a->r + i * a->C, dx, a->C);
        if (a->gamma)
            elementwise_loops()->scale_by(a->y + i * a->C, scale, dx, a->gamma, a->C);
        else
            elementwise_loops()->scale(a->y + i * a->C, scale, dx, a->C);
    }
}

void cpu_residual_bwd(struct op_ctx *c, float *dr, float *dgamma, const float *dx, const float *r, const float *gamma,
                      const int64_t *rows, const float *scale, int64_t M, int64_t C)
{
    if (M == 0)
        return;
    size_t mark = c->scratch->used;
    struct tiling tiles = tiling_of(M, CPU_SUM_ROWS);
    float *partials = ARENA_TAKE(c->scratch, float, gamma || op_planning(c) ? tiles.n * C : 0);
    struct rows a = {.y = dr, .x = dx, .r = r, .gamma = gamma, .rows = rows, .scale = scale, .M = M, .C = C,
                     .partials = partials, .tiles = tiles};
    op_for(c, tiles.n, residual_bwd_item, &a);
    if (gamma)
        cpu_add_partials(c, dgamma, partials, tiles.n, C);
    c->scratch->used = mark;
}

/* ------------------------------------------------------------------ whole arrays */

struct stretch {
    float *y, a;
    const float *x;
    int64_t n;
    double *sums;
};

static void fill_item(void *arg, int64_t item, int worker)
{
    (void)worker;
    const struct stretch *s = arg;
    for (int64_t i = item * CPU_STRETCH; i < num_min((item + 1) * CPU_STRETCH, s->n); i++)
        s->y[i] = s->a;
}

void cpu_fill(struct op_ctx *c, float *x, float value, int64_t n)
{
    struct stretch s = {.y = x, .a = value, .n = n};
    op_for(c, num_ceil_div(n, CPU_STRETCH), fill_item, &s);
}

static void copy_item(void *arg, int64_t item, int worker)
{
    (void)worker;
    const struct stretch *s = arg;
    int64_t at = item * CPU_STRETCH;
    memcpy(s->y + at, s->x + at, (size_t)num_min(CPU_STRETCH, s->n - at) * sizeof *s->y);
}

void cpu_copy(struct op_ctx *c, float *y, const float *x, int64_t n)
{
    struct stretch s = {.y = y, .x = x, .n = n};
    op_for(c, num_ceil_div(n, CPU_STRETCH), copy_item, &s);
}

static void axpy_item(void *arg, int64_t item, int worker)
{
    (void)worker;
    const struct stretch *s = arg;
    int64_t at = item * CPU_STRETCH;
    elementwise_loops()->axpy(s->y + at, s->a, s->x + at, num_min(CPU_STRETCH, s->n - at));
}

void cpu_axpy(struct op_ctx *c, float *y, float a, const float *x, int64_t n)
{
    struct stretch s = {.y = y, .a = a, .x = x, .n = n};
    op_for(c, num_ceil_div(n, CPU_STRETCH), axpy_item, &s);
}

static void sum_squares_item(void *arg, int64_t item, int worker)
{
    (void)worker;
    const struct stretch *s = arg;
    int64_t at = item * CPU_STRETCH;
    s->sums[item] = row_loops()->sum_squares(s->x + at, num_min(CPU_STRETCH, s->n - at));
}

void cpu_sum_squares(struct op_ctx *c, double *out, const float *x, int64_t n)
{
    size_t mark = c->scratch->used;
    int64_t n_sums = num_ceil_div(n, CPU_STRETCH);
    struct stretch s = {.x = x, .n = n, .sums = ARENA_TAKE(c->scratch, double, n_sums)};
    op_for(c, n_sums, sum_squares_item, &s);
    *out = 0;
    for (int64_t i = 0; i < n_sums && !op_planning(c); i++)
        *out += s.sums[i];
    c->scratch->used = mark;
}

/* ------------------------------------------------------------------ transposition */

enum { TURN_ROWS = 64 }; /* of x, in one item */

struct turn {
    float *y;
    const float *x;
    int64_t N, K;
};

static void transpose_item(void *arg, int64_t item, int worker)
{
    (void)worker;
    const struct turn *t = arg;
    int64_t n0 = item * TURN_ROWS, n = num_min(TURN_ROWS, t->N - n0);
    elementwise_loops()->transpose(t->y + n0, t->N, t->x + n0 * t->K, t->K, n, t->K);
}

void cpu_transpose(struct op_ctx *c, float *y, const float *x, int64_t N, int64_t K)
{
    struct turn t = {y, x, N, K};
    op_for(c, num_ceil_div(N, TURN_ROWS), transpose_item, &t);
}
