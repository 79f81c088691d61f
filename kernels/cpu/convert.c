/* convert.c - whole tensors between float32 and bf16 (simd-convert.c). */
#include "cpu.h"

struct conversion {
    struct tensor y, x;
    int64_t n;
};

static void convert_item(void *arg, int64_t item, int worker)
{
    (void)worker;
    const struct conversion *v = arg;
    int64_t at = item * CPU_STRETCH, n = num_min(CPU_STRETCH, v->n - at);
    if (v->y.dtype == DTYPE_BF16)
        convert_loops()->to_bf16(cpu_bf16(v->y) + at, cpu_f32(v->x) + at, n);
    else
        convert_loops()->from_bf16(cpu_f32(v->y) + at, cpu_bf16(v->x) + at, n);
}

void cpu_convert(struct op_ctx *c, struct tensor y, struct tensor x)
{
    struct conversion v = {y, x, tensor_elements(x)};
    op_for(c, num_ceil_div(v.n, CPU_STRETCH), convert_item, &v);
}
