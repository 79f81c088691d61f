/* regression.c - checks of the operations of regression.h. */
#include "regression.h"

#define F64(op, t, ...) OP_SHAPE(c, op, t, DTYPE_F64, __VA_ARGS__)
#define OPTIONAL(op, t, ...) (!tensor_given(t) || F64(op, t, __VA_ARGS__))

/* The rows, and where it is given theta for them. */
static bool data_shapes(struct op_ctx *c, const struct regression_data *d, struct tensor theta)
{
    struct tensor x = d->x, rows = d->rows, label = d->label;
    int64_t C = x.dims[1], n = rows.dims[0], R = d->R;
    return OP_SHAPE(c, "regression", x, DTYPE_F32, x.dims[0], C) && OP_SHAPE(c, "regression", rows, DTYPE_I64, n) &&
           (!tensor_given(label) || OP_SHAPE(c, "regression", label, DTYPE_I64, n)) &&
           OPTIONAL("regression", theta, R, C + 1);
}

void op_regression_objective(struct op_ctx *c, double *loss, struct tensor gradient, struct tensor theta,
                             const struct regression_data *d, double penalty, struct tensor penalty_scale)
{
    if (data_shapes(c, d, theta) && op_check(c, tensor_given(d->label), "regression_objective: no labels") &&
        F64("regression_objective", gradient, theta.dims[0], theta.dims[1]) &&
        OPTIONAL("regression_objective", penalty_scale, d->x.dims[1]))
        c->backend->regression_objective(c, loss, gradient, theta, d, penalty, penalty_scale);
}

void op_regression_curvature(struct op_ctx *c, struct tensor v, struct tensor theta, const struct regression_data *d)
{
    if (data_shapes(c, d, theta) && op_check(c, tensor_given(d->label), "regression_curvature: no labels") &&
        F64("regression_curvature", v, d->rows.dims[0]))
        c->backend->regression_curvature(c, v, theta, d);
}

void op_regression_moments(struct op_ctx *c, double *total, struct tensor mean, struct tensor squares, struct tensor v,
                           const struct regression_data *d)
{
    int64_t C = d->x.dims[1];
    if (data_shapes(c, d, TENSOR_NONE) && F64("regression_moments", mean, C) &&
        OPTIONAL("regression_moments", squares, C) && F64("regression_moments", v, d->rows.dims[0]))
        c->backend->regression_moments(c, total, mean, squares, v, d);
}

void op_regression_gram(struct op_ctx *c, struct tensor p, struct tensor v, struct tensor mean,
                        const struct regression_data *d)
{
    int64_t C = d->x.dims[1];
    if (data_shapes(c, d, TENSOR_NONE) && F64("regression_gram", p, C, C) &&
        F64("regression_gram", v, d->rows.dims[0]) && F64("regression_gram", mean, C))
        c->backend->regression_gram(c, p, v, mean, d);
}

void op_regression_precondition(struct op_ctx *c, struct tensor theta, struct tensor p, struct tensor mean,
                                double total)
{
    int64_t R = theta.dims[0], C = theta.dims[1] - 1;
    if (F64("regression_precondition", theta, R, C + 1) && F64("regression_precondition", mean, C) &&
        (p.n_dims == 1 ? F64("regression_precondition", p, C) : F64("regression_precondition", p, C, C)))
        c->backend->regression_precondition(c, theta, p, mean, total);
}

void op_regression_predict(struct op_ctx *c, struct tensor proba, struct tensor theta, const struct regression_data *d)
{
    if (data_shapes(c, d, theta) && F64("regression_predict", proba, d->rows.dims[0], d->R == 1 ? 2 : d->R))
        c->backend->regression_predict(c, proba, theta, d);
}

void op_scale_columns(struct op_ctx *c, struct tensor y, const struct regression_data *d, struct tensor scale)
{
    int64_t n = d->rows.dims[0], C = d->x.dims[1];
    if (data_shapes(c, d, TENSOR_NONE) && OP_SHAPE(c, "scale_columns", y, DTYPE_F32, n, C) &&
        F64("scale_columns", scale, C))
        c->backend->scale_columns(c, y, d, scale);
}

/* ------------------------------------------------------------------ vectors and matrices */

static bool any_shape(struct op_ctx *c, const char *what, struct tensor t, struct tensor like)
{
    return op_shape(c, what, t, DTYPE_F64, like.n_dims, like.dims);
}

void op_dot(struct op_ctx *c, double *out, struct tensor x, struct tensor y)
{
    if (any_shape(c, "dot: x", x, x) && any_shape(c, "dot: y", y, x))
        c->backend->dot(c, out, x, y);
}

void op_scale(struct op_ctx *c, struct tensor x, double a)
{
    if (any_shape(c, "scale: x", x, x))
        c->backend->scale(c, x, a);
}

void op_max_abs(struct op_ctx *c, double *out, struct tensor x)
{
    if (any_shape(c, "max_abs: x", x, x))
        c->backend->max_abs(c, out, x);
}

void op_diagonal(struct op_ctx *c, struct tensor d, struct tensor a)
{
    int64_t n = d.dims[0];
    if (F64("diagonal", d, n) && F64("diagonal", a, n, n))
        c->backend->diagonal(c, d, a);
}

void op_add_diagonal(struct op_ctx *c, struct tensor a, struct tensor d)
{
    int64_t n = d.dims[0];
    if (F64("add_diagonal", a, n, n) && F64("add_diagonal", d, n))
        c->backend->add_diagonal(c, a, d);
}

void op_cholesky(struct op_ctx *c, bool *definite, struct tensor a)
{
    int64_t n = a.dims[0];
    if (F64("cholesky", a, n, n))
        c->backend->cholesky(c, definite, a);
}
