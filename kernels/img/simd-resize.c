/* simd-resize.c - weighted sums of rows of bytes, and 16 x 16 transposes that make columns into rows.
 *
 * Both passes of a resize are the same sum, byte by byte: output row = sum of taps times input rows. For the horizontal
 * pass 32 rows of the image are transposed into "lanes", byte b of all 32 rows side by side, so that one tap multiplies
 * a whole vector.
 *
 * x86 has an instruction that multiplies pairs of 16-bit numbers and adds the two products (pmaddwd); compilers do not
 * generate it from plain C here. So two rows are interleaved byte by byte and multiplied by two taps, once by their
 * high parts and once by their low parts. Integer sums do not depend on the order, so all instruction sets agree with
 * the plain form below.
 */
#include <string.h>

#include "isa.h"
#include "resize-loops.h"

static inline uint8_t clip(uint32_t sum)
{
    int32_t v = (int32_t)sum >> RESIZE_PRECISION;
    v = v < 0 ? 0 : v;
    return (uint8_t)(v > 255 ? 255 : v);
}

static uint8_t mix_byte(const uint8_t *rows, int64_t stride, const struct resize_pair *taps, int64_t n_taps)
{
    uint32_t sum = 1u << (RESIZE_PRECISION - 1);
    for (int64_t j = 0; j < n_taps; j++) {
        const struct resize_pair *t = &taps[j / 2];
        int32_t tap = t->high[j % 2] * (1 << RESIZE_SPLIT) + t->low[j % 2];
        sum += (uint32_t)(rows[j * stride] * tap);
    }
    return clip(sum);
}

#if defined(__AVX2__)
#include <immintrin.h>
typedef __m256i vec;
#define V(op) _mm256_##op
#define LOAD(p) _mm256_loadu_si256((const __m256i *)(const void *)(p))
#define STORE(p, v) _mm256_storeu_si256((__m256i *)(void *)(p), v)
#define ZERO _mm256_setzero_si256()
#elif defined(__SSE2__)
#include <emmintrin.h>
typedef __m128i vec;
#define V(op) _mm_##op
#define LOAD(p) _mm_loadu_si128((const __m128i *)(const void *)(p))
#define STORE(p, v) _mm_storeu_si128((__m128i *)(void *)(p), v)
#define ZERO _mm_setzero_si128()
#endif

#ifdef LOAD
enum { BLOCK = sizeof(vec) };

static inline int32_t pair_bits(const int16_t pair[2])
{
    int32_t v;
    memcpy(&v, pair, sizeof v);
    return v;
}

/* The sum of the high parts, shifted into place, and of the low parts; packing saturates it to 16 bits. */
static inline vec total(vec high, vec low)
{
    vec half = V(set1_epi32)(1 << (RESIZE_PRECISION - 1));
    vec sum = V(add_epi32)(V(add_epi32)(V(slli_epi32)(high, RESIZE_SPLIT), low), half);
    return V(srai_epi32)(sum, RESIZE_PRECISION);
}

/* Interleaving and packing work within 128 bits and are inverse to each other, so bytes keep their positions. */
static void mix_block(const uint8_t *rows, int64_t stride, const struct resize_pair *taps, int64_t n_taps, uint8_t *out)
{
    vec zero = ZERO, h0 = zero, h1 = zero, h2 = zero, h3 = zero, l0 = zero, l1 = zero, l2 = zero, l3 = zero;
    for (int64_t j = 0; j < n_taps; j += 2, taps++) {
        vec a = LOAD(rows), b = LOAD(j + 1 < n_taps ? rows + stride : rows); /* no row after the last is read */
        vec front = V(unpacklo_epi8)(a, b), back = V(unpackhi_epi8)(a, b);
        vec p0 = V(unpacklo_epi8)(front, zero), p1 = V(unpackhi_epi8)(front, zero);
        vec p2 = V(unpacklo_epi8)(back, zero), p3 = V(unpackhi_epi8)(back, zero);
        vec high = V(set1_epi32)(pair_bits(taps->high)), low = V(set1_epi32)(pair_bits(taps->low));
        h0 = V(add_epi32)(h0, V(madd_epi16)(p0, high)), l0 = V(add_epi32)(l0, V(madd_epi16)(p0, low));
        h1 = V(add_epi32)(h1, V(madd_epi16)(p1, high)), l1 = V(add_epi32)(l1, V(madd_epi16)(p1, low));
        h2 = V(add_epi32)(h2, V(madd_epi16)(p2, high)), l2 = V(add_epi32)(l2, V(madd_epi16)(p2, low));
        h3 = V(add_epi32)(h3, V(madd_epi16)(p3, high)), l3 = V(add_epi32)(l3, V(madd_epi16)(p3, low));
        rows += 2 * stride;
    }
    vec front = V(packs_epi32)(total(h0, l0), total(h1, l1)), back = V(packs_epi32)(total(h2, l2), total(h3, l3));
    STORE(out, V(packus_epi16)(front, back));
}
#else
enum { BLOCK = 32 };

static void mix_block(const uint8_t *rows, int64_t stride, const struct resize_pair *taps, int64_t n_taps, uint8_t *out)
{
    uint32_t sum[BLOCK];
    for (int i = 0; i < BLOCK; i++)
        sum[i] = 1u << (RESIZE_PRECISION - 1);
    for (int64_t j = 0; j < n_taps; j++, rows += stride) {
        int32_t tap = taps[j / 2].high[j % 2] * (1 << RESIZE_SPLIT) + taps[j / 2].low[j % 2];
        for (int i = 0; i < BLOCK; i++)
            sum[i] += (uint32_t)(rows[i] * tap);
    }
    for (int i = 0; i < BLOCK; i++)
        out[i] = clip(sum[i]);
}
#endif

static void mix(const uint8_t *rows, int64_t stride, const struct resize_pair *taps, int64_t n_taps, int64_t n,
                uint8_t *out)
{
    int64_t i = 0;
    for (; i + BLOCK <= n; i += BLOCK)
        mix_block(rows + i, stride, taps, n_taps, out + i);
    if (i < n && n >= BLOCK) /* the rest as the end of a whole block, some bytes of which are computed twice */
        mix_block(rows + n - BLOCK, stride, taps, n_taps, out + n - BLOCK);
    else
        for (; i < n; i++)
            out[i] = mix_byte(rows + i, stride, taps, n_taps);
}

/* ------------------------------------------------------------ transposes */

typedef uint8_t v_u8 __attribute__((vector_size(16)));

#define LOW(a, b) __builtin_shufflevector(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23)
#define HIGH(a, b) __builtin_shufflevector(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31)

/* Interleaves vectors i and i + 8. Four rounds of it transpose. */
static inline void interleave(const v_u8 from[16], v_u8 to[16])
{
    for (int i = 0; i < 8; i++) {
        to[2 * i] = LOW(from[i], from[i + 8]);
        to[2 * i + 1] = HIGH(from[i], from[i + 8]);
    }
}

static inline void transpose(v_u8 m[16])
{
    v_u8 t[16];
    interleave(m, t), interleave(t, m), interleave(m, t), interleave(t, m);
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
                else /* nothing after the end of a row is read */
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
