/* simd-elementwise.c - one pass over memory each. */
#include "loops.h"

static void add(float *restrict y, const float *restrict x, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        y[i] += x[i];
}

static void axpy(float *restrict y, float a, const float *restrict x, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        y[i] += a * x[i];
}

static void scale(float *y, float a, const float *x, int64_t n)
{
    LOOP_INDEPENDENT
    for (int64_t i = 0; i < n; i++)
        y[i] = a * x[i];
}

static void scale_add(float *restrict y, float a, const float *restrict x, const float *restrict g, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        y[i] += a * g[i] * x[i];
}

static void scale_by(float *restrict y, float a, const float *restrict x, const float *restrict g, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        y[i] = a * g[i] * x[i];
}

static void product_add(float *restrict y, float a, const float *restrict x, const float *restrict z, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        y[i] += a * x[i] * z[i];
}

static void pixels(float *restrict y, const uint8_t *restrict x, const float factor, const float shift, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        y[i] = (float)x[3 * i] * factor + shift;
}

/* In squares of 16: the rows of x and y that a square touches fit into the first-level cache. */
static void transpose(float *restrict y, int64_t ldy, const float *restrict x, int64_t ldx, int64_t m, int64_t n)
{
    enum { SIDE = 16 };
    for (int64_t j0 = 0; j0 < n; j0 += SIDE)
        for (int64_t i0 = 0; i0 < m; i0 += SIDE) {
            int64_t i1 = i0 + SIDE < m ? i0 + SIDE : m, j1 = j0 + SIDE < n ? j0 + SIDE : n;
            for (int64_t j = j0; j < j1; j++)
                for (int64_t i = i0; i < i1; i++)
                    y[j * ldy + i] = x[i * ldx + j];
        }
}

const struct elementwise_loops ISA_NAME(elementwise_loops) = {.add = add,
                                                              .axpy = axpy,
                                                              .scale = scale,
                                                              .scale_add = scale_add,
                                                              .scale_by = scale_by,
                                                              .product_add = product_add,
                                                              .pixels = pixels,
                                                              .transpose = transpose};
