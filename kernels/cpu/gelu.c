/* gelu.c - GELU and SwiGLU over whole arrays; the formulas are in simd-activation.c. */
#include "cpu.h"

struct arrays {
    float *out, *value;
    const float *d, *x;
    int64_t n, h;
    struct tensor y, u, dy, du; /* in bf16 */
    float *rows;                /* [worker,3h]: a row of u and of y in float32 */
};

static void gelu_fwd_item(void *arg, int64_t item, int worker)
{
    (void)worker;
    const struct arrays *a = arg;
    int64_t at = item * CPU_STRETCH;
    activation_loops()->bias_gelu(a->out + at, NULL, a->x + at, NULL, num_min(CPU_STRETCH, a->n - at));
}

void cpu_gelu_fwd(struct op_ctx *c, struct tensor y, struct tensor x)
{
    struct arrays a = {.out = cpu_f32(y), .x = cpu_f32(x), .n = tensor_elements(x)};
    op_for(c, num_ceil_div(a.n, CPU_STRETCH), gelu_fwd_item, &a);
}

static void gelu_bwd_item(void *arg, int64_t item, int worker)
{
    (void)worker;
    const struct arrays *a = arg;
    int64_t at = item * CPU_STRETCH;
    activation_loops()->gelu_bwd(a->out + at, a->value ? a->value + at : NULL, a->d + at, a->x + at,
                                 num_min(CPU_STRETCH, a->n - at));
}

struct gelu_bf16 {
    uint16_t *dx, *y;
    const uint16_t *dy, *x;
    int64_t n;
};

static void gelu_bwd_bf16_item(void *arg, int64_t item, int worker)
{
    (void)worker;
    const struct gelu_bf16 *a = arg;
    int64_t at = item * CPU_STRETCH;
    activation_loops()->bf16_gelu_bwd(a->dx + at, a->y ? a->y + at : NULL, a->dy + at, a->x + at,
                                      num_min(CPU_STRETCH, a->n - at));
}

void cpu_gelu_bwd(struct op_ctx *c, struct tensor dx, struct tensor y, struct tensor dy, struct tensor x)
{
    if (x.dtype == DTYPE_BF16) {
        struct gelu_bf16 a = {cpu_bf16(dx), cpu_bf16(y), cpu_bf16(dy), cpu_bf16(x), tensor_elements(x)};
        op_for(c, num_ceil_div(a.n, CPU_STRETCH), gelu_bwd_bf16_item, &a);
        return;
    }
    struct arrays a = {
        .out = cpu_f32(dx), .value = cpu_f32(y), .d = cpu_f32(dy), .x = cpu_f32(x), .n = tensor_elements(x)};
    op_for(c, num_ceil_div(a.n, CPU_STRETCH), gelu_bwd_item, &a);
}

static void swiglu_fwd_item(void *arg, int64_t t, int worker)
{
    (void)worker;
    const struct arrays *a = arg;
    const float *u = a->x + t * 2 * a->h;
    activation_loops()->swiglu_fwd(a->out + t * a->h, u, u + a->h, a->h);
}

static void swiglu_bf16_item(void *arg, int64_t t, int worker)
{
    const struct arrays *a = arg;
    float *u = a->rows + worker * 3 * a->h, *y = u + 2 * a->h;
    convert_loops()->from_bf16(u, cpu_bf16(a->u) + t * 2 * a->h, 2 * a->h);
    activation_loops()->swiglu_fwd(y, u, u + a->h, a->h);
    convert_loops()->to_bf16(cpu_bf16(a->y) + t * a->h, y, a->h);
}

/* Of bf16: by way of a row in float32. */
static void swiglu_rows(struct op_ctx *c, struct arrays *a, int64_t T, void (*row)(void *arg, int64_t t, int worker))
{
    size_t mark = c->scratch->used;
    a->rows = CPU_TAKE(c, float, 3 * a->h * op_workers(c));
    op_for(c, T, row, a);
    c->scratch->used = mark;
}

void cpu_swiglu_fwd(struct op_ctx *c, struct tensor y, struct tensor u)
{
    if (y.dtype == DTYPE_BF16) {
        swiglu_rows(c, &(struct arrays){.y = y, .u = u, .h = y.dims[1]}, y.dims[0], swiglu_bf16_item);
        return;
    }
    struct arrays a = {.out = cpu_f32(y), .x = cpu_f32(u), .h = y.dims[1]};
    op_for(c, y.dims[0], swiglu_fwd_item, &a);
}

static void swiglu_bwd_item(void *arg, int64_t t, int worker)
{
    (void)worker;
    const struct arrays *a = arg;
    const float *u = a->x + t * 2 * a->h;
    float *du = a->out + t * 2 * a->h;
    activation_loops()->swiglu_bwd(du, du + a->h, a->value + t * a->h, a->d + t * a->h, u, u + a->h, a->h);
}

static void swiglu_bwd_bf16_item(void *arg, int64_t t, int worker)
{
    const struct arrays *a = arg;
    float *u = a->rows + worker * 3 * a->h, *dy = u + 2 * a->h;
    convert_loops()->from_bf16(u, cpu_bf16(a->u) + t * 2 * a->h, 2 * a->h);
    convert_loops()->from_bf16(dy, cpu_bf16(a->dy) + t * a->h, a->h);
    activation_loops()->swiglu_bwd(u, u + a->h, dy, dy, u, u + a->h, a->h);
    convert_loops()->to_bf16(cpu_bf16(a->du) + t * 2 * a->h, u, 2 * a->h);
    if (tensor_given(a->y))
        convert_loops()->to_bf16(cpu_bf16(a->y) + t * a->h, dy, a->h);
}

void cpu_swiglu_bwd(struct op_ctx *c, struct tensor du, struct tensor y, struct tensor dy, struct tensor u)
{
    if (u.dtype == DTYPE_BF16) {
        swiglu_rows(c, &(struct arrays){.y = y, .u = u, .dy = dy, .du = du, .h = dy.dims[1]}, dy.dims[0],
                    swiglu_bwd_bf16_item);
        return;
    }
    struct arrays a = {.out = cpu_f32(du), .value = cpu_f32(y), .d = cpu_f32(dy), .x = cpu_f32(u), .h = dy.dims[1]};
    op_for(c, dy.dims[0], swiglu_bwd_item, &a);
}
