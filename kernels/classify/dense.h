/* dense.h - the float64 loops of the classifier, compiled for every instruction set, and a Cholesky factor.
 * All sums run over 8 fixed lanes: the same bits everywhere. */
#ifndef DENSE_H
#define DENSE_H

#include <stdbool.h>
#include <stdint.h>

#include "isa.h"
#include "thread.h"

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
ISA_TABLE(const struct dense_loops, dense_loops)

/* a [n,n], lower triangle, becomes L with a = L L^T. False: not positive definite (a is spoiled). */
bool dense_cholesky(double *a, int64_t n, struct thread_pool *pool);
void dense_cholesky_solve(const double *l, int64_t n, double *x); /* x becomes a^-1 x */

#endif
