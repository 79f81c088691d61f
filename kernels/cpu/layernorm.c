/* y [T,C] = (x - mean) * rstd * w + b    biased variance, eps under the root (Ba et al. 2016, eq. 3-4)
 * in x [T,C], w, b [C]; out y [T,C] (may be x), mean, rstd [T] (optional); backward: dw, db [C] accumulate, dx is set
 * sums in 16 partial sums of f32 (simd-rows.c); dw, db: partial sums of 128 rows, added in order */
#include <string.h>

#include "cpu.h"

struct layernorm {
    float *y, *mean, *rstd;
    const float *x, *w, *b;
    float eps;
    int64_t T, C;
    float *dx, *partials; /* [2 tiles,C]: dw and db */
    const float *dy;
    struct tiling tiles;
};

static void forward_item(void *arg, int64_t item, int worker)
{
    (void)worker;
    const struct layernorm *l = arg;
    for (int64_t t = item * CPU_ROWS; t < num_min((item + 1) * CPU_ROWS, l->T); t++) {
        float mean, rstd;
        row_loops()->layernorm_fwd(l->y + t * l->C, &mean, &rstd, l->x + t * l->C, l->w, l->b, l->eps, l->C);
        if (l->mean)
            l->mean[t] = mean, l->rstd[t] = rstd;
    }
}

void cpu_layernorm_fwd(struct op_ctx *c, float *y, float *mean, float *rstd, const float *x, const float *w,
                       const float *b, float eps, int64_t T, int64_t C)
{
    struct layernorm l = {.y = y, .mean = mean, .rstd = rstd, .x = x, .w = w, .b = b, .eps = eps, .T = T, .C = C};
    op_for(c, num_ceil_div(T, CPU_ROWS), forward_item, &l);
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

void cpu_layernorm_bwd(struct op_ctx *c, float *dx, float *dw, float *db, const float *dy, const float *x,
                       const float *mean, const float *rstd, const float *w, int64_t T, int64_t C)
{
    if (T == 0)
        return;
    size_t mark = c->scratch->used;
    struct tiling tiles = tiling_of(T, CPU_SUM_ROWS);
    float *partials = ARENA_TAKE(c->scratch, float, 2 * tiles.n * C);
    struct layernorm l = {.mean = (float *)(uintptr_t)mean, .rstd = (float *)(uintptr_t)rstd, .x = x, .w = w, .C = C,
                          .dx = dx, .partials = partials, .dy = dy, .tiles = tiles};
    op_for(c, tiles.n, backward_item, &l);
    cpu_add_partials(c, dw, partials, tiles.n, C);
    cpu_add_partials(c, db, op_planning(c) ? NULL : partials + tiles.n * C, tiles.n, C);
    c->scratch->used = mark;
}
