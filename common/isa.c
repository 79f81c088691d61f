/* isa.c - the selection is made once. */
#include "isa.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#if defined(__x86_64__)
#include <cpuid.h>
#endif

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

#if defined(__x86_64__)
bool isa_has_bf16(void)
{
    return isa_of_processor() == ISA_AVX512 && __builtin_cpu_supports("avx512bf16");
}

bool isa_has_vnni(void)
{
    return isa_of_processor() == ISA_AVX512 && __builtin_cpu_supports("avx512vnni");
}

static bool has_amx_bf16(void)
{
    unsigned a, b, c, d;
    return __get_cpuid_count(7, 0, &a, &b, &c, &d) && d >> 22 & 1;
}

bool isa_bf16_is_fast(void)
{
    return isa_has_bf16() && (!__builtin_cpu_is("intel") || has_amx_bf16());
}
#else
bool isa_has_bf16(void)
{
    return false;
}

bool isa_has_vnni(void)
{
    return false;
}

bool isa_bf16_is_fast(void)
{
    return false;
}
#endif

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
