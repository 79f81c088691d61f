/* matmul-scratch.c - the most that any of several products needs, once for each thread. */
#include "matmul-scratch.h"

struct matmul_scratch matmul_scratch_take(struct op_ctx *c, const struct matmul *products, int n)
{
    struct matmul_scratch s = {.bytes = 0};
    for (int i = 0; i < n; i++)
        s.bytes = num_max(s.bytes, cpu_lines(matmul_scratch_bytes(&products[i])));
    s.base = CPU_TAKE(c, uint8_t, s.bytes * op_workers(c));
    return s;
}
