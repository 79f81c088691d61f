/* simd-prototypes.c - inner loops of the prototype layer, compiled once per instruction set. A sum along a row is 16
 * partial sums that are added in one order, so that every set gives the same bits. */
#include <math.h>

#include "fastmath.h"
#include "isa.h"
#include "prototype-loops.h"
#include "prototypes.h"

enum { LANES = 16 };

static double lanes_sum(const float lane[LANES])
{
    double sum = 0;
    for (int l = 0; l < LANES; l++)
        sum += (double)lane[l];
    return sum;
}

static double row_dot(const float *a, const float *b, int64_t n)
{
    float lane[LANES] = {0};
    int64_t k = 0;
    for (; k + LANES <= n; k += LANES)
        for (int l = 0; l < LANES; l++)
            lane[l] += a[k + l] * b[k + l];
    for (int l = 0; k + l < n; l++)
        lane[l] += a[k + l] * b[k + l];
    return lanes_sum(lane);
}

static void weights(float *w, float *inverse, const float *v, const float *g, int64_t n, int64_t b)
{
    for (int64_t i = 0; i < n; i++) {
        const float *from = v + i * b;
        float inv = (float)(1.0 / sqrt(row_dot(from, from, b))), scale = g[i] * inv;
        inverse[i] = inv;
        for (int64_t j = 0; j < b; j++)
            w[i * b + j] = from[j] * scale;
    }
}

static void weights_bwd(float *dv, float *dg, const float *dw, const float *v, const float *g, const float *inverse,
                        int64_t n, int64_t b)
{
    for (int64_t i = 0; i < n; i++) {
        const float *d = dw + i * b, *from = v + i * b;
        float *to = dv + i * b, inv = inverse[i], radial = (float)row_dot(d, from, b) * inv; /* dw . u, u = v / |v| */
        float scale = g[i] * inv, projection = radial * inv;
        dg[i] += radial;
        for (int64_t j = 0; j < b; j++)
            to[j] += scale * (d[j] - projection * from[j]);
    }
}

static void columns_lse(double *largest, double *sums, const float *x, int64_t T, int64_t n, double scale,
                        const double *row)
{
    float sum[PROTOTYPES_TILE];
    for (int64_t k = 0; k < n; k++)
        largest[k] = (double)x[k] * scale + row[0], sum[k] = 0;
    for (int64_t t = 1; t < T; t++) {
        const float *r = x + t * PROTOTYPES_TILE;
        for (int64_t k = 0; k < n; k++) {
            double y = (double)r[k] * scale + row[t];
            largest[k] = y > largest[k] ? y : largest[k];
        }
    }
    for (int64_t t = 0; t < T; t++) {
        const float *r = x + t * PROTOTYPES_TILE;
        for (int64_t k = 0; k < n; k++)
            sum[k] += fast_exp((float)((double)r[k] * scale + row[t] - largest[k]));
    }
    for (int64_t k = 0; k < n; k++)
        sums[k] = (double)sum[k];
}

static void rows_lse(double *largest, double *sum, const float *x, int64_t T, int64_t n, double scale,
                     const double *col)
{
    for (int64_t t = 0; t < T; t++) {
        const float *r = x + t * PROTOTYPES_TILE;
        double y[PROTOTYPES_TILE], top[LANES];
        for (int64_t k = 0; k < n; k++)
            y[k] = (double)r[k] * scale + col[k];
        for (int l = 0; l < LANES; l++)
            top[l] = -HUGE_VAL;
        int64_t k = 0;
        for (; k + LANES <= n; k += LANES)
            for (int l = 0; l < LANES; l++)
                top[l] = y[k + l] > top[l] ? y[k + l] : top[l];
        for (int l = 0; k + l < n; l++)
            top[l] = y[k + l] > top[l] ? y[k + l] : top[l];
        double m = top[0];
        for (int l = 1; l < LANES; l++)
            m = top[l] > m ? top[l] : m;
        float lane[LANES] = {0};
        for (k = 0; k + LANES <= n; k += LANES)
            for (int l = 0; l < LANES; l++)
                lane[l] += fast_exp((float)(y[k + l] - m));
        for (int l = 0; k + l < n; l++)
            lane[l] += fast_exp((float)(y[k + l] - m));
        largest[t] = m;
        sum[t] = lanes_sum(lane);
    }
}

static void targets(float *out, const float *x, int64_t T, int64_t n, double scale, const double *col,
                    const double *row)
{
    for (int64_t t = 0; t < T; t++) {
        const float *r = x + t * PROTOTYPES_TILE;
        float *o = out + t * PROTOTYPES_TILE;
        for (int64_t k = 0; k < n; k++)
            o[k] = fast_exp((float)((double)r[k] * scale + col[k] + row[t]));
    }
}

/* t = a + b of a row, into `sum`; without b it is a itself. */
static inline const float *targets_of(float sum[PROTOTYPES_TILE], const float *a, const float *b, int64_t n)
{
    if (!b)
        return a;
    for (int64_t k = 0; k < n; k++)
        sum[k] = a[k] + b[k];
    return sum;
}

static void xent_row(double out[4], const float *x, const float *a, const float *b, int64_t n, float scale)
{
    float both[PROTOTYPES_TILE], y[PROTOTYPES_TILE], top[LANES];
    float sum[LANES] = {0}, dot[LANES] = {0}, target_sum[LANES] = {0};
    const float *t = targets_of(both, a, b, n);
    for (int64_t k = 0; k < n; k++)
        y[k] = x[k] * scale;
    for (int l = 0; l < LANES; l++)
        top[l] = -HUGE_VALF;
    int64_t k = 0;
    for (; k + LANES <= n; k += LANES)
        for (int l = 0; l < LANES; l++)
            top[l] = y[k + l] > top[l] ? y[k + l] : top[l];
    for (int l = 0; k + l < n; l++)
        top[l] = y[k + l] > top[l] ? y[k + l] : top[l];
    float m = top[0];
    for (int l = 1; l < LANES; l++)
        m = top[l] > m ? top[l] : m;
    for (k = 0; k + LANES <= n; k += LANES)
        for (int l = 0; l < LANES; l++) {
            sum[l] += fast_exp(y[k + l] - m);
            dot[l] += t[k + l] * y[k + l];
            target_sum[l] += t[k + l];
        }
    for (int l = 0; k + l < n; l++) {
        sum[l] += fast_exp(y[k + l] - m);
        dot[l] += t[k + l] * y[k + l];
        target_sum[l] += t[k + l];
    }
    out[0] = (double)m;
    out[1] = lanes_sum(sum);
    out[2] = lanes_sum(dot);
    out[3] = lanes_sum(target_sum);
}

static void xent_row_bwd(float *x, const float *a, const float *b, int64_t n, float scale, float lse,
                         float target_sum, float weight)
{
    float both[PROTOTYPES_TILE];
    const float *t = targets_of(both, a, b, n);
    float factor = weight * scale;
    for (int64_t k = 0; k < n; k++)
        x[k] = factor * (fast_exp(x[k] * scale - lse) * target_sum - t[k]);
}

static void column_sums(double *sum, const float *x, int64_t T, int64_t n)
{
    for (int64_t t = 0; t < T; t++)
        for (int64_t k = 0; k < n; k++)
            sum[k] += (double)x[t * PROTOTYPES_TILE + k];
}

const struct prototype_loops ISA_NAME(prototype_loops) = {
    .weights = weights,
    .weights_bwd = weights_bwd,
    .columns_lse = columns_lse,
    .rows_lse = rows_lse,
    .targets = targets,
    .xent_row = xent_row,
    .xent_row_bwd = xent_row_bwd,
    .column_sums = column_sums,
};
