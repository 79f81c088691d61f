/* Logistic regression against the golden optimum (eval.safetensors): weights, intercepts and probabilities to 1e-6,
 * and the gradient that the golden solver left. */
#include <float.h>
#include <math.h>
#include <string.h>

#include "logreg.h"
#include "golden.h"

/* Tighter than the 1e-10 that the golden numbers ask for: at large C a small gradient still leaves room in weak
 * weights. */
static const double LIMIT = 1e-12;
static struct golden g;

static bool all_near(const double *got, const double *want, int64_t n, const char *what, const char *name)
{
    double worst = 0, scale = 0;
    bool good = true;
    for (int64_t i = 0; i < n; i++)
        scale = fmax(scale, fabs(want[i]));
    for (int64_t i = 0; i < n; i++) {
        double off = fabs(got[i] - want[i]) / fmax(fabs(want[i]), 1e-3 * scale);
        good = good && off <= 1e-6;
        worst = fmax(worst, off);
    }
    return ok(good, "%s.%s # largest relative difference %.2e", name, what, worst);
}

/* At the golden weights the largest entry of the objective's gradient (of the sum, not over n) is the golden one. It is
 * what is left of terms as large as w / C, so it is known to their rounding. */
static void check_gradient(const char *name, struct logreg_solver *s, double C, int64_t n, struct logreg_model *m)
{
    char key[96];
    struct logreg_report r;
    double largest = 0;
    snprintf(key, sizeof key, "%s.weight", name);
    const double *weight = golden_f64(&g, key, NULL);
    snprintf(key, sizeof key, "%s.bias", name);
    const double *bias = golden_f64(&g, key, NULL);
    snprintf(key, sizeof key, "%s.gradient_max", name);
    double want = *golden_f64(&g, key, NULL);
    for (int64_t k = 0; k < m->n_rows; k++) {
        memcpy(m->theta + k * (m->dim + 1), weight + k * m->dim, (size_t)m->dim * sizeof *weight);
        m->theta[k * (m->dim + 1) + m->dim] = bias[k];
    }
    for (int64_t i = 0; i < m->n_rows * m->dim; i++)
        largest = fmax(largest, fabs(weight[i] / C));
    logreg_fit(s, C, &(struct logreg_limits){0, 0}, m, &r); /* no step: looks where it stands */
    double got = r.gradient * (double)n;
    ok(fabs(got - want) <= 1e-4 * want + 4 * DBL_EPSILON * largest, "%s.gradient_max %.6g, golden %.6g", name, got,
       want);
}

static void check_fit(const char *name, double C, const int32_t *label, int n_classes)
{
    char key[96];
    int64_t n, n_test, dim = golden_find(&g, "train_x")->dims[1];
    const float *x = golden_f32(&g, "train_x", NULL), *test = golden_f32(&g, "test_x", &n_test);
    struct fmt_error e = {0};
    n = golden_find(&g, "train_x")->dims[0];
    n_test /= dim;
    struct thread_pool *pool = thread_open(2, &e);
    struct logreg_data data = {.x = x, .n = n, .dim = dim, .label = label, .n_classes = n_classes};
    struct logreg_solver *s = logreg_open(&data, pool, &e);
    struct logreg_model m;
    struct logreg_report r;
    logreg_model_init(&m, n_classes, dim, &e);
    logreg_fit(s, C, &(struct logreg_limits){LIMIT, 1000}, &m, &r);
    ok(r.converged, "%s: gradient %.2e after %d iterations", name, r.gradient, r.n_iterations);
    double *weight = malloc((size_t)(m.n_rows * dim) * sizeof *weight),
           *bias = malloc((size_t)m.n_rows * sizeof *bias);
    for (int k = 0; k < m.n_rows; k++) {
        memcpy(weight + k * dim, m.theta + k * (dim + 1), (size_t)dim * sizeof *weight);
        bias[k] = m.theta[k * (dim + 1) + dim];
    }
    snprintf(key, sizeof key, "%s.weight", name);
    all_near(weight, golden_f64(&g, key, NULL), m.n_rows * dim, "weight", name);
    snprintf(key, sizeof key, "%s.bias", name);
    all_near(bias, golden_f64(&g, key, NULL), m.n_rows, "bias", name);
    double *proba = malloc((size_t)(n_test * n_classes) * sizeof *proba);
    logreg_predict(&m, test, NULL, n_test, pool, proba);
    snprintf(key, sizeof key, "%s.proba", name);
    all_near(proba, golden_f64(&g, key, NULL), n_test * n_classes, "proba", name);
    check_gradient(name, s, C, n, &m);
    free(weight);
    free(bias);
    free(proba);
    logreg_model_release(&m);
    logreg_close(s);
    thread_close(pool);
}

int main(void)
{
    if (!golden_open(&g, "eval.safetensors"))
        return tap_done();
    int64_t n;
    const double *y = golden_f64(&g, "train_y", &n);
    int32_t *label = malloc((size_t)n * sizeof *label), *binary = malloc((size_t)n * sizeof *binary);
    int n_classes = 0, n_fits = 0;
    for (int64_t i = 0; i < n; i++) {
        label[i] = (int32_t)y[i];
        binary[i] = label[i] > 0;
        n_classes = label[i] >= n_classes ? label[i] + 1 : n_classes;
    }
    for (int64_t i = 0; i < g.set.n; i++) {
        const char *name = g.set.item[i].name;
        size_t length = strlen(name);
        if (strncmp(name, "logreg.", 7) != 0 || length < 12 || strcmp(name + length - 7, ".weight") != 0)
            continue;
        char *stem = strndup(name, length - 7);
        bool two = strncmp(stem, "logreg.binary.", 14) == 0;
        check_fit(stem, strtod(strstr(stem, ".C") + 2, NULL), two ? binary : label, two ? 2 : n_classes);
        free(stem);
        n_fits++;
    }
    ok(n_fits > 0, "%d fits", n_fits);
    free(label);
    free(binary);
    golden_close(&g);
    return tap_done();
}
