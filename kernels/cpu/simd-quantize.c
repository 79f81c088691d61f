/* simd-quantize.c - rows of numbers as integers of 8 bits, and what sums of their products stand for.
 *
 * Rounding is to nearest, ties to even, by adding 1.5 * 2^23: the low bits of the sum are the integer, the same on
 * every instruction set. Floats are compared as integers of the same order, which compilers vectorise, and where a NaN
 * is beyond the infinities. */
#include <math.h>

#include "half.h"
#include "loops.h"

static const float ROUND = 12582912; /* 1.5 * 2^23 */
static const float SMALLEST = 1e-30f; /* a narrower range is none: its inverse must be finite */

static inline int32_t bits_of(float x)
{
    return (int32_t)f32_bits(x);
}

static inline float float_of(int32_t u)
{
    return f32_of_bits((uint32_t)u);
}

/* Of the bits of a float an integer of the same order, and back. */
static inline int32_t ordered(int32_t u)
{
    return u ^ (u >> 31 & 0x7fffffff);
}

static float quantize_weight_row(int8_t *restrict q, const float *restrict x, const float *restrict g, int64_t n)
{
    int32_t largest = 0;
    for (int64_t i = 0; i < n; i++) {
        int32_t magnitude = bits_of(x[i] * g[i]) & 0x7fffffff;
        largest = magnitude > largest ? magnitude : largest;
    }
    float scale = float_of(largest) / QUANTIZE_MAX;
    bool usable = isfinite(scale) && scale >= SMALLEST;
    for (int64_t i = 0; i < n && !usable; i++)
        q[i] = 0;
    if (!usable)
        return isfinite(scale) ? 0 : NAN;
    float inverse = QUANTIZE_MAX / float_of(largest);
    for (int64_t i = 0; i < n; i++)
        q[i] = (int8_t)(bits_of(x[i] * g[i] * inverse + ROUND) & 0xff);
    return scale;
}

static struct quantized_row quantize_input_row(int8_t *restrict q, const uint16_t *restrict x,
                                               const float *restrict g, int64_t n)
{
    int32_t low = INT32_MAX, high = INT32_MIN;
    for (int64_t i = 0; i < n; i++) {
        int32_t v = ordered(bits_of(bf16_to_f32(x[i]) * g[i]));
        low = v < low ? v : low;
        high = v > high ? v : high;
    }
    float least = float_of(ordered(low)), most = float_of(ordered(high));
    struct quantized_row row = {(most - least) / (2 * QUANTIZE_MAX), least + (most - least) / 2};
    bool usable = isfinite(row.scale) && row.scale >= SMALLEST;
    for (int64_t i = 0; i < n && !usable; i++)
        q[i] = 0;
    if (!usable)
        return (struct quantized_row){isfinite(row.scale) ? 0 : NAN, row.offset};
    float inverse = 1 / row.scale;
    for (int64_t i = 0; i < n; i++)
        q[i] = (int8_t)(bits_of((bf16_to_f32(x[i]) * g[i] - row.offset) * inverse + ROUND) & 0xff);
    return row;
}

static inline float value_of(int32_t sum, struct quantized_row row, const float *channel, const float *q_sum,
                             const float *b, int64_t i)
{
    return ((float)sum * row.scale + q_sum[i] * row.offset) * channel[i] + (b ? b[i] : 0);
}

static void to_f32(float *restrict y, const int32_t *restrict sums, struct quantized_row row,
                   const float *restrict channel, const float *restrict q_sum, const float *restrict b, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        y[i] = value_of(sums[i], row, channel, q_sum, b, i);
}

static void to_bf16(uint16_t *restrict y, const int32_t *restrict sums, struct quantized_row row,
                    const float *restrict channel, const float *restrict q_sum, const float *restrict b, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        y[i] = f32_to_bf16(value_of(sums[i], row, channel, q_sum, b, i));
}

const struct quantize_loops ISA_NAME(quantize_loops) = {
    .quantize_weight_row = quantize_weight_row, .quantize_input_row = quantize_input_row, .to_f32 = to_f32,
    .to_bf16 = to_bf16};
