/* simd-dense.c - products of f32 rows with f64 weights. Sums of a block of rows and classes are in registers, each with
 * 8 lanes of its own, so that bits do not depend on the size of the blocks, which follows the number of registers. */
#include "dense-loops.h"

#include <string.h>
#if defined(__AVX512F__)
#include <immintrin.h>
#endif

/* A lane group is one to four registers of the width that the instruction set has. */
#if defined(__AVX512F__)
enum { BYTES = 64, ROWS = 4, CLASSES = 4, OUTER = 8, PANELS = 2 };
#elif defined(__AVX2__)
enum { BYTES = 32, ROWS = 2, CLASSES = 2, OUTER = 4, PANELS = 1 };
#else
enum { BYTES = 16, ROWS = 2, CLASSES = 1, OUTER = 2, PANELS = 1 };
#endif
enum { LANES = 8, EACH = BYTES / 8, PARTS = LANES / EACH };
enum { NEAR_CLASSES = 32, NEAR_COLUMNS = 64 }; /* worked on while they are in the cache */
typedef double part __attribute__((vector_size(BYTES), aligned(8), may_alias));
typedef float part_f32 __attribute__((vector_size(BYTES / 2), aligned(4), may_alias));
#define INLINE static inline __attribute__((always_inline))

INLINE part load(const double *p, int i_part)
{
    return *(const part *)(p + i_part * EACH);
}

INLINE part load_f32(const float *p, int i_part)
{
#if defined(__AVX512F__) /* one instruction, of which gcc makes two halves and joins them */
    return (part)_mm512_cvtps_pd(*(const __m256_u *)(p + i_part * EACH));
#else
    return __builtin_convertvector(*(const part_f32 *)(p + i_part * EACH), part);
#endif
}

INLINE double lane_sum(const part v[PARTS])
{
    double lane[LANES];
    memcpy(lane, v, sizeof lane);
    return ((lane[0] + lane[4]) + (lane[1] + lane[5])) + ((lane[2] + lane[6]) + (lane[3] + lane[7]));
}

static double dot(const double *a, const double *b, int64_t n)
{
    enum { CHAINS = 4 }; /* they hide the latency; their order is fixed too */
    part sum[CHAINS][PARTS] = {{{0}}};
    int64_t j = 0;
    for (; j + CHAINS * LANES <= n; j += CHAINS * LANES)
        for (int i = 0; i < CHAINS; i++)
            for (int p = 0; p < PARTS; p++)
                sum[i][p] += load(a + j + i * LANES, p) * load(b + j + i * LANES, p);
    double rest = 0;
    for (; j < n; j++)
        rest += a[j] * b[j];
    for (int p = 0; p < PARTS; p++)
        sum[0][p] = (sum[0][p] + sum[1][p]) + (sum[2][p] + sum[3][p]);
    return lane_sum(sum[0]) + rest;
}

static void axpy(double a, const double *x, double *y, int64_t n)
{
    for (int64_t j = 0; j < n; j++)
        y[j] += a * x[j];
}

/* z [n_rows,n_classes] += row . w; the numbers of both are constants where this is called. */
INLINE void logits_block(const float *const *row, int n_rows, int64_t dim, const double *w, int64_t w_stride,
                         int n_classes, double *z, int z_stride)
{
    part sum[2 * ROWS][CLASSES][PARTS] = {{{{0}}}};
    int64_t j = 0;
    for (; j + LANES <= dim; j += LANES)
        for (int p = 0; p < PARTS; p++) {
            part x[2 * ROWS];
            for (int i = 0; i < n_rows; i++)
                x[i] = load_f32(row[i] + j, p);
            for (int k = 0; k < n_classes; k++) {
                part v = load(w + k * w_stride + j, p);
                for (int i = 0; i < n_rows; i++)
                    sum[i][k][p] += x[i] * v;
            }
        }
    for (int i = 0; i < n_rows; i++)
        for (int k = 0; k < n_classes; k++) {
            double rest = 0;
            for (int64_t t = j; t < dim; t++)
                rest += (double)row[i][t] * w[k * w_stride + t];
            z[i * z_stride + k] += lane_sum(sum[i][k]) + rest;
        }
}

/* R classes of n_rows rows: blocks of CLASSES, halves, the last alone. */
INLINE void logits_rows(const float *const *row, int n_rows, int64_t dim, const double *w, int64_t w_stride, int R,
                        double *z, int z_stride)
{
    int k = 0;
    for (; k + CLASSES <= R; k += CLASSES)
        logits_block(row, n_rows, dim, w + k * w_stride, w_stride, CLASSES, z + k, z_stride);
    if (CLASSES > 2 && k + 2 <= R) {
        logits_block(row, n_rows, dim, w + k * w_stride, w_stride, CLASSES > 2 ? 2 : 1, z + k, z_stride);
        k += 2;
    }
    if (k < R)
        logits_block(row, n_rows, dim, w + k * w_stride, w_stride, 1, z + k, z_stride);
}

static void logits(const float *const *row, int n, int64_t dim, const double *w, int64_t w_stride, const double *b,
                   int64_t b_stride, int R, double *z)
{
    int i = 0;
    for (int64_t at = 0; at < n; at++)
        for (int k = 0; k < R; k++)
            z[at * R + k] = b[k * b_stride];
    for (; R == 1 && i + 2 * ROWS <= n; i += 2 * ROWS)
        logits_block(row + i, 2 * ROWS, dim, w, w_stride, 1, z + i, 1);
    for (int first = i, k = 0; k < R; k += NEAR_CLASSES) { /* their weights are in the cache for all rows */
        int n_near = R - k < NEAR_CLASSES ? R - k : NEAR_CLASSES;
        for (i = first; i + ROWS <= n; i += ROWS)
            logits_rows(row + i, ROWS, dim, w + k * w_stride, w_stride, n_near, z + (int64_t)i * R + k, R);
        for (; i < n; i++)
            logits_rows(row + i, 1, dim, w + k * w_stride, w_stride, n_near, z + (int64_t)i * R + k, R);
    }
}

/* g [n_classes, n_panels * LANES] += r^T [n,n_classes] x, at column j. */
INLINE void outer_block(const float *const *row, int n, int64_t j, const double *r, int R, int n_classes,
                        int n_panels, double *g, int64_t g_stride)
{
    part sum[OUTER][2 * PANELS][PARTS];
    for (int k = 0; k < n_classes; k++)
        for (int q = 0; q < n_panels * PARTS; q++)
            sum[k][q / PARTS][q % PARTS] = load(g + k * g_stride + j, q);
    for (int i = 0; i < n; i++) {
        part x[2 * PANELS * PARTS];
        for (int q = 0; q < n_panels * PARTS; q++)
            x[q] = load_f32(row[i] + j, q);
        for (int k = 0; k < n_classes; k++)
            for (int q = 0; q < n_panels * PARTS; q++)
                sum[k][q / PARTS][q % PARTS] += x[q] * r[(int64_t)i * R + k];
    }
    for (int k = 0; k < n_classes; k++)
        for (int q = 0; q < n_panels * PARTS; q++)
            *(part *)(g + k * g_stride + j + q * EACH) = sum[k][q / PARTS][q % PARTS];
}

/* Columns j .. end - 1, whole panels: the rows' values there are in the cache for all classes. */
INLINE void outer_columns(const float *const *row, int n, int64_t j, int64_t end, const double *r, int R, int n_classes,
                          double *g, int64_t g_stride)
{
    for (; j < end; j += LANES * PANELS)
        outer_block(row, n, j, r, R, n_classes, PANELS, g, g_stride);
}

static void outer(const float *const *row, int n, int64_t dim, const double *r, int R, double *g, int64_t g_stride)
{
    int64_t whole = dim / (LANES * PANELS) * (LANES * PANELS), j = 0;
    int k = 0;
    for (int64_t end; j < whole; j = end) {
        end = j + NEAR_COLUMNS < whole ? j + NEAR_COLUMNS : whole;
        for (k = 0; k + OUTER <= R; k += OUTER)
            outer_columns(row, n, j, end, r + k, R, OUTER, g + k * g_stride, g_stride);
        for (; k + 2 <= R; k += 2)
            outer_columns(row, n, j, end, r + k, R, 2, g + k * g_stride, g_stride);
        if (k < R)
            outer_columns(row, n, j, end, r + k, R, 1, g + k * g_stride, g_stride);
    }
    for (; j < dim; j++)
        for (k = 0; k < R; k++)
            for (int i = 0; i < n; i++)
                g[k * g_stride + j] += (double)row[i][j] * r[(int64_t)i * R + k];
}

static void minus8(double *a, const double *c, const double *b, int64_t stride, int64_t n)
{
    for (int64_t j = 0; j < n; j++) {
        double even =
            (c[0] * b[j] + c[2] * b[2 * stride + j]) + (c[4] * b[4 * stride + j] + c[6] * b[6 * stride + j]);
        double odd =
            (c[1] * b[stride + j] + c[3] * b[3 * stride + j]) + (c[5] * b[5 * stride + j] + c[7] * b[7 * stride + j]);
        a[j] -= even + odd;
    }
}

const struct dense_loops ISA_NAME(dense_loops) = {dot, axpy, logits, outer, minus8};
