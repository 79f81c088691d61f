/* isa.c - the processor is asked once. */
#include "isa.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static const char *const names[] = {[ISA_BASE] = "base", [ISA_AVX2] = "avx2", [ISA_AVX512] = "avx512"};
static enum isa chosen;

enum isa isa_of_processor(void)
{
#if defined(__x86_64__)
    /* The sets that -march=haswell and -march=skylake-avx512 let the compiler use in these loops. */
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

static void choose(void)
{
    enum isa best = isa_of_processor();
    const char *wish = getenv("DINOTOOLS_ISA");
    for (int i = 0; wish && i < (int)best; i++)
        if (strcmp(wish, names[i]) == 0)
            best = (enum isa)i;
    chosen = best;
}

enum isa isa_best(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, choose);
    return chosen;
}

const char *isa_name(enum isa isa)
{
    return names[isa];
}
