/* lbfgs.c - the two-loop recursion. A step is tried at length 1, which the preconditioner makes the right one as a
 * rule; it is halved while it fails and stretched while the slope says that it was much too short. Once that was
 * needed, or the first step had to be cautious, the preconditioner is scaled by what the last pair says, so that the
 * next step is right again. */
#include "lbfgs.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "dense.h"

enum { MEMORY = 12, TRIES = 40 };
static const double DECREASE = 1e-4, SLOPE_LEFT = 0.9, ROUNDING = 1e-14;

struct lbfgs {
    int64_t n;
    double *memory;                /* all below */
    double *s[MEMORY], *y[MEMORY]; /* steps and changes of the gradient */
    double *gradient, *direction, *x_new, *gradient_new;
    double rho[MEMORY], alpha[MEMORY];
    int n_pairs, next; /* the next pair to be written */
    double scale;      /* of the preconditioner; 1 while steps of length 1 are good */
};

struct lbfgs *lbfgs_open(int64_t n, struct fmt_error *e)
{
    struct lbfgs *s = calloc(1, sizeof *s);
    if (s)
        s->memory = calloc((size_t)n, (2 * MEMORY + 4) * sizeof(double));
    if (!s || !s->memory) {
        free(s);
        fmt_fail(e, FMT_MEMORY, "out of memory for %lld unknowns", (long long)n);
        return NULL;
    }
    s->n = n;
    double *at = s->memory;
    for (int i = 0; i < MEMORY; i++) {
        s->s[i] = at + n * 2 * i;
        s->y[i] = s->s[i] + n;
    }
    at += n * 2 * MEMORY;
    s->gradient = at;
    s->direction = at + n;
    s->x_new = at + 2 * n;
    s->gradient_new = at + 3 * n;
    return s;
}

void lbfgs_close(struct lbfgs *s)
{
    if (s)
        free(s->memory);
    free(s);
}

static double dot(const struct lbfgs *s, const double *a, const double *b)
{
    return dense_loops()->dot(a, b, s->n);
}

static double largest(const double *v, int64_t n)
{
    double most = 0;
    for (int64_t i = 0; i < n; i++)
        if (!(fabs(v[i]) <= most)) /* takes a NaN, too */
            most = fabs(v[i]);
    return most;
}

/* direction = -H gradient. H0 is scaled so that it fits the last pair. */
static void find_direction(struct lbfgs *s, const struct lbfgs_function *f)
{
    double *d = s->direction;
    memcpy(d, s->gradient, (size_t)s->n * sizeof *d);
    for (int back = 1; back <= s->n_pairs; back++) {
        int i = (s->next - back + MEMORY) % MEMORY;
        s->alpha[i] = s->rho[i] * dot(s, s->s[i], d);
        dense_loops()->axpy(-s->alpha[i], s->y[i], d, s->n);
    }
    if (f->precondition) {
        f->precondition(f->arg, d);
        for (int64_t j = 0; s->scale != 1 && j < s->n; j++)
            d[j] *= s->scale;
    } else if (s->n_pairs == 0)
        dense_loops()->axpy(1 / fmax(largest(d, s->n), 1e-300) - 1, d, d, s->n);
    if (!f->precondition && s->n_pairs > 0) {
        int last = (s->next - 1 + MEMORY) % MEMORY;
        double scale = 1 / (s->rho[last] * dot(s, s->y[last], s->y[last]));
        for (int64_t j = 0; j < s->n; j++)
            d[j] *= scale;
    }
    for (int back = s->n_pairs; back >= 1; back--) {
        int i = (s->next - back + MEMORY) % MEMORY;
        dense_loops()->axpy(s->alpha[i] - s->rho[i] * dot(s, s->y[i], d), s->s[i], d, s->n);
    }
    for (int64_t j = 0; j < s->n; j++)
        d[j] = -d[j];
}

struct trial {
    double length, value, slope;
};

static struct trial try_step(struct lbfgs *s, const struct lbfgs_function *f, const double *x, double length,
                             struct lbfgs_report *r)
{
    for (int64_t j = 0; j < s->n; j++)
        s->x_new[j] = x[j] + length * s->direction[j];
    double value = f->value(f->arg, s->x_new, s->gradient_new);
    r->n_evaluations++;
    return (struct trial){length, value, dot(s, s->gradient_new, s->direction)};
}

/* Enough decrease; or, where the values differ by rounding only, a slope that is smaller than before. */
static bool good_step(const struct trial *start, const struct trial *t)
{
    if (!isfinite(t->value) || !isfinite(t->slope))
        return false;
    if (t->value <= start->value + DECREASE * t->length * start->slope)
        return true;
    return t->value <= start->value + ROUNDING * fabs(start->value) &&
           fabs(t->slope) <= SLOPE_LEFT * fabs(start->slope);
}

/* x_new, gradient_new hold the step that was found. False: none. */
static bool search_line(struct lbfgs *s, const struct lbfgs_function *f, const double *x, struct lbfgs_report *r,
                        struct trial *found)
{
    struct trial start = {0, r->value, dot(s, s->gradient, s->direction)};
    if (!(start.slope < 0))
        return false;
    struct trial t = try_step(s, f, x, 1.0, r);
    int tries = 1;
    for (; tries < TRIES && !good_step(&start, &t); tries++) {
        double curved = t.value - start.value - t.length * start.slope; /* the parabola through what is known */
        double shorter = isfinite(curved) && curved > 0 ? -start.slope * t.length * t.length / (2 * curved) : 0;
        t = try_step(s, f, x, fmin(0.5 * t.length, fmax(0.1 * t.length, shorter)), r);
    }
    if (!good_step(&start, &t))
        return false;
    bool shortened = tries > 1;
    while (!shortened && tries++ < TRIES && t.slope < SLOPE_LEFT * start.slope) { /* much too short */
        struct trial longer = try_step(s, f, x, 4 * t.length, r);
        if (!good_step(&start, &longer) || longer.value > t.value) {
            t = try_step(s, f, x, t.length, r);
            break;
        }
        t = longer;
    }
    *found = t;
    return true;
}

static void remember(struct lbfgs *s, const double *x)
{
    double *step = s->s[s->next], *change = s->y[s->next];
    for (int64_t j = 0; j < s->n; j++) {
        step[j] = s->x_new[j] - x[j];
        change[j] = s->gradient_new[j] - s->gradient[j];
    }
    double along = dot(s, step, change);
    if (!(along > 1e-16 * sqrt(dot(s, step, step) * dot(s, change, change))))
        return;
    s->rho[s->next] = 1 / along;
    s->next = (s->next + 1) % MEMORY;
    s->n_pairs += s->n_pairs < MEMORY;
}

/* s y / y P^-1 y of the last pair: P is too small or too large by this, along what was stepped. direction is
 * scratch. */
static void rescale(struct lbfgs *s, const struct lbfgs_function *f)
{
    int last = (s->next - 1 + MEMORY) % MEMORY;
    memcpy(s->direction, s->y[last], (size_t)s->n * sizeof *s->direction);
    f->precondition(f->arg, s->direction);
    double scale = 1 / (s->rho[last] * dot(s, s->direction, s->y[last]));
    s->scale = isfinite(scale) && scale > 0 ? scale : 1;
}

void lbfgs_run(struct lbfgs *s, const struct lbfgs_function *f, const struct lbfgs_limits *limits, double *x,
               struct lbfgs_report *report)
{
    struct lbfgs_report r = {0};
    size_t bytes = (size_t)s->n * sizeof *x;
    s->n_pairs = s->next = 0;
    s->scale = f->first_scale;
    r.value = f->value(f->arg, x, s->gradient);
    r.n_evaluations = 1;
    r.gradient = largest(s->gradient, s->n);
    if (f->prepare && !(r.gradient <= limits->gradient))
        f->prepare(f->arg, x);
    while (!(r.gradient <= limits->gradient) && r.n_iterations < limits->n_iterations) {
        struct trial found;
        int before = r.n_evaluations;
        find_direction(s, f);
        bool moved = search_line(s, f, x, &r, &found);
        if (!moved && s->n_pairs > 0) { /* the memory may be what is wrong */
            s->n_pairs = 0;
            s->scale = 1;
            continue;
        }
        r.stuck = !moved;
        if (r.stuck)
            break;
        remember(s, x);
        if (f->precondition && s->n_pairs > 0 && (r.n_evaluations > before + 1 || s->scale != 1))
            rescale(s, f);
        memcpy(x, s->x_new, bytes);
        memcpy(s->gradient, s->gradient_new, bytes);
        r.value = found.value;
        r.gradient = largest(s->gradient, s->n);
        r.n_iterations++;
    }
    r.scale = s->scale;
    r.converged = r.gradient <= limits->gradient;
    *report = r;
}
