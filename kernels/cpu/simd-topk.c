/* simd-topk.c - the loops over all similarities and all values, for each instruction set. */
#include "topk.h"

#if defined(__SSE2__)
#include <immintrin.h>
#endif

/* Bit i: a[i] > b[i], i < LANES. Compilers do not find these instructions. */
#if defined(__AVX512F__)
enum { LANES = 16 };
static inline uint64_t greater(const float *a, const float *b)
{
    return _mm512_cmp_ps_mask(_mm512_loadu_ps(a), _mm512_loadu_ps(b), _CMP_GT_OQ);
}
#elif defined(__AVX2__)
enum { LANES = 8 };
static inline uint64_t greater(const float *a, const float *b)
{
    return (uint64_t)_mm256_movemask_ps(_mm256_cmp_ps(_mm256_loadu_ps(a), _mm256_loadu_ps(b), _CMP_GT_OQ));
}
#elif defined(__SSE2__)
enum { LANES = 4 };
static inline uint64_t greater(const float *a, const float *b)
{
    return (uint64_t)_mm_movemask_ps(_mm_cmpgt_ps(_mm_loadu_ps(a), _mm_loadu_ps(b)));
}
#else
enum { LANES = 1 };
static inline uint64_t greater(const float *a, const float *b)
{
    return *a > *b;
}
#endif

/* Most chunks have no hit: one branch for each. */
static int above(const float *value, const float *limit, int n, int32_t *at)
{
    enum { CHUNK = 64 };
    int found = 0, i = 0;
    for (; i + CHUNK <= n; i += CHUNK) {
        uint64_t hits = 0;
        for (int j = 0; j < CHUNK; j += LANES)
            hits |= greater(value + i + j, limit + i + j) << j;
        for (; hits; hits &= hits - 1)
            at[found++] = i + __builtin_ctzll(hits);
    }
    for (; i < n; i++) {
        at[found] = i;
        found += value[i] > limit[i];
    }
    return found;
}

static double squares(const float *x, int64_t n)
{
    double lane[8] = {0};
    int64_t j = 0;
    for (; j + 8 <= n; j += 8)
        for (int i = 0; i < 8; i++)
            lane[i] += (double)x[j + i] * (double)x[j + i];
    for (; j < n; j++)
        lane[j & 7] += (double)x[j] * (double)x[j];
    return ((lane[0] + lane[4]) + (lane[1] + lane[5])) + ((lane[2] + lane[6]) + (lane[3] + lane[7]));
}

static void divide(float *x, int64_t n, float shrink, float by)
{
    for (int64_t j = 0; j < n; j++)
        x[j] = x[j] * shrink / by;
}

const struct topk_loops ISA_NAME(topk_loops) = {above, squares, divide};
