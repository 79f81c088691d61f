/* cholesky.h - the factor of a symmetric positive definite matrix, and what it solves. */
#ifndef CHOLESKY_H
#define CHOLESKY_H

#include <stdbool.h>
#include <stdint.h>

#include "thread.h"

enum { CHOLESKY_PANEL = 8 };

/* a [n,n], lower triangle, becomes L with a = L L^T. False: not positive definite (a is spoiled). panel: scratch
 * [CHOLESKY_PANEL,n]. */
bool cholesky_factor(double *a, int64_t n, double *panel, struct thread_pool *pool);
void cholesky_solve(const double *l, int64_t n, double *x); /* x becomes (L L^T)^-1 x */

#endif
