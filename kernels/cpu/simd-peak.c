/* simd-peak.c - independent chains of one vector instruction: enough to hide its latency, few enough to stay in
 * registers. */
#include "peak-loops.h"

#ifdef __AVX512F__
enum { LANES = 16, CHAINS = 24, DOT_CHAINS = 16 };
#elif defined(__AVX2__)
enum { LANES = 8, CHAINS = 12 };
#else
enum { LANES = 4, CHAINS = 12 };
#endif
typedef float vec __attribute__((vector_size(LANES * sizeof(float))));

/* Fused where the instruction set has it. */
static inline void multiply_add(vec *a, const vec *x, const vec *y)
{
#if defined(__FMA__) || defined(__ARM_FEATURE_FMA)
    for (int k = 0; k < LANES; k++)
        (*a)[k] = __builtin_fmaf((*a)[k], (*x)[k], (*y)[k]);
#else
    *a = *a * *x + *y;
#endif
}

static float run_f32(int64_t rounds)
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

#ifdef __AVX512F__
/* A round, written out: it needs no flags of the compiler, which can neither take an instruction out of the loop nor
 * keep a sum in memory. */
#define DOT(instruction, sum) instruction " %0, %0, %%zmm" #sum "\n\t"
#define DOT_4(instruction, a, b, c, d) \
    DOT(instruction, a) DOT(instruction, b) DOT(instruction, c) DOT(instruction, d)
#define DOT_ROUND(instruction, x)                                                                             \
    __asm__ volatile(DOT_4(instruction, 8, 9, 10, 11) DOT_4(instruction, 12, 13, 14, 15)                      \
                     DOT_4(instruction, 16, 17, 18, 19) DOT_4(instruction, 20, 21, 22, 23)                    \
                     : : "v"(x) : "zmm8", "zmm9", "zmm10", "zmm11", "zmm12", "zmm13", "zmm14", "zmm15",       \
                       "zmm16", "zmm17", "zmm18", "zmm19", "zmm20", "zmm21", "zmm22", "zmm23")

/* In bf16 the two halves of the operand are 0.5 and 0: sums grow slowly from whatever the registers held. */
static float run_bf16(int64_t rounds)
{
    vec x;
    for (int k = 0; k < LANES; k++)
        x[k] = 0.5f;
    for (int64_t r = 0; r < rounds; r++)
        DOT_ROUND("vdpbf16ps", x);
    return 0;
}

static float run_int8(int64_t rounds)
{
    vec x;
    for (int k = 0; k < LANES; k++)
        x[k] = 0.7f; /* bytes 3f 33 33 33 */
    for (int64_t r = 0; r < rounds; r++)
        DOT_ROUND("vpdpbusd", x);
    return 0;
}
#endif

const struct peak_loops ISA_NAME(peak_loops) = {.kind = {
    [PEAK_F32] = {2.0 * LANES * CHAINS, run_f32},
#ifdef __AVX512F__
    [PEAK_BF16] = {2.0 * 2 * LANES * DOT_CHAINS, run_bf16},
    [PEAK_INT8] = {2.0 * 4 * LANES * DOT_CHAINS, run_int8},
#endif
}};
