/* tiles-f32.c - tiles of float32.
 *
 * A head of 64 with 257, 1,370 and 21,317 rows reaches, forward, 82, 83 and 81 % of the peak (Zen 4: tests/bench-op
 * attention f32 257), backward 84, 84 and 82 %.
 */
#if defined(__x86_64__)
#define TILES_TARGET "avx512f,avx512bw,avx512dq,avx512vl,prfchw"
#define TABLE tiles_f32
typedef float element;
enum { STEP = 1 };
#include "tiles-avx512.h"

INLINE __m512i load_part(const element *x, int64_t n)
{
    return _mm512_castps_si512(_mm512_maskz_loadu_ps(first_lanes(n), x));
}

INLINE void store_part(element *y, __m512 x, int64_t n)
{
    _mm512_mask_storeu_ps(y, first_lanes(n), x);
}

INLINE void store_two(element *y, __m512 x, __m512 second)
{
    _mm512_store_ps(y, x);
    _mm512_store_ps(y + LANES, second);
}

INLINE __m512 multiply_add(__m512 sum, __m512i x, __m512i y)
{
    return _mm512_fmadd_ps(_mm512_castsi512_ps(x), _mm512_castsi512_ps(y), sum);
}

INLINE void packed_row(__m512i row[2], const element *x, int64_t ldx, int64_t i, int64_t K, int64_t N)
{
    const element *from = x + (i < K ? i : 0) * ldx;
    row[0] = load_part(from, i < K ? N : 0);
    row[1] = load_part(from + LANES, i < K ? N - LANES : 0);
}

INLINE void store_packed(element *panel, int64_t width, const __m512 u[2], const __m512 v[2], int64_t n_rows,
                         int64_t n_columns)
{
    for (int i = 0; i < 2 && i * LANES < n_columns; i++) {
        _mm512_store_ps(panel + i * LANES, u[i]);
        if (n_rows > 1)
            _mm512_store_ps(panel + width + i * LANES, v[i]);
    }
}

/* As fast_exp2 in fastmath.h, 1.2e-38 for x < -126 included: numbers below are slow to compute with. */
INLINE __m512 power2(__m512 x)
{
    x = _mm512_max_ps(_mm512_set1_ps(-126), x);
    __m512 one = _mm512_set1_ps(1), n = _mm512_roundscale_ps(x, 0), r = _mm512_fnmadd_ps(n, one, x);
    __m512 p = _mm512_fmadd_ps(_mm512_set1_ps(0.00015353362f), r, _mm512_set1_ps(0.00133988739f));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(0.00961843692f));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(0.0555033237f));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(0.240226477f));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(0.693147182f));
    p = _mm512_fmadd_ps(p, r, one);
    return _mm512_scalef_ps(p, n);
}
#endif
