/* simd-topk.c - the loops over all similarities and all values, for each instruction set. */
#include "topk.h"

/* Counting vectorises without a branch; the few chunks with a hit are examined value by value. */
static int above(const float *value, const float *limit, int n, int32_t *at)
{
    enum { CHUNK = 64 };
    int found = 0;
    for (int i = 0; i < n; i += CHUNK) {
        int end = i + CHUNK < n ? i + CHUNK : n, hits = 0;
        for (int j = i; j < end; j++)
            hits += value[j] > limit[j];
        for (int j = i; hits && j < end; j++) {
            at[found] = j;
            found += value[j] > limit[j];
        }
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

const struct topk_loops ISA_NAME(topk_loops) = {above, squares};
