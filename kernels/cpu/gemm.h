/* gemm.h - float32 matrix products on the CPU, by oneDNN (versions 2 and 3; matmul.h has other element types).
 *
 * A call runs in the calling thread alone. The bits of a row depend on the shape of the call, never on addresses or on
 * what else runs: callers cut their work into calls by the problem, not by the number of threads.
 */
#ifndef GEMM_H
#define GEMM_H

#include <stdbool.h>
#include <stdint.h>

#include "fmt.h"

/* FMT_MEMORY where address space is limited and the library would not get what its code takes, which it does not
 * survive. Once, while this thread alone is at work. */
int gemm_open(struct fmt_error *e);

/* Makes the library generate the code of ordinary products, which it otherwise does in the first of
 * them, while other threads that multiply wait. */
void gemm_prepare(void);

/* C [M,N] = alpha * op(A) [M,K] op(B) [K,N] + beta * C, row-major; lda, ldb, ldc: elements from row to row as
 * stored (op(A) = A^T where ta: A is stored [K,M]). beta 0: C is not read. Shapes are the caller's promise; a
 * failure of the library is a bug (it aborts), except out of memory: then neither this product nor a later one is made,
 * which gemm_status reports (op_sync does for operations). */
void gemm_f32(bool ta, bool tb, int64_t M, int64_t N, int64_t K, float alpha, const float *A, int64_t lda,
              const float *B, int64_t ldb, float beta, float *C, int64_t ldc);

/* FMT_MEMORY if a product was not made since the process began. Whoever calls gemm_f32 asks before results leave. */
int gemm_status(struct fmt_error *e);

/* Whether a product that is called many times is worth a transposed copy of B: true where B [K,N] is faster than the
 * transpose of B [N,K] (AVX-512; on Zen 4 up to a sixth: tests/bench-op sgemm), false where both are alike (AVX2). */
bool gemm_prefers_transposed(void);

/* A sentence for a warning that names the variables of the environment which change how the library computes, and so
 * the last digits of results, or more. NULL: none is set. */
enum { GEMM_ENVIRONMENT_TEXT = 400 };
const char *gemm_environment(char out[GEMM_ENVIRONMENT_TEXT]);

/* "oneDNN 2.6.3". */
const char *gemm_library(void);

#endif
