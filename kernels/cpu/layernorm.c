/* y [T,C] = (x - mean) * rstd * w + b    biased variance, eps under the root (Ba et al. 2016, eq. 3-4)
 * in x [T,C], w, b [C]; out y [T,C] (may be x), mean, rstd [T] (optional); backward: dw, db [C] accumulate, dx is set
 * sums in 16 partial sums of f32 (simd-rows.c); dw, db: partial sums of 128 rows, added in order */
#include <string.h>

#include "cpu.h"

struct layernorm {
    float *y, *mean, *rstd;
    uint16_t *y_bf16; /* instead of y, which then has a row for each worker */
    const float *x, *w, *b;
    float eps;
    int64_t T, C;
    float *dx, *partials; /* [2 tiles,C]: dw and db */
    const float *dy;
    struct tiling tiles;
};

static void forward_item(void *arg, int64_t item, int worker)
{
    const struct layernorm *l = arg;
    for (int64_t t = item * CPU_ROWS; t < num_min((item + 1) * CPU_ROWS, l->T); t++) {
        float mean, rstd, *y = l->y + (l->y_bf16 ? worker : t) * l->C;
        row_loops()->layernorm_fwd(y, &mean, &rstd, l->x + t * l->C, l->w, l->b, l->eps, l->C);
        if (l->mean)
            l->mean[t] = mean, l->rstd[t] = rstd;
        if (l->y_bf16)
            convert_loops()->to_bf16(l->y_bf16 + t * l->C, y, l->C);
    }
}

void cpu_layernorm_fwd(struct op_ctx *c, struct tensor y, struct tensor mean, struct tensor rstd, struct tensor x,
                       struct tensor w, struct tensor b, float eps)
{
    size_t mark = c->scratch->used;
    struct layernorm l = {.y = cpu_f32(y), .mean = cpu_f32(mean), .rstd = cpu_f32(rstd), .x = cpu_f32(x),
                          .w = cpu_f32(w), .b = cpu_f32(b), .eps = eps, .T = x.dims[0], .C = x.dims[1]};
    if (y.dtype == DTYPE_BF16) {
        l.y_bf16 = cpu_bf16(y);
        l.y = CPU_TAKE(c, float, l.C * op_workers(c));
    }
    op_for(c, num_ceil_div(l.T, CPU_ROWS), forward_item, &l);
    c->scratch->used = mark;
}

static void backward_item(void *arg, int64_t item, int worker)
{
    (void)worker;
    const struct layernorm *l = arg;
    float *dw = l->partials + item * l->C, *db = l->partials + (l->tiles.n + item) * l->C;
    memset(dw, 0, (size_t)l->C * sizeof *dw);
    memset(db, 0, (size_t)l->C * sizeof *db);
    int64_t t = tile_first(l->tiles, item);
    for (int64_t end = t + tile_rows(l->tiles, item); t < end; t++)
        row_loops()->layernorm_bwd(l->dx + t * l->C, dw, db, l->dy + t * l->C, l->x + t * l->C, l->w, l->mean[t],
                                   l->rstd[t], l->C);
}

void cpu_layernorm_bwd(struct op_ctx *c, struct tensor dx, struct tensor dw, struct tensor db, struct tensor dy,
                       struct tensor x, struct tensor mean, struct tensor rstd, struct tensor w)
{
    int64_t T = x.dims[0], C = x.dims[1];
    if (T == 0)
        return;
    size_t mark = c->scratch->used;
    struct tiling tiles = tiling_of(T, CPU_SUM_ROWS);
    float *partials = CPU_TAKE(c, float, 2 * tiles.n * C);
    struct layernorm l = {.mean = cpu_f32(mean), .rstd = cpu_f32(rstd), .x = cpu_f32(x), .w = cpu_f32(w), .C = C,
                          .dx = cpu_f32(dx), .partials = partials, .dy = cpu_f32(dy), .tiles = tiles};
    op_for(c, tiles.n, backward_item, &l);
    cpu_add_partials(c, cpu_f32(dw), partials, tiles.n, C);
    cpu_add_partials(c, cpu_f32(db), op_planning(c) ? NULL : partials + tiles.n * C, tiles.n, C);
    c->scratch->used = mark;
}
