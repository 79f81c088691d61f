/* lbfgs.h - minimises a smooth convex function: limited-memory BFGS (Liu and Nocedal 1989) around a preconditioner,
 * with a line search that goes on by slopes where differences of the function drown in rounding (Hager and Zhang
 * 2005). */
#ifndef LBFGS_H
#define LBFGS_H

#include <stdbool.h>
#include <stdint.h>

#include "fmt.h"

struct lbfgs_function {
    void *arg;
    int64_t n;
    double (*value)(void *arg, const double *x, double *gradient); /* sets gradient [n] */
    void (*prepare)(void *arg, const double *x); /* once before the first step from x; NULL: nothing to do */
    void (*precondition)(void *arg, double *v);  /* v [n] becomes H v, H near the inverse Hessian; NULL: H = 1 */
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
    bool stuck; /* no step made progress: rounding has the last word */
};

struct lbfgs *lbfgs_open(int64_t n, struct fmt_error *e);
void lbfgs_close(struct lbfgs *s);

/* x [n]: start in, best point out. Two calls on one struct lbfgs are independent. */
void lbfgs_run(struct lbfgs *s, const struct lbfgs_function *f, const struct lbfgs_limits *limits, double *x,
               struct lbfgs_report *report);

#endif
