/* simd-quantize.c - rows as integers of 8 bits with one scale, symmetric: x = scale q, scale = max |x| / 127. Rounding
 * is to nearest, ties to even, by adding 1.5 * 2^23: the low bits of the sum are the integer, the same on every
 * instruction set. The largest magnitude is that of the bits, so that a NaN or an infinity is the largest of all. */
#include <math.h>

#include "bf16-loops.h"
#include "loops.h"

enum { SCALE_MAX_Q = 127 };
static const float ROUND = 12582912; /* 1.5 * 2^23 */
static const float SMALLEST = 1e-30f; /* rows below it are zero: 127 / max |x| must be finite */

typedef float element(const void *x, int64_t i);

static inline float element_f32(const void *x, int64_t i)
{
    return ((const float *)x)[i];
}

static inline float element_bf16(const void *x, int64_t i)
{
    return bf16_value(((const uint16_t *)x)[i]);
}

static inline __attribute__((always_inline)) float quantize(int8_t *restrict q, const void *restrict x, element *at,
                                                            const float *restrict g, int64_t n)
{
    uint32_t largest = 0;
    float magnitude;
    for (int64_t i = 0; i < n; i++) {
        float f = at(x, i) * g[i];
        uint32_t u;
        memcpy(&u, &f, sizeof u);
        u &= 0x7fffffff;
        largest = u > largest ? u : largest;
    }
    memcpy(&magnitude, &largest, sizeof magnitude);
    if (!isfinite(magnitude) || magnitude < SMALLEST) {
        for (int64_t i = 0; i < n; i++)
            q[i] = 0;
        return isfinite(magnitude) ? 0 : NAN;
    }
    float inverse = SCALE_MAX_Q / magnitude;
    for (int64_t i = 0; i < n; i++) {
        float f = at(x, i) * g[i] * inverse + ROUND;
        uint32_t u;
        memcpy(&u, &f, sizeof u);
        q[i] = (int8_t)(u & 0xff);
    }
    return magnitude / SCALE_MAX_Q;
}

static float quantize_f32(int8_t *q, const float *x, const float *g, int64_t n)
{
    return quantize(q, x, element_f32, g, n);
}

static float quantize_bf16(int8_t *q, const uint16_t *x, const float *g, int64_t n)
{
    return quantize(q, x, element_bf16, g, n);
}

static void to_f32(float *restrict y, const int32_t *restrict sums, float row, const float *restrict channel,
                   const float *restrict b, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        y[i] = (float)sums[i] * channel[i] * row + (b ? b[i] : 0);
}

static void to_bf16(uint16_t *restrict y, const int32_t *restrict sums, float row, const float *restrict channel,
                    const float *restrict b, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        y[i] = bf16_rounded((float)sums[i] * channel[i] * row + (b ? b[i] : 0));
}

const struct quantize_loops ISA_NAME(quantize_loops) = {
    .from_f32 = quantize_f32, .from_bf16 = quantize_bf16, .to_f32 = to_f32, .to_bf16 = to_bf16};
