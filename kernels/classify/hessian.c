/* hessian.c - see hessian.h. The sum is kept beside the factor, for another penalty or a second try. */
#include "hessian.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

enum { FULL_DIM_MAX = 2048 }; /* largest matrix that is factored */

void hessian_take(struct hessian *h, struct device_arena *a, int64_t n, int64_t dim)
{
    h->full = dim <= FULL_DIM_MAX && dim <= 2 * n;
    h->v = TENSOR_TAKE(a, DTYPE_F64, n);
    h->mean = TENSOR_TAKE(a, DTYPE_F64, dim);
    h->diagonal = TENSOR_TAKE(a, DTYPE_F64, dim);
    h->sum = h->full ? TENSOR_TAKE(a, DTYPE_F64, dim, dim) : TENSOR_TAKE(a, DTYPE_F64, dim);
    h->p = h->full ? TENSOR_TAKE(a, DTYPE_F64, dim, dim) : TENSOR_TAKE(a, DTYPE_F64, dim);
}

int hessian_open(struct hessian *h, struct fmt_error *e)
{
    h->host = calloc((size_t)h->mean.dims[0], 4 * sizeof *h->host);
    return h->host ? 0 : fmt_no_memory(e);
}

void hessian_close(struct hessian *h)
{
    free(h->host);
    h->host = NULL;
}

void hessian_sum(struct hessian *h, struct op_ctx *c, struct tensor theta, const struct regression_data *d)
{
    op_regression_curvature(c, h->v, theta, d);
    op_regression_moments(c, &h->total, h->mean, h->full ? TENSOR_NONE : h->sum, h->v, d);
    if (h->full)
        op_regression_gram(c, h->sum, h->v, h->mean, d);
}

/* ------------------------------------------------------------------ factoring */
/* Rounding of the float32 products can make P indefinite in weak directions: a small part of its diagonal is added,
 * and a larger one if that was not enough; a part of each entry, because columns have scales of their own. */
static bool factor_matrix(struct hessian *h, struct op_ctx *c, const double *diagonal, const double *penalty,
                          double *add)
{
    bool definite = false;
    for (double more = 1e-8; more < 1e3 && !definite && !c->error.status; more *= 100) {
        for (int64_t j = 0; j < h->mean.dims[0]; j++)
            add[j] = penalty[j] + more * diagonal[j];
        op_copy_in(c, h->diagonal, add);
        op_copy(c, h->p, h->sum);
        op_add_diagonal(c, h->p, h->diagonal);
        op_cholesky(c, &definite, h->p);
    }
    return definite;
}

/* If nothing helps, only the diagonal is used. */
static void factor_diagonal(struct hessian *h, struct op_ctx *c, const double *diagonal, const double *penalty,
                            double *root)
{
    for (int64_t j = 0; j < h->mean.dims[0]; j++) {
        root[j] = sqrt(diagonal[j] + penalty[j]);
        if (!(root[j] > 0) || !isfinite(root[j]))
            root[j] = 1;
    }
    op_copy_in(c, h->diagonal, root);
    op_fill(c, h->p, 0);
    op_add_diagonal(c, h->p, h->diagonal);
}

void hessian_factor(struct hessian *h, struct op_ctx *c, double C, const double *penalty_scale)
{
    int64_t dim = h->mean.dims[0];
    double *mean = h->host, *diagonal = mean + dim, *penalty = diagonal + dim, *add = penalty + dim;
    op_copy_out(c, mean, h->mean);
    if (h->full)
        op_diagonal(c, h->diagonal, h->sum);
    op_copy_out(c, diagonal, h->full ? h->diagonal : h->sum);
    for (int64_t j = 0; j < dim; j++)
        penalty[j] = (penalty_scale ? penalty_scale[j] : 1) / C;
    if (h->full) {
        for (int64_t j = 0; j < dim; j++) /* the variance of a column is known up to the rounding of its values */
            penalty[j] += h->total * pow(FLT_EPSILON * mean[j], 2);
        if (!factor_matrix(h, c, diagonal, penalty, add))
            factor_diagonal(h, c, diagonal, penalty, add);
        return;
    }
    for (int64_t j = 0; j < dim; j++)
        add[j] = fmax(diagonal[j] - h->total * mean[j] * mean[j], 0) + penalty[j];
    op_copy_in(c, h->p, add);
}

/* ------------------------------------------------------------------ costs */
/* Rates of one core of Zen 4, in multiply-adds per second: 6.5e9 of an evaluation, which does 2 n dim; 70e9 of the sum,
 * n dim^2 in float32; 11e9 of the factor, dim^3 / 6. They need not be exact: they choose the way, not the result.
 * Rounded, the sum and the factor cost from 15 (10,000 x 384) to 120 evaluations (4,000 x 2,048). */
double hessian_factor_cost(int64_t n, int64_t dim)
{
    return (double)dim * (double)dim / (25 * (double)n);
}

double hessian_cost(int64_t n, int64_t dim)
{
    return 2 + (double)dim / 25 + hessian_factor_cost(n, dim);
}
