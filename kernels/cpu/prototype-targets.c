/* prototype-targets.c - what the teacher's logits become: targets by Sinkhorn-Knopp or centering, and the signs of
 * collapse that follow from them (prototypes.h). */
#include <math.h>
#include <string.h>

#include "prototype-sweep.h"

struct targets_arg {
    struct sweep_denominators d;
    double *log_col;
    double *col_max, *col_sum; /* of Sinkhorn-Knopp in parts */
    double *sum;               /* of centering */
    double scale;              /* 1 / temperature */
};

static void rows_tile(const struct sweep *s, const struct targets_arg *a, const float *x, int64_t tile)
{
    sweep_denominators_tile(s, &a->d, x, tile, a->scale, a->log_col + tile * PROTOTYPES_TILE);
}

/* Sets log_row from a sweep in which `tile` calls rows_tile. Every tile reads log_row as it was before; it changes
 * after the sweep. */
static void rows_sweep(struct op_ctx *c, struct targets_arg *a, struct tensor log_row, const struct prototype_layer *p,
                       int64_t first, double log_rows, sweep_tile *tile)
{
    size_t mark = c->scratch->used;
    int64_t n = log_row.dims[0];
    struct sweep s = sweep_plan(c, p, NULL, first, n, n);
    a->d = sweep_denominators_take(c, &s, cpu_f64(log_row));
    a->d.log_rows = log_rows;
    sweep_run(c, &s, tile, a);
    sweep_denominators_join(c, &a->d);
    c->scratch->used = mark;
}

/* ---- Sinkhorn-Knopp ---- */

/* log_col of a tile from its columns' sums of exponentials. */
static void columns_target(double *log_col, const double *largest, const double *sum, int64_t columns, int64_t K)
{
    for (int64_t k = 0; k < columns; k++)
        log_col[k] = -(largest[k] + log(sum[k])) - log((double)K);
}

static void round_tile(struct sweep *s, int64_t tile, bool first_of_strip, int worker)
{
    (void)first_of_strip;
    struct targets_arg *a = s->arg;
    const float *x = sweep_logits(s, tile, worker);
    double largest[PROTOTYPES_TILE], sum[PROTOTYPES_TILE];
    int64_t columns = sweep_columns(&s->p, tile);
    s->loops->columns_lse(largest, sum, x, s->n, columns, a->scale, a->d.log_row);
    columns_target(a->log_col + tile * PROTOTYPES_TILE, largest, sum, columns, s->p.K);
    rows_tile(s, a, x, tile);
}

void cpu_prototype_sinkhorn(struct op_ctx *c, struct tensor log_col, struct tensor log_row,
                            const struct prototype_layer *p, int64_t first, double temperature, double log_rows)
{
    struct targets_arg a = {.log_col = cpu_f64(log_col), .scale = 1 / temperature};
    rows_sweep(c, &a, log_row, p, first, log_rows, round_tile);
}

static void columns_tile(struct sweep *s, int64_t tile, bool first_of_strip, int worker)
{
    (void)first_of_strip;
    struct targets_arg *a = s->arg;
    int64_t k0 = tile * PROTOTYPES_TILE;
    s->loops->columns_lse(a->col_max + k0, a->col_sum + k0, sweep_logits(s, tile, worker), s->n,
                          sweep_columns(&s->p, tile), a->scale, a->d.log_row);
}

void cpu_prototype_sinkhorn_columns(struct op_ctx *c, struct tensor col_max, struct tensor col_sum,
                                    struct tensor log_row, const struct prototype_layer *p, int64_t first,
                                    double temperature)
{
    size_t mark = c->scratch->used;
    int64_t n = log_row.dims[0];
    struct sweep s = sweep_plan(c, p, NULL, first, n, n);
    struct targets_arg a = {.d.log_row = cpu_f64(log_row), .col_max = cpu_f64(col_max), .col_sum = cpu_f64(col_sum),
                            .scale = 1 / temperature};
    sweep_run(c, &s, columns_tile, &a);
    c->scratch->used = mark;
}

void cpu_prototype_sinkhorn_rescale(struct op_ctx *c, struct tensor col_sum, struct tensor col_max,
                                    struct tensor new_max)
{
    double *sum = cpu_f64(col_sum);
    const double *from = cpu_f64(col_max), *to = cpu_f64(new_max);
    for (int64_t k = 0; k < col_sum.dims[0] && !op_planning(c); k++)
        sum[k] *= exp(from[k] - to[k]);
}

static void parts_rows_tile(struct sweep *s, int64_t tile, bool first_of_strip, int worker)
{
    (void)first_of_strip;
    struct targets_arg *a = s->arg;
    int64_t k0 = tile * PROTOTYPES_TILE;
    columns_target(a->log_col + k0, a->col_max + k0, a->col_sum + k0, sweep_columns(&s->p, tile), s->p.K);
    rows_tile(s, a, sweep_logits(s, tile, worker), tile);
}

void cpu_prototype_sinkhorn_rows(struct op_ctx *c, struct tensor log_col, struct tensor log_row, struct tensor col_max,
                                 struct tensor col_sum, const struct prototype_layer *p, int64_t first,
                                 double temperature, double log_rows)
{
    struct targets_arg a = {.log_col = cpu_f64(log_col), .col_max = cpu_f64(col_max), .col_sum = cpu_f64(col_sum),
                            .scale = 1 / temperature};
    rows_sweep(c, &a, log_row, p, first, log_rows, parts_rows_tile);
}

/* ---- centering ---- */

static void center_tile(struct sweep *s, int64_t tile, bool first_of_strip, int worker)
{
    (void)first_of_strip;
    struct targets_arg *a = s->arg;
    const float *x = sweep_logits(s, tile, worker);
    int64_t columns = sweep_columns(&s->p, tile);
    double *sum = a->sum + tile * PROTOTYPES_TILE;
    memset(sum, 0, (size_t)columns * sizeof *sum);
    s->loops->column_sums(sum, x, s->n, columns);
    rows_tile(s, a, x, tile);
}

void cpu_prototype_center(struct op_ctx *c, struct tensor log_col, struct tensor log_row, struct tensor sum,
                          const struct prototype_layer *p, int64_t first, struct tensor center, double temperature)
{
    struct targets_arg a = {.log_col = cpu_f64(log_col), .sum = cpu_f64(sum), .scale = 1 / temperature};
    for (int64_t k = 0; k < center.dims[0] && !op_planning(c); k++)
        a.log_col[k] = -(double)cpu_f32(center)[k] / temperature;
    rows_sweep(c, &a, log_row, p, first, 0, center_tile);
}

/* ---- signs of collapse ---- */

struct collapse_arg {
    struct sweep_denominators d;
    const double *log_col; /* or NULL */
    double scale;
    float *shares;         /* scratch of each worker: the softmax of a tile */
    double *sum_py;        /* [n_tiles, n]: sums of softmax * exponent */
    double *share_sum;     /* [K] */
    double *won;           /* [K] */
};

static const double *tile_col(const double *log_col, int64_t tile)
{
    static const double zeros[PROTOTYPES_TILE];
    return log_col ? log_col + tile * PROTOTYPES_TILE : zeros;
}

static void collapse_rows_tile(struct sweep *s, int64_t tile, bool first_of_strip, int worker)
{
    (void)first_of_strip;
    struct collapse_arg *a = s->arg;
    sweep_denominators_tile(s, &a->d, sweep_logits(s, tile, worker), tile, a->scale, tile_col(a->log_col, tile));
}

/* Whether row t's largest exponent is in this tile: in the first of those that hold it. */
static bool tile_wins(const struct sweep_denominators *d, int64_t tile, int64_t t)
{
    double mine = d->largest[tile * d->n + t];
    for (int64_t i = 0; i < d->n_tiles; i++) {
        double other = d->largest[i * d->n + t];
        if (i < tile ? other >= mine : other > mine)
            return false;
    }
    return true;
}

static void collapse_tile(struct sweep *s, int64_t tile, bool first_of_strip, int worker)
{
    (void)first_of_strip;
    struct collapse_arg *a = s->arg;
    const float *x = sweep_logits(s, tile, worker);
    const double *col = tile_col(a->log_col, tile);
    float *share = a->shares + worker * s->x_count;
    int64_t columns = sweep_columns(&s->p, tile);
    double *share_sum = a->share_sum + tile * PROTOTYPES_TILE, *won = a->won + tile * PROTOTYPES_TILE;
    memset(share_sum, 0, (size_t)columns * sizeof *share_sum);
    memset(won, 0, (size_t)columns * sizeof *won);
    s->loops->targets(share, x, s->n, columns, a->scale, col, a->d.log_row);
    for (int64_t t = 0; t < s->n; t++) {
        double sum = 0;
        int64_t best = 0;
        double top = -HUGE_VAL;
        for (int64_t k = 0; k < columns; k++) {
            double y = (double)x[t * PROTOTYPES_TILE + k] * a->scale + col[k],
                   q = (double)share[t * PROTOTYPES_TILE + k];
            sum += q * y;
            share_sum[k] += q;
            if (y > top)
                top = y, best = k;
        }
        a->sum_py[tile * s->n + t] = sum;
        if (tile_wins(&a->d, tile, t))
            won[best] = 1;
    }
}

void cpu_prototype_collapse_sums(struct op_ctx *c, double *out, struct tensor share_sum, struct tensor won,
                                 const struct prototype_layer *p, int64_t first, int64_t n, int64_t N,
                                 struct tensor log_col, double temperature)
{
    size_t mark = c->scratch->used;
    struct sweep s = sweep_plan(c, p, NULL, first, n, n);
    struct collapse_arg a = {.d = sweep_denominators_take(c, &s, CPU_TAKE(c, double, n)),
                             .log_col = cpu_f64(log_col),
                             .scale = 1 / temperature,
                             .shares = CPU_TAKE(c, float, op_workers(c) * s.x_count),
                             .sum_py = CPU_TAKE(c, double, s.n_tiles * n),
                             .share_sum = cpu_f64(share_sum),
                             .won = cpu_f64(won)};
    if (!op_planning(c)) {
        sweep_run(c, &s, collapse_rows_tile, &a);
        sweep_denominators_join(c, &a.d);
        sweep_run(c, &s, collapse_tile, &a);
        *out = 0;
        for (int64_t t = 0; t < n; t++) {
            double h = -a.d.log_row[t]; /* log of the sum, minus the mean exponent */
            for (int64_t i = 0; i < s.n_tiles; i++)
                h -= a.sum_py[i * n + t];
            *out += h / (double)N;
        }
    }
    c->scratch->used = mark;
}

void cpu_prototype_collapse(struct op_ctx *c, struct prototype_collapse *out, struct tensor share_sum,
                            struct tensor won, int64_t N)
{
    int64_t K = share_sum.dims[0];
    if (op_planning(c))
        return;
    *out = (struct prototype_collapse){0};
    for (int64_t first = 0; first < K; first += PROTOTYPES_TILE) { /* a partial sum for each tile */
        double entropy = 0;
        for (int64_t k = first; k < num_min(first + PROTOTYPES_TILE, K); k++) {
            double q = cpu_f64(share_sum)[k] / (double)N;
            entropy -= q > 0 ? q * log(q) : 0;
            out->n_winners += cpu_f64(won)[k] > 0;
        }
        out->entropy_of_mean += entropy;
    }
}
