/* bf16-tiles.h - what attention in bf16 is made of, for x86-64 processors with AVX512-BF16: products and softmax of a
 * tile of ROWS rows, and the order in which their operands are packed. Nothing else may be called where
 * matmul_supports(DTYPE_BF16) is false.
 *
 * A product is C [ROWS,N] = A [ROWS,K] B [K,N]: A and B bf16, sums and C in float32. The instruction adds two products
 * at a time, so K counts pairs: A has zeros in columns K .. bf16_even(K) - 1, and B is packed in pairs of its rows, in
 * panels of up to 64 columns:
 *
 *   panel [bf16_even(K) / 2, width, 2]    width: 64, in the last panel the rest, a multiple of LANES
 *
 * Packed operands are aligned to 64 bytes. Columns beyond N, up to bf16_lanes(N), hold zeros, as does the row that is
 * added where K is odd. The bits of a row depend on its own values, on B and on the shape alone.
 */
#ifndef BF16_TILES_H
#define BF16_TILES_H

#include <stdint.h>

enum { BF16_ROWS = 6, BF16_LANES = 16 };

static inline int64_t bf16_even(int64_t n) { return n + (n & 1); }
static inline int64_t bf16_lanes(int64_t n) { return (n + BF16_LANES - 1) / BF16_LANES * BF16_LANES; }
/* Elements of a packed B. */
static inline int64_t bf16_packed(int64_t K, int64_t N) { return bf16_even(K) * bf16_lanes(N); }
static inline int64_t bf16_tiles(int64_t n) { return (n + BF16_ROWS - 1) / BF16_ROWS * BF16_ROWS; }
/* Elements from row to row of a tile (A, C, scores and powers) with n columns: a multiple of 32. */
static inline int64_t bf16_stride(int64_t n) { return (n + 2 * BF16_LANES - 1) / (2 * BF16_LANES) * (2 * BF16_LANES); }

/* B [K,N] = x [K,N], rows ldx elements apart. */
void bf16_pack(uint16_t *b, const uint16_t *x, int64_t ldx, int64_t K, int64_t N);
/* B [K,N] = the transpose of x [N,K], rows ldx elements apart. */
void bf16_pack_transposed(uint16_t *b, const uint16_t *x, int64_t ldx, int64_t K, int64_t N);
/* A [ROWS,K] = n rows of x, and zeros in the other rows and columns. */
void bf16_take_rows(uint16_t *a, const uint16_t *x, int64_t ldx, int64_t n, int64_t K);

/* C [ROWS,N] = keep[row] C + A B; keep NULL: C = A B. Columns N .. bf16_lanes(N) - 1 are written, too. */
void bf16_product(float *c, const float *keep, const uint16_t *a, const uint16_t *b, int64_t K, int64_t N);

/* The softmax of ROWS rows whose scores come in blocks of columns. */
struct bf16_softmax {
    float shift[BF16_ROWS]; /* the largest scale2 s so far; before the first block -infinity */
    float sum[BF16_ROWS];   /* of 2^(scale2 s - shift), before these are rounded; at first 0 */
    float keep[BF16_ROWS];  /* brings what was summed before this block to the new shift */
};
/* P [ROWS,n] = 2^(scale2 s - shift) with a relative error of 1e-4, rounded to bf16; other columns: zeros. If a score of
 * a row is NaN, so is its sum. */
void bf16_softmax(struct bf16_softmax *f, uint16_t *p, const float *s, int64_t n, float scale2);

/* n rows of y = factor[row] c [n,N], rounded. */
void bf16_scale_rows(uint16_t *y, int64_t ldy, const float *c, const float *factor, int64_t n, int64_t N);

/* -- backward: keys are the rows of a tile, queries its columns -- */

/* A [bf16_tiles(N),K] = the transpose of x [K,N]; zeros in the other rows, and in columns K .. bf16_stride(K) - 1. */
void bf16_transpose(uint16_t *a, const uint16_t *x, int64_t ldx, int64_t K, int64_t N);
/* sum [n] = x . y of each row [n,N] */
void bf16_row_products(float *sum, const uint16_t *x, const uint16_t *y, int64_t ld, int64_t n, int64_t N);
/* y [n,N] = the transpose of factor c [N,n], rounded. */
void bf16_scale_columns(uint16_t *y, int64_t ldy, const float *c, float factor, int64_t n, int64_t N);

/* Scores s and gradients dp of probabilities, [ROWS,n], become probabilities p = 2^(scale2 s - lse2) and ds = p (dp -
 * delta), rounded after both are computed in float32. Rows from n_rows on and columns from n on: zeros. */
struct bf16_softmax_bwd {
    const float *s, *dp;
    const float *lse2, *delta; /* [bf16_stride(n)], of each column; those from n on may hold anything */
    uint16_t *p, *ds;          /* [ROWS,n] */
    uint16_t *ds_packed;       /* ds again, as rows `row` to row + ROWS - 1 of a packed B [K,n] */
    int64_t K, row;
    int64_t n, n_rows;
    float scale2;
};
void bf16_softmax_bwd(const struct bf16_softmax_bwd *g);

#endif
