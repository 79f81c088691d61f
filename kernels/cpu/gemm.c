/* gemm.c - oneDNN's sgemm, called on tiles by our own threads. Its own threads (OpenMP) are switched off: the
 * setting holds for the calling thread only, so every thread makes it before its first product.
 *
 * Why sgemm and not the matmul primitive with weights packed ahead: measured at the shapes of ViT-S (one core of Zen 4,
 * peak 118 GFLOP/s) sgemm with B as [K,N] reaches 113 to 115, packed matmul 113 to 116, and sgemm needs no primitive,
 * no cache of them, and no call that differs between versions 2 and 3. */
#include "cpu/gemm.h"

#include <oneapi/dnnl/dnnl.h>
#include <stdio.h>

#include "cpu/isa.h"
#include "msg.h"

/* Of OpenMP's library, which oneDNN brings; its header comes with some compilers only. */
void omp_set_num_threads(int n);

static _Thread_local bool single;

static void use_this_thread_only(void)
{
    if (single)
        return;
    omp_set_num_threads(1);
    single = true;
}

void gemm_f32(bool ta, bool tb, int64_t M, int64_t N, int64_t K, float alpha, const float *A, int64_t lda,
              const float *B, int64_t ldb, float beta, float *C, int64_t ldc)
{
    if (M <= 0 || N <= 0)
        return;
    use_this_thread_only();
    if (dnnl_sgemm(ta ? 'T' : 'N', tb ? 'T' : 'N', M, N, K, alpha, A, lda, B, ldb, beta, C, ldc) != dnnl_success)
        msg_bug("gemm: the library refused a product");
}

bool gemm_prefers_turned(void)
{
    return isa_best() == ISA_AVX512;
}

const char *gemm_library(void)
{
    static char text[48];
    const dnnl_version_t *v = dnnl_version();
    snprintf(text, sizeof text, "oneDNN %d.%d.%d", v->major, v->minor, v->patch);
    return text;
}
