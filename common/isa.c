/* isa.c - the selection is made once. */
#include "isa.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static const char *const names[] = {[ISA_BASE] = "base", [ISA_AVX2] = "avx2", [ISA_AVX512] = "avx512"};
static enum isa selected;

enum isa isa_of_processor(void)
{
#if defined(__x86_64__)
    /* The instructions that -march=haswell and -march=skylake-avx512 allow the compiler to use in these loops. */
    bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi") &&
                __builtin_cpu_supports("bmi2");
    if (avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
        return ISA_AVX512;
    if (avx2)
        return ISA_AVX2;
#endif
    return ISA_BASE;
}

static void select_best(void)
{
    enum isa best = isa_of_processor();
    const char *lesser = getenv("DINOTOOLS_ISA");
    for (int i = 0; lesser && i < (int)best; i++)
        if (strcmp(lesser, names[i]) == 0)
            best = (enum isa)i;
    selected = best;
}

enum isa isa_best(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, select_best);
    return selected;
}

const char *isa_name(enum isa isa)
{
    return names[isa];
}
