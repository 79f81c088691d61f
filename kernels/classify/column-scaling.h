/* column-scaling.h - columns of very large values. Squares of 1e19 are beyond f32, and in a sum with a column of 1e30
 * all others are lost to rounding. Such columns are divided by a power of two, which is exact and brings their largest
 * value into [1,2). Ordinary columns are not changed. */
#ifndef COLUMN_SCALING_H
#define COLUMN_SCALING_H

#include "device-arena.h"
#include "regression.h"

#define COLUMN_SCALING_ORDINARY 1048576.0f /* 2^20: values up to this are ordinary */

/* Where all columns are ordinary: NULL, TENSOR_NONE, no memory. */
struct column_scaling {
    int *exponent;  /* [C] the column was divided by 2^exponent */
    double *penalty_scale; /* [C] 4^-exponent: what the penalty of a weight is multiplied by */
    struct tensor penalty_scale_tensor;
    struct device_arena memory;
};

/* d->x becomes a copy of the rows with such columns divided, and d->rows its row numbers, if there are any. */
int column_scaling_open(struct column_scaling *s, struct op_ctx *c, struct regression_data *d, struct fmt_error *e);
void column_scaling_close(struct column_scaling *s);

#endif
