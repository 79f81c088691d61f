/* linear-tiles.c - the end of a tile: bias, GELU, rounding, while its sums are in the cache. */
#include <string.h>

#include "linear-tiles.h"

/* float32 elements at `at` of y or u, NULL where they are not float32. */
static float *f32_at(struct tensor t, int64_t at)
{
    return t.dtype == DTYPE_F32 && t.data.at ? cpu_f32(t) + at : NULL;
}

static void round_to(struct tensor t, int64_t at, const float *x, int64_t n)
{
    if (t.dtype == DTYPE_BF16)
        convert_loops()->to_bf16(cpu_bf16(t) + at, x, n);
}

void linear_finish_row(const struct linear_out *out, float *sums, int64_t r, int64_t c0, int64_t n)
{
    const float *bias = tensor_given(out->bias) ? cpu_f32(out->bias) + c0 : NULL;
    int64_t at = r * out->y.dims[1] + c0;
    float *y = f32_at(out->y, at), *u = f32_at(out->u, at);
    if (!y)
        y = sums;
    if (out->gelu && out->u.dtype == DTYPE_BF16) {
        if (bias)
            elementwise_loops()->add(sums, bias, n);
        round_to(out->u, at, sums, n);
        bias = NULL;
    }
    if (out->gelu)
        activation_loops()->bias_gelu(y, u, sums, bias, n);
    else if (bias)
        elementwise_loops()->add(sums, bias, n);
    if (!out->gelu && y != sums)
        memcpy(y, sums, (size_t)n * sizeof *y);
    round_to(out->y, at, y, n);
}
