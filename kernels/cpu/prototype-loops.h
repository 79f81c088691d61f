/* prototype-loops.h - inner loops over one tile of the prototype layer (simd-prototypes.c), for several instruction
 * sets.
 *
 * A tile holds T rows of n <= PROTOTYPES_TILE columns, PROTOTYPES_TILE apart. y stands for x * scale + col[k] +
 * row[t], the logarithm of a target or of a softmax before it is normalised, in double: logits over a small
 * temperature are large and differ by little. Exponentials are taken in float, of differences to a maximum. */
#ifndef PROTOTYPE_LOOPS_H
#define PROTOTYPE_LOOPS_H

#include <stdint.h>

struct prototype_loops {
    /* w [n,b] = g v / |v|; inverse [n] = 1 / |v| */
    void (*weights)(float *w, float *inverse, const float *v, const float *g, int64_t n, int64_t b);
    /* dg [n] += ..., dv [n,b] += ... from dw [n,b] */
    void (*weights_bwd)(float *dv, float *dg, const float *dw, const float *v, const float *g, const float *inverse,
                        int64_t n, int64_t b);
    /* for each column: the largest y without col over the rows, and the sum of exp(y - largest) */
    void (*columns_lse)(double *largest, double *sum, const float *x, int64_t T, int64_t n, double scale,
                        const double *row);
    /* for each row: the largest y without row, and the sum of exp(y - largest) */
    void (*rows_lse)(double *largest, double *sum, const float *x, int64_t T, int64_t n, double scale,
                     const double *col);
    /* out = exp(y); out may be x */
    void (*targets)(float *out, const float *x, int64_t T, int64_t n, double scale, const double *col,
                    const double *row);
    /* one row of the student against one or two targets (b may be NULL): largest of x * scale, sum of exponentials
     * relative to it, sum of t * x * scale, sum of t, with t = a + b */
    void (*xent_row)(double out[4], const float *x, const float *a, const float *b, int64_t n, float scale);
    /* x = weight * (exp(x * scale - lse) * target_sum - t) * scale, in place */
    void (*xent_row_bwd)(float *x, const float *a, const float *b, int64_t n, float scale, float lse,
                         float target_sum, float weight);
    /* sum [n] += column sums */
    void (*column_sums)(double *sum, const float *x, int64_t T, int64_t n);
};

#endif
