/* gelu.c - GELU and SwiGLU over whole arrays; the formulas are in simd-activation.c. */
#include "cpu.h"

struct arrays {
    float *out, *value;
    const float *d, *x;
    int64_t n, h;
};

static void gelu_fwd_item(void *arg, int64_t item, int worker)
{
    (void)worker;
    const struct arrays *a = arg;
    int64_t at = item * CPU_STRETCH;
    activation_loops()->bias_gelu(a->out + at, NULL, a->x + at, NULL, num_min(CPU_STRETCH, a->n - at));
}

void cpu_gelu_fwd(struct op_ctx *c, float *y, const float *x, int64_t n)
{
    struct arrays a = {.out = y, .x = x, .n = n};
    op_for(c, num_ceil_div(n, CPU_STRETCH), gelu_fwd_item, &a);
}

static void gelu_bwd_item(void *arg, int64_t item, int worker)
{
    (void)worker;
    const struct arrays *a = arg;
    int64_t at = item * CPU_STRETCH;
    activation_loops()->gelu_bwd(a->out + at, a->value ? a->value + at : NULL, a->d + at, a->x + at,
                                 num_min(CPU_STRETCH, a->n - at));
}

void cpu_gelu_bwd(struct op_ctx *c, float *dx, float *y, const float *dy, const float *x, int64_t n)
{
    struct arrays a = {.out = dx, .value = y, .d = dy, .x = x, .n = n};
    op_for(c, num_ceil_div(n, CPU_STRETCH), gelu_bwd_item, &a);
}

static void swiglu_fwd_item(void *arg, int64_t t, int worker)
{
    (void)worker;
    const struct arrays *a = arg;
    const float *u = a->x + t * 2 * a->h;
    activation_loops()->swiglu_fwd(a->out + t * a->h, u, u + a->h, a->h);
}

void cpu_swiglu_fwd(struct op_ctx *c, float *y, const float *u, int64_t T, int64_t h)
{
    struct arrays a = {.out = y, .x = u, .h = h};
    op_for(c, T, swiglu_fwd_item, &a);
}

static void swiglu_bwd_item(void *arg, int64_t t, int worker)
{
    (void)worker;
    const struct arrays *a = arg;
    const float *u = a->x + t * 2 * a->h;
    float *du = a->out + t * 2 * a->h;
    activation_loops()->swiglu_bwd(du, du + a->h, a->value + t * a->h, a->d + t * a->h, u, u + a->h, a->h);
}

void cpu_swiglu_bwd(struct op_ctx *c, float *du, float *y, const float *dy, const float *u, int64_t T, int64_t h)
{
    struct arrays a = {.out = du, .value = y, .d = dy, .x = u, .h = h};
    op_for(c, T, swiglu_bwd_item, &a);
}
