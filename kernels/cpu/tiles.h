/* tiles.h - what attention is made of on processors with AVX-512: products and softmax of a tile of TILES_ROWS rows,
 * and the order in which their operands are packed. One table for each element type of the operands (tiles-f32.c,
 * tiles-bf16.c); sums, scores and softmax are in float32.
 *
 *   const struct tiles *t = tiles_of(DTYPE_BF16);            NULL: this processor has none
 *   t->pack(b, x, ldx, K, N);                                memory for b: tiles_packed(K, N) elements
 *   t->take_rows(a, y, ldy, n, K);                           TILES_ROWS * tiles_stride(K)
 *   t->product(c, NULL, a, b, K, N);                         TILES_ROWS * tiles_stride(N) floats
 *
 * A product is C [ROWS,N] = A [ROWS,K] B [K,N]. From row to row of A there are tiles_stride(K) elements, of C and of
 * other tiles with N columns tiles_stride(N). Columns K to tiles_even(K) - 1 of A are zeros. B is packed in panels of
 * up to 64 columns, [K,width]; the last one has the rest, rounded up to a multiple of LANES. The instruction for bf16
 * adds two products at a time: there a panel is [tiles_even(K) / 2,width,2], pairs of B's rows. What is beyond N or K
 * in a packed B are zeros. Memory of A, B, C and scores is aligned to 64 bytes. The bits of a row depend on its own
 * values, on B and on the shape alone.
 */
#ifndef TILES_H
#define TILES_H

#include <stddef.h>
#include <stdint.h>

#include "dtype.h"

enum { TILES_ROWS = 6, TILES_LANES = 16, TILES_PANEL = 64 };

static inline int64_t tiles_even(int64_t n) { return n + (n & 1); }
static inline int64_t tiles_lanes(int64_t n) { return (n + TILES_LANES - 1) / TILES_LANES * TILES_LANES; }
static inline int64_t tiles_stride(int64_t n) { return tiles_lanes(n) + (tiles_lanes(n) & TILES_LANES); }
static inline int64_t tiles_rows(int64_t n) { return (n + TILES_ROWS - 1) / TILES_ROWS * TILES_ROWS; }
static inline int64_t tiles_packed(int64_t K, int64_t N) { return tiles_even(K) * tiles_lanes(N); }

/* The softmax of ROWS rows whose scores come in blocks of columns. */
struct tiles_softmax {
    float shift[TILES_ROWS]; /* the largest scale2 s so far; before the first block -infinity */
    float sum[TILES_ROWS];   /* of 2^(scale2 s - shift), before these are rounded; at first 0 */
    float keep[TILES_ROWS];  /* brings what was summed before this block to the new shift */
};

/* For backward keys are the rows of a tile, queries its columns: scores s [ROWS,n] and gradients dp of probabilities
 * become probabilities p = 2^(scale2 s - lse2) and ds = p (dp - delta), zeros in rows from n_rows, columns from n. */
struct tiles_softmax_bwd {
    const float *s, *dp;
    const float *lse2, *delta; /* [tiles_stride(n)], of each column; those from n on may hold anything */
    void *p, *ds;              /* [ROWS,n]; f32: may be s and dp */
    void *ds_packed;           /* ds again, the n_rows rows, as rows from `row` (even) on of a packed B [K,n] */
    int64_t K, row;
    int64_t n, n_rows;
    float scale2;
};

/* x, y, a, b, p: of the table's element type; ldx, ldy: elements from row to row. */
struct tiles {
    size_t element; /* bytes */
    /* B [K,N] = x [K,N]; the transpose of x [N,K] */
    void (*pack)(void *b, const void *x, int64_t ldx, int64_t K, int64_t N);
    void (*pack_transposed)(void *b, const void *x, int64_t ldx, int64_t K, int64_t N);
    /* A [ROWS,K] = n rows of x, and zeros. The rows that follow are prefetched. */
    void (*take_rows)(void *a, const void *x, int64_t ldx, int64_t n, int64_t K);
    /* A [tiles_rows(N),K] = the transpose of x [K,N]; zeros elsewhere, up to tiles_stride(K) */
    void (*transpose)(void *a, const void *x, int64_t ldx, int64_t K, int64_t N);
    /* C = keep[row] C + A B; keep NULL: C = A B. Columns N .. tiles_lanes(N) - 1 are written, too. */
    void (*product)(float *c, const float *keep, const void *a, const void *b, int64_t K, int64_t N);
    /* p [ROWS,n] = 2^(scale2 s - shift), rounded (f32: p may be s); other columns: zeros. Relative error 1.5e-7 (f32),
     * 1.02e-4 (bf16). If a score of a row is NaN, so is its sum. */
    void (*softmax)(struct tiles_softmax *f, void *p, const float *s, int64_t n, float scale2);
    void (*softmax_bwd)(const struct tiles_softmax_bwd *g);
    /* n rows of y = factor[row] c [n,N]; y [n,N] = factor times the transpose of c [N,n] */
    void (*scale_rows)(void *y, int64_t ldy, const float *c, const float *factor, int64_t n, int64_t N);
    void (*scale_columns)(void *y, int64_t ldy, const float *c, float factor, int64_t n, int64_t N);
    /* sum [n] = x . y of each row [n,N], both ld elements apart */
    void (*row_products)(float *sum, const void *x, const void *y, int64_t ld, int64_t n, int64_t N);
};

/* n elements after x. */
static inline void *tiles_at(const struct tiles *t, const void *x, int64_t n)
{
    return (char *)(uintptr_t)x + n * (int64_t)t->element;
}

extern const struct tiles tiles_f32, tiles_bf16; /* on x86-64 */

const struct tiles *tiles_of(enum dtype dtype);

#endif
