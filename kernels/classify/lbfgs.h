/* lbfgs.h - minimises a smooth convex function: limited-memory BFGS (Liu and Nocedal 1989) around a preconditioner,
 * with a line search that uses slopes where differences of the function are below its rounding (Hager and Zhang 2005).
 * All vectors are f64 tensors on the device; the host sees values, slopes and norms.
 *
 *   struct lbfgs s;
 *   lbfgs_take(&s, &arena, R, m);                 vectors [R,m], while planning too
 *   lbfgs_run(&s, &c, &f, &limits, x, &report);   runs on one struct lbfgs are independent
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
    double rho[LBFGS_MEMORY], alpha[LBFGS_MEMORY];
    int n_pairs, next; /* the next pair to be written */
    double scale;      /* of the preconditioner; 1 while steps of length 1 are good */
};

struct lbfgs_function {
    void *arg;
    double (*value)(void *arg, struct tensor x, struct tensor gradient); /* sets the gradient */
    void (*prepare)(void *arg, struct tensor x);      /* once before the first step from x */
    void (*precondition)(void *arg, struct tensor v); /* v becomes H v, H near the inverse Hessian */
    double first_scale; /* of H before the first step; 1 unless H is right only near the start */
};

struct lbfgs_limits {
    double gradient; /* stop where no entry of the gradient is larger */
    int n_iterations;
};

struct lbfgs_report {
    int n_iterations, n_evaluations;
    double value, gradient; /* the largest entry */
    double scale;           /* of H at the end */
    bool converged;
    bool stuck; /* no step makes progress: limited by rounding */
};

void lbfgs_take(struct lbfgs *s, struct device_arena *a, int64_t R, int64_t m);
/* x: start in, best point out. After an error of the context the report is not meaningful. */
void lbfgs_run(struct lbfgs *s, struct op_ctx *c, const struct lbfgs_function *f, const struct lbfgs_limits *limits,
               struct tensor x, struct lbfgs_report *report);

#endif
