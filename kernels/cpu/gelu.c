/* gelu.c - GELU and SwiGLU over whole arrays; the formulas are in simd-activation.c. SwiGLU of bf16 goes by way of a
 * row in float32. */
#include "cpu.h"

/* GELU: x, y, dx, dy of n elements. SwiGLU: x, dx [T,2h], called u, du in op.h; y, dy [T,h]. y may be left out of
 * backward. */
struct arrays {
    struct tensor y, dx, dy, x;
    int64_t n, h;
    float *rows; /* [worker,3h]: a row of x and one of y or dy */
};

static float *f32_at(struct tensor t, int64_t at)
{
    return tensor_given(t) ? cpu_f32(t) + at : NULL;
}

static uint16_t *bf16_at(struct tensor t, int64_t at)
{
    return tensor_given(t) ? cpu_bf16(t) + at : NULL;
}

/* ------------------------------------------------------------------ GELU */
static void gelu_fwd_item(void *arg, int64_t item, int worker)
{
    (void)worker;
    const struct arrays *a = arg;
    int64_t at = item * CPU_STRETCH;
    activation_loops()->bias_gelu(f32_at(a->y, at), NULL, f32_at(a->x, at), NULL, num_min(CPU_STRETCH, a->n - at));
}

void cpu_gelu_fwd(struct op_ctx *c, struct tensor y, struct tensor x)
{
    struct arrays a = {.y = y, .x = x, .n = tensor_elements(x)};
    op_for(c, num_ceil_div(a.n, CPU_STRETCH), gelu_fwd_item, &a);
}

static void gelu_bwd_item(void *arg, int64_t item, int worker)
{
    (void)worker;
    const struct arrays *a = arg;
    int64_t at = item * CPU_STRETCH, n = num_min(CPU_STRETCH, a->n - at);
    if (a->x.dtype == DTYPE_BF16)
        activation_loops()->bf16_gelu_bwd(bf16_at(a->dx, at), bf16_at(a->y, at), bf16_at(a->dy, at), bf16_at(a->x, at),
                                          n);
    else
        activation_loops()->gelu_bwd(f32_at(a->dx, at), f32_at(a->y, at), f32_at(a->dy, at), f32_at(a->x, at), n);
}

void cpu_gelu_bwd(struct op_ctx *c, struct tensor dx, struct tensor y, struct tensor dy, struct tensor x)
{
    struct arrays a = {.y = y, .dx = dx, .dy = dy, .x = x, .n = tensor_elements(x)};
    op_for(c, num_ceil_div(a.n, CPU_STRETCH), gelu_bwd_item, &a);
}

/* ------------------------------------------------------------------ SwiGLU */
static void swiglu_rows(struct op_ctx *c, struct arrays *a, int64_t T, void (*row)(void *arg, int64_t t, int worker))
{
    size_t mark = c->scratch->used;
    if (a->x.dtype == DTYPE_BF16)
        a->rows = CPU_TAKE(c, float, 3 * a->h * op_workers(c));
    op_for(c, T, row, a);
    c->scratch->used = mark;
}

static void swiglu_fwd_row(void *arg, int64_t t, int worker)
{
    const struct arrays *a = arg;
    int64_t h = a->h;
    if (a->x.dtype == DTYPE_BF16) {
        float *u = a->rows + worker * 3 * h, *y = u + 2 * h;
        convert_loops()->from_bf16(u, bf16_at(a->x, t * 2 * h), 2 * h);
        activation_loops()->swiglu_fwd(y, u, u + h, h);
        convert_loops()->to_bf16(bf16_at(a->y, t * h), y, h);
    } else {
        const float *u = f32_at(a->x, t * 2 * h);
        activation_loops()->swiglu_fwd(f32_at(a->y, t * h), u, u + h, h);
    }
}

void cpu_swiglu_fwd(struct op_ctx *c, struct tensor y, struct tensor u)
{
    swiglu_rows(c, &(struct arrays){.y = y, .x = u, .h = y.dims[1]}, y.dims[0], swiglu_fwd_row);
}

static void swiglu_bwd_row(void *arg, int64_t t, int worker)
{
    const struct arrays *a = arg;
    int64_t h = a->h;
    if (a->x.dtype == DTYPE_BF16) {
        float *u = a->rows + worker * 3 * h, *dy = u + 2 * h, *y = tensor_given(a->y) ? dy : NULL;
        convert_loops()->from_bf16(u, bf16_at(a->x, t * 2 * h), 2 * h);
        convert_loops()->from_bf16(dy, bf16_at(a->dy, t * h), h);
        activation_loops()->swiglu_bwd(u, u + h, y, dy, u, u + h, h);
        convert_loops()->to_bf16(bf16_at(a->dx, t * 2 * h), u, 2 * h);
        if (y)
            convert_loops()->to_bf16(bf16_at(a->y, t * h), y, h);
    } else {
        const float *u = f32_at(a->x, t * 2 * h);
        float *du = f32_at(a->dx, t * 2 * h);
        activation_loops()->swiglu_bwd(du, du + h, f32_at(a->y, t * h), f32_at(a->dy, t * h), u, u + h, h);
    }
}

void cpu_swiglu_bwd(struct op_ctx *c, struct tensor du, struct tensor y, struct tensor dy, struct tensor u)
{
    swiglu_rows(c, &(struct arrays){.y = y, .dx = du, .dy = dy, .x = u, .h = dy.dims[1]}, dy.dims[0], swiglu_bwd_row);
}
