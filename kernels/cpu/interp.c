/* y[i,j,:] = sum_m wy[i,m] sum_n wx[j,n] x[m,n,:]     separable: the width first, then the height
 * x [G*G,C], wy [oh,G], wx [ow,G], y [oh*ow,C]; backward: dx += the same with transposed weights, the height first.
 * Weights that are zero (all but a few taps a row) are skipped. Sums run over taps in order. */
#include <string.h>

#include "cpu.h"

struct interp {
    float *y, *middle; /* [G,ow,C] */
    const float *x, *wy, *wx;
    int64_t oh, ow, G, C;
};

/* middle[m,j] = sum_n wx[j,n] x[m,n]; item m */
static void width_item(void *arg, int64_t m, int worker)
{
    (void)worker;
    const struct interp *a = arg;
    for (int64_t j = 0; j < a->ow; j++) {
        float *to = a->middle + (m * a->ow + j) * a->C;
        memset(to, 0, (size_t)a->C * sizeof *to);
        for (int64_t n = 0; n < a->G; n++)
            if (a->wx[j * a->G + n] != 0)
                elementwise_loops()->axpy(to, a->wx[j * a->G + n], a->x + (m * a->G + n) * a->C, a->C);
    }
}

/* y[i,:] = sum_m wy[i,m] middle[m,:]; item i */
static void height_item(void *arg, int64_t i, int worker)
{
    (void)worker;
    const struct interp *a = arg;
    int64_t row = a->ow * a->C;
    memset(a->y + i * row, 0, (size_t)row * sizeof *a->y);
    for (int64_t m = 0; m < a->G; m++)
        if (a->wy[i * a->G + m] != 0)
            elementwise_loops()->axpy(a->y + i * row, a->wy[i * a->G + m], a->middle + m * row, row);
}

/* All but y and x; with scratch for the result of the first axis. */
static struct interp interp_of(struct op_ctx *c, struct tensor grid, struct tensor wy, struct tensor wx)
{
    struct interp a = {.wy = cpu_f32(wy), .wx = cpu_f32(wx), .oh = wy.dims[0], .ow = wx.dims[0], .G = wy.dims[1],
                       .C = grid.dims[1]};
    a.middle = CPU_TAKE(c, float, a.G * a.ow * a.C);
    return a;
}

void cpu_interp_fwd(struct op_ctx *c, struct tensor y, struct tensor x, struct tensor wy, struct tensor wx)
{
    size_t mark = c->scratch->used;
    struct interp a = interp_of(c, x, wy, wx);
    a.y = cpu_f32(y), a.x = cpu_f32(x);
    op_for(c, a.G, width_item, &a);
    op_for(c, a.oh, height_item, &a);
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
        if (a->wy[i * a->G + m] != 0)
            elementwise_loops()->axpy(a->middle + m * row, a->wy[i * a->G + m], a->x + i * row, row);
}

/* dx[m,n] += sum_j wx[j,n] middle[m,j]; item m */
static void width_bwd_item(void *arg, int64_t m, int worker)
{
    (void)worker;
    const struct interp *a = arg;
    for (int64_t n = 0; n < a->G; n++)
        for (int64_t j = 0; j < a->ow; j++)
            if (a->wx[j * a->G + n] != 0)
                elementwise_loops()->axpy(a->y + (m * a->G + n) * a->C, a->wx[j * a->G + n],
                                          a->middle + (m * a->ow + j) * a->C, a->C);
}

void cpu_interp_bwd(struct op_ctx *c, struct tensor dx, struct tensor dy, struct tensor wy, struct tensor wx)
{
    size_t mark = c->scratch->used;
    struct interp a = interp_of(c, dx, wy, wx);
    a.y = cpu_f32(dx), a.x = cpu_f32(dy);
    op_for(c, a.G, height_bwd_item, &a);
    op_for(c, a.G, width_bwd_item, &a);
    c->scratch->used = mark;
}
