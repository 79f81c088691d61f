/* gate-whitening.c - covariance and factor by the operations of regression.h; what is left is one pass over the values
 * for the shrinkage. */
#include "gate-whitening.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "num.h"
#include "regression.h"

/* ------------------------------------------------------------------ folding */
int64_t gate_folded(int64_t dim)
{
    return num_min(dim, GATE_FOLDED_MAX);
}

/* The last step of SplitMix64 (Steele et al. 2014). */
static uint64_t mix(uint64_t z)
{
    z += 0x9E3779B97F4A7C15u;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

void gate_fold(const float *feature, int64_t dim, float *x, int64_t k)
{
    double squares = 0;
    for (int64_t i = 0; i < dim; i++)
        squares += (double)feature[i] * (double)feature[i];
    double factor = squares > 0 ? 1 / sqrt(squares) : 0;
    for (int64_t i = 0; i < k; i++)
        x[i] = dim == k ? (float)((double)feature[i] * factor) : 0;
    for (int64_t i = 0; dim > k && i < dim; i++) {
        uint64_t h = mix((uint64_t)i);
        float value = (float)((double)feature[i] * factor);
        x[(h >> 1) % (uint64_t)k] += h & 1 ? -value : value;
    }
}

/* ------------------------------------------------------------------ fitting */
struct fitting {
    struct op_ctx c;
    struct device_arena memory, scratch;
    struct regression_data data;
    struct tensor ones, mean, covariance; /* [n] [k] [k,k] */
    int64_t n, k;
    float *x;         /* [n,k] the rows */
    int64_t *number;  /* [n] 0, 1, 2 .. */
    double *one;      /* [n] */
    double *host;     /* [k,k] */
    double *host_mean; /* [k] */
};

static void take_tensors(struct fitting *f)
{
    struct device_arena *a = &f->memory;
    f->data.x = TENSOR_TAKE(a, DTYPE_F32, f->n, f->k);
    f->data.rows = TENSOR_TAKE(a, DTYPE_I64, f->n);
    f->ones = TENSOR_TAKE(a, DTYPE_F64, f->n);
    f->mean = TENSOR_TAKE(a, DTYPE_F64, f->k);
    f->covariance = TENSOR_TAKE(a, DTYPE_F64, f->k, f->k);
}

/* Once to plan, once to compute. */
static void sum_squares(struct fitting *f)
{
    double total;
    op_copy_in(&f->c, f->data.x, f->x);
    op_copy_in(&f->c, f->data.rows, f->number);
    op_copy_in(&f->c, f->ones, f->one);
    op_regression_moments(&f->c, &total, f->mean, TENSOR_NONE, f->ones, &f->data);
    op_regression_gram(&f->c, f->covariance, f->ones, f->mean, &f->data);
    op_copy_out(&f->c, f->host, f->covariance);
    op_copy_out(&f->c, f->host_mean, f->mean);
}

static bool factor(struct fitting *f)
{
    bool definite = false;
    op_copy_in(&f->c, f->covariance, f->host);
    op_cholesky(&f->c, &definite, f->covariance);
    op_copy_out(&f->c, f->host, f->covariance);
    return definite;
}

static int open_fitting(struct fitting *f, const struct device *device, struct fmt_error *e)
{
    size_t n = (size_t)f->n, k = (size_t)f->k;
    f->c = (struct op_ctx){.backend = device->backend, .pool = device->pool, .scratch = &f->scratch};
    f->x = malloc(n * k * sizeof *f->x);
    f->number = malloc(n * sizeof *f->number);
    f->one = malloc(n * sizeof *f->one);
    f->host = malloc(k * k * sizeof *f->host);
    f->host_mean = malloc(k * sizeof *f->host_mean);
    if (!f->x || !f->number || !f->one || !f->host || !f->host_mean)
        return fmt_no_memory(e);
    take_tensors(f);
    sum_squares(f);
    factor(f);
    int status = op_sync(&f->c, e);
    if (!status)
        status = device_arena_init(&f->memory, device->backend, f->memory.high, e);
    if (!status)
        status = device_arena_init(&f->scratch, device->backend, f->scratch.high, e);
    if (!status)
        take_tensors(f);
    return status;
}

static void close_fitting(struct fitting *f)
{
    device_arena_release(&f->memory);
    device_arena_release(&f->scratch);
    free(f->x);
    free(f->number);
    free(f->one);
    free(f->host);
    free(f->host_mean);
}

/* The mean over photographs of the square norm of z z^T - S, over n, is how far S is from what it estimates; that of S
 * from the nearest multiple m of the identity says how much of it the identity could replace (Ledoit and Wolf 2004,
 * b^2 / d^2). As sum |z z^T - S|^2 = sum |z|^4 - n |S|^2, norms are all that is needed. */
static double best_shrinkage(const struct fitting *f, double m, double norm)
{
    double fourth = 0, n = (double)f->n;
    for (int64_t i = 0; i < f->n; i++) {
        double square = 0;
        for (int64_t j = 0; j < f->k; j++) {
            double z = (double)f->x[i * f->k + j] - f->host_mean[j];
            square += z * z;
        }
        fourth += square * square;
    }
    double b = (fourth / n - norm) / n, d = norm - (double)f->k * m * m;
    return d > 0 ? fmin(1, fmax(b, 0) / d) : 1;
}

/* The sums become the shrunk covariance S, its lower triangle. Rounding leaves a little of the identity in any case:
 * good photographs that are all the same have no covariance at all. */
static double shrink(struct fitting *f)
{
    double trace = 0, norm = 0, least = 1e-4;
    int64_t k = f->k;
    for (int64_t i = 0; i < k; i++)
        for (int64_t j = 0; j <= i; j++) {
            double v = f->host[i * k + j] /= (double)f->n;
            trace += i == j ? v : 0;
            norm += (i == j ? 1 : 2) * v * v;
        }
    double m = trace / (double)k, share = fmax(least, best_shrinkage(f, m, norm));
    for (int64_t i = 0; i < k; i++) {
        for (int64_t j = 0; j <= i; j++)
            f->host[i * k + j] *= 1 - share;
        f->host[i * k + i] += share * m + 1e-12;
    }
    return share;
}

static int keep(struct gate_whitening *w, const struct fitting *f, struct fmt_error *e)
{
    int64_t k = w->k = f->k;
    w->mean = malloc((size_t)k * sizeof *w->mean);
    w->factor = calloc((size_t)(k * k), sizeof *w->factor);
    if (!w->mean || !w->factor) {
        gate_whitening_release(w);
        return fmt_no_memory(e);
    }
    for (int64_t i = 0; i < k; i++) {
        w->mean[i] = (float)f->host_mean[i];
        for (int64_t j = 0; j <= i; j++)
            w->factor[i * k + j] = (float)f->host[i * k + j];
    }
    return 0;
}

int gate_whitening_fit(struct gate_whitening *w, const float *x, int64_t k, const int64_t *row, int64_t n_rows,
                       const struct device *device, struct fmt_error *e)
{
    struct fitting f = {.n = n_rows, .k = k};
    *w = (struct gate_whitening){.k = 0};
    int status = open_fitting(&f, device, e);
    for (int64_t i = 0; i < n_rows && !status; i++) {
        memcpy(f.x + i * k, x + row[i] * k, (size_t)k * sizeof *x);
        f.number[i] = i;
        f.one[i] = 1;
    }
    if (!status) {
        sum_squares(&f);
        status = op_sync(&f.c, e);
    }
    if (!status) {
        w->shrinkage = shrink(&f);
        bool definite = factor(&f);
        status = op_sync(&f.c, e);
        if (!status && !definite)
            status = fmt_fail(e, FMT_NONFINITE, "the covariance of good photographs is not positive definite");
    }
    if (!status)
        status = keep(w, &f, e);
    close_fitting(&f);
    return status;
}

void gate_whitening_release(struct gate_whitening *w)
{
    free(w->mean);
    free(w->factor);
    *w = (struct gate_whitening){.k = 0};
}

/* ------------------------------------------------------------------ the distance */
/* In LANES sums, whose order is the same on every processor. */
static double dot(const float *a, const double *b, int64_t n)
{
    enum { LANES = 8 };
    double sum[LANES] = {0}, all = 0;
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES)
        for (int l = 0; l < LANES; l++)
            sum[l] += (double)a[i + l] * b[i + l];
    for (; i < n; i++)
        sum[0] += (double)a[i] * b[i];
    for (int l = 0; l < LANES; l++)
        all += sum[l];
    return all;
}

/* |z|, L z = x - mean. */
double gate_whitening_distance(const struct gate_whitening *w, const float *x, double *z)
{
    double squares = 0;
    int64_t k = w->k;
    for (int64_t i = 0; i < k; i++) {
        const float *row = w->factor + i * k;
        z[i] = ((double)x[i] - (double)w->mean[i] - dot(row, z, i)) / (double)row[i];
        squares += z[i] * z[i];
    }
    return sqrt(squares / (double)k);
}
