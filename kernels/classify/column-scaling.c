/* column-scaling.c - see column-scaling.h. */
#include "column-scaling.h"

#include <math.h>
#include <stdlib.h>

#include "num.h"

struct columns {
    struct tensor largest, scale, penalty_scale, x; /* [C] f32, [C], [C]; and the divided rows [n,C] f32 */
};

static struct columns take_columns(struct device_arena *a, int64_t n, int64_t C)
{
    struct columns k = {.largest = TENSOR_TAKE(a, DTYPE_F32, C)};
    k.scale = TENSOR_TAKE(a, DTYPE_F64, C);
    k.penalty_scale = TENSOR_TAKE(a, DTYPE_F64, C);
    k.x = TENSOR_TAKE(a, DTYPE_F32, n, C);
    return k;
}

static int reserve_columns(struct device_arena *a, struct op_ctx *c, int64_t n, int64_t C, struct columns *k,
                           struct fmt_error *e)
{
    take_columns(a, n, C);
    int status = device_arena_init(a, c->backend, a->high, e);
    if (!status)
        *k = take_columns(a, n, C);
    return status;
}

/* Sets exponent [C], and *any if there is a column to divide. */
static int find_exponents(struct column_scaling *s, struct op_ctx *c, const struct regression_data *d, bool *any,
                          struct fmt_error *e)
{
    struct device_arena memory = {0};
    struct columns k;
    int64_t C = d->x.dims[1];
    float *largest = malloc((size_t)C * sizeof *largest);
    int status = largest ? reserve_columns(&memory, c, 0, C, &k, e) : fmt_no_memory(e);
    if (!status) {
        op_column_magnitudes(c, k.largest, d->x, d->rows);
        op_copy_out(c, largest, k.largest);
    }
    for (int64_t j = 0; j < C && !status; j++) {
        s->exponent[j] = isfinite(largest[j]) && largest[j] > COLUMN_SCALING_ORDINARY ? ilogbf(largest[j]) : 0;
        *any = *any || s->exponent[j];
    }
    device_arena_release(&memory);
    free(largest);
    return status;
}

static int divide_columns(struct column_scaling *s, struct op_ctx *c, struct regression_data *d, struct fmt_error *e)
{
    int64_t n = d->rows.dims[0], C = d->x.dims[1];
    struct columns k;
    double *scale = malloc((size_t)C * sizeof *scale);
    int64_t *number = malloc((size_t)n * sizeof *number);
    int status = scale && number ? reserve_columns(&s->memory, c, n, C, &k, e) : fmt_no_memory(e);
    if (!status) {
        for (int64_t j = 0; j < C; j++) {
            scale[j] = ldexp(1, -s->exponent[j]);
            s->penalty_scale[j] = ldexp(1, -2 * s->exponent[j]);
        }
        for (int64_t i = 0; i < n; i++)
            number[i] = i;
        op_copy_in(c, k.scale, scale);
        op_copy_in(c, k.penalty_scale, s->penalty_scale);
        op_scale_columns(c, k.x, d, k.scale);
        op_copy_in(c, d->rows, number);
        d->x = k.x;
        s->penalty_scale_tensor = k.penalty_scale;
    }
    free(scale);
    free(number);
    return status;
}

int column_scaling_open(struct column_scaling *s, struct op_ctx *c, struct regression_data *d, struct fmt_error *e)
{
    size_t C = (size_t)d->x.dims[1];
    bool any = false;
    *s = (struct column_scaling){calloc(C, sizeof *s->exponent), calloc(C, sizeof *s->penalty_scale), TENSOR_NONE, {0}};
    int status = s->exponent && s->penalty_scale ? find_exponents(s, c, d, &any, e) : fmt_no_memory(e);
    if (any)
        status = divide_columns(s, c, d, e);
    if (!any || status)
        column_scaling_close(s);
    return status;
}

void column_scaling_close(struct column_scaling *s)
{
    free(s->exponent);
    free(s->penalty_scale);
    device_arena_release(&s->memory);
    *s = (struct column_scaling){.exponent = NULL};
}
