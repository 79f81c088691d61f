/* Logistic regression against the golden optimum (eval.safetensors): weights, intercepts, probabilities and gradients.
 *
 * How near two solutions can be is a matter of conditioning. Both solvers stop at a small gradient that is not 0. With
 * H the mean Hessian on the segment between them they differ by H^-1 (g_a - g_b), and along a direction s by at
 * most
 *
 *     |s . (theta_a - theta_b)| <= sqrt(s H^-1 s) sqrt(g H^-1 g),   g = g_a - g_b      (Cauchy-Schwarz)
 *
 * which is called its reach here. A weight is sure of a curvature of 1/C and no more: at C = 10^6 a gradient of 10^-7
 * may move weights by 0.1, and probabilities by next to nothing. So the limit is 1e-6 relative plus the reach, with H
 * and g computed in long double by the plain formulas. The test is sharp because g itself is held: our own to
 * GRADIENT_MAX, the golden one to what the file says. */
#include <float.h>
#include <math.h>
#include <string.h>

#include "cholesky.h"
#include "golden.h"
#include "logreg.h"
#include "rowsbed.h"

/* Of the gradient over n. The fit is asked for more than the golden numbers need; where C is large the values of the
 * objective end to tell steps apart before that, and what they need is enough. */
static const double GRADIENT_ASKED = 1e-12, GRADIENT_MAX = 1e-10;
static const double RELATIVE = 1e-6, LEAST_OF_SCALE = 1e-3; /* of the value, or of the largest one if that is more */

static struct golden g;

/* The objective at one point. Unknowns: row after row of weights, [dim] and the intercept. */
struct point {
    const struct rows *data;
    double C;
    int R;             /* rows of weights: 1 for two classes */
    int64_t m, size;   /* dim + 1; R m */
    const double *theta;
    long double *p;    /* [n,R] probabilities: of class 1, or of each class */
    double *gradient;  /* [size] */
    double *rounding;  /* [size] what double arithmetic in any order may make of an entry */
};

static void *take(int64_t n, size_t each)
{
    void *p = calloc((size_t)n + 1, each);
    if (!p)
        abort();
    return p;
}

/* Element j of row i as the intercept sees it: after the features comes a 1. */
static double feature(const struct rows *d, int64_t i, int64_t j)
{
    return j < d->dim ? (double)d->host_x[i * d->dim + j] : 1;
}

static void probabilities(const double *theta, int R, const struct rows *d, int64_t i, long double *p)
{
    int64_t m = d->dim + 1;
    long double sum = 0, top = -INFINITY;
    for (int k = 0; k < R; k++) {
        p[k] = 0;
        for (int64_t j = 0; j < m; j++)
            p[k] += (long double)theta[k * m + j] * (long double)feature(d, i, j);
        top = fmaxl(top, p[k]);
    }
    if (R == 1) {
        p[0] = 1 / (1 + expl(-p[0]));
        return;
    }
    for (int k = 0; k < R; k++)
        sum += p[k] = expl(p[k] - top);
    for (int k = 0; k < R; k++)
        p[k] /= sum;
}

/* What rounding does to an entry: each product r x is off by an epsilon of itself and by what r = p - y is off: an
 * epsilon of p, and what p has from its logit, a sum of products; the penalty's term is off by an epsilon. */
static void add_row(struct point *o, int64_t i, long double *gradient)
{
    const struct rows *d = o->data;
    for (int k = 0; k < o->R; k++) {
        const double *w = o->theta + k * o->m;
        long double p = o->p[i * o->R + k], r = p - (d->label[i] == (o->R == 1 ? 1 : k));
        double terms = 0;
        for (int64_t j = 0; j < o->m; j++)
            terms += fabs(w[j] * feature(d, i, j));
        double unsure = DBL_EPSILON * (double)(fabsl(r) + p + p * (1 - p) * (long double)terms);
        for (int64_t j = 0; j < o->m; j++) {
            gradient[k * o->m + j] += r * (long double)feature(d, i, j);
            o->rounding[k * o->m + j] += unsure * fabs(feature(d, i, j));
        }
    }
}

static void open_point(struct point *o, const struct rows *d, double C, const double *theta)
{
    int R = d->n_classes == 2 ? 1 : d->n_classes;
    int64_t m = d->dim + 1;
    *o = (struct point){.data = d, .C = C, .R = R, .m = m, .size = R * m, .theta = theta};
    o->p = take(d->n * R, sizeof *o->p);
    o->gradient = take(o->size, sizeof *o->gradient);
    o->rounding = take(o->size, sizeof *o->rounding);
    long double *sum = take(o->size, sizeof *sum);
    for (int64_t i = 0; i < d->n; i++) {
        probabilities(theta, R, d, i, o->p + i * R);
        add_row(o, i, sum);
    }
    for (int64_t j = 0; j < o->size; j++) {
        bool intercept = j % m == d->dim;
        o->gradient[j] = (double)(sum[j] + (intercept ? 0 : (long double)theta[j] / (long double)C));
        o->rounding[j] += intercept ? 0 : DBL_EPSILON * fabs(theta[j] / C);
    }
    free(sum);
}

static void close_point(struct point *o)
{
    free(o->p);
    free(o->gradient);
    free(o->rounding);
}

static double largest(const double *v, int64_t n)
{
    double most = 0;
    for (int64_t i = 0; i < n; i++)
        most = fmax(most, fabs(v[i]));
    return most;
}

/* ------------------------------------------------------------------ between two solutions */
enum { SAMPLES = 8 };

struct segment {
    const struct point *from, *to;
    double *sample[SAMPLES]; /* [size] unknowns at the middle of each eighth */
    double *factor;      /* [size,size] Cholesky factor of the mean Hessian */
    double left;         /* sqrt(g H^-1 g) of the difference of the gradients */
};

/* Rows of classes k and l: h += v x x^T, lower triangle. */
static void add_outer(const struct point *o, int64_t i, int k, int l, double v, double *h)
{
    for (int64_t a = 0; a < o->m; a++) {
        double *row = h + (k * o->m + a) * o->size + l * o->m, va = v * feature(o->data, i, a);
        for (int64_t b = 0; b < (k == l ? a + 1 : o->m); b++)
            row[b] += va * feature(o->data, i, b);
    }
}

/* h += the Hessian of the cross-entropy / SAMPLES, lower triangle */
static void add_hessian(const struct point *o, const double *theta, double *h)
{
    long double *p = take(o->R, sizeof *p);
    for (int64_t i = 0; i < o->data->n; i++) {
        probabilities(theta, o->R, o->data, i, p);
        for (int k = 0; k < o->R; k++)
            for (int l = 0; l <= k; l++)
                add_outer(o, i, k, l, (double)(p[k] * ((k == l) - p[l])) / SAMPLES, h);
    }
    free(p);
}

/* Equal numbers on all intercepts change nothing where there are several: that direction is closed by adding 1, as
 * both solutions have intercepts of sum 0. */
static void add_penalty(const struct point *o, double *h)
{
    for (int64_t a = 0; a < o->size; a++) {
        bool intercept = a % o->m == o->m - 1;
        if (!intercept)
            h[a * o->size + a] += 1 / o->C;
        for (int64_t b = o->m - 1; o->R > 1 && intercept && b <= a; b += o->m)
            h[a * o->size + b] += 1;
    }
}

/* sqrt(s H^-1 s) */
static double norm_of(const double *factor, const double *s, int64_t n)
{
    double *x = take(n, sizeof *x), sum = 0;
    memcpy(x, s, (size_t)n * sizeof *x);
    cholesky_solve(factor, n, x);
    for (int64_t i = 0; i < n; i++)
        sum += s[i] * x[i];
    free(x);
    return sqrt(fmax(sum, 0));
}

static void open_segment(struct segment *w, const struct point *from, const struct point *to, struct thread_pool *pool)
{
    int64_t size = from->size;
    *w = (struct segment){.from = from, .to = to, .factor = take(size * size, sizeof(double))};
    for (int t = 0; t < SAMPLES; t++) {
        w->sample[t] = take(size, sizeof *w->sample[t]);
        for (int64_t j = 0; j < size; j++)
            w->sample[t][j] = from->theta[j] + (t + 0.5) / SAMPLES * (to->theta[j] - from->theta[j]);
        add_hessian(from, w->sample[t], w->factor);
    }
    add_penalty(from, w->factor);
    double *panel = take(CHOLESKY_PANEL * size, sizeof *panel);
    ok(cholesky_factor(w->factor, size, panel, pool), "the Hessian is positive definite");
    free(panel);
    double *gap = take(size, sizeof *gap);
    for (int64_t j = 0; j < size; j++)
        gap[j] = to->gradient[j] - from->gradient[j];
    w->left = norm_of(w->factor, gap, size);
    free(gap);
}

static void close_segment(struct segment *w)
{
    for (int t = 0; t < SAMPLES; t++)
        free(w->sample[t]);
    free(w->factor);
}

/* [size]: of each unknown */
static double *reach_of_unknowns(const struct segment *w)
{
    int64_t size = w->from->size;
    double *reach = take(size, sizeof *reach), *s = take(size, sizeof *s);
    for (int64_t j = 0; j < size; j++) {
        s[j] = 1;
        reach[j] = w->left * norm_of(w->factor, s, size);
        s[j] = 0;
    }
    free(s);
    return reach;
}

/* s [size] = the mean derivative of p_k of a row, p_k (e_k - p) x. */
static void derivative_of_proba(const struct segment *w, const struct rows *test, int64_t i, int k, double *s)
{
    const struct point *o = w->from;
    long double *p = take(o->R, sizeof *p);
    memset(s, 0, (size_t)o->size * sizeof *s);
    for (int t = 0; t < SAMPLES; t++) {
        probabilities(w->sample[t], o->R, test, i, p);
        for (int64_t j = 0; j < o->size; j++)
            s[j] += (double)(p[k] * ((j / o->m == k) - p[j / o->m])) / SAMPLES * feature(test, i, j % o->m);
    }
    free(p);
}

/* [n,n_classes]: of each probability of the rows of `test` */
static double *reach_of_proba(const struct segment *w, const struct rows *test)
{
    int K = test->n_classes, R = w->from->R;
    double *reach = take(test->n * K, sizeof *reach), *s = take(w->from->size, sizeof *s);
    for (int64_t i = 0; i < test->n; i++)
        for (int k = 0; k < K; k++) {
            derivative_of_proba(w, test, i, R > 1 ? k : 0, s);
            reach[i * K + k] = w->left * norm_of(w->factor, s, w->from->size);
        }
    free(s);
    return reach;
}

/* ------------------------------------------------------------------ comparing */
static void all_near(const double *got, const double *expected, const double *reach, int64_t n, const char *name,
                     const char *what)
{
    double worst = 0, scale = largest(expected, n);
    bool good = true;
    for (int64_t i = 0; i < n; i++) {
        double off = fabs(got[i] - expected[i]), size = fmax(fabs(expected[i]), LEAST_OF_SCALE * scale);
        good = good && off <= RELATIVE * size + reach[i];
        worst = fmax(worst, off / size);
    }
    ok(good, "%s.%s # largest relative difference %.2e, reach %.2e of %.2e", name, what, worst, largest(reach, n),
       scale);
}

static const double *golden_of(const char *name, const char *what)
{
    char key[96];
    snprintf(key, sizeof key, "%s.%s", name, what);
    return golden_f64(&g, key, NULL);
}

/* The golden weights as unknowns; for free(). */
static double *golden_theta(const char *name, int R, int64_t dim)
{
    const double *weight = golden_of(name, "weight"), *bias = golden_of(name, "bias");
    double *theta = take(R * (dim + 1), sizeof *theta);
    for (int k = 0; k < R; k++) {
        memcpy(theta + k * (dim + 1), weight + k * dim, (size_t)dim * sizeof *weight);
        theta[k * (dim + 1) + dim] = bias[k];
    }
    return theta;
}

/* At the golden weights the largest entry of the gradient (of the sum, not over n) is the golden one, by the plain
 * formulas and by the solver's. Each of two programs may be off by the rounding of its own sums. */
static void check_gradient(const char *name, struct logreg_solver *s, const struct point *golden)
{
    const struct rows *d = golden->data;
    double expected = *golden_of(name, "gradient_max"), plain = largest(golden->gradient, golden->size);
    double limit = 1e-4 * expected + 2 * largest(golden->rounding, golden->size);
    struct logreg_model m;
    struct logreg_report r;
    struct fmt_error e = {0};
    if (!ok(logreg_model_init(&m, d->n_classes, d->dim, &e) == 0, "%s: a model %s", name, e.text))
        return;
    memcpy(m.theta, golden->theta, (size_t)golden->size * sizeof *m.theta);
    logreg_fit(s, golden->C, &(struct logreg_limits){0, 0}, &m, &r, &e); /* no step: looks where it stands */
    double got = r.gradient * (double)d->n;
    ok(fabs(plain - expected) <= limit, "%s.gradient_max %.6g, golden %.6g, known to %.2g", name, plain, expected,
       limit);
    ok(fabs(got - expected) <= limit, "%s.gradient_max %.6g by the solver", name, got);
    logreg_model_release(&m);
}

static void check_near(const char *name, const struct segment *w, const struct rows *test,
                       const struct logreg_model *m, const struct device *device)
{
    struct device_arena memory;
    struct rows rows = rows_on_device(device, &memory, test->host_x, NULL, test->n, test->dim);
    struct fmt_error e = {0};
    int64_t cells = test->n * test->n_classes;
    double *unknowns = reach_of_unknowns(w), *reach = reach_of_proba(w, test), *proba = take(cells, sizeof *proba);
    all_near(m->theta, w->from->theta, unknowns, w->from->size, name, "weight and bias");
    ok(logreg_predict(m, &rows, device, proba, &e) == 0, "%s: predictions %s", name, e.text);
    device_arena_release(&memory);
    all_near(proba, golden_of(name, "proba"), reach, cells, name, "proba");
    free(proba);
    free(unknowns);
    free(reach);
}

static void check_fit(const char *name, double C, const struct rows *train, const struct rows *test)
{
    struct fmt_error e = {0};
    struct device device = test_device(2);
    struct device_arena memory;
    struct rows rows = rows_on_device(&device, &memory, train->host_x, train->label, train->n, train->dim);
    struct logreg_solver *s = logreg_open(&(struct logreg_data){&rows, train->n_classes, NULL}, &device, &e);
    struct logreg_model m;
    struct logreg_report r;
    struct point ours, golden;
    struct segment segment;
    if (!s || logreg_model_init(&m, train->n_classes, train->dim, &e))
        exit(1);
    logreg_fit(s, C, &(struct logreg_limits){GRADIENT_ASKED, 1000}, &m, &r, &e);
    double *theta = golden_theta(name, m.n_rows, train->dim);
    open_point(&ours, train, C, m.theta);
    open_point(&golden, train, C, theta);
    double at_end = largest(ours.gradient, ours.size) / (double)train->n;
    ok(r.gradient <= GRADIENT_MAX && at_end <= GRADIENT_MAX, "%s: gradient %.2e after %d iterations, %.2e in fact",
       name, r.gradient, r.n_iterations, at_end);
    check_gradient(name, s, &golden);
    open_segment(&segment, &golden, &ours, device.pool);
    check_near(name, &segment, test, &m, &device);
    close_segment(&segment);
    close_point(&ours);
    close_point(&golden);
    free(theta);
    logreg_model_release(&m);
    logreg_close(s);
    device_arena_release(&memory);
    test_device_close(&device);
}

/* ------------------------------------------------------------------ */
/* Rows `part`_x with their labels; of two classes: is the label more than 0? labels are for free(). */
static struct rows rows_of(const char *part, int32_t **labels, bool binary)
{
    char x[32], y[32];
    snprintf(x, sizeof x, "%s_x", part);
    snprintf(y, sizeof y, "%s_y", part);
    struct rows d = {.host_x = golden_f32(&g, x, NULL), .dim = golden_find(&g, x)->dims[1], .n_classes = 2};
    const double *label = golden_f64(&g, y, &d.n);
    d.label = *labels = take(d.n, sizeof **labels);
    for (int64_t i = 0; i < d.n; i++) {
        (*labels)[i] = binary ? label[i] > 0 : (int32_t)label[i];
        d.n_classes = (*labels)[i] >= d.n_classes ? (*labels)[i] + 1 : d.n_classes;
    }
    return d;
}

/* "logreg.multi.C0.1.weight" -> C and whether there are two classes; false: another tensor. */
static bool is_fit(const char *name, double *C, bool *binary)
{
    static const char two[] = "logreg.binary.C", more[] = "logreg.multi.C", end[] = ".weight";
    size_t n = strlen(name), k = sizeof end - 1;
    *binary = strncmp(name, two, sizeof two - 1) == 0;
    if (n <= k || strcmp(name + n - k, end) != 0 || (!*binary && strncmp(name, more, sizeof more - 1) != 0))
        return false;
    *C = strtod(name + (*binary ? sizeof two : sizeof more) - 1, NULL);
    return true;
}

int main(void)
{
    if (!golden_open(&g, "eval.safetensors"))
        return tap_done();
    int n_fits = 0;
    for (int64_t i = 0; i < g.set.n; i++) {
        const char *name = g.set.item[i].name;
        double C;
        bool binary;
        if (!is_fit(name, &C, &binary))
            continue;
        int32_t *train_labels, *test_labels;
        struct rows train = rows_of("train", &train_labels, binary);
        struct rows test = rows_of("test", &test_labels, binary);
        char *stem = strndup(name, strlen(name) - strlen(".weight"));
        test.n_classes = train.n_classes;
        check_fit(stem, C, &train, &test);
        free(stem);
        free(train_labels);
        free(test_labels);
        n_fits++;
    }
    ok(n_fits > 0, "%d fits", n_fits);
    golden_close(&g);
    return tap_done();
}
