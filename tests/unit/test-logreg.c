/* Logistic regression at the edge: very large values, classes without rows, independence of threads. */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "logreg.h"
#include "rng.h"
#include "rowsbed.h"
#include "tap.h"

enum { N = 200, DIM = 7, THETA = 3 * (DIM + 1) };

static float drawn[N * DIM];
static int32_t two[N], three[N];

static void draw(void)
{
    struct rng r = rng_stream(3, 0, 0, RNG_TEST);
    for (int i = 0; i < N; i++) {
        for (int j = 0; j < DIM; j++)
            drawn[i * DIM + j] = (float)fmin(fmax(rng_normal(&r), -3.5), 3.5);
        double score = (double)(drawn[i * DIM] - drawn[i * DIM + 1]) + rng_normal(&r);
        two[i] = score > 0;
        three[i] = score > 1 ? 2 : score > -1;
    }
}

/* Column j of the drawn rows times scale[j]. */
static void scaled(const float scale[DIM], float *x)
{
    for (int i = 0; i < N * DIM; i++)
        x[i] = drawn[i] * scale[i % DIM];
}

static struct logreg_report fit(const float *x, int32_t *label, int K, double C, double gradient, int threads,
                                double theta[THETA])
{
    struct fmt_error e = {0};
    struct device device = test_device(threads);
    struct device_arena memory;
    struct rows rows = rows_on_device(&device, &memory, x, label, N, DIM);
    struct logreg_data data = {&rows, K, NULL};
    struct logreg_solver *s = logreg_open(&data, &device, &e);
    struct logreg_model m;
    struct logreg_report r;
    logreg_model_init(&m, K, DIM, &e);
    if (logreg_fit(s, C, &(struct logreg_limits){gradient, 500}, &m, &r, &e))
        ok(false, "a fit: %s", e.text);
    memcpy(theta, m.theta, (size_t)(m.n_rows * (DIM + 1)) * sizeof *theta);
    logreg_model_release(&m);
    logreg_close(s);
    device_arena_release(&memory);
    test_device_close(&device);
    return r;
}

static bool near(const double *a, const double *b, int n, double limit)
{
    double most = 0, off = 0;
    for (int i = 0; i < n; i++) {
        most = fmax(most, fabs(b[i]));
        off = worse(off, fabs(a[i] - b[i]));
    }
    return off <= limit * most;
}

/* Values times s at C / s^2 have the weights divided by s: below 2^20 as they are, above as divided columns. */
static void test_all_columns(void)
{
    static float x[N * DIM];
    double ordinary[THETA], large[THETA];
    for (int K = 2; K <= 3; K++)
        for (int power = 24; power <= 120; power += 32) {
            float one[DIM], all[DIM];
            int rows = K == 2 ? 1 : K;
            for (int j = 0; j < DIM; j++) {
                one[j] = 1;
                all[j] = ldexpf(1, power);
            }
            scaled(one, x);
            fit(x, K == 2 ? two : three, K, 0.1, 1e-12, 1, ordinary);
            scaled(all, x);
            struct logreg_report r = fit(x, K == 2 ? two : three, K, ldexp(0.1, -2 * power), 1e-12, 1, large);
            for (int i = 0; i < rows * (DIM + 1); i++)
                large[i] = i % (DIM + 1) == DIM ? large[i] : ldexp(large[i], power);
            ok(r.converged && near(large, ordinary, rows * (DIM + 1), 1e-9),
               "%d classes, values times 2^%d: the same classifier after %d iterations", K, power, r.n_iterations);
        }
}

/* One such column among ordinary ones: its weight is as good as free of the penalty, the others pay as they did. */
static void test_one_column(void)
{
    static float x[N * DIM];
    double first[THETA], other[THETA];
    const float scale[2][DIM] = {{0x1p60f, 1, 1, 1, 1, 1, 1}, {0x1p100f, 1, 1, 1, 1, 1, 1}};
    scaled(scale[0], x);
    struct logreg_report a = fit(x, two, 2, 0.1, 1e-12, 1, first);
    scaled(scale[1], x);
    struct logreg_report b = fit(x, two, 2, 0.1, 1e-12, 3, other);
    other[0] *= 0x1p40;
    ok(a.converged && b.converged && near(other, first, DIM + 1, 1e-9) && first[1] < -0.1,
       "one column of 2^60, and of 2^100: the others keep their weights");
}

/* A fit that goes on from the last one with another C ends where a cold one does, divided columns or not. */
static void test_next_penalty(void)
{
    static float x[N * DIM];
    const float scale[2][DIM] = {{1, 1, 1, 1, 1, 1, 1}, {0x1p30f, 1, 1, 1e-3f, 1, 1, 1}};
    for (int k = 0; k < 2; k++) {
        struct fmt_error e = {0};
        struct device device = test_device(2);
        struct device_arena memory;
        double cold[THETA];
        scaled(scale[k], x);
        struct rows rows = rows_on_device(&device, &memory, x, two, N, DIM);
        struct logreg_solver *s = logreg_open(&(struct logreg_data){&rows, 2, NULL}, &device, &e);
        struct logreg_model m;
        struct logreg_report first, next;
        logreg_model_init(&m, 2, DIM, &e);
        logreg_fit(s, 0.01, &(struct logreg_limits){1e-12, 500}, &m, &first, &e);
        logreg_fit(s, 5, &(struct logreg_limits){1e-12, 500}, &m, &next, &e);
        struct logreg_report r = fit(x, two, 2, 5, 1e-12, 1, cold);
        ok(next.converged && near(m.theta, cold, DIM + 1, 1e-9) && fabs(next.loss - r.loss) <= 1e-12 * r.loss,
           "another C from the last solution, %s columns: the optimum", k ? "divided" : "ordinary");
        ok(next.n_evaluations == next.n_iterations, "the start is not evaluated: %d evaluations, %d iterations",
           next.n_evaluations, next.n_iterations);
        logreg_model_release(&m);
        logreg_close(s);
        device_arena_release(&memory);
        test_device_close(&device);
    }
}

static void test_ordinary_columns(void)
{
    static float x[N * DIM];
    double one[THETA], several[THETA];
    const float scale[DIM] = {1, 1e4f, 1e-3f, 1, 1, 2e5f, 1};
    scaled(scale, x);
    fit(x, three, 3, 1, 1e-6, 1, one);
    fit(x, three, 3, 1, 1e-6, 5, several);
    ok(memcmp(one, several, sizeof one) == 0, "the same bits with 5 threads");
}

/* What cannot be fitted ends, too. */
static void test_ends(void)
{
    static float x[N * DIM];
    double theta[THETA];
    memcpy(x, drawn, sizeof x);
    x[DIM + 1] = INFINITY;
    ok(!fit(x, two, 2, 1, 1e-6, 1, theta).converged, "an infinite value: no classifier, but an end");
    x[DIM + 1] = NAN;
    ok(!fit(x, two, 2, 1, 1e-6, 1, theta).converged, "a value that is no number: the same");
}

/* n rows around the centre of their class, i % K, with a drift that all of them share. */
static void draw_clusters(int64_t n, int64_t dim, int K, double noise, float *x, int32_t *label)
{
    for (int64_t i = 0; i < n; i++) {
        struct rng own = rng_stream(4, (uint64_t)i, 1, RNG_TEST);
        struct rng centre = rng_stream(4, (uint64_t)(i % K), 2, RNG_TEST);
        double drift = rng_normal(&own);
        label[i] = (int32_t)(i % K);
        for (int64_t j = 0; j < dim; j++)
            x[i * dim + j] = (float)(rng_normal(&centre) + noise * rng_normal(&own) + drift);
    }
}

/* Evaluations are what a fit costs. With every step begun at length 1 these took 57 and 79. */
static void check_cost(const char *what, int64_t n, int64_t dim, int K, double noise, int most)
{
    struct fmt_error e = {0};
    float *x = calloc((size_t)(n * dim), sizeof *x);
    int32_t *label = calloc((size_t)n, sizeof *label);
    struct logreg_report r[2];
    struct logreg_model m[2];
    draw_clusters(n, dim, K, noise, x, label);
    for (int i = 0; i < 2; i++) {
        struct device device = test_device(1 + 2 * i);
        struct device_arena memory;
        struct rows rows = rows_on_device(&device, &memory, x, label, n, dim);
        struct logreg_data data = {&rows, K, NULL};
        struct logreg_solver *s = logreg_open(&data, &device, &e);
        logreg_model_init(&m[i], K, dim, &e);
        logreg_fit(s, 1, &(struct logreg_limits){1e-6, 500}, &m[i], &r[i], &e);
        logreg_close(s);
        device_arena_release(&memory);
        test_device_close(&device);
    }
    ok(r[0].converged && r[0].n_evaluations <= most, "%s: %d iterations, %d evaluations, at most %d", what,
       r[0].n_iterations, r[0].n_evaluations, most);
    ok(memcmp(m[0].theta, m[1].theta, (size_t)(m[0].n_rows * (dim + 1)) * sizeof(double)) == 0,
       "%s: the same bits with 3 threads", what);
    logreg_model_release(&m[0]);
    logreg_model_release(&m[1]);
    free(x);
    free(label);
}

static void test_balance(void)
{
    int32_t label[] = {0, 0, 0, 2, 3, 3}, some_label[] = {0, 0, 2, 3};
    struct rows all = {.n = 6, .label = label}, some = {.n = 4, .label = some_label};
    double u[4];
    logreg_balance(&all, 4, u);
    ok(u[0] == 6.0 / 9 && u[2] == 2 && u[3] == 1, "balanced: n / (classes that occur x rows of the class)");
    ok(isfinite(u[1]), "a class without rows has a weight, too");
    logreg_balance(&some, 4, u);
    ok(u[0] == 4.0 / 6 && u[2] == 4.0 / 3 && u[3] == 4.0 / 3, "among other rows");
}

/* What is predicted for every row is the plain sum, however wide the rows are: wide ones go in smaller blocks. */
static void test_predictions(int64_t dim)
{
    enum { ROWS = 150 };
    float *x = malloc((size_t)(ROWS * dim) * sizeof *x);
    double *proba = calloc(2 * ROWS, sizeof *proba), worst = 0;
    struct fmt_error e = {0};
    struct logreg_model m;
    struct device device = test_device(2);
    struct device_arena memory;
    struct rng r = rng_stream(5, (uint64_t)dim, 0, RNG_TEST);
    ok(logreg_model_init(&m, 2, dim, &e) == 0, "a model of %lld columns %s", (long long)dim, e.text);
    for (int64_t i = 0; i < ROWS * dim; i++)
        x[i] = (float)rng_normal(&r);
    for (int64_t j = 0; j <= dim; j++)
        m.theta[j] = rng_normal(&r) / sqrt((double)dim);
    struct rows rows = rows_on_device(&device, &memory, x, NULL, ROWS, dim);
    ok(logreg_predict(&m, &rows, &device, proba, &e) == 0, "predictions %s", e.text);
    for (int64_t i = 0; i < ROWS; i++) {
        double z = m.theta[dim];
        for (int64_t j = 0; j < dim; j++)
            z += (double)x[i * dim + j] * m.theta[j];
        worst = worse(worst, fabs(proba[2 * i + 1] - 1 / (1 + exp(-z))));
    }
    ok(worst < 1e-12, "%lld columns: every row is predicted, worst difference %g", (long long)dim, worst);
    logreg_model_release(&m);
    device_arena_release(&memory);
    test_device_close(&device);
    free(proba);
    free(x);
}

int main(void)
{
    test_predictions(10);
    test_predictions(4608);
    test_predictions(40000);
    draw();
    test_all_columns();
    test_one_column();
    test_next_penalty();
    test_ordinary_columns();
    test_ends();
    test_balance();
    check_cost("100 classes", 1000, 64, 100, 1, 45);
    check_cost("wide rows", 60, 5000, 2, 3, 45);
    return tap_done();
}
