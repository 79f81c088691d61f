/* Logistic regression of two classes against golden optima (logreg_binary.safetensors): problems that are easy, badly
 * scaled, dependent or separable, for C from 1e-6 to 1e5, one after the other with warm starts as the choice of C fits
 * them. The golden weights are scikit-learn's (newton-cholesky), brought by Newton steps in long double to a gradient
 * of 1e-16 or less. Near such an optimum only rounding and the limit of the gradient are left, so weights are compared
 * relative to the largest, each times the size of its column. */
#include <math.h>
#include <string.h>

#include "golden.h"
#include "logreg.h"
#include "rowsbed.h"

static const char *const problems[] = {"plain", "weights", "balanced", "collinear", "constant",
                                       "wide",  "wider",   "separable", "scaled"};
static const double penalties[] = {1e-6, 1e-3, 1, 1e3, 1e5};
enum { PROBLEMS = sizeof problems / sizeof *problems, PENALTIES = sizeof penalties / sizeof *penalties };
enum { ITERATIONS = 200 };
static const double USUAL = 1e-6, EXACT = 1e-12; /* limits of the gradient / n */

static struct golden g;

struct problem {
    const char *name;
    const float *x;
    int32_t *label;
    const double *class_weight;
    int64_t n, dim;
};

/* A solver with its rows on a device of its own. */
struct bench {
    struct device device;
    struct device_arena memory;
    struct rows rows;
    struct logreg_data data;
    struct logreg_solver *solver;
    struct logreg_model m;
    struct logreg_report r;
};

static const double *golden_of(const struct problem *p, double C, const char *what)
{
    char key[96];
    snprintf(key, sizeof key, "%s.C%g.%s", p->name, C, what);
    return golden_f64(&g, key, NULL);
}

static void open_problem(struct problem *p, const char *name)
{
    char x[64], y[64], u[64];
    snprintf(x, sizeof x, "%s.x", name);
    snprintf(y, sizeof y, "%s.y", name);
    snprintf(u, sizeof u, "%s.class_weight", name);
    *p = (struct problem){.name = name, .x = golden_f32(&g, x, NULL), .class_weight = golden_f64(&g, u, NULL)};
    p->dim = golden_find(&g, x)->dims[1];
    const double *label = golden_f64(&g, y, &p->n);
    p->label = calloc((size_t)p->n, sizeof *p->label);
    for (int64_t i = 0; i < p->n; i++)
        p->label[i] = (int32_t)label[i];
}

static void open_bench(struct bench *b, const struct problem *p, int threads)
{
    struct fmt_error e = {0};
    *b = (struct bench){.device = test_device(threads)};
    b->rows = rows_on_device(&b->device, &b->memory, p->x, p->label, p->n, p->dim);
    b->data = (struct logreg_data){&b->rows, 2, p->class_weight};
    b->solver = logreg_open(&b->data, &b->device, &e);
    if (!b->solver || logreg_model_init(&b->m, 2, p->dim, &e))
        exit(1);
}

static void close_bench(struct bench *b)
{
    logreg_model_release(&b->m);
    logreg_close(b->solver);
    device_arena_release(&b->memory);
    test_device_close(&b->device);
}

static void fit(struct bench *b, double C, double gradient)
{
    struct fmt_error e = {0};
    if (logreg_fit(b->solver, C, &(struct logreg_limits){gradient, ITERATIONS}, &b->m, &b->r, &e))
        ok(false, "a fit: %s", e.text);
}

/* The largest entry of the gradient / n by the plain formula. */
static double plain_gradient(const struct problem *p, double C, const double *theta)
{
    long double *sum = calloc((size_t)p->dim + 1, sizeof *sum), most = 0;
    for (int64_t j = 0; j < p->dim; j++)
        sum[j] = (long double)theta[j] / (long double)C;
    for (int64_t i = 0; i < p->n; i++) {
        long double z = (long double)theta[p->dim];
        for (int64_t j = 0; j < p->dim; j++)
            z += (long double)p->x[i * p->dim + j] * (long double)theta[j];
        long double r = (long double)p->class_weight[p->label[i]] * (1 / (1 + expl(-z)) - p->label[i]);
        for (int64_t j = 0; j < p->dim; j++)
            sum[j] += r * (long double)p->x[i * p->dim + j];
        sum[p->dim] += r;
    }
    for (int64_t j = 0; j <= p->dim; j++)
        most = fmaxl(most, fabsl(sum[j]));
    free(sum);
    return (double)most / (double)p->n;
}

/* The largest difference of the weights, each times the size of its column, as a part of the largest. */
static double difference(const struct problem *p, const double *theta, const double *golden)
{
    double most = 0, largest = 0;
    for (int64_t j = 0; j <= p->dim; j++) {
        double size = j < p->dim ? 0 : 1;
        for (int64_t i = 0; i < p->n && j < p->dim; i++)
            size = fmax(size, fabs((double)p->x[i * p->dim + j]));
        most = worse(most, size * fabs(theta[j] - golden[j]));
        largest = fmax(largest, size * fabs(golden[j]));
    }
    return most / largest;
}

static double difference_of_proba(const struct problem *p, struct bench *b, const double *golden)
{
    struct fmt_error e = {0};
    double *proba = calloc(2 * (size_t)p->n, sizeof *proba), most = 0;
    if (logreg_predict(&b->m, &b->rows, &b->device, proba, &e))
        most = INFINITY;
    for (int64_t i = 0; i < p->n; i++)
        most = worse(most, fabs(proba[2 * i + 1] - golden[i]));
    free(proba);
    return most;
}

/* Each C from where the last one ended, to the usual limit. */
static void check_usual(const struct problem *p)
{
    struct bench b;
    open_bench(&b, p, 2);
    for (int i = 0; i < PENALTIES; i++) {
        fit(&b, penalties[i], USUAL);
        double in_fact = plain_gradient(p, penalties[i], b.m.theta);
        ok(b.r.converged && in_fact <= USUAL * (1 + 1e-6), "%s, C %g: gradient %.2e, in fact %.2e, after %d iterations",
           p->name, penalties[i], b.r.gradient, in_fact, b.r.n_iterations);
    }
    close_bench(&b);
}

static void check_exact(const struct problem *p)
{
    struct bench b;
    open_bench(&b, p, 2);
    for (int i = 0; i < PENALTIES; i++) {
        double C = penalties[i], loss = *golden_of(p, C, "loss");
        fit(&b, C, EXACT);
        double theta = difference(p, b.m.theta, golden_of(p, C, "theta"));
        double proba = difference_of_proba(p, &b, golden_of(p, C, "proba"));
        ok(theta <= 1e-6, "%s, C %g: weights off by %.1e (gradient %.1e after %d iterations)", p->name, C, theta,
           b.r.gradient, b.r.n_iterations);
        ok(proba <= 1e-9, "%s, C %g: probabilities off by %.1e", p->name, C, proba);
        ok(fabs(b.r.loss - loss) <= 1e-12 * loss, "%s, C %g: the objective is %.15g, golden %.15g", p->name, C,
           b.r.loss, loss);
    }
    close_bench(&b);
}

/* The same bits with other threads; and a cold fit does not depend on what the solver fitted before. */
static void check_bits(const struct problem *p)
{
    struct bench b[2];
    size_t bytes = (size_t)(p->dim + 1) * sizeof(double);
    bool same = true;
    for (int k = 0; k < 2; k++)
        open_bench(&b[k], p, 1 + 2 * k);
    for (int i = 0; i < PENALTIES; i++) {
        for (int k = 0; k < 2; k++)
            fit(&b[k], penalties[i], USUAL);
        same = same && memcmp(b[0].m.theta, b[1].m.theta, bytes) == 0;
    }
    ok(same, "%s: the same bits with 1 thread and 3", p->name);
    close_bench(&b[1]);
    open_bench(&b[1], p, 1);
    memset(b[0].m.theta, 0, bytes);
    for (int k = 0; k < 2; k++)
        fit(&b[k], 10, USUAL);
    ok(memcmp(b[0].m.theta, b[1].m.theta, bytes) == 0, "%s: a cold fit after others and a first one: the same bits",
       p->name);
    for (int k = 0; k < 2; k++)
        close_bench(&b[k]);
}

int main(void)
{
    if (!golden_open(&g, "logreg_binary.safetensors"))
        return tap_done();
    for (int i = 0; i < PROBLEMS; i++) {
        struct problem p;
        open_problem(&p, problems[i]);
        check_usual(&p);
        check_exact(&p);
        check_bits(&p);
        free(p.label);
    }
    golden_close(&g);
    return tap_done();
}
