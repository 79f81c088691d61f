/* backend-cpu.c - the reference table. Nothing is asynchronous; only that a product found no memory is told late. */
#include "cpu.h"

static void cpu_sync(struct op_ctx *c)
{
    if (!c->error.status)
        (void)gemm_status(&c->error);
}

const struct backend backend_cpu = {
    .name = "cpu",
    .sync = cpu_sync,
    .turns_weights = gemm_prefers_turned,
#define OP(name, params) .name = cpu_##name,
#include "ops.def"
#undef OP
};
