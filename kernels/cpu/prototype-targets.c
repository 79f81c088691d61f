/* prototype-targets.c - what the teacher's logits become: targets by Sinkhorn-Knopp or centering, and the signs of
 * collapse that follow from them (prototypes.h). */
#include <math.h>
#include <string.h>

#include "prototype-sweep.h"

struct targets_arg {
    struct sweep_denominators d;
    double *log_col;
    float *mean;
    double scale;
};

static void rows_tile(const struct sweep *s, const struct targets_arg *a, const float *x, int64_t tile)
{
    sweep_denominators_tile(s, &a->d, x, tile, a->scale, a->log_col + tile * PROTOTYPES_TILE);
}

static void sinkhorn_tile(struct sweep *s, int64_t tile, bool first_of_strip, int worker)
{
    (void)first_of_strip;
    struct targets_arg *a = s->arg;
    const float *x = sweep_logits(s, tile, worker);
    double *col = a->log_col + tile * PROTOTYPES_TILE;
    int64_t columns = sweep_columns(&s->p, tile);
    s->loops->columns_lse(col, x, s->n, columns, a->scale, a->d.log_row);
    for (int64_t k = 0; k < columns; k++)
        col[k] = -col[k] - log((double)s->p.K);
    rows_tile(s, a, x, tile);
}

void cpu_prototype_sinkhorn(struct op_ctx *c, struct tensor log_col, struct tensor log_row,
                            const struct prototype_layer *p, int64_t first, double temperature, int rounds)
{
    size_t mark = c->scratch->used;
    int64_t n = log_row.dims[0];
    struct sweep s = sweep_plan(c, p, first, n, n);
    struct targets_arg a = {sweep_denominators_take(c, &s, cpu_f64(log_row)), cpu_f64(log_col), NULL, 1 / temperature};
    if (!op_planning(c)) {
        memset(a.d.log_row, 0, (size_t)n * sizeof *a.d.log_row);
        for (int round = 0; round < rounds; round++) {
            a.d.log_rows = round + 1 < rounds ? log((double)n) : 0; /* the last one leaves rows that sum to 1 */
            sweep_run(c, &s, sinkhorn_tile, &a);
            sweep_denominators_join(c, &a.d);
        }
    }
    c->scratch->used = mark;
}

static void center_tile(struct sweep *s, int64_t tile, bool first_of_strip, int worker)
{
    (void)first_of_strip;
    struct targets_arg *a = s->arg;
    const float *x = sweep_logits(s, tile, worker);
    double sum[PROTOTYPES_TILE] = {0};
    int64_t columns = sweep_columns(&s->p, tile);
    s->loops->column_sums(sum, x, s->n, columns);
    for (int64_t k = 0; k < columns; k++)
        a->mean[tile * PROTOTYPES_TILE + k] = (float)(sum[k] / (double)s->n);
    rows_tile(s, a, x, tile);
}

void cpu_prototype_center(struct op_ctx *c, struct tensor log_col, struct tensor log_row, struct tensor mean,
                          const struct prototype_layer *p, int64_t first, struct tensor center, double temperature)
{
    size_t mark = c->scratch->used;
    int64_t n = log_row.dims[0];
    struct sweep s = sweep_plan(c, p, first, n, n);
    struct targets_arg a = {sweep_denominators_take(c, &s, cpu_f64(log_row)), cpu_f64(log_col), cpu_f32(mean),
                            1 / temperature};
    if (!op_planning(c)) {
        for (int64_t k = 0; k < s.p.K; k++)
            a.log_col[k] = -(double)cpu_f32(center)[k] / temperature;
        sweep_run(c, &s, center_tile, &a);
        sweep_denominators_join(c, &a.d);
    }
    c->scratch->used = mark;
}

/* ---- signs of collapse ---- */

struct collapse_arg {
    struct sweep_denominators d;
    const double *log_col; /* or NULL */
    double scale;
    float *shares;         /* scratch of each worker: the softmax of a tile */
    double *sum_py;        /* [n_tiles, n]: sums of softmax * exponent */
    double *mean_entropy;  /* [n_tiles] */
    int64_t *winners;      /* [n_tiles] */
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
    double mean[PROTOTYPES_TILE] = {0};
    bool won[PROTOTYPES_TILE] = {0};
    s->loops->targets(share, x, s->n, columns, a->scale, col, a->d.log_row);
    for (int64_t t = 0; t < s->n; t++) {
        double sum = 0;
        int64_t best = 0;
        double top = -HUGE_VAL;
        for (int64_t k = 0; k < columns; k++) {
            double y = (double)x[t * PROTOTYPES_TILE + k] * a->scale + col[k],
                   q = (double)share[t * PROTOTYPES_TILE + k];
            sum += q * y;
            mean[k] += q;
            if (y > top)
                top = y, best = k;
        }
        a->sum_py[tile * s->n + t] = sum;
        won[best] |= tile_wins(&a->d, tile, t);
    }
    a->mean_entropy[tile] = 0;
    a->winners[tile] = 0;
    for (int64_t k = 0; k < columns; k++) {
        double q = mean[k] / (double)s->n;
        a->mean_entropy[tile] -= q > 0 ? q * log(q) : 0;
        a->winners[tile] += won[k];
    }
}

void cpu_prototype_collapse(struct op_ctx *c, struct prototype_collapse *out, const struct prototype_layer *p,
                            int64_t first, int64_t n, struct tensor log_col, double temperature)
{
    size_t mark = c->scratch->used;
    struct sweep s = sweep_plan(c, p, first, n, n);
    struct collapse_arg a = {.d = sweep_denominators_take(c, &s, CPU_TAKE(c, double, n)),
                             .log_col = cpu_f64(log_col),
                             .scale = 1 / temperature,
                             .shares = CPU_TAKE(c, float, op_workers(c) * s.x_count),
                             .sum_py = CPU_TAKE(c, double, s.n_tiles * n),
                             .mean_entropy = CPU_TAKE(c, double, s.n_tiles),
                             .winners = CPU_TAKE(c, int64_t, s.n_tiles)};
    if (!op_planning(c)) {
        sweep_run(c, &s, collapse_rows_tile, &a);
        sweep_denominators_join(c, &a.d);
        sweep_run(c, &s, collapse_tile, &a);
        *out = (struct prototype_collapse){0};
        for (int64_t i = 0; i < s.n_tiles; i++) {
            out->entropy_of_mean += a.mean_entropy[i];
            out->n_winners += a.winners[i];
        }
        for (int64_t t = 0; t < n; t++) {
            double h = -a.d.log_row[t]; /* log of the sum, minus the mean exponent */
            for (int64_t i = 0; i < s.n_tiles; i++)
                h -= a.sum_py[i * n + t];
            out->entropy += h / (double)n;
        }
    }
    c->scratch->used = mark;
}
