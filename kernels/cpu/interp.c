/* y[i,j,:] = sum_m wy[i,m] sum_n wx[j,n] x[m,n,:]     separable: the width first, then the height
 * x [M*M,C], wy [oh,M], wx [ow,M], y [oh*ow,C]; backward: dx += the same with transposed weights, the height first.
 * Weights that are zero (all but a few taps a row) are passed over. Sums run over taps in order. */
#include <string.h>

#include "cpu.h"

struct interp {
    float *y, *middle; /* [M,ow,C] */
    const float *x, *wy, *wx;
    int64_t oh, ow, M, C;
};

/* middle[m,j] = sum_n wx[j,n] x[m,n]; item m */
static void width_item(void *arg, int64_t m, int worker)
{
    (void)worker;
    const struct interp *a = arg;
    for (int64_t j = 0; j < a->ow; j++) {
        float *to = a->middle + (m * a->ow + j) * a->C;
        memset(to, 0, (size_t)a->C * sizeof *to);
        for (int64_t n = 0; n < a->M; n++)
            if (a->wx[j * a->M + n] != 0)
                elementwise_loops()->axpy(to, a->wx[j * a->M + n], a->x + (m * a->M + n) * a->C, a->C);
    }
}

/* y[i,:] = sum_m wy[i,m] middle[m,:]; item i */
static void height_item(void *arg, int64_t i, int worker)
{
    (void)worker;
    const struct interp *a = arg;
    int64_t row = a->ow * a->C;
    memset(a->y + i * row, 0, (size_t)row * sizeof *a->y);
    for (int64_t m = 0; m < a->M; m++)
        if (a->wy[i * a->M + m] != 0)
            elementwise_loops()->axpy(a->y + i * row, a->wy[i * a->M + m], a->middle + m * row, row);
}

void cpu_interp_fwd(struct op_ctx *c, float *y, const float *x, const float *wy, const float *wx, int64_t oh,
                    int64_t ow, int64_t M, int64_t C)
{
    size_t mark = c->scratch->used;
    struct interp a = {y, ARENA_TAKE(c->scratch, float, M * ow * C), x, wy, wx, oh, ow, M, C};
    op_for(c, M, width_item, &a);
    op_for(c, oh, height_item, &a);
    c->scratch->used = mark;
}

/* middle[m,:] = sum_i wy[i,m] dy[i,:]; item m */
static void height_bwd_item(void *arg, int64_t m, int worker)
{
    (void)worker;
    const struct interp *a = arg;
    int64_t row = a->ow * a->C;
    memset(a->middle + m * row, 0, (size_t)row * sizeof *a->middle);
    for (int64_t i = 0; i < a->oh; i++)
        if (a->wy[i * a->M + m] != 0)
            elementwise_loops()->axpy(a->middle + m * row, a->wy[i * a->M + m], a->x + i * row, row);
}

/* dx[m,n] += sum_j wx[j,n] middle[m,j]; item m */
static void width_bwd_item(void *arg, int64_t m, int worker)
{
    (void)worker;
    const struct interp *a = arg;
    for (int64_t n = 0; n < a->M; n++)
        for (int64_t j = 0; j < a->ow; j++)
            if (a->wx[j * a->M + n] != 0)
                elementwise_loops()->axpy(a->y + (m * a->M + n) * a->C, a->wx[j * a->M + n],
                                          a->middle + (m * a->ow + j) * a->C, a->C);
}

void cpu_interp_bwd(struct op_ctx *c, float *dx, const float *dy, const float *wy, const float *wx, int64_t oh,
                    int64_t ow, int64_t M, int64_t C)
{
    size_t mark = c->scratch->used;
    struct interp a = {dx, ARENA_TAKE(c->scratch, float, M * ow * C), dy, wy, wx, oh, ow, M, C};
    op_for(c, M, height_bwd_item, &a);
    op_for(c, M, width_bwd_item, &a);
    c->scratch->used = mark;
}
