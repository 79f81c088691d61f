/* simd-activation.c - GELU with the error function, and SwiGLU. One pass, no branch: compilers vectorise it.
 *
 * gelu(x) = x Phi(x), gelu'(x) = Phi(x) + x phi(x), with Phi(x) = (1 + erf(x / sqrt 2)) / 2,
 * phi(x) = exp(-x^2 / 2) / sqrt(2 pi)
 * silu(g) = g s, silu'(g) = s (1 + g (1 - s)), s = 1 / (1 + exp(-g))
 */
#include <stddef.h>
#include <string.h>

#include "fastmath.h"
#include "half.h"
#include "loops.h"

static inline float gelu(float x)
{
    return 0.5f * x * (1.0f + fast_erf2(x));
}

static void bias_gelu(float *a, float *u, const float *x, const float *b, int64_t n)
{
    if (b) {
        float *sum = u ? u : a;
        LOOP_INDEPENDENT
        for (int64_t i = 0; i < n; i++)
            sum[i] = x[i] + b[i];
        x = sum;
    } else if (u && u != x) {
        memcpy(u, x, (size_t)n * sizeof *u);
    }
    LOOP_INDEPENDENT
    for (int64_t i = 0; i < n; i++)
        a[i] = gelu(x[i]);
}

static inline float gelu_slope(float x, float *value)
{
    float cdf = 0.5f * (1.0f + fast_erf2(x));
    float density = 0.398942280f * fast_exp(-0.5f * x * x);
    *value = x * cdf;
    return cdf + x * density;
}

static void gelu_bwd(float *dx, float *y, const float *dy, const float *x, int64_t n)
{
    LOOP_INDEPENDENT
    for (int64_t i = 0; i < n; i++) {
        float value, slope = gelu_slope(x[i], &value);
        dx[i] = dy[i] * slope;
        if (y)
            y[i] = value;
    }
}

static inline float sigmoid(float x)
{
    return 1.0f / (1.0f + fast_exp(-x));
}

static void swiglu_fwd(float *y, const float *gate, const float *value, int64_t n)
{
    LOOP_INDEPENDENT
    for (int64_t i = 0; i < n; i++)
        y[i] = gate[i] * sigmoid(gate[i]) * value[i];
}

static void swiglu_bwd(float *dgate, float *dvalue, float *y, const float *dy, const float *gate, const float *value,
                       int64_t n)
{
    LOOP_INDEPENDENT
    for (int64_t i = 0; i < n; i++) {
        float g = gate[i], v = value[i], d = dy[i];
        float s = sigmoid(g), silu = g * s;
        dgate[i] = d * v * (s + silu * (1.0f - s));
        dvalue[i] = d * silu;
        if (y)
            y[i] = silu * v;
    }
}

/* p s + c in one rounding: fused by name, not by permission, so that all instruction sets give the same bits. */
static inline float fused(float p, float s, float c)
{
    return __builtin_fmaf(p, s, c);
}

/* erf(x / sqrt 2) for values of 8 significant bits: x P(x^2), P of degree 8, fitted on |x| <= 4.2 so that the largest
 * error of x erf / 2 is smallest (5.6e-5; of erf 1.7e-4) and erf(4.2) is 1 but for rounding: beyond, GELU is x
 * or, to 6e-8 of x, 0. */
static inline float bf16_erf2(float x)
{
    x = x < -4.2f ? -4.2f : x;
    x = x > 4.2f ? 4.2f : x;
    float s = x * x;
    float p = fused(8.83015786e-11f, s, -8.82423476e-09f);
    p = fused(p, s, 3.90435299e-07f);
    p = fused(p, s, -1.01696816e-05f);
    p = fused(p, s, 0.000175517346f);
    p = fused(p, s, -0.00214677621f);
    p = fused(p, s, 0.0193794341f);
    p = fused(p, s, -0.132206026f);
    p = fused(p, s, 0.797394656f);
    return x * p;
}

static inline uint16_t bf16_gelu_of(float x, float erf)
{
    return f32_to_bf16(fused(0.5f * x, erf, 0.5f * x));
}

static void bf16_gelu(uint16_t *y, const uint16_t *x, int64_t n)
{
    LOOP_INDEPENDENT
    for (int64_t i = 0; i < n; i++)
        y[i] = bf16_gelu_of(bf16_to_f32(x[i]), bf16_erf2(bf16_to_f32(x[i])));
}

/* gelu'(x), to 1e-4; beyond 12 the density is 0. */
static inline float bf16_gelu_slope(float x, float erf)
{
    float near = x < -12.0f ? -12.0f : x;
    near = near > 12.0f ? 12.0f : near;
    float density = 0.398942280f * fast_exp2(-0.721347520f * near * near);
    return fused(near, density, fused(0.5f, erf, 0.5f));
}

static void bf16_gelu_bwd(uint16_t *dx, uint16_t *y, const uint16_t *dy, const uint16_t *x, int64_t n)
{
    LOOP_INDEPENDENT
    for (int64_t i = 0; i < n; i++) {
        float at = bf16_to_f32(x[i]), erf = bf16_erf2(at);
        dx[i] = f32_to_bf16(bf16_to_f32(dy[i]) * bf16_gelu_slope(at, erf));
        if (y)
            y[i] = bf16_gelu_of(at, erf);
    }
}

const struct activation_loops ISA_NAME(activation_loops) = {
    .bias_gelu = bias_gelu, .bf16_gelu = bf16_gelu, .gelu_bwd = gelu_bwd, .bf16_gelu_bwd = bf16_gelu_bwd,
    .swiglu_fwd = swiglu_fwd, .swiglu_bwd = swiglu_bwd};
