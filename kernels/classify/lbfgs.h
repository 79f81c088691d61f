/* lbfgs.h - minimises a smooth convex function: preconditioned limited-memory BFGS (Liu and Nocedal 1989), with a line
 * search that uses slopes where differences of the function are below its rounding error (Hager and Zhang 2005). All
 * vectors are f64 tensors on the device; only values, slopes and norms reach the host.
 *
 *   struct lbfgs s;
 *   lbfgs_take(&s, &arena, R, m);                 allocates vectors [R,m]; also while planning
 *   lbfgs_start(&s, &f, x);                       evaluates the function at x
 *   lbfgs_run(&s, &c, &f, &limits, x, &report);   from there; may be called again with the x that it left
 *
 * A run begins with a new preconditioner and without differences of earlier steps.
 */
#ifndef LBFGS_H
#define LBFGS_H

#include <stdbool.h>

#include "device-arena.h"
#include "op.h"

enum { LBFGS_MEMORY = 12 };

struct lbfgs {
    struct tensor delta_x[LBFGS_MEMORY], delta_gradient[LBFGS_MEMORY]; /* differences along a step */
    struct tensor gradient, direction, x_new, gradient_new;
    double value; /* this and gradient are those at x, before and after a run */
    double rho[LBFGS_MEMORY], alpha[LBFGS_MEMORY];
    int n_pairs, next; /* index of the next pair to write */
    double scale;      /* of the preconditioner; 1 while steps of length 1 are accepted */
};

struct lbfgs_function {
    void *arg;
    double (*value)(void *arg, struct tensor x, struct tensor gradient); /* sets the gradient */
    void (*prepare)(void *arg, struct tensor x);      /* called once, before the first step from x */
    void (*precondition)(void *arg, struct tensor v); /* v = H v, H near the inverse Hessian */
    double first_scale; /* of H before the first step; 1 unless H is right only near the start */
};

struct lbfgs_limits {
    double gradient; /* converged when no entry of the gradient is larger than this in magnitude */
    int n_iterations;
    double n_left; /* ends when more iterations would be left at the rate of the last two; INFINITY: never */
};

struct lbfgs_report {
    int n_iterations, n_evaluations;
    double gradient; /* the largest magnitude of its entries */
    double rate;     /* by which its logarithm fell in each of the last two iterations; 0 after fewer */
    double scale;    /* of H at the end */
    bool converged;
    bool stuck; /* no step makes progress because of rounding */
};

void lbfgs_take(struct lbfgs *s, struct device_arena *a, int64_t R, int64_t m);
void lbfgs_start(struct lbfgs *s, const struct lbfgs_function *f, struct tensor x);
/* x: the start; on return the best point. After an error of the context the report is undefined. */
void lbfgs_run(struct lbfgs *s, struct op_ctx *c, const struct lbfgs_function *f, const struct lbfgs_limits *limits,
               struct tensor x, struct lbfgs_report *report);

#endif
