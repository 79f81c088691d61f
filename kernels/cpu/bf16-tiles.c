/* bf16-tiles.c - vdpbf16ps multiplies 16 pairs of a vector with 16 pairs of another and adds each to a float32 sum. A
 * tile of 6 rows and 4 vectors is 24 sums, more than the latency of 6 cycles needs; with 4 vectors of B and a pair of A
 * they fill the 32 registers. Arrays of vectors are registers where all indices are constants after unrolling.
 *
 * Measured on one core of Zen 4 (230 GFLOP/s of bf16), a head of 64, 257 keys: scores 41 us, powers 11, sums 38,
 * packing 2.4. oneDNN 2.6.3: scores 42 us, sums 40, packing 13, and the powers are to come.
 */
#include "bf16-tiles.h"

#if defined(__x86_64__)
#include <immintrin.h>
#include <math.h>
#include <string.h>

/* The rest of the library runs on any x86-64. */
#define TARGET __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512bf16,prfchw")))
#define INLINE TARGET static inline __attribute__((always_inline))
enum { ROWS = BF16_ROWS, LANES = BF16_LANES, VECTORS = 4, WORDS = 2 * LANES, PANEL = VECTORS * LANES };

INLINE __mmask16 first_lanes(int64_t n) /* n may exceed LANES, or be negative */
{
    return (__mmask16)(n >= LANES ? 0xffff : n <= 0 ? 0 : (1u << n) - 1);
}

INLINE __mmask32 first_words(int64_t n)
{
    return n >= WORDS ? 0xffffffff : n <= 0 ? 0 : (1u << n) - 1;
}

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* ------------------------------------------------------------------ packing */

/* Words of u and v in turn: half 0: the first 16 of each, 1: the others. */
INLINE __m512i in_pairs(__m512i u, __m512i v, int half)
{
    uint16_t from[WORDS];
    for (int i = 0; i < WORDS; i++)
        from[i] = (uint16_t)(i / 2 + half * LANES + (i & 1 ? WORDS : 0));
    return _mm512_permutex2var_epi16(u, _mm512_loadu_si512(from), v);
}

TARGET void bf16_pack(uint16_t *b, const uint16_t *x, int64_t ldx, int64_t K, int64_t N)
{
    for (int64_t n0 = 0; n0 < N; n0 += PANEL) {
        int64_t width = least(bf16_lanes(N - n0), PANEL);
        for (int64_t k = 0; k < K; k += 2, b += 2 * width)
            for (int64_t n = 0; n < width; n += WORDS) {
                const uint16_t *row = x + k * ldx + n0 + n;
                __mmask32 mask = first_words(N - n0 - n);
                __m512i u = _mm512_maskz_loadu_epi16(mask, row);
                __m512i v = _mm512_maskz_loadu_epi16(k + 1 < K ? mask : 0, row + (k + 1 < K ? ldx : 0));
                _mm512_store_si512(b + 2 * n, in_pairs(u, v, 0));
                if (n + LANES < width)
                    _mm512_store_si512(b + 2 * (n + LANES), in_pairs(u, v, 1));
            }
    }
}

/* Exchanges the off-diagonal quarters of each square of 2 distance x 2 distance. */
INLINE void exchange(__m512i x[LANES], int distance)
{
    int low[LANES], high[LANES];
    for (int e = 0; e < LANES; e++) {
        low[e] = e & distance ? LANES + e - distance : e;
        high[e] = e & distance ? LANES + e : e + distance;
    }
    __m512i from_low = _mm512_loadu_si512(low), from_high = _mm512_loadu_si512(high);
#pragma GCC unroll 16
    for (int i = 0; i < LANES; i++)
        if (!(i & distance)) {
            __m512i upper = x[i], lower = x[i + distance];
            x[i] = _mm512_permutex2var_epi32(upper, from_low, lower);
            x[i + distance] = _mm512_permutex2var_epi32(upper, from_high, lower);
        }
}

INLINE void transpose_lanes(__m512i x[LANES])
{
    exchange(x, 8);
    exchange(x, 4);
    exchange(x, 2);
    exchange(x, 1);
}

/* 16 rows of 16 pairs: the square is transposed. */
INLINE void pack_square(uint16_t *b, int64_t width, const uint16_t *x, int64_t ldx, int64_t K, int64_t N)
{
    __m512i square[LANES];
#pragma GCC unroll 16
    for (int i = 0; i < LANES; i++)
        square[i] = _mm512_maskz_loadu_epi16(i < N ? first_words(K) : 0, x + (i < N ? i : 0) * ldx);
    transpose_lanes(square);
#pragma GCC unroll 16
    for (int i = 0; i < LANES; i++)
        if (2 * i < K)
            _mm512_store_si512(b + i * width * 2, square[i]);
}

TARGET void bf16_pack_transposed(uint16_t *b, const uint16_t *x, int64_t ldx, int64_t K, int64_t N)
{
    for (int64_t n0 = 0; n0 < N; n0 += PANEL) {
        int64_t width = least(bf16_lanes(N - n0), PANEL);
        for (int64_t n = 0; n < width; n += LANES)
            for (int64_t k = 0; k < K; k += WORDS)
                pack_square(b + (k / 2 * width + n) * 2, width, x + (n0 + n) * ldx + k, ldx, K - k, N - n0 - n);
        b += bf16_even(K) * width;
    }
}

/* The rows that follow will be taken next; they lie so far apart that the processor does not foresee them. */
TARGET void bf16_take_rows(uint16_t *a, const uint16_t *x, int64_t ldx, int64_t n, int64_t K)
{
    for (int r = 0; r < ROWS; r++)
        for (int64_t k = 0; k < K; k += WORDS) {
            const uint16_t *row = x + (r < n ? r : 0) * ldx + k;
            _mm512_store_si512(a + r * bf16_stride(K) + k,
                               _mm512_maskz_loadu_epi16(r < n ? first_words(K - k) : 0, row));
            _mm_prefetch((const char *)(row + ROWS * ldx), _MM_HINT_T0);
        }
}

/* ------------------------------------------------------------------ products */

/* One panel; `vectors` is a constant wherever this is called, so that the sums stay in registers. */
INLINE void panel_product(float *c, int64_t ldc, const float *keep, const uint16_t *a, int64_t lda, const uint16_t *b,
                          int64_t pairs, int vectors)
{
    __m512 sum[ROWS][VECTORS];
#pragma GCC unroll 6
    for (int r = 0; r < ROWS; r++)
#pragma GCC unroll 4
        for (int v = 0; v < VECTORS && v < vectors; v++)
            sum[r][v] = keep ? _mm512_mul_ps(_mm512_load_ps(c + r * ldc + v * LANES), _mm512_set1_ps(keep[r]))
                             : _mm512_setzero_ps();
    for (int64_t i = 0; i < pairs; i++) {
        __m512bh x[VECTORS];
#pragma GCC unroll 4
        for (int v = 0; v < VECTORS && v < vectors; v++)
            x[v] = (__m512bh)_mm512_load_si512(b + (i * vectors + v) * WORDS);
#pragma GCC unroll 6
        for (int r = 0; r < ROWS; r++) {
            int pair;
            memcpy(&pair, a + r * lda + 2 * i, sizeof pair);
            __m512bh y = (__m512bh)_mm512_set1_epi32(pair);
#pragma GCC unroll 4
            for (int v = 0; v < VECTORS && v < vectors; v++)
                sum[r][v] = _mm512_dpbf16_ps(sum[r][v], y, x[v]);
        }
    }
#pragma GCC unroll 6
    for (int r = 0; r < ROWS; r++)
#pragma GCC unroll 4
        for (int v = 0; v < VECTORS && v < vectors; v++)
            _mm512_store_ps(c + r * ldc + v * LANES, sum[r][v]);
}

TARGET void bf16_product(float *c, const float *keep, const uint16_t *a, const uint16_t *b, int64_t K, int64_t N)
{
    int64_t pairs = bf16_even(K) / 2, lda = bf16_stride(K), ldc = bf16_stride(N);
    for (; N > 3 * LANES; N -= PANEL, c += PANEL, b += pairs * 2 * PANEL)
        if (keep)
            panel_product(c, ldc, keep, a, lda, b, pairs, VECTORS);
        else
            panel_product(c, ldc, NULL, a, lda, b, pairs, VECTORS);
    if (N > 2 * LANES)
        panel_product(c, ldc, keep, a, lda, b, pairs, 3);
    else if (N > LANES)
        panel_product(c, ldc, keep, a, lda, b, pairs, 2);
    else if (N > 0)
        panel_product(c, ldc, keep, a, lda, b, pairs, 1);
}

/* ------------------------------------------------------------------ softmax */

/* 2^n 2^r, n the nearest integer to x: a polynomial of degree 3 that is 1 at 0, fitted to the smallest largest relative
 * error (1.0e-4); scalef multiplies by 2^n. The difference and the sum of a row are multiply-adds by 1, as these have
 * units of their own and the other units are the busier ones. NaN stays NaN. */
INLINE __m512 power2(__m512 x, __m512 one)
{
    __m512 n = _mm512_roundscale_ps(x, 0), r = _mm512_fnmadd_ps(n, one, x);
    __m512 p = _mm512_fmadd_ps(_mm512_set1_ps(0.05500906f), r, _mm512_set1_ps(0.24221097f));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(0.6932829f));
    p = _mm512_fmadd_ps(p, r, one);
    return _mm512_scalef_ps(p, n);
}

/* The largest of n scores of each row. */
INLINE void rows_max(__m512 top[ROWS], const float *s, int64_t ld, int64_t n)
{
#pragma GCC unroll 6
    for (int r = 0; r < ROWS; r++)
        top[r] = _mm512_set1_ps(-INFINITY);
    for (int64_t i = 0; i < n; i += LANES) {
        __mmask16 mask = first_lanes(n - i);
#pragma GCC unroll 6
        for (int r = 0; r < ROWS; r++)
            top[r] = _mm512_mask_max_ps(top[r], mask, top[r], _mm512_load_ps(s + r * ld + i));
    }
}

/* n > 0 columns, at most 2 LANES, of each row. */
INLINE void rows_power2(__m512 sum[ROWS], uint16_t *p, const float *s, int64_t ld, int64_t n, __m512 scale2,
                        const __m512 shift[ROWS])
{
    const __m512 one = _mm512_set1_ps(1);
    __mmask16 first = first_lanes(n), second = first_lanes(n - LANES);
#pragma GCC unroll 6
    for (int r = 0; r < ROWS; r++) {
        __m512 x = power2(_mm512_fmsub_ps(_mm512_load_ps(s + r * ld), scale2, shift[r]), one);
        __m512 y = power2(_mm512_fmsub_ps(_mm512_load_ps(s + r * ld + LANES), scale2, shift[r]), one);
        x = _mm512_maskz_mov_ps(first, x), y = _mm512_maskz_mov_ps(second, y);
        sum[r] = _mm512_fmadd_ps(x, one, sum[r]);
        sum[r] = _mm512_fmadd_ps(y, one, sum[r]);
        _mm512_store_si512(p + r * ld, (__m512i)_mm512_cvtne2ps_pbh(y, x));
    }
}

TARGET void bf16_softmax(struct bf16_softmax *f, uint16_t *p, const float *s, int64_t n, float scale2)
{
    const int64_t ld = bf16_stride(n);
    __m512 top[ROWS], shift[ROWS], sum[ROWS], factor = _mm512_set1_ps(scale2);
    rows_max(top, s, ld, n);
#pragma GCC unroll 6
    for (int r = 0; r < ROWS; r++) {
        float before = f->shift[r], now = _mm512_reduce_max_ps(top[r]) * scale2;
        f->shift[r] = now > before ? now : before;
        f->keep[r] = before == -INFINITY ? 0 : exp2f(before - f->shift[r]);
    }
#pragma GCC unroll 6
    for (int r = 0; r < ROWS; r++)
        sum[r] = _mm512_setzero_ps(), shift[r] = _mm512_set1_ps(f->shift[r]);
    int64_t i = 0;
    for (; i + 2 * LANES <= n; i += 2 * LANES)
        rows_power2(sum, p + i, s + i, ld, 2 * LANES, factor, shift);
    if (i < n)
        rows_power2(sum, p + i, s + i, ld, n - i, factor, shift);
#pragma GCC unroll 6
    for (int r = 0; r < ROWS; r++)
        f->sum[r] = f->keep[r] * f->sum[r] + _mm512_reduce_add_ps(sum[r]);
}

TARGET void bf16_scale_rows(uint16_t *y, int64_t ldy, const float *c, const float *factor, int64_t n, int64_t N)
{
    for (int64_t r = 0; r < n; r++)
        for (int64_t i = 0; i < N; i += LANES) {
            __m512 x = _mm512_mul_ps(_mm512_load_ps(c + r * bf16_stride(N) + i), _mm512_set1_ps(factor[r]));
            __builtin_prefetch(y + (r + ROWS) * ldy + i, 1); /* the next tile's */
            _mm256_mask_storeu_epi16(y + r * ldy + i, first_lanes(N - i), (__m256i)_mm512_cvtneps_pbh(x));
        }
}
/* ------------------------------------------------------------------ backward */

/* 32 rows of 16 columns: words of two rows are pairs, and the square of pairs is transposed. */
INLINE void transpose_square(uint16_t *a, int64_t lda, const uint16_t *x, int64_t ldx, int64_t K, int64_t N)
{
    __m512i square[LANES];
#pragma GCC unroll 16
    for (int i = 0; i < LANES; i++) {
        __mmask16 even = 2 * i < K ? first_lanes(N) : 0, odd = 2 * i + 1 < K ? first_lanes(N) : 0;
        __m512i u = _mm512_cvtepu16_epi32(_mm256_maskz_loadu_epi16(even, x + (even ? 2 * i : 0) * ldx));
        __m512i v = _mm512_cvtepu16_epi32(_mm256_maskz_loadu_epi16(odd, x + (odd ? 2 * i + 1 : 0) * ldx));
        square[i] = _mm512_or_si512(u, _mm512_slli_epi32(v, 16));
    }
    transpose_lanes(square);
#pragma GCC unroll 16
    for (int i = 0; i < LANES; i++)
        if (i < bf16_tiles(N))
            _mm512_store_si512(a + i * lda, square[i]);
}

TARGET void bf16_transpose(uint16_t *a, const uint16_t *x, int64_t ldx, int64_t K, int64_t N)
{
    int64_t lda = bf16_stride(K);
    for (int64_t k = 0; k < K; k += WORDS)
        for (int64_t n = 0; n < bf16_tiles(N); n += LANES)
            transpose_square(a + n * lda + k, lda, x + k * ldx + (n < N ? n : 0), ldx, K - k, N - n);
}

TARGET void bf16_row_products(float *sum, const uint16_t *x, const uint16_t *y, int64_t ld, int64_t n, int64_t N)
{
    for (int64_t r = 0; r < n; r++) {
        __m512 s = _mm512_setzero_ps();
        for (int64_t i = 0; i < N; i += WORDS) {
            __mmask32 mask = first_words(N - i);
            s = _mm512_dpbf16_ps(s, (__m512bh)_mm512_maskz_loadu_epi16(mask, x + r * ld + i),
                                 (__m512bh)_mm512_maskz_loadu_epi16(mask, y + r * ld + i));
        }
        sum[r] = _mm512_reduce_add_ps(s);
    }
}

/* 16 rows of 16 columns of c. */
INLINE void scale_square(uint16_t *y, int64_t ldy, const float *c, int64_t ldc, __m512 factor, int64_t n, int64_t N)
{
    __m512i square[LANES];
#pragma GCC unroll 16
    for (int i = 0; i < LANES; i++)
        square[i] = i < N ? _mm512_load_si512(c + i * ldc) : _mm512_setzero_si512();
    transpose_lanes(square);
#pragma GCC unroll 16
    for (int i = 0; i < LANES; i++)
        if (i < n) {
            __m512 row = _mm512_mul_ps(_mm512_castsi512_ps(square[i]), factor);
            _mm256_mask_storeu_epi16(y + i * ldy, first_lanes(N), (__m256i)_mm512_cvtneps_pbh(row));
        }
}

TARGET void bf16_scale_columns(uint16_t *y, int64_t ldy, const float *c, float factor, int64_t n, int64_t N)
{
    int64_t ldc = bf16_stride(n);
    for (int64_t i = 0; i < n; i += LANES)
        for (int64_t j = 0; j < N; j += LANES)
            scale_square(y + i * ldy + j, ldy, c + j * ldc + i, ldc, _mm512_set1_ps(factor), n - i, N - j);
}

/* Columns of row r from i on, at most 2 LANES: writes p and ds, returns ds. */
INLINE __m512i row_bwd(const struct bf16_softmax_bwd *g, int r, int64_t i, const __m512 lse2[2], const __m512 delta[2])
{
    const __m512 one = _mm512_set1_ps(1), scale2 = _mm512_set1_ps(g->scale2);
    const int64_t at = r * bf16_stride(g->n) + i;
    __m512 p[2], ds[2];
#pragma GCC unroll 2
    for (int v = 0; v < 2; v++) {
        __mmask16 mask = r < g->n_rows ? first_lanes(g->n - i - v * LANES) : 0;
        p[v] = power2(_mm512_fmsub_ps(_mm512_load_ps(g->s + at + v * LANES), scale2, lse2[v]), one);
        ds[v] = _mm512_maskz_mul_ps(mask, p[v], _mm512_sub_ps(_mm512_load_ps(g->dp + at + v * LANES), delta[v]));
        p[v] = _mm512_maskz_mov_ps(mask, p[v]);
    }
    __m512i words = (__m512i)_mm512_cvtne2ps_pbh(ds[1], ds[0]);
    _mm512_store_si512(g->p + at, (__m512i)_mm512_cvtne2ps_pbh(p[1], p[0]));
    _mm512_store_si512(g->ds + at, words);
    return words;
}

TARGET void bf16_softmax_bwd(const struct bf16_softmax_bwd *g)
{
    for (int64_t i = 0; i < g->n; i += WORDS) {
        const __m512 lse2[2] = {_mm512_loadu_ps(g->lse2 + i), _mm512_loadu_ps(g->lse2 + i + LANES)};
        const __m512 delta[2] = {_mm512_loadu_ps(g->delta + i), _mm512_loadu_ps(g->delta + i + LANES)};
        int64_t n0 = i / PANEL * PANEL, width = least(bf16_lanes(g->n) - n0, PANEL);
        uint16_t *panel = g->ds_packed + n0 * g->K + g->row * width + 2 * (i - n0);
#pragma GCC unroll 3
        for (int r = 0; r < ROWS; r += 2) {
            __m512i u = row_bwd(g, r, i, lse2, delta), v = row_bwd(g, r + 1, i, lse2, delta);
            _mm512_store_si512(panel + r * width, in_pairs(u, v, 0));
            if (i - n0 + LANES < width)
                _mm512_store_si512(panel + r * width + 2 * LANES, in_pairs(u, v, 1));
        }
    }
}
#endif
