/* hessian.h - the Hessian of a logistic regression, factored:
 *
 *     P = sum_i v_i x_i x_i^T + 1/C,   v_i = u_i sum_k p_ik (1 - p_ik) / (R > 1 ? R - 1 : 1)
 *
 * One matrix for all classes: it is the Hessian for two of them, and for equal probabilities. With features centred on
 * their weighted mean, the intercept is decoupled from the weights: P is block diagonal. P sums float32 products in
 * float64, so it is rough where features are almost dependent, and is factored in float64. With many more features
 * than rows, or very many, only its diagonal is used.
 *
 *   hessian_take(&h, &arena, n, dim);     allocates; also while planning
 *   hessian_open(&h, &e);                 then
 *   hessian_sum(&h, &c, theta, &data);                the sum over the rows
 *   hessian_factor(&h, &c, C, penalty_scale);         P; again with the same sum for another C
 *   op_regression_precondition(&c, g, h.p, h.mean, h.total);     g = P^-1 g
 *   hessian_close(&h);
 */
#ifndef HESSIAN_H
#define HESSIAN_H

#include <stdbool.h>
#include <stdint.h>

#include "device-arena.h"
#include "regression.h"

struct hessian {
    bool full;                                /* the matrix; else only its diagonal */
    struct tensor v, mean, sum, p, diagonal;  /* [n], [dim], [dim,dim] or [dim], the same, [dim] */
    double total;                             /* sum of v */
    double *host;                             /* [4,dim] */
};

void hessian_take(struct hessian *h, struct device_arena *a, int64_t n, int64_t dim);
int hessian_open(struct hessian *h, struct fmt_error *e);
void hessian_close(struct hessian *h);
void hessian_sum(struct hessian *h, struct op_ctx *c, struct tensor theta, const struct regression_data *d);
/* penalty_scale [dim]: factors of 1/C in host memory, NULL: 1. While planning it only counts scratch. */
void hessian_factor(struct hessian *h, struct op_ctx *c, double C, const double *penalty_scale);

/* What hessian_sum and hessian_factor cost together, and hessian_factor alone, in evaluations of the objective of two
 * classes: estimated from the sizes alone, so that no choice depends on threads or on the load. */
double hessian_cost(int64_t n, int64_t dim);
double hessian_factor_cost(int64_t n, int64_t dim);

#endif
