/* simd-blur.c - one row of the 9 x 9 convolution. Each output is a sum of its own in a fixed order, so the width of
 * vectors changes nothing. */
#include <string.h>

#include "cpu/isa.h"
#include "img/blur-loops.h"

#if defined(__AVX512F__)
typedef float v_f32 __attribute__((vector_size(64)));
#elif defined(__AVX2__)
typedef float v_f32 __attribute__((vector_size(32)));
#else
typedef float v_f32 __attribute__((vector_size(16)));
#endif
enum { V = sizeof(v_f32) / sizeof(float), SUMS = 4, LANES = SUMS * V }; /* several sums hide the latency */

/* Half to even for 0 <= v < 2^22: the sum's last bit is worth 1, the addition rounds. */
static inline uint8_t round_even(float v)
{
    float r = (v + 12582912.0f) - 12582912.0f;
    r = r < 0 ? 0 : r;
    return (uint8_t)(int32_t)(r > 255 ? 255 : r);
}

static inline void block(const float *padded, int64_t stride, const float *taps, uint8_t *out)
{
    v_f32 sum[SUMS] = {{0}};
    for (int y = 0; y < BLUR_TAPS; y++)
        for (int x = 0; x < BLUR_TAPS; x++)
            for (int k = 0; k < SUMS; k++) {
                v_f32 v;
                memcpy(&v, padded + y * stride + 3 * x + k * V, sizeof v);
                sum[k] += v * taps[y * BLUR_TAPS + x];
            }
    float whole[LANES];
    memcpy(whole, sum, sizeof whole);
    for (int i = 0; i < LANES; i++)
        out[i] = round_even(whole[i]);
}

static uint8_t one(const float *padded, int64_t stride, const float *taps)
{
    float sum = 0;
    for (int y = 0; y < BLUR_TAPS; y++)
        for (int x = 0; x < BLUR_TAPS; x++)
            sum += taps[y * BLUR_TAPS + x] * padded[y * stride + 3 * x];
    return round_even(sum);
}

static void row(const float *padded, int64_t stride, const float *taps, int64_t n, uint8_t *out)
{
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES)
        block(padded + i, stride, taps, out + i);
    for (; i < n; i++)
        out[i] = one(padded + i, stride, taps);
}

const struct blur_loops ISA_NAME(blur_loops) = {row};
