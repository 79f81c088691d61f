/* logreg.h - logistic regression with an L2 penalty, solved until the gradient is below a limit.
 *
 *     minimise   sum_i u[y_i] CE(y_i, p(x_i)) + |w|^2 / (2 C)        intercepts are not penalised
 *
 * Two classes: one row of weights, p(class 1) = sigmoid(w x + b). More: one row per class and softmax; started from
 * zeros, rows and intercepts sum to zero over the classes. u are class weights. Features are float32, as in their
 * files; weights, products and sums are float64.
 *
 *   struct logreg_data data = {.rows = &rows, .n_classes = 2};
 *   struct logreg_solver *s = logreg_open(&data, &device, e);
 *   struct logreg_model m;  logreg_model_init(&m, 2, dim, e);         zeros
 *   for each C, ascending: logreg_fit(s, C, &limits, &m, &report, e);    m: warm start in, solution out
 *   logreg_predict(&m, &rows, &device, proba, e);
 *   logreg_model_release(&m);  logreg_close(s);
 *
 * Two classes are fitted by Newton's method where the Hessian is worth factoring: up to 2,048 features, and no more
 * than twice as many as rows. All others are fitted by L-BFGS, and both stop at the same limit. A fit of two classes
 * that starts from the solution of the solver's last fit is cheaper than one from elsewhere.
 *
 * Columns with values beyond 2^20 are divided by a power of two during a fit, because their squares might overflow. The
 * solution, penalty included, is that of the original columns; the limit applies to the gradient of the divided ones.
 *
 * Results do not depend on the number of threads.
 */
#ifndef LOGREG_H
#define LOGREG_H

#include <stdbool.h>
#include <stdint.h>

#include "fmt.h"
#include "rows.h"

struct logreg_data {
    const struct rows *rows; /* columns label (0 .. n_classes - 1 in every row); features on the device */
    int n_classes;
    const double *class_weight; /* NULL: all 1; else [n_classes] */
};

struct logreg_model {
    int n_classes;
    int n_rows; /* 1 for two classes, else n_classes */
    int64_t dim;
    double *theta; /* [n_rows,dim + 1]: weights, and the intercept last */
};

struct logreg_limits {
    double gradient;  /* converged when the largest entry of the gradient, divided by n, is at most this */
    int n_iterations; /* limit of one fit */
};

struct logreg_report {
    int n_iterations, n_evaluations;
    double gradient; /* largest entry of the gradient divided by n, at the solution */
    double loss;     /* value of the objective */
    bool converged;
};

/* What data points to must outlive the solver. */
struct logreg_solver *logreg_open(const struct logreg_data *data, const struct device *device, struct fmt_error *e);
void logreg_close(struct logreg_solver *s);
int logreg_fit(struct logreg_solver *s, double C, const struct logreg_limits *limits, struct logreg_model *m,
               struct logreg_report *report, struct fmt_error *e);

int logreg_model_init(struct logreg_model *m, int n_classes, int64_t dim, struct fmt_error *e);
void logreg_model_release(struct logreg_model *m);

/* Sets proba [n,n_classes] of these rows. */
int logreg_predict(const struct logreg_model *m, const struct rows *rows, const struct device *device, double *proba,
                   struct fmt_error *e);

/* u = n / (number of classes that occur * count): every class with rows has the same total weight. Others have 1. */
void logreg_balance(const struct rows *rows, int n_classes, double *class_weight);

/* The published grid: value i of 45, 10^(-6 + 11 i / 44). */
enum { LOGREG_GRID = 45 };
double logreg_grid(int i);

#endif
