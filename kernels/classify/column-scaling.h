/* column-scaling.h - columns of very large values. Squares of 1e19 overflow f32, and in a sum with a column of 1e30 all
 * other columns are lost to rounding. Such columns are divided by a power of two, which is exact and brings their
 * largest value into [1,2). Ordinary columns are unchanged. */
#ifndef COLUMN_SCALING_H
#define COLUMN_SCALING_H

#include "device-arena.h"
#include "regression.h"

#define COLUMN_SCALING_ORDINARY 1048576.0f /* 2^20: values up to this are ordinary */

/* If all columns are ordinary: NULL, TENSOR_NONE, no memory. */
struct column_scaling {
    int *exponent;  /* [C] the column was divided by 2^exponent */
    double *penalty_scale; /* [C] 4^-exponent: factor of the penalty of a weight */
    struct tensor penalty_scale_tensor;
    struct device_arena memory;
};

/* If there are such columns, sets d->x to a copy of the rows with these columns divided, and d->rows to its rows. */
int column_scaling_open(struct column_scaling *s, struct op_ctx *c, struct regression_data *d, struct fmt_error *e);
void column_scaling_close(struct column_scaling *s);

#endif
