/* lbfgs.c - the two-loop recursion. The line search starts at length 1, which is usually right with the preconditioner;
 * it shortens a step that fails and lengthens one whose slope shows that it was much too short. After such a
 * correction, or a cautious first step, the preconditioner is rescaled by the last pair, so that length 1 is right for
 * the next step. */
#include "lbfgs.h"

#include <math.h>

#include "regression.h"

enum { MEMORY = LBFGS_MEMORY, TRIES = 40 };
static const double DECREASE = 1e-4, SLOPE_LEFT = 0.9, ROUNDING = 1e-14;

void lbfgs_take(struct lbfgs *s, struct device_arena *a, int64_t R, int64_t m)
{
    for (int i = 0; i < MEMORY; i++) {
        s->delta_x[i] = TENSOR_TAKE(a, DTYPE_F64, R, m);
        s->delta_gradient[i] = TENSOR_TAKE(a, DTYPE_F64, R, m);
    }
    s->gradient = TENSOR_TAKE(a, DTYPE_F64, R, m);
    s->direction = TENSOR_TAKE(a, DTYPE_F64, R, m);
    s->x_new = TENSOR_TAKE(a, DTYPE_F64, R, m);
    s->gradient_new = TENSOR_TAKE(a, DTYPE_F64, R, m);
}

static double dot(struct op_ctx *c, struct tensor a, struct tensor b)
{
    double sum = 0;
    op_dot(c, &sum, a, b);
    return sum;
}

static double largest(struct op_ctx *c, struct tensor v)
{
    double most = 0;
    op_max_abs(c, &most, v);
    return most;
}

/* direction = -H gradient. H0 is scaled to fit the last pair. */
static void find_direction(struct lbfgs *s, struct op_ctx *c, const struct lbfgs_function *f)
{
    struct tensor d = s->direction;
    op_copy(c, d, s->gradient);
    for (int back = 1; back <= s->n_pairs; back++) {
        int i = (s->next - back + MEMORY) % MEMORY;
        s->alpha[i] = s->rho[i] * dot(c, s->delta_x[i], d);
        op_axpy(c, d, -s->alpha[i], s->delta_gradient[i]);
    }
    f->precondition(f->arg, d);
    if (s->scale != 1)
        op_scale(c, d, s->scale);
    for (int back = s->n_pairs; back >= 1; back--) {
        int i = (s->next - back + MEMORY) % MEMORY;
        op_axpy(c, d, s->alpha[i] - s->rho[i] * dot(c, s->delta_gradient[i], d), s->delta_x[i]);
    }
    op_scale(c, d, -1);
}

struct trial {
    double length, value, slope;
};

static struct trial try_step(struct lbfgs *s, struct op_ctx *c, const struct lbfgs_function *f, struct tensor x,
                             double length, struct lbfgs_report *r)
{
    op_copy(c, s->x_new, x);
    op_axpy(c, s->x_new, length, s->direction);
    double value = f->value(f->arg, s->x_new, s->gradient_new);
    r->n_evaluations++;
    return (struct trial){length, value, dot(c, s->gradient_new, s->direction)};
}

/* Sufficient decrease; or, if the values differ only by rounding, a smaller slope. */
static bool good_step(const struct trial *start, const struct trial *t)
{
    if (!isfinite(t->value) || !isfinite(t->slope))
        return false;
    if (t->value <= start->value + DECREASE * t->length * start->slope)
        return true;
    return t->value <= start->value + ROUNDING * fabs(start->value) &&
           fabs(t->slope) <= SLOPE_LEFT * fabs(start->slope);
}

/* x_new and gradient_new hold the accepted step. False: there is none. */
static bool search_line(struct lbfgs *s, struct op_ctx *c, const struct lbfgs_function *f, struct tensor x,
                        struct lbfgs_report *r, struct trial *found)
{
    struct trial start = {0, s->value, dot(c, s->gradient, s->direction)};
    if (!(start.slope < 0))
        return false;
    struct trial t = try_step(s, c, f, x, 1.0, r);
    int tries = 1;
    for (; tries < TRIES && !good_step(&start, &t); tries++) {
        double curved = t.value - start.value - t.length * start.slope; /* of the parabola through these values */
        double shorter = isfinite(curved) && curved > 0 ? -start.slope * t.length * t.length / (2 * curved) : 0;
        t = try_step(s, c, f, x, fmin(0.5 * t.length, fmax(0.1 * t.length, shorter)), r);
    }
    if (!good_step(&start, &t))
        return false;
    bool shortened = tries > 1;
    while (!shortened && tries++ < TRIES && t.slope < SLOPE_LEFT * start.slope) { /* much too short */
        struct trial longer = try_step(s, c, f, x, 4 * t.length, r);
        if (!good_step(&start, &longer) || longer.value > t.value) {
            t = try_step(s, c, f, x, t.length, r);
            break;
        }
        t = longer;
    }
    *found = t;
    return true;
}

static void remember_pair(struct lbfgs *s, struct op_ctx *c, struct tensor x)
{
    struct tensor delta_x = s->delta_x[s->next], delta_gradient = s->delta_gradient[s->next];
    op_copy(c, delta_x, s->x_new);
    op_axpy(c, delta_x, -1, x);
    op_copy(c, delta_gradient, s->gradient_new);
    op_axpy(c, delta_gradient, -1, s->gradient);
    double along = dot(c, delta_x, delta_gradient);
    if (!(along > 1e-16 * sqrt(dot(c, delta_x, delta_x) * dot(c, delta_gradient, delta_gradient))))
        return;
    s->rho[s->next] = 1 / along;
    s->next = (s->next + 1) % MEMORY;
    s->n_pairs += s->n_pairs < MEMORY;
}

/* scale = s y / y P^-1 y for the last pair: the factor by which P is wrong along the step. direction is scratch. */
static void rescale(struct lbfgs *s, struct op_ctx *c, const struct lbfgs_function *f)
{
    int last = (s->next - 1 + MEMORY) % MEMORY;
    op_copy(c, s->direction, s->delta_gradient[last]);
    f->precondition(f->arg, s->direction);
    double scale = 1 / (s->rho[last] * dot(c, s->direction, s->delta_gradient[last]));
    s->scale = isfinite(scale) && scale > 0 ? scale : 1;
}

/* Notes the gradient of a new point, and the rate if there were two steps. gradients: of the last two points. */
static void note_gradient(struct lbfgs_report *r, double gradients[2], double now)
{
    double *before_last = &gradients[r->n_iterations % 2];
    if (r->n_iterations >= 2)
        r->rate = log(*before_last / now) / 2;
    *before_last = now;
    r->gradient = now;
}

static bool too_slow(const struct lbfgs_report *r, const struct lbfgs_limits *limits)
{
    return r->n_iterations >= 2 && isfinite(limits->n_left) &&
           !(r->rate * limits->n_left >= log(r->gradient / limits->gradient));
}

void lbfgs_start(struct lbfgs *s, const struct lbfgs_function *f, struct tensor x)
{
    s->value = f->value(f->arg, x, s->gradient);
}

void lbfgs_run(struct lbfgs *s, struct op_ctx *c, const struct lbfgs_function *f, const struct lbfgs_limits *limits,
               struct tensor x, struct lbfgs_report *report)
{
    struct lbfgs_report r = {0};
    double gradients[2];
    s->n_pairs = s->next = 0;
    s->scale = f->first_scale;
    note_gradient(&r, gradients, largest(c, s->gradient));
    if (!(r.gradient <= limits->gradient))
        f->prepare(f->arg, x);
    while (!(r.gradient <= limits->gradient) && r.n_iterations < limits->n_iterations && !too_slow(&r, limits)) {
        struct trial found;
        int before = r.n_evaluations;
        find_direction(s, c, f);
        bool moved = search_line(s, c, f, x, &r, &found);
        if (!moved && s->n_pairs > 0) { /* the pairs may be the cause */
            s->n_pairs = 0;
            s->scale = 1;
            continue;
        }
        r.stuck = !moved;
        if (r.stuck)
            break;
        remember_pair(s, c, x);
        if (s->n_pairs > 0 && (r.n_evaluations > before + 1 || s->scale != 1))
            rescale(s, c, f);
        op_copy(c, x, s->x_new);
        op_copy(c, s->gradient, s->gradient_new);
        s->value = found.value;
        r.n_iterations++;
        note_gradient(&r, gradients, largest(c, s->gradient));
    }
    r.scale = s->scale;
    r.converged = r.gradient <= limits->gradient;
    *report = r;
}
