/* simd-peak.c - 24 independent chains of vector multiply-adds: enough to hide their latency, few enough to stay in
 * registers. Fused where the instruction set has it. */
#include "peak-loops.h"

#ifdef __AVX512F__
enum { LANES = 16, CHAINS = 24 };
#elif defined(__AVX2__)
enum { LANES = 8, CHAINS = 12 };
#else
enum { LANES = 4, CHAINS = 12 };
#endif
typedef float vec __attribute__((vector_size(LANES * sizeof(float))));

static inline void multiply_add(vec *a, const vec *x, const vec *y)
{
#if defined(__FMA__) || defined(__ARM_FEATURE_FMA)
    for (int k = 0; k < LANES; k++)
        (*a)[k] = __builtin_fmaf((*a)[k], (*x)[k], (*y)[k]);
#else
    *a = *a * *x + *y;
#endif
}

static float run(int64_t rounds)
{
    vec a[CHAINS], x, y, sum;
    for (int k = 0; k < LANES; k++)
        x[k] = 0.999f, y[k] = 0.001f, sum[k] = 0;
    for (int i = 0; i < CHAINS; i++)
        a[i] = y * (float)i;
    for (int64_t r = 0; r < rounds; r++) {
#pragma GCC unroll 24
        for (int i = 0; i < CHAINS; i++)
            multiply_add(&a[i], &x, &y);
    }
    for (int i = 0; i < CHAINS; i++)
        sum += a[i];
    return sum[0] + sum[LANES - 1];
}

const struct peak_loops ISA_NAME(peak_loops) = {.flops_per_round = 2.0 * LANES * CHAINS, .run = run};
