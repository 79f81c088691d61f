/* regression.h - operations of logistic regression (classify/logreg.h) and of its minimiser, in f64: the objective and
 * its gradient, and the matrix P that preconditions it. Sums have a fixed order.
 *
 * Letters: n rows, C features, K classes, R rows of weights: 1 for two classes (p(1) = sigmoid), else K (softmax);
 * theta [R,C+1]: weights, and the intercept last.
 */
#ifndef REGRESSION_H
#define REGRESSION_H

#include "op.h"

/* Labelled rows of features. */
struct regression_data {
    struct tensor x;            /* [..,C] f32 */
    struct tensor rows;         /* [n] i64: row i is x[rows[i]] */
    struct tensor label;        /* [n] i64, 0 .. K - 1; optional where only x is used */
    struct tensor class_weight; /* [K] u, optional: 1 */
    int64_t R;                  /* sums over rows are cut by n, C and R */
};

/* *loss = sum_i u CE(label_i, p(x_i)) + sum over weights of penalty_scale_j w_j^2 / (2 penalty) (host memory, waits);
 * gradient [R,C+1] = its derivative by theta. penalty_scale [C] optional: 1. */
void op_regression_objective(struct op_ctx *c, double *loss, struct tensor gradient, struct tensor theta,
                             const struct regression_data *d, double penalty, struct tensor penalty_scale);
/* v [n] = u sum_k p_k (1 - p_k) / (R > 1 ? R - 1 : 1) at theta */
void op_regression_curvature(struct op_ctx *c, struct tensor v, struct tensor theta, const struct regression_data *d);
/* Of x weighted by v [n]: *total = sum v + 1e-300 (host memory, waits), mean [C] = sum v x / total, squares [C]
 * (optional) = sum v x^2 */
void op_regression_moments(struct op_ctx *c, double *total, struct tensor mean, struct tensor squares, struct tensor v,
                           const struct regression_data *d);
/* p [C,C], lower triangle, = sum v (x - mean) (x - mean)^T; products in f32, summed in f64: it may be rough */
void op_regression_gram(struct op_ctx *c, struct tensor p, struct tensor v, struct tensor mean,
                        const struct regression_data *d);
/* theta [R,C+1] = H theta, H the inverse of P for the weights around the mean, and of `total` for the intercept there.
 * p: the Cholesky factor [C,C] of P, or its diagonal [C] */
void op_regression_precondition(struct op_ctx *c, struct tensor theta, struct tensor p, struct tensor mean,
                                double total);
/* proba [n,K] */
void op_regression_predict(struct op_ctx *c, struct tensor proba, struct tensor theta, const struct regression_data *d);

/* y [n,C] f32 = x times scale [C], rounded once */
void op_scale_columns(struct op_ctx *c, struct tensor y, const struct regression_data *d, struct tensor scale);

/* -- vectors and matrices -- */

void op_dot(struct op_ctx *c, double *out, struct tensor x, struct tensor y); /* any shape; host memory, waits */
void op_scale(struct op_ctx *c, struct tensor x, double a);                   /* x = a x */
void op_max_abs(struct op_ctx *c, double *out, struct tensor x);              /* host memory, waits */
/* d [n] = the diagonal of a [n,n]; and a's diagonal += d */
void op_diagonal(struct op_ctx *c, struct tensor d, struct tensor a);
void op_add_diagonal(struct op_ctx *c, struct tensor a, struct tensor d);
/* a [n,n], lower triangle, becomes L with a = L L^T; *definite: whether it is (host memory, waits); if not, a is
 * undefined */
void op_cholesky(struct op_ctx *c, bool *definite, struct tensor a);

#endif
