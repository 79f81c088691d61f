/* l2norm.c - y [T,C] = x / max(|x|, eps), norm [T] = |x|; dx = (dy - y (y . dy)) / norm
 * Sums in double, in order. Below eps the divisor is a constant, as in PyTorch: dx = dy / eps. */
#include <math.h>

#include "cpu.h"

struct l2norm {
    float *out, *norms;
    const float *in, *y, *norm;
    float eps;
    int64_t C;
};

static void fwd_row(void *arg, int64_t t, int worker)
{
    (void)worker;
    const struct l2norm *a = arg;
    const float *x = a->in + t * a->C;
    double squares = 0;
    for (int64_t i = 0; i < a->C; i++)
        squares += (double)x[i] * (double)x[i];
    float norm = (float)sqrt(squares), divisor = norm < a->eps ? a->eps : norm;
    for (int64_t i = 0; i < a->C; i++)
        a->out[t * a->C + i] = x[i] / divisor;
    a->norms[t] = norm;
}

void cpu_l2norm_fwd(struct op_ctx *c, struct tensor y, struct tensor norm, struct tensor x, float eps)
{
    struct l2norm a = {.out = cpu_f32(y), .norms = cpu_f32(norm), .in = cpu_f32(x), .eps = eps, .C = x.dims[1]};
    op_for(c, x.dims[0], fwd_row, &a);
}

static void bwd_row(void *arg, int64_t t, int worker)
{
    (void)worker;
    const struct l2norm *a = arg;
    const float *dy = a->in + t * a->C, *y = a->y + t * a->C;
    bool constant = a->norm[t] < a->eps;
    double dot = 0;
    for (int64_t i = 0; i < a->C && !constant; i++)
        dot += (double)dy[i] * (double)y[i];
    float divisor = constant ? a->eps : a->norm[t], projection = (float)dot;
    for (int64_t i = 0; i < a->C; i++)
        a->out[t * a->C + i] = (dy[i] - y[i] * projection) / divisor;
}

void cpu_l2norm_bwd(struct op_ctx *c, struct tensor dx, struct tensor dy, struct tensor y, struct tensor norm,
                    float eps)
{
    struct l2norm a = {.out = cpu_f32(dx), .in = cpu_f32(dy), .y = cpu_f32(y), .norm = cpu_f32(norm), .eps = eps,
                       .C = dy.dims[1]};
    op_for(c, dy.dims[0], bwd_row, &a);
}
