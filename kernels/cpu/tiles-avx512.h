/* tiles-avx512.h - the functions of a table of tiles.h, for the element type of the file that includes it (tiles-f32.c,
 * tiles-bf16.c). It defines before:
 *
 *   TILES_TARGET     instruction sets; the rest of the library runs on any x86-64
 *   element, STEP    type in memory; how many products the multiply-add of a lane has, 1 or 2
 *   TABLE            name of the table
 *
 * and afterwards the functions that are declared first below.
 *
 * A product has a tile of 6 rows and 4 vectors in registers: 24 sums, more than the latency of 6 cycles or less needs,
 * with 4 vectors of B and an element of A. Arrays of vectors are registers where all indices are constants after
 * unrolling.
 */
#ifndef TILES_AVX512_H
#define TILES_AVX512_H

#include <immintrin.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "tiles.h"

#define TARGET __attribute__((target(TILES_TARGET)))
#define INLINE TARGET static inline __attribute__((always_inline))
enum { ROWS = TILES_ROWS, LANES = TILES_LANES, PANEL = TILES_PANEL, VECTORS = PANEL / LANES, PART = STEP * LANES };

/* The first n elements, at most PART, zeros in place of the others; n may be negative. */
INLINE __m512i load_part(const element *x, int64_t n);
/* The first n elements, at most LANES, rounded. */
INLINE void store_part(element *y, __m512 x, int64_t n);
INLINE void store_two(element *y, __m512 x, __m512 second);
INLINE __m512 multiply_add(__m512 sum, __m512i x, __m512i y);
INLINE __m512 power2(__m512 x);
/* The first 2 LANES columns, at most, of x [K,N], its row i, or the pair of rows 2i and 2i + 1; zeros elsewhere. */
INLINE void packed_row(__m512i row[2], const element *x, int64_t ldx, int64_t i, int64_t K, int64_t N);
/* Rows u and v, 2 LANES columns, as rows of a packed B, whose panel has `width` columns; n_rows 1: u alone, v is zero;
 * n_columns: at most LANES: no others are stored. */
INLINE void store_packed(element *panel, int64_t width, const __m512 u[2], const __m512 v[2], int64_t n_rows,
                         int64_t n_columns);

INLINE __mmask16 first_lanes(int64_t n) /* n may be anything */
{
    return (__mmask16)(n >= LANES ? 0xffff : n <= 0 ? 0 : (1u << n) - 1);
}

INLINE int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* ------------------------------------------------------------------ packing */

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

TARGET static void pack(void *b, const void *x, int64_t ldx, int64_t K, int64_t N)
{
    element *to = b;
    for (int64_t n0 = 0; n0 < N; n0 += PANEL) {
        int64_t width = least(tiles_lanes(N - n0), PANEL);
        for (int64_t i = 0; i * STEP < K; i++, to += width * STEP)
            for (int64_t n = 0; n < width; n += 2 * LANES) {
                __m512i row[2];
                packed_row(row, (const element *)x + n0 + n, ldx, i, K, N - n0 - n);
                _mm512_store_si512(to + n * STEP, row[0]);
                if (n + LANES < width)
                    _mm512_store_si512(to + (n + LANES) * STEP, row[1]);
            }
    }
}

/* LANES rows, a PART of each: a square is transposed. */
INLINE void pack_square(element *b, int64_t width, const element *x, int64_t ldx, int64_t K, int64_t N)
{
    __m512i square[LANES];
#pragma GCC unroll 16
    for (int i = 0; i < LANES; i++)
        square[i] = load_part(x + (i < N ? i : 0) * ldx, i < N ? K : 0);
    transpose_lanes(square);
#pragma GCC unroll 16
    for (int i = 0; i < LANES; i++)
        if (STEP * i < K)
            _mm512_store_si512(b + i * width * STEP, square[i]);
}

TARGET static void pack_transposed(void *b, const void *x, int64_t ldx, int64_t K, int64_t N)
{
    element *panel = b;
    int64_t steps = (K + STEP - 1) / STEP;
    for (int64_t n0 = 0; n0 < N; n0 += PANEL) {
        int64_t width = least(tiles_lanes(N - n0), PANEL);
        for (int64_t n = 0; n < width; n += LANES)
            for (int64_t k = 0; k < K; k += PART)
                pack_square(panel + k * width + n * STEP, width, (const element *)x + (n0 + n) * ldx + k, ldx, K - k,
                            N - n0 - n);
        panel += steps * STEP * width;
    }
}

/* The rows that follow will be taken next; they lie so far apart that the processor does not foresee them. */
TARGET static void take_rows(void *a, const void *x, int64_t ldx, int64_t n, int64_t K)
{
    for (int r = 0; r < ROWS; r++)
        for (int64_t k = 0; k < K; k += PART) {
            const element *row = (const element *)x + (r < n ? r : 0) * ldx + k;
            _mm512_store_si512((element *)a + r * tiles_stride(K) + k, load_part(row, r < n ? K - k : 0));
            _mm_prefetch((const char *)(row + ROWS * ldx), _MM_HINT_T0);
        }
}

TARGET static void transpose(void *a, const void *x, int64_t ldx, int64_t K, int64_t N)
{
    const int64_t lda = tiles_stride(K);
    for (int64_t k = 0; k < lda; k += PART)
        for (int64_t n = 0; n < tiles_rows(N); n += LANES) {
            const element *from = (const element *)x + (k < K ? k : 0) * ldx + (n < N ? n : 0);
            __m512i square[LANES];
#pragma GCC unroll 16
            for (int i = 0; i < LANES; i++) {
                __m512i row[2];
                packed_row(row, from, ldx, i, K - k, N - n);
                square[i] = row[0];
            }
            transpose_lanes(square);
#pragma GCC unroll 16
            for (int i = 0; i < LANES; i++)
                if (n + i < tiles_rows(N))
                    _mm512_store_si512((element *)a + (n + i) * lda + k, square[i]);
        }
}

/* ------------------------------------------------------------------ products */

/* One panel; `vectors` is a constant wherever this is called, so that the sums stay in registers. */
INLINE void panel_product(float *c, int64_t ldc, const float *keep, const element *a, int64_t lda, const element *b,
                          int64_t steps, int vectors)
{
    __m512 sum[ROWS][VECTORS];
#pragma GCC unroll 6
    for (int r = 0; r < ROWS; r++)
#pragma GCC unroll 4
        for (int v = 0; v < VECTORS && v < vectors; v++)
            sum[r][v] = keep ? _mm512_mul_ps(_mm512_load_ps(c + r * ldc + v * LANES), _mm512_set1_ps(keep[r]))
                             : _mm512_setzero_ps();
    for (int64_t i = 0; i < steps; i++) {
        __m512i x[VECTORS];
#pragma GCC unroll 4
        for (int v = 0; v < VECTORS && v < vectors; v++)
            x[v] = _mm512_load_si512(b + (i * vectors + v) * PART);
#pragma GCC unroll 6
        for (int r = 0; r < ROWS; r++) {
            int word; /* a float, or a pair */
            memcpy(&word, a + r * lda + i * STEP, sizeof word);
            __m512i y = _mm512_set1_epi32(word);
#pragma GCC unroll 4
            for (int v = 0; v < VECTORS && v < vectors; v++)
                sum[r][v] = multiply_add(sum[r][v], y, x[v]);
        }
    }
#pragma GCC unroll 6
    for (int r = 0; r < ROWS; r++)
#pragma GCC unroll 4
        for (int v = 0; v < VECTORS && v < vectors; v++)
            _mm512_store_ps(c + r * ldc + v * LANES, sum[r][v]);
}

TARGET static void product(float *c, const float *keep, const void *a, const void *b, int64_t K, int64_t N)
{
    const int64_t steps = (K + STEP - 1) / STEP, lda = tiles_stride(K), ldc = tiles_stride(N);
    const element *panel = b;
    for (; N > 3 * LANES; N -= PANEL, c += PANEL, panel += steps * STEP * PANEL)
        if (keep)
            panel_product(c, ldc, keep, a, lda, panel, steps, VECTORS);
        else
            panel_product(c, ldc, NULL, a, lda, panel, steps, VECTORS);
    if (N > 2 * LANES)
        panel_product(c, ldc, keep, a, lda, panel, steps, 3);
    else if (N > LANES)
        panel_product(c, ldc, keep, a, lda, panel, steps, 2);
    else if (N > 0)
        panel_product(c, ldc, keep, a, lda, panel, steps, 1);
}

TARGET static void row_products(float *sum, const void *x, const void *y, int64_t ld, int64_t n, int64_t N)
{
    for (int64_t r = 0; r < n; r++) {
        __m512 s = _mm512_setzero_ps();
        for (int64_t i = 0; i < N; i += PART)
            s = multiply_add(s, load_part((const element *)x + r * ld + i, N - i),
                             load_part((const element *)y + r * ld + i, N - i));
        sum[r] = _mm512_reduce_add_ps(s);
    }
}

TARGET static void scale_rows(void *y, int64_t ldy, const float *c, const float *factor, int64_t n, int64_t N)
{
    for (int64_t r = 0; r < n; r++)
        for (int64_t i = 0; i < N; i += LANES) {
            element *to = (element *)y + r * ldy + i;
            __builtin_prefetch(to + ROWS * ldy, 1); /* the next tile's */
            store_part(to, _mm512_mul_ps(_mm512_load_ps(c + r * tiles_stride(N) + i), _mm512_set1_ps(factor[r])),
                       N - i);
        }
}

TARGET static void scale_columns(void *y, int64_t ldy, const float *c, float factor, int64_t n, int64_t N)
{
    const int64_t ldc = tiles_stride(n);
    for (int64_t r = 0; r < n; r += LANES)
        for (int64_t j = 0; j < N; j += LANES) {
            __m512i square[LANES];
#pragma GCC unroll 16
            for (int i = 0; i < LANES; i++)
                square[i] = j + i < N ? _mm512_load_si512(c + (j + i) * ldc + r) : _mm512_setzero_si512();
            transpose_lanes(square);
#pragma GCC unroll 16
            for (int i = 0; i < LANES; i++)
                if (r + i < n)
                    store_part((element *)y + (r + i) * ldy + j,
                               _mm512_mul_ps(_mm512_castsi512_ps(square[i]), _mm512_set1_ps(factor)), N - j);
        }
}

/* ------------------------------------------------------------------ softmax */

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

/* n > 0 columns, at most 2 LANES, of each row. A sum is a multiply-add by 1: additions have units of their own, which
 * are the busier ones here. */
INLINE void rows_power2(__m512 sum[ROWS], element *p, const float *s, int64_t ld, int64_t n, __m512 scale2,
                        const __m512 shift[ROWS])
{
    const __m512 one = _mm512_set1_ps(1);
    __mmask16 first = first_lanes(n), second = first_lanes(n - LANES);
#pragma GCC unroll 6
    for (int r = 0; r < ROWS; r++) {
        __m512 x = power2(_mm512_fmsub_ps(_mm512_load_ps(s + r * ld), scale2, shift[r]));
        __m512 y = power2(_mm512_fmsub_ps(_mm512_load_ps(s + r * ld + LANES), scale2, shift[r]));
        x = _mm512_maskz_mov_ps(first, x), y = _mm512_maskz_mov_ps(second, y);
        sum[r] = _mm512_fmadd_ps(x, one, sum[r]);
        sum[r] = _mm512_fmadd_ps(y, one, sum[r]);
        store_two(p + r * ld, x, y);
    }
}

TARGET static void softmax(struct tiles_softmax *f, void *p, const float *s, int64_t n, float scale2)
{
    const int64_t ld = tiles_stride(n);
    element *to = p;
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
        rows_power2(sum, to + i, s + i, ld, 2 * LANES, factor, shift);
    if (i < n)
        rows_power2(sum, to + i, s + i, ld, n - i, factor, shift);
#pragma GCC unroll 6
    for (int r = 0; r < ROWS; r++)
        f->sum[r] = f->keep[r] * f->sum[r] + _mm512_reduce_add_ps(sum[r]);
}

/* Columns of row r from i on, at most 2 LANES: writes p and ds, which it returns, too. */
INLINE void row_bwd(const struct tiles_softmax_bwd *g, int r, int64_t i, const __m512 lse2[2], const __m512 delta[2],
                    __m512 ds[2])
{
    const __m512 scale2 = _mm512_set1_ps(g->scale2);
    const int64_t at = r * tiles_stride(g->n) + i;
    __m512 p[2];
#pragma GCC unroll 2
    for (int v = 0; v < 2; v++) {
        __mmask16 mask = r < g->n_rows ? first_lanes(g->n - i - v * LANES) : 0;
        p[v] = power2(_mm512_fmsub_ps(_mm512_load_ps(g->s + at + v * LANES), scale2, lse2[v]));
        ds[v] = _mm512_maskz_mul_ps(mask, p[v], _mm512_sub_ps(_mm512_load_ps(g->dp + at + v * LANES), delta[v]));
        p[v] = _mm512_maskz_mov_ps(mask, p[v]);
    }
    store_two((element *)g->p + at, p[0], p[1]);
    store_two((element *)g->ds + at, ds[0], ds[1]);
}

TARGET static void softmax_bwd(const struct tiles_softmax_bwd *g)
{
    const int64_t K = (g->K + STEP - 1) / STEP * STEP;
    for (int64_t i = 0; i < g->n; i += 2 * LANES) {
        const __m512 lse2[2] = {_mm512_loadu_ps(g->lse2 + i), _mm512_loadu_ps(g->lse2 + i + LANES)};
        const __m512 delta[2] = {_mm512_loadu_ps(g->delta + i), _mm512_loadu_ps(g->delta + i + LANES)};
        int64_t n0 = i / PANEL * PANEL, width = least(tiles_lanes(g->n) - n0, PANEL);
        element *panel = (element *)g->ds_packed + n0 * K + g->row * width + STEP * (i - n0);
#pragma GCC unroll 3
        for (int r = 0; r < ROWS; r += 2) {
            __m512 u[2], v[2];
            row_bwd(g, r, i, lse2, delta, u);
            row_bwd(g, r + 1, i, lse2, delta, v);
            if (r < g->n_rows)
                store_packed(panel + r * width, width, u, v, g->n_rows - r, width - (i - n0));
        }
    }
}

const struct tiles TABLE = {.element = sizeof(element),
                            .pack = pack,
                            .pack_transposed = pack_transposed,
                            .take_rows = take_rows,
                            .transpose = transpose,
                            .product = product,
                            .softmax = softmax,
                            .softmax_bwd = softmax_bwd,
                            .scale_rows = scale_rows,
                            .scale_columns = scale_columns,
                            .row_products = row_products};

#endif
