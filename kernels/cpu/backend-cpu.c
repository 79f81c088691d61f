/* backend-cpu.c - the reference table. Nothing is asynchronous here. */
#include "cpu/cpu.h"

const struct backend backend_cpu = {
    .name = "cpu",
    .turns_weights = gemm_prefers_turned,
#define OP(name, params) .name = cpu_##name,
#include "ops.def"
#undef OP
};
