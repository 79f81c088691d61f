/* matmul.h - matrix products of bf16 and of int8 on the CPU, with one operand packed beforehand. matmul.c, gemm.c and
 * onednn.c are the only files that use oneDNN (versions 2 and 3).
 *
 *   struct matmul m = {.type = DTYPE_BF16, .M = 64, .N = 384, .K = 384};
 *   void *packed = ... matmul_packed_bytes(DTYPE_BF16, K, N) bytes, aligned to 64
 *   matmul_pack(DTYPE_BF16, K, N, w, DTYPE_F32, 1, K, packed);         B [K,N] = the transpose of w [N,K]
 *   matmul_run(&m, a, packed, c, scratch);                             scratch: matmul_scratch_bytes(&m)
 *
 *   type    A [M,K], B [K,N]   C [M,N]
 *   BF16    bf16               f32, or bf16 if rounded: products are exact, sums in float32
 *   I8      s8                 s32: exact
 *
 * Rows of A and C are adjacent, of A as it is stored: other strides have no fast product in the library.
 * A call runs in the calling thread alone. The bits of a row depend on the shape of the call, never on addresses, on
 * other rows or on what else runs. Errors: as gemm_f32 has them, out of memory is reported by gemm_status.
 */
#ifndef MATMUL_H
#define MATMUL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dtype.h"

/* Whether this processor has the instructions, AVX-512 with BF16 or with VNNI, and the environment does not keep the
 * library from them. Without them it would convert to float32, or saturate sums of pairs in 16 bits. */
bool matmul_supports(enum dtype type);
/* Whether products of this type are faster than those of float32 (isa.h): known by processor, so that a machine always
 * chooses alike. */
bool matmul_is_fast(enum dtype type);

struct matmul {
    enum dtype type; /* DTYPE_BF16 or DTYPE_I8 */
    int64_t M, N, K;
    bool ta;         /* A is stored [K,M] */
    bool accumulate; /* C += instead of C = */
    bool rounded;    /* BF16 alone: C is bf16, the sums rounded to nearest, ties to even */
    const float *bias; /* BF16 alone: [N], added to each row of the sums; NULL: none */
};

size_t matmul_packed_bytes(enum dtype type, int64_t K, int64_t N);
/* packed = B [K,N], whose element (k, n) is at b + k * stride_k + n * stride_n, one of the strides being 1. source: F32
 * or BF16 for BF16 (rounded to nearest, ties to even), I8 for I8. */
void matmul_pack(enum dtype type, int64_t K, int64_t N, const void *b, enum dtype source, int64_t stride_k,
                 int64_t stride_n, void *packed);
/* The same for columns [first, first + n) alone, into the same place of all of packed: for several threads. first is a
 * multiple of MATMUL_PART; n, too, unless they are the last columns. */
enum { MATMUL_PART = 192 };
void matmul_pack_part(enum dtype type, int64_t K, int64_t N, const void *b, enum dtype source, int64_t stride_k,
                      int64_t stride_n, int64_t first, int64_t n, void *packed);

size_t matmul_scratch_bytes(const struct matmul *m);
/* scratch: aligned to 64; may be NULL where matmul_scratch_bytes is at most MATMUL_SMALL_SCRATCH */
void matmul_run(const struct matmul *m, const void *a, const void *packed_b, void *c, void *scratch);

enum { MATMUL_SMALL_SCRATCH = 4096 };

#endif
