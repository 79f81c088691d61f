/* gemm.h - matrix products on the CPU: the only file that uses oneDNN (versions 2 and 3).
 *
 * A call runs in the calling thread alone. What a row's bits depend on is the shape of the call, never on what
 * else runs or on addresses: callers cut their work into calls by the problem, not by the number of threads.
 */
#ifndef GEMM_H
#define GEMM_H

#include <stdbool.h>
#include <stdint.h>

/* C [M,N] = alpha * op(A) [M,K] op(B) [K,N] + beta * C, row-major; lda, ldb, ldc: elements from row to row as
 * stored (op(A) = A^T where ta: A is stored [K,M]). beta 0: C is not read. Shapes are the caller's promise; a
 * failure of the library is a bug (it aborts). */
void gemm_f32(bool ta, bool tb, int64_t M, int64_t N, int64_t K, float alpha, const float *A, int64_t lda,
              const float *B, int64_t ldb, float beta, float *C, int64_t ldc);

/* How the products of this processor like B of a product that is called many times: true if [K,N] is worth turning a
 * [N,K] matrix for (AVX-512: 115 against 105 GFLOP/s a core of Zen 4), false if it makes no difference (AVX2). */
bool gemm_prefers_turned(void);

/* "oneDNN 2.6.3". */
const char *gemm_library(void);

#endif
