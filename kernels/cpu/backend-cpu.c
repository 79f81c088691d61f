/* backend-cpu.c - the table of the reference backend. Nothing is asynchronous, except that cpu_sync reports a product
 * that got no memory. */
#include "cpu.h"
#include "matmul.h"

static void cpu_sync(struct op_ctx *c)
{
    if (!c->error.status)
        (void)gemm_status(&c->error);
}

const struct backend backend_cpu = {
    .name = "cpu",
    .open = gemm_open,
    .prepare = gemm_prepare,
    .environment = gemm_environment,
    .reserve = cpu_reserve,
    .release = cpu_release,
    .set_usable = cpu_set_usable,
    .copy_in = cpu_copy_in,
    .copy_out = cpu_copy_out,
    .sync = cpu_sync,
    .packed_bytes = cpu_packed_bytes,
    .supports = matmul_supports,
    .is_fast = matmul_is_fast,
    .computes_in_host_memory = true,
    .batch_changes_bits = true,
#define OP(name, params, args) .name = cpu_##name,
#include "ops.def"
#undef OP
};
