/* simd-convert.c - between float32 and bf16, as half.c does it for one number: to nearest, ties to even, a NaN stays
 * one. In integers, so that every instruction set gives the same bits (the instruction of AVX-512 flushes subnormal
 * numbers to zero). */
#include <string.h>

#include "loops.h"

static void to_bf16(uint16_t *restrict y, const float *restrict x, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        uint32_t u;
        memcpy(&u, &x[i], sizeof u);
        uint32_t rounded = (u + 0x7fff + (u >> 16 & 1)) >> 16, nan = u >> 16 | 0x40;
        y[i] = (uint16_t)((u & 0x7fffffff) > 0x7f800000 ? nan : rounded);
    }
}

static void from_bf16(float *restrict y, const uint16_t *restrict x, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        uint32_t u = (uint32_t)x[i] << 16;
        memcpy(&y[i], &u, sizeof u);
    }
}

/* y += a g x; g may be NULL: 1 */
static void bf16_scale_add(float *restrict y, float a, const uint16_t *restrict x, const float *restrict g, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        uint32_t u = (uint32_t)x[i] << 16;
        float f;
        memcpy(&f, &u, sizeof u);
        y[i] += (g ? a * g[i] : a) * f;
    }
}

const struct convert_loops ISA_NAME(convert_loops) = {
    .to_bf16 = to_bf16, .from_bf16 = from_bf16, .bf16_scale_add = bf16_scale_add};
