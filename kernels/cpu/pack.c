/* pack.c - packed weights: which element types have an order of their own, its size, and who packs: int8 is in
 * linear-int8.c. */
#include "linear-layer.h"
#include "matmul.h"

size_t cpu_packed_bytes(enum dtype dtype, int64_t N, int64_t K)
{
    if (dtype == DTYPE_F32)
        return gemm_prefers_transposed() ? (size_t)(N * K) * sizeof(float) : 0;
    if (!matmul_supports(dtype) || N <= 0 || K <= 0)
        return 0;
    return dtype == DTYPE_I8 ? linear_int8_packed_bytes(N, K) : matmul_packed_bytes(dtype, K, N);
}

void cpu_pack(struct op_ctx *c, struct tensor packed, struct tensor w)
{
    struct tensor transposed = {packed.data, DTYPE_F32, 2, {w.dims[1], w.dims[0]}, false};
    if (packed.dtype == DTYPE_BF16)
        linear_bf16_pack(c, packed, w);
    else
        cpu_transpose(c, transposed, w);
}
