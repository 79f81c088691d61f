/* column-scaling.c - magnitudes are compared as the whole numbers that the bits of finite values are, without their
 * sign. */
#include "column-scaling.h"

#include <math.h>
#include <string.h>

#include "num.h"

enum { COLUMNS_PER_ITEM = 1024 };

struct columns {
    const struct rows *rows;
    int *exponent;
    const int *divide_by;
    float *to;
};

static const float *row_of(const struct columns *c, int64_t i)
{
    return c->rows->x + rows_at(c->rows, i) * c->rows->dim;
}

static void find_exponents(void *arg, int64_t item, int worker)
{
    (void)worker;
    const struct columns *c = arg;
    int64_t first = item * COLUMNS_PER_ITEM, n = num_min(COLUMNS_PER_ITEM, c->rows->dim - first);
    int32_t largest[COLUMNS_PER_ITEM] = {0}, bits[COLUMNS_PER_ITEM];
    for (int64_t i = 0; i < c->rows->n; i++) {
        memcpy(bits, row_of(c, i) + first, (size_t)n * sizeof *bits);
        for (int64_t j = 0; j < n; j++) {
            int32_t magnitude = bits[j] & INT32_MAX;
            largest[j] = magnitude > largest[j] ? magnitude : largest[j];
        }
    }
    for (int64_t j = 0; j < n; j++) {
        float value;
        memcpy(&value, &largest[j], sizeof value);
        c->exponent[first + j] = isfinite(value) && value > COLUMN_SCALING_ORDINARY ? ilogbf(value) : 0;
    }
}

bool column_scaling_exponents(const struct rows *rows, struct thread_pool *pool, int *exponent)
{
    struct columns c = {.rows = rows, .exponent = exponent};
    bool any = false;
    thread_for(pool, num_ceil_div(rows->dim, COLUMNS_PER_ITEM), find_exponents, &c);
    for (int64_t j = 0; j < rows->dim; j++)
        any = any || exponent[j];
    return any;
}

static void divide_row(void *arg, int64_t i, int worker)
{
    (void)worker;
    const struct columns *c = arg;
    const float *from = row_of(c, i);
    for (int64_t j = 0; j < c->rows->dim; j++)
        c->to[i * c->rows->dim + j] = (float)ldexp((double)from[j], -c->divide_by[j]);
}

void column_scaling_divide(const struct rows *rows, struct thread_pool *pool, const int *exponent, float *to)
{
    struct columns c = {.rows = rows, .divide_by = exponent, .to = to};
    thread_for(pool, rows->n, divide_row, &c);
}
