/* patch-pca.c - covariance in double, then subspace iteration with Rayleigh-Ritz steps (Golub and Van Loan, "Matrix
 * Computations", 8.2.4) from a fixed start: a few columns more than are wanted make it fast where variances are close.
 */
#include "patch-pca.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "num.h"
#include "rng.h"

enum { COLUMNS = 8, STEPS = 500, SWEEPS = 30 };

int64_t patch_pca_tokens(int64_t dim)
{
    return num_min(20000, num_max(1000, (int64_t)4e9 / (dim * dim)));
}

/* ------------------------------------------------------------------ covariance */
static int find_mean(const float *x, int64_t n, int64_t dim, double *mean, struct fmt_error *e)
{
    for (int64_t i = 0; i < n; i++)
        for (int64_t d = 0; d < dim; d++)
            mean[d] += x[i * dim + d];
    for (int64_t d = 0; d < dim; d++) {
        mean[d] /= (double)n;
        if (!isfinite(mean[d]))
            return fmt_fail(e, FMT_NONFINITE, "a feature is not finite");
    }
    return 0;
}

/* c [dim,dim] */
static void covariance(const float *x, int64_t n, int64_t dim, const double *mean, double *row, double *c)
{
    for (int64_t i = 0; i < n; i++) {
        for (int64_t d = 0; d < dim; d++)
            row[d] = x[i * dim + d] - mean[d];
        for (int64_t d = 0; d < dim; d++)
            for (int64_t k = 0; k <= d; k++)
                c[d * dim + k] += row[d] * row[k];
    }
    for (int64_t d = 0; d < dim; d++)
        for (int64_t k = 0; k <= d; k++)
            c[k * dim + d] = c[d * dim + k] /= (double)n;
}

/* ------------------------------------------------------------------ eigenvectors */
static double dot(const double *a, const double *b, int64_t n)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++)
        sum += a[i] * b[i];
    return sum;
}

/* Columns v [COLUMNS,dim] to unit length, each orthogonal to those before; one that vanishes becomes zeros. */
static void orthonormalise(double *v, int64_t dim, int n)
{
    for (int k = 0; k < n; k++) {
        double *own = v + k * dim, before = sqrt(dot(own, own, dim));
        for (int pass = 0; pass < 2; pass++)
            for (int j = 0; j < k; j++) {
                double along = dot(own, v + j * dim, dim);
                for (int64_t d = 0; d < dim; d++)
                    own[d] -= along * v[j * dim + d];
            }
        double length = sqrt(dot(own, own, dim));
        for (int64_t d = 0; d < dim; d++)
            own[d] = length > 1e-10 * before ? own[d] / length : 0;
    }
}

/* Jacobi's rotations: a [n,n] becomes diagonal, q [n,n] has its eigenvectors as columns. */
static void diagonalise(double a[COLUMNS][COLUMNS], double q[COLUMNS][COLUMNS], int n)
{
    for (int i = 0; i < n; i++)
        for (int j = 0; j < n; j++)
            q[i][j] = i == j;
    for (int sweep = 0; sweep < SWEEPS; sweep++)
        for (int i = 0; i < n; i++)
            for (int j = i + 1; j < n; j++) {
                if (a[i][j] == 0)
                    continue;
                double theta = (a[j][j] - a[i][i]) / (2 * a[i][j]);
                double t = (theta >= 0 ? 1 : -1) / (fabs(theta) + sqrt(theta * theta + 1));
                double c = 1 / sqrt(t * t + 1), s = t * c;
                for (int k = 0; k < n; k++) {
                    double x = a[k][i], y = a[k][j];
                    a[k][i] = c * x - s * y;
                    a[k][j] = s * x + c * y;
                }
                for (int k = 0; k < n; k++) {
                    double x = a[i][k], y = a[j][k], u = q[k][i], w = q[k][j];
                    a[i][k] = c * x - s * y;
                    a[j][k] = s * x + c * y;
                    q[k][i] = c * u - s * w;
                    q[k][j] = s * u + c * w;
                }
            }
}

/* v = the best approximations to eigenvectors within the space of v, in descending order; w: memory of the same size,
 * which holds c v. Returns the change of the values. */
static double ritz(const double *c, int64_t dim, int n, double *v, double *w, double value[COLUMNS])
{
    double a[COLUMNS][COLUMNS], q[COLUMNS][COLUMNS], change = 0;
    int order[COLUMNS];
    for (int k = 0; k < n; k++)
        for (int64_t d = 0; d < dim; d++)
            w[k * dim + d] = dot(c + d * dim, v + k * dim, dim);
    for (int i = 0; i < n; i++)
        for (int j = 0; j <= i; j++)
            a[i][j] = a[j][i] = dot(v + i * dim, w + j * dim, dim);
    diagonalise(a, q, n);
    for (int i = 0; i < n; i++) {
        int at = i;
        for (; at > 0 && a[order[at - 1]][order[at - 1]] < a[i][i]; at--)
            order[at] = order[at - 1];
        order[at] = i;
    }
    for (int k = 0; k < n; k++) { /* the images of the new columns: one more step of the iteration */
        change = fmax(change, fabs(value[k] - a[order[k]][order[k]]));
        value[k] = a[order[k]][order[k]];
        for (int64_t d = 0; d < dim; d++) {
            double sum = 0;
            for (int j = 0; j < n; j++)
                sum += w[j * dim + d] * q[j][order[k]];
            v[k * dim + d] = sum;
        }
    }
    orthonormalise(v, dim, n);
    return change;
}

static int eigenvectors(const double *c, int64_t dim, double *axis, double *variance, struct fmt_error *e)
{
    int n = (int)num_min(COLUMNS, dim), n_wanted = (int)num_min(PATCH_PCA_COMPONENTS, dim);
    double *v = calloc((size_t)(2 * COLUMNS * dim), sizeof *v), value[COLUMNS] = {0};
    if (!v)
        return fmt_no_memory(e);
    struct rng r = rng_stream(0, 0, 0, RNG_DRAW);
    for (int64_t i = 0; i < n * dim; i++)
        v[i] = rng_normal(&r);
    orthonormalise(v, dim, n);
    for (int step = 0; step < STEPS; step++)
        if (ritz(c, dim, n, v, v + COLUMNS * dim, value) <= 1e-13 * value[0] && step > 10)
            break;
    for (int k = 0; k < n_wanted; k++) {
        bool any = value[k] > 1e-12 * value[0] && value[0] > 0;
        variance[k] = any ? value[k] : 0;
        for (int64_t d = 0; d < dim && any; d++)
            axis[k * dim + d] = v[k * dim + d];
    }
    free(v);
    return 0;
}

static void fix_sign(double *axis, int64_t dim)
{
    int64_t largest = 0;
    for (int64_t d = 1; d < dim; d++)
        if (fabs(axis[d]) > fabs(axis[largest]))
            largest = d;
    for (int64_t d = 0; d < dim && axis[largest] < 0; d++)
        if (d != largest)
            axis[d] = -axis[d];
    axis[largest] = fabs(axis[largest]);
}

/* ------------------------------------------------------------------ colours */
static double project(const struct patch_pca *p, const float *x, int k)
{
    const double *axis = p->axis + k * p->dim;
    double sum = 0;
    for (int64_t d = 0; d < p->dim; d++)
        sum += (x[d] - p->mean[d]) * axis[d];
    return sum;
}

static void scale(struct patch_pca *p, const float *x, int64_t n, double *value)
{
    for (int k = 0; k < PATCH_PCA_COMPONENTS; k++) {
        for (int64_t i = 0; i < n; i++)
            value[i] = project(p, x + i * p->dim, k);
        qsort(value, (size_t)n, sizeof *value, num_order_f64);
        p->low[k] = value[(n - 1) / 100];
        p->high[k] = value[n - 1 - (n - 1) / 100];
    }
}

int patch_pca_fit(struct patch_pca *p, const float *x, int64_t n, int64_t dim, struct fmt_error *e)
{
    *p = (struct patch_pca){.dim = dim};
    p->mean = calloc((size_t)dim, sizeof *p->mean);
    p->axis = calloc((size_t)dim, PATCH_PCA_COMPONENTS * sizeof *p->axis);
    double *c = calloc((size_t)dim, (size_t)dim * sizeof *c), *row = calloc((size_t)num_max(dim, n), sizeof *row);
    int status = p->mean && p->axis && c && row ? find_mean(x, n, dim, p->mean, e) : fmt_no_memory(e);
    if (!status) {
        covariance(x, n, dim, p->mean, row, c);
        for (int64_t d = 0; d < dim; d++)
            p->total += c[d * dim + d];
        status = eigenvectors(c, dim, p->axis, p->variance, e);
    }
    if (!status) {
        for (int k = 0; k < PATCH_PCA_COMPONENTS; k++)
            fix_sign(p->axis + k * dim, dim);
        scale(p, x, n, row);
    }
    free(c);
    free(row);
    if (status)
        patch_pca_release(p);
    return status;
}

int patch_pca_image(const struct patch_pca *p, const float *tokens, int grid_h, int grid_w, struct image *im,
                    struct fmt_error *e)
{
    int status = image_reserve(im, grid_w, grid_h, 3, e);
    for (int64_t i = 0; i < (int64_t)grid_h * grid_w && !status; i++)
        for (int k = 0; k < PATCH_PCA_COMPONENTS; k++) {
            double range = p->high[k] - p->low[k], share = (project(p, tokens + i * p->dim, k) - p->low[k]) / range;
            im->pixels[3 * i + k] = !(range > 0) || isnan(share) ? 128 : (uint8_t)(fmin(fmax(share, 0), 1) * 255 + 0.5);
        }
    return status;
}

void patch_pca_release(struct patch_pca *p)
{
    free(p->mean);
    free(p->axis);
    *p = (struct patch_pca){.dim = 0};
}
