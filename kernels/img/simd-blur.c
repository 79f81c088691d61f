/* simd-blur.c - the 9 x 9 convolution. Each output is a sum of its own in a fixed order, so the width of the vectors
 * changes no bit. */
#include <string.h>

#include "blur-loops.h"
#include "isa.h"

#if defined(__AVX2__) /* vectors of 64 bytes, where available, are slower: every load would cross a cache line */
typedef float v_f32 __attribute__((vector_size(32)));
#else
typedef float v_f32 __attribute__((vector_size(16)));
#endif
enum { V = sizeof(v_f32) / sizeof(float), SUMS = 4, LANES = SUMS * V }; /* several sums hide the latency */

/* Half to even for 0 <= v < 2^22: the last bit of v + 1.5 * 2^23 is worth 1, so the addition rounds. */
static inline uint8_t round_even(float v)
{
    float r = (v + 12582912.0f) - 12582912.0f;
    r = r < 0 ? 0 : r;
    return (uint8_t)(int32_t)(r > 255 ? 255 : r);
}

/* Two rows of outputs at once: most rows of inputs are loaded once for both. */
static inline void convolve_block(const float *padded, int64_t stride, const float *taps, uint8_t *out,
                                  int64_t out_stride)
{
    v_f32 upper[SUMS] = {{0}}, lower[SUMS] = {{0}};
    for (int y = 0; y <= BLUR_TAPS; y++)
        for (int x = 0; x < BLUR_TAPS; x++)
            for (int k = 0; k < SUMS; k++) {
                v_f32 v;
                memcpy(&v, padded + y * stride + 3 * x + k * V, sizeof v);
                if (y < BLUR_TAPS)
                    upper[k] += v * taps[y * BLUR_TAPS + x];
                if (y > 0)
                    lower[k] += v * taps[(y - 1) * BLUR_TAPS + x];
            }
    float whole[2][LANES];
    memcpy(whole[0], upper, sizeof whole[0]);
    memcpy(whole[1], lower, sizeof whole[1]);
    for (int i = 0; i < LANES; i++)
        out[i] = round_even(whole[0][i]);
    for (int i = 0; i < LANES; i++)
        out[out_stride + i] = round_even(whole[1][i]);
}

static uint8_t convolve_one(const float *padded, int64_t stride, const float *taps)
{
    float sum = 0;
    for (int y = 0; y < BLUR_TAPS; y++)
        for (int x = 0; x < BLUR_TAPS; x++)
            sum += taps[y * BLUR_TAPS + x] * padded[y * stride + 3 * x];
    return round_even(sum);
}

static void convolve(const float *padded, int64_t stride, const float *taps, int64_t n_rows, int64_t n, uint8_t *out)
{
    for (int64_t y = 0; y < n_rows; y += 2) {
        const float *from = padded + y * stride;
        uint8_t *to = out + y * n;
        int64_t i = 0;
        for (; y + 2 <= n_rows && i + LANES <= n; i += LANES)
            convolve_block(from + i, stride, taps, to + i, n);
        for (; i < n; i++) {
            to[i] = convolve_one(from + i, stride, taps);
            if (y + 2 <= n_rows)
                to[n + i] = convolve_one(from + stride + i, stride, taps);
        }
    }
}

const struct blur_loops ISA_NAME(blur_loops) = {convolve};
