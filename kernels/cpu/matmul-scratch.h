/* matmul-scratch.h - scratch for the products of matmul.h in the threads of an operation.
 *
 *   struct matmul_scratch s = matmul_scratch_take(c, products, 2);    while planning, too
 *   matmul_run(&m, a, b, out, matmul_scratch_of(s, worker));          m: one of the products
 */
#ifndef MATMUL_SCRATCH_H
#define MATMUL_SCRATCH_H

#include "cpu.h"
#include "matmul.h"

struct matmul_scratch {
    uint8_t *base; /* [worker, bytes]; NULL while planning */
    int64_t bytes; /* whole cache lines */
};

/* From the scratch of c: for each worker enough for any of the n products. */
struct matmul_scratch matmul_scratch_take(struct op_ctx *c, const struct matmul *products, int n);

static inline void *matmul_scratch_of(struct matmul_scratch s, int worker)
{
    return s.base + worker * s.bytes;
}

#endif
