/* simd-rows.c - sums and maxima over a row. A sum is 16 partial sums, element i in sum i % 16, which are added as a
 * tree at the end: the same order, and so the same bits, with vectors of 4, 8 or 16. */
#include <math.h>

#include "fastmath.h"
#include "loops.h"

enum { LANES = 16 };

static inline float lanes_sum(const float *s)
{
    float a[8], b[4];
    for (int i = 0; i < 8; i++)
        a[i] = s[i] + s[i + 8];
    for (int i = 0; i < 4; i++)
        b[i] = a[i] + a[i + 4];
    return (b[0] + b[2]) + (b[1] + b[3]);
}

/* Adds the last n % 16 elements, f(i), to their lanes. */
#define TAIL_ADD(lanes, n, f)                                      \
    for (int64_t i = (n) - (n) % LANES, k = 0; i < (n); i++, k++) \
    (lanes)[k] += (f)

/* The order of comparisons does not matter, so four vectors at a time hide their latency. */
static float row_max(const float *x, int64_t n)
{
    enum { WIDE = 4 * LANES };
    float m[WIDE], best = x[0];
    int64_t i = 0;
    for (int k = 0; k < WIDE; k++)
        m[k] = x[0];
    for (; i + WIDE <= n; i += WIDE)
        for (int k = 0; k < WIDE; k++)
            m[k] = x[i + k] > m[k] ? x[i + k] : m[k];
    for (; i < n; i++)
        best = x[i] > best ? x[i] : best;
    for (int half = WIDE / 2; half >= LANES / 2; half /= 2)
        for (int k = 0; k < half; k++)
            m[k] = m[k] > m[k + half] ? m[k] : m[k + half];
    for (int k = 0; k < LANES / 2; k++)
        best = m[k] > best ? m[k] : best;
    return best;
}

static float exp2_sum(float *x, float scale, float shift, int64_t n)
{
    float s[LANES] = {0};
    int64_t whole = n - n % LANES;
    for (int64_t i = 0; i < whole; i += LANES)
        for (int k = 0; k < LANES; k++) {
            float e = fast_exp2(x[i + k] * scale - shift);
            x[i + k] = e;
            s[k] += e;
        }
    for (int64_t i = whole; i < n; i++) {
        x[i] = fast_exp2(x[i] * scale - shift);
        s[i - whole] += x[i];
    }
    return lanes_sum(s);
}

static float dot(const float *x, const float *y, int64_t n)
{
    float s[LANES] = {0};
    for (int64_t i = 0; i + LANES <= n; i += LANES)
        for (int k = 0; k < LANES; k++)
            s[k] += x[i + k] * y[i + k];
    TAIL_ADD(s, n, x[i] * y[i]);
    return lanes_sum(s);
}

static void softmax_bwd(float *p, float *dp, float scale2, float lse2, float scale, float delta, int64_t n)
{
    LOOP_INDEPENDENT
    for (int64_t i = 0; i < n; i++) {
        p[i] = fast_exp2(p[i] * scale2 - lse2);
        dp[i] = p[i] * (dp[i] - delta) * scale;
    }
}

static void layernorm_fwd(float *y, float *mean, float *rstd, const float *x, const float *w, const float *b, float eps,
                          int64_t n)
{
    float s[LANES] = {0}, v[LANES] = {0};
    for (int64_t i = 0; i + LANES <= n; i += LANES)
        for (int k = 0; k < LANES; k++)
            s[k] += x[i + k];
    TAIL_ADD(s, n, x[i]);
    float m = lanes_sum(s) / (float)n;
    for (int64_t i = 0; i + LANES <= n; i += LANES)
        for (int k = 0; k < LANES; k++)
            v[k] += (x[i + k] - m) * (x[i + k] - m);
    TAIL_ADD(v, n, (x[i] - m) * (x[i] - m));
    float r = 1.0f / sqrtf(lanes_sum(v) / (float)n + eps);
    LOOP_INDEPENDENT
    for (int64_t i = 0; i < n; i++)
        y[i] = (x[i] - m) * r * w[i] + b[i];
    *mean = m;
    *rstd = r;
}

/* g = dy w, h = (x - mean) rstd: dx = rstd (g - mean(g) - h mean(g h)), dw += dy h, db += dy */
static void layernorm_bwd(float *dx, float *dw, float *db, const float *dy, const float *x, const float *w, float mean,
                          float rstd, int64_t n)
{
    float s1[LANES] = {0}, s2[LANES] = {0};
    for (int64_t i = 0; i + LANES <= n; i += LANES)
        for (int k = 0; k < LANES; k++) {
            float g = dy[i + k] * w[i + k];
            s1[k] += g;
            s2[k] += g * ((x[i + k] - mean) * rstd);
        }
    TAIL_ADD(s1, n, dy[i] * w[i]);
    TAIL_ADD(s2, n, dy[i] * w[i] * ((x[i] - mean) * rstd));
    float g_mean = lanes_sum(s1) / (float)n, gh_mean = lanes_sum(s2) / (float)n;
    LOOP_INDEPENDENT
    for (int64_t i = 0; i < n; i++) {
        float h = (x[i] - mean) * rstd, d = dy[i];
        dw[i] += d * h;
        db[i] += d;
        dx[i] = rstd * (d * w[i] - g_mean - h * gh_mean);
    }
}

static double sum_squares(const float *x, int64_t n)
{
    double s[LANES] = {0};
    for (int64_t i = 0; i + LANES <= n; i += LANES)
        for (int k = 0; k < LANES; k++)
            s[k] += (double)x[i + k] * (double)x[i + k];
    TAIL_ADD(s, n, (double)x[i] * (double)x[i]);
    double sum = 0;
    for (int k = 0; k < LANES; k++)
        sum += s[k];
    return sum;
}

const struct row_loops ISA_NAME(row_loops) = {.max = row_max,
                                              .exp2_sum = exp2_sum,
                                              .dot = dot,
                                              .softmax_bwd = softmax_bwd,
                                              .layernorm_fwd = layernorm_fwd,
                                              .layernorm_bwd = layernorm_bwd,
                                              .sum_squares = sum_squares};
