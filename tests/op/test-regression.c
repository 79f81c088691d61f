/* Operations of logistic regression against their formulas written down plainly, for two and more classes, some of the
 * rows, class weights and scaled penalties; the factor and its inverse; vectors; every instruction set. */
#include "dense-loops.h"
#include "opbed.h"
#include "regression.h"

enum { ALL = 1500, N = 1100, C = 37, CLASSES_MAX = 11, M = C + 1 };

struct bed {
    float *x; /* [ALL,C] */
    int64_t rows[N], label[N];
    double weight[CLASSES_MAX], theta[CLASSES_MAX * M], penalty_scale[C];
    int R, K;
};

static double *noise_f64(int64_t n)
{
    double *x = zeros_f64(n);
    for (int64_t i = 0; i < n; i++)
        x[i] = rng_normal(&draws);
    return x;
}

static void open_bed(struct bed *b, int R)
{
    double *theta = noise_f64(CLASSES_MAX * M);
    *b = (struct bed){.x = noise(ALL * C, 1), .R = R, .K = R == 1 ? 2 : R};
    for (int i = 0; i < N; i++) {
        b->rows[i] = i + i / 3;
        b->label[i] = (int64_t)rng_below(&draws, (uint64_t)b->K);
    }
    for (int j = 0; j < CLASSES_MAX * M; j++)
        b->theta[j] = 0.1 * theta[j];
    for (int c = 0; c < CLASSES_MAX; c++)
        b->weight[c] = c == 1 ? 1 : 0.5 + c;
    for (int j = 0; j < C; j++)
        b->penalty_scale[j] = j % 5 ? 1 : 0.25;
    free(theta);
}

/* Within ON_DEVICE. */
static struct regression_data data_of(struct bed *b)
{
    return (struct regression_data){.x = COPY((const float *)b->x, ALL, C), .rows = COPY((const int64_t *)b->rows, N),
                                    .label = COPY((const int64_t *)b->label, N),
                                    .class_weight = COPY((const double *)b->weight, b->K), .R = b->R};
}

#define THETA(b) COPY((const double *)(b)->theta, (b)->R, M)

/* p [K] of row i. */
static void plain_proba(const struct bed *b, int i, double *p)
{
    const float *x = b->x + b->rows[i] * C;
    double z[CLASSES_MAX] = {0}, sum = 0;
    for (int k = 0; k < b->R; k++) {
        z[b->R == 1 ? 1 : k] = b->theta[k * M + C];
        for (int j = 0; j < C; j++)
            z[b->R == 1 ? 1 : k] += (double)x[j] * b->theta[k * M + j];
    }
    for (int c = 0; c < b->K; c++)
        sum += p[c] = exp(z[c]);
    for (int c = 0; c < b->K; c++)
        p[c] /= sum;
}

static double plain_objective(const struct bed *b, double penalty, bool scaled, double *gradient)
{
    double loss = 0, p[CLASSES_MAX];
    memset(gradient, 0, (size_t)(b->R * M) * sizeof *gradient);
    for (int i = 0; i < N; i++) {
        plain_proba(b, i, p);
        double u = b->weight[b->label[i]];
        loss -= u * log(p[b->label[i]]);
        for (int k = 0; k < b->R; k++) {
            int c = b->R == 1 ? 1 : k;
            double r = u * (p[c] - (c == b->label[i]));
            for (int j = 0; j < M; j++)
                gradient[k * M + j] += r * (j < C ? (double)b->x[b->rows[i] * C + j] : 1);
        }
    }
    for (int at = 0; at < b->R * M; at++) {
        double factor = at % M == C ? 0 : scaled ? b->penalty_scale[at % M] : 1;
        loss += factor * b->theta[at] * b->theta[at] / (2 * penalty);
        gradient[at] += factor * b->theta[at] / penalty;
    }
    return loss;
}

static double worst_of(const double *a, const double *b, int64_t n)
{
    double worst = 0;
    for (int64_t i = 0; i < n; i++)
        worst = worse(worst, fabs(a[i] - b[i]) / fmax(1, fabs(b[i])));
    return worst;
}

static void test_objective(struct bed *b)
{
    double loss[2] = {0}, gradient[2][CLASSES_MAX * M], plain[CLASSES_MAX * M], p[N * CLASSES_MAX], q[CLASSES_MAX];
    for (int scaled = 0; scaled < 2; scaled++) {
        for (int threads = 0; threads < 2; threads++) {
            struct op_ctx c = ctx;
            c.pool = threads ? ctx.pool : NULL;
            ON_DEVICE(&c, {
                struct regression_data d = data_of(b);
                op_regression_objective(&c, &loss[threads], COPY(gradient[threads], b->R, M), THETA(b), &d, 0.3,
                                        scaled ? COPY((const double *)b->penalty_scale, C) : TENSOR_NONE);
            });
        }
        double expected = plain_objective(b, 0.3, scaled, plain), worst = worst_of(gradient[1], plain, b->R * M);
        ok(fabs(loss[1] - expected) < 1e-9 * expected && worst < 1e-10,
           "%d rows of weights: loss %.6f, gradient off by %.1e", b->R, loss[1], worst);
        ok(loss[0] == loss[1] && memcmp(gradient[0], gradient[1], (size_t)(b->R * M) * sizeof(double)) == 0,
           "the same bits with one thread");
    }
    ON_DEVICE(&ctx, {
        struct regression_data d = data_of(b);
        op_regression_predict(&ctx, COPY(p, N, b->K), THETA(b), &d);
    });
    double worst = 0;
    for (int i = 0; i < N; i++) {
        plain_proba(b, i, q);
        worst = worse(worst, worst_of(p + i * b->K, q, b->K));
    }
    ok(worst < 1e-12, "probabilities off by %.1e", worst);
    clean("objective");
}

/* v, and the matrix of the centred rows by plain sums. */
static void plain_matrix(const struct bed *b, double *v, double *mean, double *squares, double *matrix)
{
    double p[CLASSES_MAX], total = 0;
    memset(mean, 0, C * sizeof *mean);
    memset(squares, 0, C * sizeof *squares);
    memset(matrix, 0, C * C * sizeof *matrix);
    for (int i = 0; i < N; i++) {
        plain_proba(b, i, p);
        v[i] = 0;
        for (int c = b->R == 1; c < b->K; c++)
            v[i] += p[c] * (1 - p[c]);
        v[i] *= b->weight[b->label[i]] / (b->R > 1 ? b->R - 1 : 1);
        total += v[i];
        for (int j = 0; j < C; j++) {
            double x = (double)b->x[b->rows[i] * C + j];
            mean[j] += v[i] * x;
            squares[j] += v[i] * x * x;
        }
    }
    for (int j = 0; j < C; j++)
        mean[j] /= total;
    for (int i = 0; i < N; i++)
        for (int j = 0; j < C; j++)
            for (int k = 0; k <= j; k++)
                matrix[j * C + k] += v[i] * ((double)b->x[b->rows[i] * C + j] - mean[j]) *
                                     ((double)b->x[b->rows[i] * C + k] - mean[k]);
}

static void test_preconditioner(struct bed *b)
{
    static double v[N], mean[C], squares[C], p[C * C], plain_v[N], plain_mean[C], plain_squares[C], expected[C * C];
    double total = 0, add[C], h[CLASSES_MAX * M], worst = 0;
    bool definite = false;
    plain_matrix(b, plain_v, plain_mean, plain_squares, expected);
    for (int j = 0; j < C; j++)
        add[j] = 2;
    memcpy(h, b->theta, sizeof h);
    ON_DEVICE(&ctx, {
        struct regression_data d = data_of(b);
        op_regression_curvature(&ctx, COPY(v, N), THETA(b), &d);
        op_regression_moments(&ctx, &total, COPY(mean, C), COPY(squares, C), COPY(v, N), &d);
        op_regression_gram(&ctx, COPY(p, C, C), COPY(v, N), COPY(mean, C), &d);
    });
    ok(worst_of(v, plain_v, N) < 1e-12 && worst_of(mean, plain_mean, C) < 1e-12 &&
           worst_of(squares, plain_squares, C) < 1e-12,
       "curvature and moments");
    for (int j = 0; j < C; j++)
        for (int k = 0; k <= j; k++)
            worst = worse(worst, fabs(p[j * C + k] - expected[j * C + k]));
    ok(worst < 1e-3, "the matrix, products in float: off by %.1e of %.1f", worst, expected[0]);
    ON_DEVICE(&ctx, {
        op_add_diagonal(&ctx, COPY(p, C, C), COPY(add, C));
        op_cholesky(&ctx, &definite, COPY(p, C, C));
        op_regression_precondition(&ctx, COPY(h, b->R, M), COPY(p, C, C), COPY(mean, C), total);
    });
    /* P h = theta: around the mean the matrix + 2 for the weights, total for the intercept */
    worst = 0;
    for (int k = 0; k < b->R; k++) {
        double *w = h + k * M, bias = w[C];
        for (int j = 0; j < C; j++)
            bias += w[j] * mean[j];
        for (int j = 0; j < C; j++) {
            double sum = 2 * w[j] + total * bias * mean[j];
            for (int i = 0; i < C; i++)
                sum += expected[i > j ? i * C + j : j * C + i] * w[i];
            worst = worse(worst, fabs(sum - b->theta[k * M + j]));
        }
        worst = worse(worst, fabs(total * bias - b->theta[k * M + C]));
    }
    ok(definite && worst < 1e-5, "its inverse: off by %.1e", worst);
    clean("preconditioner");
}

static void test_diagonal_preconditioner(void)
{
    double theta[] = {1, 2, 3}, p[] = {2, 4}, mean[] = {0.5, -1};
    ON_DEVICE(&ctx, op_regression_precondition(&ctx, COPY(theta, 1, 3), COPY(p, 2), COPY(mean, 2), 10));
    /* w - 3 mean = (-0.5, 5), divided: (-0.25, 1.25); intercept 3 / 10 - mean w */
    ok(theta[0] == -0.25 && theta[1] == 1.25 && fabs(theta[2] - (0.3 + 0.125 + 1.25)) < 1e-15, "a diagonal alone");
    clean("precondition");
}

static void test_cholesky(void)
{
    for (int64_t n = 1; n <= 700; n += n < 20 ? 3 : 333) {
        double *a = zeros_f64(n * n), *l = zeros_f64(n * n), *d = zeros_f64(n), worst = 0;
        bool definite = false;
        for (int64_t i = 0; i < n; i++)
            for (int64_t j = 0; j <= i; j++)
                a[i * n + j] = i == j ? (double)n : 0.5 * rng_normal(&draws);
        memcpy(l, a, (size_t)(n * n) * sizeof *l);
        ON_DEVICE(&ctx, op_cholesky(&ctx, &definite, COPY(l, n, n)));
        for (int64_t i = 0; i < n; i += 1 + n / 50)
            for (int64_t j = 0; j <= i; j++) {
                double sum = 0;
                for (int64_t k = 0; k <= j; k++)
                    sum += l[i * n + k] * l[j * n + k];
                worst = worse(worst, fabs(sum - a[i * n + j]));
            }
        ok(definite && worst < 1e-9 * (double)n, "a factor of %lld: off by %.1e", (long long)n, worst);
        a[(n - 1) * n + n - 1] = -1;
        ON_DEVICE(&ctx, {
            op_diagonal(&ctx, COPY(d, n), COPY(a, n, n));
            op_cholesky(&ctx, &definite, COPY(a, n, n));
        });
        ok(!definite && d[n - 1] == -1 && (n == 1 || d[0] == (double)n), "an indefinite one has none");
        free(a), free(l), free(d);
    }
    clean("cholesky");
}

static void test_columns(struct bed *b)
{
    float largest[C], expected[C] = {0}, *y = zeros_f32(N * C);
    double scale[C];
    bool same = true;
    for (int j = 0; j < C; j++)
        scale[j] = ldexp(1, -3 * j);
    b->x[b->rows[7] * C + 5] = -1e30f;
    b->x[ALL * C - 1] = 1e35f; /* in none of the rows */
    ON_DEVICE(&ctx, {
        struct regression_data d = data_of(b);
        op_column_magnitudes(&ctx, COPY(largest, C), d.x, d.rows);
        op_scale_columns(&ctx, COPY(y, N, C), &d, COPY((const double *)scale, C));
    });
    for (int i = 0; i < N * C; i++) {
        float x = b->x[b->rows[i / C] * C + i % C];
        expected[i % C] = fmaxf(expected[i % C], fabsf(x));
        same = same && y[i] == ldexpf(x, -3 * (i % C));
    }
    ok(memcmp(largest, expected, sizeof expected) == 0 && largest[5] == 1e30f, "the largest of each column");
    ok(same, "columns divided");
    for (int i = 0; i < ALL * C; i++)
        expected[i % C] = fmaxf(expected[i % C], fabsf(b->x[i]));
    ON_DEVICE(&ctx, op_column_magnitudes(&ctx, COPY(largest, C), COPY(b->x, ALL, C), TENSOR_NONE));
    ok(memcmp(largest, expected, sizeof expected) == 0 && largest[C - 1] == 1e35f, "of all rows");
    clean("columns");
    free(y);
}

static void test_vectors(void)
{
    enum { LONG = 40000 };
    double *x = noise_f64(LONG), *y = noise_f64(LONG), *z = zeros_f64(LONG);
    double sum = 0, most = 0, expected = 0, largest = 0;
    bool same = true;
    for (int i = 0; i < LONG; i++) {
        expected += x[i] * y[i];
        largest = fmax(largest, fabs(x[i]));
    }
    ON_DEVICE(&ctx, {
        op_dot(&ctx, &sum, COPY(x, 4, LONG / 4), COPY(y, 4, LONG / 4));
        op_max_abs(&ctx, &most, COPY(x, LONG));
        op_copy(&ctx, COPY(z, LONG), COPY(y, LONG));
        op_axpy(&ctx, COPY(z, LONG), -0.1, COPY(x, LONG));
        op_scale(&ctx, COPY(z, LONG), 3);
    });
    for (int i = 0; i < LONG; i++)
        same = same && z[i] == 3 * (y[i] + -0.1 * x[i]);
    ok(fabs(sum - expected) < 1e-9 && most == largest && same, "vectors of f64");
    clean("vectors");
    free(x), free(y), free(z);
}

static void test_shapes(struct bed *b)
{
    struct fmt_error e = {0};
    double loss = 0, gradient[CLASSES_MAX * M];
    ON_DEVICE(&ctx, {
        struct regression_data d = data_of(b);
        d.R++;
        op_regression_objective(&ctx, &loss, COPY(gradient, b->R, M), THETA(b), &d, 1, TENSOR_NONE);
    });
    ok(op_sync(&ctx, &e) == FMT_MISMATCH, "weights of other classes: %s", e.text);
}

static void compare_sets(const struct dense_loops *a, const struct dense_loops *b, const char *name)
{
    enum { ROWS = 67, COLUMNS = 45, CLASSES = 9 };
    float *x = noise(ROWS * COLUMNS, 1);
    const float *row[ROWS];
    double *w = noise_f64(CLASSES * COLUMNS), *bias = noise_f64(CLASSES), *z[2], *g[2], *y[2];
    bool same = true;
    for (int i = 0; i < ROWS; i++)
        row[i] = x + i * COLUMNS;
    for (int R = 1; R <= CLASSES; R++) {
        for (int set = 0; set < 2; set++) {
            const struct dense_loops *l = set ? b : a;
            z[set] = zeros_f64(ROWS * R);
            g[set] = zeros_f64(R * COLUMNS);
            y[set] = zeros_f64(COLUMNS);
            l->logits(row, ROWS, COLUMNS, w, COLUMNS, bias, 1, R, z[set]);
            l->outer(row, ROWS, COLUMNS, z[set], R, g[set], COLUMNS);
            l->axpy(0.3, w, y[set], COLUMNS);
            l->minus8(y[set], bias, w, COLUMNS, COLUMNS);
            y[set][0] = l->dot(w, g[set], R * COLUMNS);
        }
        same = same && memcmp(z[0], z[1], (size_t)(ROWS * R) * sizeof(double)) == 0 &&
               memcmp(g[0], g[1], (size_t)(R * COLUMNS) * sizeof(double)) == 0 &&
               memcmp(y[0], y[1], COLUMNS * sizeof(double)) == 0;
        for (int set = 0; set < 2; set++)
            free(z[set]), free(g[set]), free(y[set]);
    }
    ok(same, "the same bits on %s", name);
    free(x), free(w), free(bias);
}

int main(void)
{
    static struct bed b;
    if (bed_open())
        return 1;
    for (int R = 1; R <= CLASSES_MAX; R += R == 1 ? 2 : 8) {
        open_bed(&b, R);
        test_objective(&b);
        test_preconditioner(&b);
        test_shapes(&b);
        test_columns(&b);
        free(b.x);
    }
    test_diagonal_preconditioner();
    test_cholesky();
    test_vectors();
    BED_COMPARE_SETS(dense_loops, "dense");
    return bed_close();
}
