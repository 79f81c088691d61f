/* column-scaling.c - see column-scaling.h. */
#include "column-scaling.h"

#include <math.h>
#include <stdlib.h>

#include "num.h"

/* largest [C]: of each column. */
static int find_largest(struct op_ctx *c, const struct regression_data *d, float *largest, struct fmt_error *e)
{
    struct device_arena memory = {0}, plan = {0};
    int64_t C = d->x.dims[1];
    TENSOR_TAKE(&plan, DTYPE_F32, C);
    int status = device_arena_init(&memory, c->backend, plan.high, e);
    if (status)
        return status;
    struct tensor t = TENSOR_TAKE(&memory, DTYPE_F32, C);
    op_column_magnitudes(c, t, d);
    op_copy_out(c, largest, t);
    device_arena_release(&memory);
    return 0;
}

struct copies {
    struct tensor x, scale, shrink;
};

static struct copies take_copies(struct device_arena *a, int64_t n, int64_t C)
{
    struct copies t = {.x = TENSOR_TAKE(a, DTYPE_F32, n, C)};
    t.scale = TENSOR_TAKE(a, DTYPE_F64, C);
    t.shrink = TENSOR_TAKE(a, DTYPE_F64, C);
    return t;
}

static int divide(struct column_scaling *s, struct op_ctx *c, struct regression_data *d, struct fmt_error *e)
{
    int64_t n = d->rows.dims[0], C = d->x.dims[1];
    double *scale = malloc((size_t)C * sizeof *scale);
    int64_t *number = malloc((size_t)n * sizeof *number);
    take_copies(&s->memory, n, C);
    int status = scale && number ? device_arena_init(&s->memory, c->backend, s->memory.high, e) : fmt_no_memory(e);
    if (!status) {
        struct copies t = take_copies(&s->memory, n, C);
        for (int64_t j = 0; j < C; j++) {
            scale[j] = ldexp(1, -s->exponent[j]);
            s->shrink[j] = ldexp(1, -2 * s->exponent[j]);
        }
        for (int64_t i = 0; i < n; i++)
            number[i] = i;
        op_copy_in(c, t.scale, scale);
        op_scale_columns(c, t.x, d, t.scale);
        op_copy_in(c, t.shrink, s->shrink);
        op_copy_in(c, d->rows, number);
        d->x = t.x;
        s->shrink_tensor = t.shrink;
    }
    free(scale);
    free(number);
    return status;
}

int column_scaling_open(struct column_scaling *s, struct op_ctx *c, struct regression_data *d, struct fmt_error *e)
{
    int64_t C = d->x.dims[1];
    float *largest = malloc((size_t)C * sizeof *largest);
    bool any = false;
    *s = (struct column_scaling){.exponent = calloc((size_t)C, sizeof *s->exponent),
                                 .shrink = calloc((size_t)C, sizeof *s->shrink)};
    int status = largest && s->exponent && s->shrink ? find_largest(c, d, largest, e) : fmt_no_memory(e);
    for (int64_t j = 0; j < C && !status; j++)
        if (isfinite(largest[j]) && largest[j] > COLUMN_SCALING_ORDINARY) {
            s->exponent[j] = ilogbf(largest[j]);
            any = true;
        }
    if (any)
        status = divide(s, c, d, e);
    if (!any || status)
        column_scaling_close(s);
    free(largest);
    return status;
}

void column_scaling_close(struct column_scaling *s)
{
    free(s->exponent);
    free(s->shrink);
    device_arena_release(&s->memory);
    *s = (struct column_scaling){.exponent = NULL};
}
