/* koleo.c - KoLeo: rows brought to unit length, the nearest other row by dot product, -mean log of the distance to
 * it; and the effective rank of rows.
 *
 * The search for neighbours works on blocks of rows (a product each); distances and gradients are in double. The
 * gradient goes to a row and to its neighbour, so one thread takes the rows in order: B x C values, little work next to
 * the products. */
#include <math.h>
#include <string.h>

#include "cpu.h"
#include "prototypes.h"

enum {
    BLOCK = 64,     /* rows of a product */
    RANK_ROWS = 256 /* of effective_rank: its cost grows with their square */
};

/* The published epsilon, of norms and distances; nearer than TOO_NEAR rounding alone decides about the direction. */
static const double TINY = 1e-8, TOO_NEAR = 1e-6;

struct koleo {
    const float *x;
    float *unit;       /* [B,C] */
    double *norm;      /* [B] */
    float *dots;       /* scratch of each worker: [BLOCK,B] */
    int64_t *neighbour; /* [B] */
    double *d_unit;    /* [B,C] */
    int64_t B, C;
};

static void unit_row(void *arg, int64_t i, int worker)
{
    (void)worker;
    struct koleo *k = arg;
    const float *x = k->x + i * k->C;
    double squares = 0;
    for (int64_t j = 0; j < k->C; j++)
        squares += (double)x[j] * (double)x[j];
    double norm = sqrt(squares);
    k->norm[i] = norm < TINY ? TINY : norm;
    for (int64_t j = 0; j < k->C; j++)
        k->unit[i * k->C + j] = (float)((double)x[j] / k->norm[i]);
}

static void neighbour_block(void *arg, int64_t block, int worker)
{
    struct koleo *k = arg;
    int64_t first = block * BLOCK, n = num_min(BLOCK, k->B - first);
    float *dots = k->dots + worker * BLOCK * k->B;
    gemm_f32(false, true, n, k->B, k->C, 1, k->unit + first * k->C, k->C, k->unit, k->C, 0, dots, k->B);
    for (int64_t i = 0; i < n; i++) {
        float *row = dots + i * k->B;
        row[first + i] = -1; /* not itself */
        int64_t best = 0;
        for (int64_t j = 1; j < k->B; j++)
            best = row[j] > row[best] ? j : best;
        k->neighbour[first + i] = best;
    }
}

/* The loss of row i, its gradient added to d_unit. */
static double koleo_row(struct koleo *k, int64_t i, int64_t *n_left_out)
{
    const float *a = k->unit + i * k->C, *b = k->unit + k->neighbour[i] * k->C;
    double squares = 0;
    for (int64_t j = 0; j < k->C; j++) {
        double delta = (double)a[j] - (double)b[j] + TINY;
        squares += delta * delta;
    }
    double d = sqrt(squares);
    if (d < TOO_NEAR) {
        ++*n_left_out;
        return 0;
    }
    double factor = 1 / ((double)k->B * d * (d + TINY));
    double *da = k->d_unit + i * k->C, *db = k->d_unit + k->neighbour[i] * k->C;
    for (int64_t j = 0; j < k->C; j++) {
        double g = factor * ((double)a[j] - (double)b[j] + TINY);
        da[j] -= g;
        db[j] += g;
    }
    return -log(d + TINY) / (double)k->B;
}

static void koleo_bwd_row(const struct koleo *k, int64_t i, float *dx, double weight)
{
    const float *unit = k->unit + i * k->C;
    const double *d = k->d_unit + i * k->C;
    double radial = 0;
    if (k->norm[i] > TINY)
        for (int64_t j = 0; j < k->C; j++)
            radial += (double)unit[j] * d[j];
    for (int64_t j = 0; j < k->C; j++)
        dx[i * k->C + j] += (float)(weight * (d[j] - (double)unit[j] * radial) / k->norm[i]);
}

void cpu_koleo(struct op_ctx *c, struct koleo_result *out, struct tensor dx, struct tensor x, double weight)
{
    size_t mark = c->scratch->used;
    int64_t B = x.dims[0], C = x.dims[1];
    struct koleo k = {.x = cpu_f32(x),
                      .unit = CPU_TAKE(c, float, B * C),
                      .norm = CPU_TAKE(c, double, B),
                      .dots = CPU_TAKE(c, float, op_workers(c) * BLOCK * B),
                      .neighbour = CPU_TAKE(c, int64_t, B),
                      .d_unit = CPU_TAKE(c, double, B * C),
                      .B = B,
                      .C = C};
    if (!op_planning(c)) {
        *out = (struct koleo_result){0};
        if (B > 1) {
            memset(k.d_unit, 0, (size_t)(B * C) * sizeof *k.d_unit);
            op_for(c, B, unit_row, &k);
            op_for(c, num_ceil_div(B, BLOCK), neighbour_block, &k);
            for (int64_t i = 0; i < B; i++)
                out->loss += koleo_row(&k, i, &out->n_left_out);
            for (int64_t i = 0; i < B; i++)
                koleo_bwd_row(&k, i, cpu_f32(dx), weight);
        }
    }
    c->scratch->used = mark;
}

/* With S the Gram matrix of the centred rows, the sum of the eigenvalues is its trace and the sum of their squares
 * the sum of its squared entries: no eigenvalue is needed. */
static double rank_of(const double *row, int64_t n, int64_t C)
{
    double trace = 0, squares = 0;
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j <= i; j++) {
            double dot = 0;
            for (int64_t k = 0; k < C; k++)
                dot += row[i * C + k] * row[j * C + k];
            squares += (i == j ? 1 : 2) * dot * dot;
            trace += i == j ? dot : 0;
        }
    return squares > 0 ? trace * trace / squares : squares;
}

void cpu_effective_rank(struct op_ctx *c, double *out, struct tensor features)
{
    size_t mark = c->scratch->used;
    const float *x = cpu_f32(features);
    int64_t T = features.dims[0], C = features.dims[1], n = num_min(T, RANK_ROWS);
    double *row = CPU_TAKE(c, double, n * C);
    if (!op_planning(c)) {
        for (int64_t k = 0; k < C; k++) {
            double mean = 0;
            for (int64_t i = 0; i < n; i++)
                mean += (double)x[i * T / n * C + k] / (double)n;
            for (int64_t i = 0; i < n; i++)
                row[i * C + k] = (double)x[i * T / n * C + k] - mean;
        }
        *out = rank_of(row, n, C);
    }
    c->scratch->used = mark;
}
