/* column-scaling.h - columns of very large values. Squares of 1e19 are beyond float32, and beside a column of 1e30 all
 * others drown in the rounding of a sum. Such columns are divided by a power of two, which is exact and brings their
 * largest value into [1,2). Ordinary columns stay as they are, bit for bit. */
#ifndef COLUMN_SCALING_H
#define COLUMN_SCALING_H

#include <stdbool.h>
#include <stdint.h>

#include "rows.h"
#include "thread.h"

#define COLUMN_SCALING_ORDINARY 1048576.0f /* 2^20: values up to this are ordinary */

/* exponent [dim]: 0 for an ordinary column, else the power of two that it is to be divided by. Values are finite.
 * Returns whether there is a column to be divided. */
bool column_scaling_exponents(const struct rows *rows, struct thread_pool *pool, int *exponent);
/* to [n,dim]: the same rows, divided. */
void column_scaling_divide(const struct rows *rows, struct thread_pool *pool, const int *exponent, float *to);

#endif
