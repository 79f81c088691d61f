/* l2norm.c - y [T,C] = x / max(|x|, eps), norm [T] = |x|; dx = (dy - y (y . dy)) / norm
 * Sums in double, in order; below eps the divisor is a constant, as PyTorch has it: dx = dy / eps. */
#include <math.h>

#include "op.h"

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

void cpu_l2norm_fwd(struct op_ctx *c, float *y, float *norm, const float *x, float eps, int64_t T, int64_t C)
{
    if (!op_planning(c))
        op_for(c, T, fwd_row, &(struct l2norm){.out = y, .norms = norm, .in = x, .eps = eps, .C = C});
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
    float divisor = constant ? a->eps : a->norm[t], along = (float)dot;
    for (int64_t i = 0; i < a->C; i++)
        a->out[t * a->C + i] = (dy[i] - y[i] * along) / divisor;
}

void cpu_l2norm_bwd(struct op_ctx *c, float *dx, const float *dy, const float *y, const float *norm, float eps,
                    int64_t T, int64_t C)
{
    if (!op_planning(c))
        op_for(c, T, bwd_row, &(struct l2norm){.out = dx, .in = dy, .y = y, .norm = norm, .eps = eps, .C = C});
}
