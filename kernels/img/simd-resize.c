/* simd-resize.c - weighted sums of rows of bytes, and 16 x 16 transposes that bring columns into rows.
 *
 * Both passes of a resize are the same sum: output row = sum of taps times input rows, each byte for itself. The
 * horizontal pass gets there by turning 32 rows of the image into "lanes": byte b of all 32 rows side by side, so
 * that one tap is multiplied with a whole vector. Integer sums have one value in any order, so all instruction sets
 * agree. The compiler's portable vectors do all but the widening of bytes, which it does one by one if left alone.
 */
#include <string.h>

#include "cpu/isa.h"
#include "img/resize-loops.h"

typedef uint8_t v_u8 __attribute__((vector_size(16)));

#if defined(__AVX512F__)
#include <immintrin.h>
typedef int32_t v_i32 __attribute__((vector_size(64)));
#define WIDEN(p) ((v_i32)_mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i *)(const void *)(p))))
#elif defined(__AVX2__)
#include <immintrin.h>
typedef int32_t v_i32 __attribute__((vector_size(32)));
#define WIDEN(p) ((v_i32)_mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)(const void *)(p))))
#else
typedef int32_t v_i32 __attribute__((vector_size(16)));
#define WIDEN(p) ((v_i32){(p)[0], (p)[1], (p)[2], (p)[3]})
#endif
enum { V = sizeof(v_i32) / sizeof(int32_t) };

static inline void store(const int32_t *sum, int n, uint8_t *out)
{
    for (int i = 0; i < n; i++) {
        int32_t v = sum[i] >> RESIZE_PRECISION;
        v = v < 0 ? 0 : v;
        out[i] = (uint8_t)(v > 255 ? 255 : v);
    }
}

/* N bytes. The sums stay in registers; several of them hide the latency of the products. */
#define MIX(N)                                                                                                    \
    static void mix_##N(const uint8_t *rows, int64_t stride, const int32_t *taps, int64_t n_taps, uint8_t *out)     \
    {                                                                                                             \
        v_i32 sum[N / V];                                                                                         \
        for (int g = 0; g < N / V; g++)                                                                           \
            sum[g] = (v_i32){0} + (1 << (RESIZE_PRECISION - 1));                                                  \
        for (int64_t j = 0; j < n_taps; j++, rows += stride)                                                      \
            for (int g = 0; g < N / V; g++)                                                                       \
                sum[g] += WIDEN(rows + V * g) * taps[j];                                                          \
        int32_t whole[N];                                                                                         \
        memcpy(whole, sum, sizeof whole);                                                                         \
        store(whole, N, out);                                                                                     \
    }
MIX(96) /* 32 lanes of three channels */
MIX(32)
MIX(16)

static uint8_t mix_byte(const uint8_t *rows, int64_t stride, const int32_t *taps, int64_t n_taps)
{
    int32_t sum = 1 << (RESIZE_PRECISION - 1);
    for (int64_t j = 0; j < n_taps; j++)
        sum += rows[j * stride] * taps[j];
    sum >>= RESIZE_PRECISION;
    return (uint8_t)(sum < 0 ? 0 : sum > 255 ? 255 : sum);
}

static void mix(const uint8_t *rows, int64_t stride, const int32_t *taps, int64_t n_taps, int64_t n, uint8_t *out)
{
    int64_t i = 0;
    for (; i + 96 <= n; i += 96)
        mix_96(rows + i, stride, taps, n_taps, out + i);
    for (; i + 32 <= n; i += 32)
        mix_32(rows + i, stride, taps, n_taps, out + i);
    for (; i + 16 <= n; i += 16)
        mix_16(rows + i, stride, taps, n_taps, out + i);
    for (; i < n; i++)
        out[i] = mix_byte(rows + i, stride, taps, n_taps);
}

/* ------------------------------------------------------------ transposes */

#define LOW(a, b) __builtin_shufflevector(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23)
#define HIGH(a, b) __builtin_shufflevector(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31)

/* One of four rounds: vector i is woven with vector i + 8. Four of them exchange rows and columns. */
static inline void weave(const v_u8 from[16], v_u8 to[16])
{
    for (int i = 0; i < 8; i++) {
        to[2 * i] = LOW(from[i], from[i + 8]);
        to[2 * i + 1] = HIGH(from[i], from[i + 8]);
    }
}

static inline void transpose(v_u8 m[16])
{
    v_u8 t[16];
    weave(m, t), weave(t, m), weave(m, t), weave(t, m);
}

static void to_lanes(const uint8_t *const row[RESIZE_LANES], int64_t n_bytes, uint8_t *out)
{
    for (int64_t b = 0; b < n_bytes; b += 16) {
        int64_t n = n_bytes - b < 16 ? n_bytes - b : 16;
        for (int half = 0; half < RESIZE_LANES; half += 16) {
            v_u8 m[16];
            for (int l = 0; l < 16; l++) {
                if (n == 16)
                    memcpy(&m[l], row[half + l] + b, 16);
                else /* nothing behind the end of a row is read */
                    m[l] = (v_u8){0}, memcpy(&m[l], row[half + l] + b, (size_t)n);
            }
            transpose(m);
            for (int64_t i = 0; i < n; i++)
                memcpy(out + (b + i) * RESIZE_LANES + half, &m[i], 16);
        }
    }
}

static void from_lanes(const uint8_t *lanes, int64_t n_bytes, int n_lanes, uint8_t *out, int64_t stride)
{
    for (int64_t b = 0; b < n_bytes; b += 16) {
        int64_t n = n_bytes - b < 16 ? n_bytes - b : 16;
        for (int half = 0; half < n_lanes; half += 16) {
            v_u8 m[16] = {{0}};
            for (int64_t i = 0; i < n; i++)
                memcpy(&m[i], lanes + (b + i) * RESIZE_LANES + half, 16);
            transpose(m);
            for (int l = 0; l < 16 && half + l < n_lanes; l++)
                memcpy(out + (half + l) * stride + b, &m[l], (size_t)n);
        }
    }
}

const struct resize_loops ISA_NAME(resize_loops) = {mix, to_lanes, from_lanes};
