/* test-gate-whitening.c - the distance against its definition; distances of good photographs out of fold; features that
 * are longer than matrices may be. */
#include <stdio.h>
#include <string.h>

#include "device.h"
#include "gate-reference.h"
#include "rng.h"
#include "tap.h"

enum { DIM = 12, N_MOST = 600, LONG = 3000 };

static void succeed(int status, const struct fmt_error *e)
{
    if (status)
        ok(false, "%s", e->text);
}

/* Some directions vary a hundred times as much as others; `away` lies along one that hardly varies. */
static void draw(uint32_t seed, int dim, double away, float *x)
{
    struct rng r = rng_stream(3, seed, 0, 0);
    for (int k = 0; k < dim; k++)
        x[k] = (float)(1 + rng_normal(&r) * (k % 3 ? 0.2 : 0.002));
    x[0] += (float)away;
}

/* ------------------------------------------------------------------ by definition */
struct plain {
    double mean[DIM], cov[DIM][DIM], shrinkage;
};

static void centre(const struct plain *p, const float *x, double *z)
{
    for (int j = 0; j < DIM; j++)
        z[j] = (double)x[j] - p->mean[j];
}

static double square_norm_of_difference(double s[DIM][DIM], const double *z)
{
    double sum = 0;
    for (int j = 0; j < DIM; j++)
        for (int k = 0; k < DIM; k++) {
            double d = z[j] * z[k] - s[j][k];
            sum += d * d;
        }
    return sum;
}

/* Ledoit and Wolf, as they write it. */
static void fit_plain(struct plain *p, const float *x, const int64_t *row, int n)
{
    double z[DIM], m = 0, d = 0, b = 0;
    memset(p, 0, sizeof *p);
    for (int i = 0; i < n; i++)
        for (int j = 0; j < DIM; j++)
            p->mean[j] += (double)x[row[i] * DIM + j] / n;
    for (int i = 0; i < n; i++) {
        centre(p, x + row[i] * DIM, z);
        for (int j = 0; j < DIM * DIM; j++)
            p->cov[j / DIM][j % DIM] += z[j / DIM] * z[j % DIM] / n;
    }
    for (int j = 0; j < DIM; j++)
        m += p->cov[j][j] / DIM;
    for (int j = 0; j < DIM * DIM; j++) {
        double off = p->cov[j / DIM][j % DIM] - (j / DIM == j % DIM ? m : 0);
        d += off * off;
    }
    for (int i = 0; i < n; i++) {
        centre(p, x + row[i] * DIM, z);
        b += square_norm_of_difference(p->cov, z) / n / n;
    }
    p->shrinkage = fmin(b, d) / d;
    for (int j = 0; j < DIM * DIM; j++)
        p->cov[j / DIM][j % DIM] = (1 - p->shrinkage) * p->cov[j / DIM][j % DIM] +
                                   (j / DIM == j % DIM ? p->shrinkage * m : 0);
}

/* Gauss's elimination. */
static double plain_distance(const struct plain *p, const float *x)
{
    double a[DIM][DIM], z[DIM], y[DIM], sum = 0;
    memcpy(a, p->cov, sizeof a);
    centre(p, x, z);
    memcpy(y, z, sizeof y);
    for (int c = 0; c < DIM; c++)
        for (int i = c + 1; i < DIM; i++) {
            double f = a[i][c] / a[c][c];
            for (int j = c; j < DIM; j++)
                a[i][j] -= f * a[c][j];
            y[i] -= f * y[c];
        }
    for (int i = DIM - 1; i >= 0; i--) {
        for (int j = i + 1; j < DIM; j++)
            y[i] -= a[i][j] * y[j];
        y[i] /= a[i][i];
    }
    for (int j = 0; j < DIM; j++)
        sum += z[j] * y[j];
    return sqrt(sum / DIM);
}

/* ------------------------------------------------------------------ */
static float features[N_MOST * DIM];
static int64_t row[N_MOST];

static void by_definition(int n, const struct device *device)
{
    struct gate_whitening w;
    struct plain p;
    struct fmt_error e = {0};
    double z[DIM], worst = 0;
    for (int i = 0; i < n; i++)
        row[i] = n - 1 - i;
    succeed(gate_whitening_fit(&w, features, DIM, row, n, device, &e), &e);
    fit_plain(&p, features, row, n);
    ok(fabs(w.shrinkage - fmax(p.shrinkage, 1e-4)) < 1e-5 * p.shrinkage, "%d photographs: shrinkage %.6f, want %.6f", n,
       w.shrinkage, p.shrinkage);
    for (int i = 0; i < N_MOST; i++) {
        double want = plain_distance(&p, features + i * DIM);
        worst = fmax(worst, fabs(gate_whitening_distance(&w, features + i * DIM, z) / want - 1));
    }
    ok(worst < 1e-3, "distances are those of the definition, but for %.1e", worst);
    gate_whitening_release(&w);
}

static void all_the_same(const struct device *device)
{
    struct gate_whitening w;
    struct fmt_error e = {0};
    double z[DIM];
    for (int i = 0; i < 20; i++)
        row[i] = 0;
    succeed(gate_whitening_fit(&w, features, DIM, row, 20, device, &e), &e);
    ok(gate_whitening_distance(&w, features, z) < 1e-2 && gate_whitening_distance(&w, features + DIM, z) > 10,
       "photographs that are all the same: others are far");
    gate_whitening_release(&w);
}

/* Three photographs of each installation; every fifth one has none. */
static void add_all(struct gate_reference *r, int n, int dim)
{
    static struct gate_print print;
    static float x[LONG];
    struct fmt_error e = {0};
    succeed(gate_reference_init(r, dim, 0, &e), &e);
    for (int i = 0; i < n; i++) {
        char key[32], group[32];
        snprintf(key, sizeof key, "p%d", i);
        snprintf(group, sizeof group, "%.0d", i % 5 == 0 ? 0 : 1000 - i / 3);
        draw((uint32_t)i, dim, 0, x);
        print.luma[i % GATE_PRINT_BYTES] = (uint8_t)i;
        succeed(gate_reference_add(r, key, group, x, &print, &e), &e);
    }
}

static void out_of_fold(const struct device *device)
{
    enum { N = 200 };
    struct gate_reference r;
    static struct gate_values v[N];
    struct plain p;
    struct fmt_error e = {0};
    int64_t group[N], n_groups = 0;
    double worst = 0;
    int wrong = 0, n = 0;
    add_all(&r, N, DIM);
    succeed(gate_reference_groups(&r, group, &n_groups, &e), &e);
    for (int i = 0; i < N; i++)
        for (int k = 0; k < i; k++)
            wrong += (group[i] == group[k]) != (i % 5 && k % 5 && i / 3 == k / 3);
    is_int(wrong, 0, "photographs of one name are one installation, those without are alone");
    ok(group[0] == 0 && group[1] == 1 && group[2] == 1 && n_groups == 67 + 40, "%d in the order of the photographs",
       (int)n_groups);
    succeed(gate_reference_fit(&r, group, device, v, &e), &e);
    for (int i = 0; i < N; i += 7) { /* in the installations of a tenth */
        n = 0;
        for (int k = 0; k < N; k++)
            if (group[k] % 10 != group[i] % 10)
                row[n++] = k;
        fit_plain(&p, r.good, row, n);
        worst = fmax(worst, fabs(v[i].value[GATE_DISTANCE] / plain_distance(&p, r.good + i * DIM) - 1));
    }
    ok(worst < 1e-3, "a photograph's own tenth of the installations is not in the fit: off by %.1e", worst);
    for (int i = 0; i < N; i++)
        group[i] = 0;
    succeed(gate_reference_fit(&r, group, device, v, &e), &e);
    ok(isnan(v[3].value[GATE_DISTANCE]) && r.whitening.k == 0, "of one installation nothing can be known");
    gate_reference_release(&r);
}

static double distance(const struct gate_reference *r, const float *feature)
{
    static float x[GATE_FOLDED_MAX];
    static double z[GATE_FOLDED_MAX];
    gate_fold(feature, r->dim, x, gate_folded(r->dim));
    return gate_whitening_distance(&r->whitening, x, z);
}

/* Of good photographs that were not there a limit stops the share that it stops of those that were: with few, too, and
 * fewer photographs than values. Without folds it would be far more. */
static void held_out(int n, int dim, const struct device *device)
{
    enum { NEW = 900 };
    struct gate_reference r;
    static struct gate_values v[N_MOST];
    static float x[LONG];
    struct fmt_error e = {0};
    int64_t group[N_MOST], n_groups = 0;
    double limit = 0;
    int stopped = 0;
    add_all(&r, n, dim);
    succeed(gate_reference_groups(&r, group, &n_groups, &e), &e);
    succeed(gate_reference_fit(&r, group, device, v, &e), &e);
    for (int i = 0; i < n; i++)
        limit = fmax(limit, v[i].value[GATE_DISTANCE]);
    for (int i = 0; i < NEW; i++) {
        draw(10000 + (uint32_t)i, dim, 0, x);
        stopped += distance(&r, x) > limit;
    }
    ok(stopped < NEW * 5 / n, "%d photographs of %d values: of new ones %d of %d are beyond them", n, dim, stopped,
       NEW);
    draw(99999, dim, n < dim ? 30 : 1, x);
    ok(distance(&r, x) > limit, "another subject is: %.2f, limit %.2f", distance(&r, x), limit);
    gate_reference_release(&r);
}

static void folding(void)
{
    static float a[LONG], b[LONG], x[GATE_FOLDED_MAX], y[GATE_FOLDED_MAX];
    double ab = 0, aa = 0, bb = 0, folded = 0;
    is_int(gate_folded(GATE_FOLDED_MAX), GATE_FOLDED_MAX, "short features stay as long");
    draw(1, LONG, 0, a);
    for (int i = 0; i < LONG; i++)
        b[i] = i % 2 ? a[i] : -a[i] / 3;
    gate_fold(a, LONG, x, GATE_FOLDED_MAX);
    gate_fold(b, LONG, y, GATE_FOLDED_MAX);
    for (int i = 0; i < LONG; i++)
        ab += (double)a[i] * (double)b[i], aa += (double)a[i] * (double)a[i], bb += (double)b[i] * (double)b[i];
    for (int i = 0; i < GATE_FOLDED_MAX; i++)
        folded += (double)x[i] * (double)y[i];
    ab /= sqrt(aa * bb);
    ok(fabs(folded - ab) < 0.1, "folded, the product is %.3f, unfolded %.3f", folded, ab);
}

static void threads(const struct device *device)
{
    struct device three;
    struct gate_whitening one, other;
    struct fmt_error e = {0};
    succeed(device_open(&three, "cpu", 3, NULL, &e), &e);
    for (int i = 0; i < N_MOST; i++)
        row[i] = i;
    succeed(gate_whitening_fit(&one, features, DIM, row, N_MOST, device, &e), &e);
    succeed(gate_whitening_fit(&other, features, DIM, row, N_MOST, &three, &e), &e);
    ok(memcmp(one.factor, other.factor, sizeof(float[DIM * DIM])) == 0 && one.shrinkage == other.shrinkage,
       "the same bits with one thread and with three");
    gate_whitening_release(&one);
    gate_whitening_release(&other);
    device_close(&three);
}

int main(void)
{
    struct device device;
    struct fmt_error e = {0};
    succeed(device_open(&device, "cpu", 1, NULL, &e), &e);
    for (int i = 0; i < N_MOST; i++)
        draw((uint32_t)i, DIM, i % 50 ? 0 : 0.5, features + i * DIM);
    by_definition(N_MOST, &device);
    by_definition(8, &device);
    all_the_same(&device);
    out_of_fold(&device);
    held_out(30, 384, &device);
    held_out(30, 768, &device);
    held_out(300, DIM, &device);
    held_out(60, LONG, &device);
    folding();
    threads(&device);
    device_close(&device);
    return tap_done();
}
