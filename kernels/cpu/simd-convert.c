/* simd-convert.c - one pass over values of bf16 each (half.h). */
#include "half.h"
#include "loops.h"

static void to_bf16(uint16_t *restrict y, const float *restrict x, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        y[i] = f32_to_bf16(x[i]);
}

static void from_bf16(float *restrict y, const uint16_t *restrict x, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        y[i] = bf16_to_f32(x[i]);
}

static void bf16_scale_add(float *restrict y, float a, const uint16_t *restrict x, const float *restrict g, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        y[i] += (g ? a * g[i] : a) * bf16_to_f32(x[i]);
}

const struct convert_loops ISA_NAME(convert_loops) = {
    .to_bf16 = to_bf16, .from_bf16 = from_bf16, .bf16_scale_add = bf16_scale_add};
