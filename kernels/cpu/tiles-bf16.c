/* tiles-bf16.c - tiles of bf16: vdpbf16ps multiplies 16 pairs with 16 pairs and adds both products to a float32 sum.
 *
 * This instruction and those that round to bf16 take subnormal numbers for zeros; half.h does not.
 *
 * A head of 64 with 257, 1,370 and 21,317 rows reaches, forward, 77, 82 and 75 % of the instruction's peak (Zen 4:
 * tests/bench-op attention bf16 257), backward 80, 82 and 77 %.
 */
#if defined(__x86_64__)
#include <stdint.h>
#define TILES_TARGET "avx512f,avx512bw,avx512dq,avx512vl,avx512bf16,prfchw"
#define TABLE tiles_bf16
typedef uint16_t element;
enum { STEP = 2 };
#include "tiles-avx512.h"

INLINE __m512i load_part(const element *x, int64_t n)
{
    return _mm512_maskz_loadu_epi16(n >= PART ? 0xffffffff : n <= 0 ? 0 : (1u << n) - 1, x);
}

INLINE void store_part(element *y, __m512 x, int64_t n)
{
    _mm256_mask_storeu_epi16(y, first_lanes(n), (__m256i)_mm512_cvtneps_pbh(x));
}

INLINE __m512i rounded(__m512 x, __m512 second)
{
    return (__m512i)_mm512_cvtne2ps_pbh(second, x);
}

INLINE void store_two(element *y, __m512 x, __m512 second)
{
    _mm512_store_si512(y, rounded(x, second));
}

INLINE __m512 multiply_add(__m512 sum, __m512i x, __m512i y)
{
    return _mm512_dpbf16_ps(sum, (__m512bh)x, (__m512bh)y);
}

/* Words of u and v in turn: half 0: the first 16 of each, 1: the others. */
INLINE __m512i in_turn(__m512i u, __m512i v, int half)
{
    uint16_t from[2 * LANES];
    for (int i = 0; i < 2 * LANES; i++)
        from[i] = (uint16_t)(i / 2 + half * LANES + (i & 1 ? 2 * LANES : 0));
    return _mm512_permutex2var_epi16(u, _mm512_loadu_si512(from), v);
}

INLINE void packed_row(__m512i row[2], const element *x, int64_t ldx, int64_t i, int64_t K, int64_t N)
{
    bool has_first = 2 * i < K, has_second = 2 * i + 1 < K;
    __m512i u = load_part(x + (has_first ? 2 * i : 0) * ldx, has_first ? N : 0);
    __m512i v = load_part(x + (has_second ? 2 * i + 1 : 0) * ldx, has_second ? N : 0);
    row[0] = in_turn(u, v, 0);
    row[1] = in_turn(u, v, 1);
}

INLINE void store_packed(element *panel, int64_t width, const __m512 u[2], const __m512 v[2], int64_t n_rows,
                         int64_t n_columns)
{
    __m512i x = rounded(u[0], u[1]), y = rounded(v[0], v[1]);
    (void)width, (void)n_rows; /* both rows are one row of pairs */
    _mm512_store_si512(panel, in_turn(x, y, 0));
    if (n_columns > LANES)
        _mm512_store_si512(panel + PART, in_turn(x, y, 1));
}

/* 2^n 2^r, n the nearest integer to x: a polynomial of degree 3 that is 1 at 0, fitted to the smallest largest relative
 * error (1.02e-4); scalef multiplies by 2^n. The difference is a multiply-add, as the units for additions are the
 * busier ones. NaN stays NaN. */
INLINE __m512 power2(__m512 x)
{
    __m512 one = _mm512_set1_ps(1), n = _mm512_roundscale_ps(x, 0), r = _mm512_fnmadd_ps(n, one, x);
    __m512 p = _mm512_fmadd_ps(_mm512_set1_ps(0.05500906f), r, _mm512_set1_ps(0.24221097f));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(0.6932829f));
    p = _mm512_fmadd_ps(p, r, one);
    return _mm512_scalef_ps(p, n);
}
#endif
