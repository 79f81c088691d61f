/* dense-loops.h - the f64 loops of regression.h (simd-dense.c), for several instruction sets. All sums run over 8 fixed
 * lanes: the same bits everywhere. */
#ifndef DENSE_LOOPS_H
#define DENSE_LOOPS_H

#include <stdint.h>

#include "isa.h"

struct dense_loops {
    double (*dot)(const double *a, const double *b, int64_t n);
    void (*axpy)(double a, const double *x, double *y, int64_t n); /* y += a x */
    /* z [n,R] = rows . w^T + b    row[i] points to dim float32; w [R,dim], b [R] */
    void (*logits)(const float *const *row, int n, int64_t dim, const double *w, int64_t w_stride, const double *b,
                   int64_t b_stride, int R, double *z);
    /* g [R,dim] += r^T rows       r [n,R]; in the order of the rows */
    void (*outer)(const float *const *row, int n, int64_t dim, const double *r, int R, double *g, int64_t g_stride);
    /* a [n] -= sum_p c[p] b[p * stride + j], p = 0 .. 7 */
    void (*minus8)(double *a, const double *c, const double *b, int64_t stride, int64_t n);
};
#ifndef ISA
ISA_TABLE(const struct dense_loops, dense_loops)
#endif

#endif
