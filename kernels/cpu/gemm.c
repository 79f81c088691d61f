/* gemm.c - oneDNN's sgemm, called on tiles by our own threads.
 *
 * Why sgemm and not the matmul primitive with weights packed beforehand: with B as [K,N] it leaves little to gain, 93
 * to 99 % of the peak at the shapes of ViT-S (tests/bench-op sgemm, Zen 4), and it needs no primitive, no cache of
 * them, and no call that differs between versions 2 and 3.
 *
 * Memory (onednn.c): the code of sgemm takes 17.6 MiB of address space with AVX-512, 6 with AVX2. gemm_open checks that
 * there is more than enough, and computes one product of each kind while no other thread can take the memory; from then
 * on a product allocates its workspace only, and the library reports if it does not get that. */
#include "gemm.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "isa.h"
#include "onednn.h"
#include "resource-limit.h"

enum { SGEMM_MIB = 32 }; /* more than the generated code takes */

void gemm_f32(bool ta, bool tb, int64_t M, int64_t N, int64_t K, float alpha, const float *A, int64_t lda,
              const float *B, int64_t ldb, float beta, float *C, int64_t ldc)
{
    if (M <= 0 || N <= 0 || !onednn_usable())
        return;
    onednn_use_this_thread_only();
    (void)onednn_check(dnnl_sgemm(ta ? 'T' : 'N', tb ? 'T' : 'N', M, N, K, alpha, A, lda, B, ldb, beta, C, ldc));
}

int gemm_status(struct fmt_error *e)
{
    return onednn_usable() ? 0 : fmt_fail(e, FMT_MEMORY, "out of memory for a product of matrices");
}

enum { SIDE = 64 };

void gemm_prepare(void)
{
    float in[SIDE * SIDE] = {0}, out[SIDE * SIDE];
    gemm_f32(false, false, SIDE, SIDE, SIDE, 1, in, SIDE, in, SIDE, 0, out, SIDE);
}

/* The kinds: an ordinary product, and one with few rows and B transposed. Code for a single row or column, and code
 * which copies, are generated with the first. */
static void generate_code(void)
{
    enum { FEW = 4 };
    float in[SIDE * SIDE] = {0}, out[SIDE * SIDE];
    gemm_prepare();
    gemm_f32(false, true, FEW, SIDE, SIDE, 1, in, SIDE, in, SIDE, 0, out, SIDE);
}

int gemm_open(struct fmt_error *e)
{
    if (!onednn_has_room(SGEMM_MIB))
        return fmt_fail(e, FMT_MEMORY, "out of memory: products of matrices need %d MiB of address space to begin with",
                        SGEMM_MIB);
    if (resource_limit_address_space())
        generate_code();
    return gemm_status(e);
}

bool gemm_prefers_transposed(void)
{
    return isa_of_processor() == ISA_AVX512;
}

/* From the documentation of versions 2 and 3; each has an older name with DNNL_. */
const char *gemm_environment(char out[GEMM_ENVIRONMENT_TEXT])
{
    static const struct {
        const char *name, *usual[2]; /* values that change nothing */
    } variables[] = {
        {"ONEDNN_MAX_CPU_ISA", {"ALL", "DEFAULT"}},        {"DNNL_MAX_CPU_ISA", {"ALL", "DEFAULT"}},
        {"ONEDNN_CPU_ISA_HINTS", {"NO_HINTS", ""}},        {"DNNL_CPU_ISA_HINTS", {"NO_HINTS", ""}},
        {"ONEDNN_DEFAULT_FPMATH_MODE", {"STRICT", ""}},    {"DNNL_DEFAULT_FPMATH_MODE", {"STRICT", ""}},
    };
    int used = 0;
    for (size_t i = 0; i < sizeof variables / sizeof *variables; i++) {
        const char *value = getenv(variables[i].name);
        if (value && *value && strcasecmp(value, variables[i].usual[0]) && strcasecmp(value, variables[i].usual[1]))
            used += snprintf(out + used, (size_t)(GEMM_ENVIRONMENT_TEXT - used), "%s%s=%.20s", used ? ", " : "",
                             variables[i].name, value);
    }
    if (!used)
        return NULL;
    snprintf(out + used, (size_t)(GEMM_ENVIRONMENT_TEXT - used),
             ": set in the environment; results may differ from those without it");
    return out;
}

const char *gemm_library(void)
{
    static char text[48];
    const dnnl_version_t *v = dnnl_version();
    snprintf(text, sizeof text, "oneDNN %d.%d.%d", v->major, v->minor, v->patch);
    return text;
}
