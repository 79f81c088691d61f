/* prototype-targets.c - what the teacher's logits become: targets by Sinkhorn-Knopp or centering, and the signs of
 * collapse that are read off them (prototypes.h). */
#include <math.h>
#include <string.h>

#include "prototype-tiles.h"

struct targets_arg {
    struct proto_denominators d;
    double *log_col;
    float *mean;
    double scale;
};

static void rows_tile(struct proto_pass *pass, const struct targets_arg *a, const float *x, int64_t tile)
{
    proto_denominators_tile(pass, &a->d, x, tile, a->scale, a->log_col + tile * PROTOTYPES_TILE);
}

static void sinkhorn_tile(struct proto_pass *pass, int64_t tile, bool opens, int worker)
{
    (void)opens;
    struct targets_arg *a = pass->arg;
    const float *x = proto_pass_logits(pass, tile, worker);
    double *col = a->log_col + tile * PROTOTYPES_TILE;
    int64_t columns = proto_columns(pass->p, tile);
    pass->loops->columns_lse(col, x, pass->n, columns, a->scale, a->d.log_row);
    for (int64_t k = 0; k < columns; k++)
        col[k] = -col[k] - log((double)pass->p->K);
    rows_tile(pass, a, x, tile);
}

void cpu_prototype_sinkhorn(struct op_ctx *c, double *log_col, double *log_row, const struct prototypes *p,
                            int64_t first, int64_t n, double temperature, int rounds)
{
    size_t mark = c->scratch->used;
    struct proto_pass pass = proto_plan(c, p, first, n, n);
    struct targets_arg a = {proto_denominators_take(c, &pass, log_row), log_col, NULL, 1 / temperature};
    if (!op_planning(c)) {
        memset(log_row, 0, (size_t)n * sizeof *log_row);
        for (int round = 0; round < rounds; round++) {
            a.d.less = round + 1 < rounds ? log((double)n) : 0; /* the last one leaves rows that sum to 1 */
            proto_run(c, &pass, sinkhorn_tile, &a);
            proto_denominators_join(c, &a.d);
        }
    }
    c->scratch->used = mark;
}

static void center_tile(struct proto_pass *pass, int64_t tile, bool opens, int worker)
{
    (void)opens;
    struct targets_arg *a = pass->arg;
    const float *x = proto_pass_logits(pass, tile, worker);
    double sum[PROTOTYPES_TILE] = {0};
    int64_t columns = proto_columns(pass->p, tile);
    pass->loops->column_sums(sum, x, pass->n, columns);
    for (int64_t k = 0; k < columns; k++)
        a->mean[tile * PROTOTYPES_TILE + k] = (float)(sum[k] / (double)pass->n);
    rows_tile(pass, a, x, tile);
}

void cpu_prototype_center(struct op_ctx *c, double *log_col, double *log_row, float *mean, const struct prototypes *p,
                      int64_t first, int64_t n, const float *center, double temperature)
{
    size_t mark = c->scratch->used;
    struct proto_pass pass = proto_plan(c, p, first, n, n);
    struct targets_arg a = {proto_denominators_take(c, &pass, log_row), log_col, mean, 1 / temperature};
    if (!op_planning(c)) {
        for (int64_t k = 0; k < p->K; k++)
            log_col[k] = -(double)center[k] / temperature;
        proto_run(c, &pass, center_tile, &a);
        proto_denominators_join(c, &a.d);
    }
    c->scratch->used = mark;
}

/* ---- signs of collapse ---- */

struct watch_arg {
    struct proto_denominators d;
    const double *log_col; /* or NULL */
    double scale;
    float *shares;         /* scratch of each worker: a tile */
    double *sum_py;        /* [n_tiles, n] */
    double *mean_entropy;  /* [n_tiles] */
    int64_t *winners;      /* [n_tiles] */
};

static const double *tile_col(const double *log_col, int64_t tile)
{
    static const double zeros[PROTOTYPES_TILE];
    return log_col ? log_col + tile * PROTOTYPES_TILE : zeros;
}

static void watch_rows_tile(struct proto_pass *pass, int64_t tile, bool opens, int worker)
{
    (void)opens;
    struct watch_arg *a = pass->arg;
    proto_denominators_tile(pass, &a->d, proto_pass_logits(pass, tile, worker), tile, a->scale,
                            tile_col(a->log_col, tile));
}

/* The first tile that holds the row's largest exponent is the winner's. */
static bool tile_wins(const struct proto_denominators *d, int64_t tile, int64_t t)
{
    double mine = d->largest[tile * d->n + t];
    for (int64_t i = 0; i < d->n_tiles; i++) {
        double other = d->largest[i * d->n + t];
        if (i < tile ? other >= mine : other > mine)
            return false;
    }
    return true;
}

static void watch_tile(struct proto_pass *pass, int64_t tile, bool opens, int worker)
{
    (void)opens;
    struct watch_arg *a = pass->arg;
    const float *x = proto_pass_logits(pass, tile, worker);
    const double *col = tile_col(a->log_col, tile);
    float *share = a->shares + worker * pass->x_count;
    int64_t columns = proto_columns(pass->p, tile);
    double mean[PROTOTYPES_TILE] = {0};
    bool won[PROTOTYPES_TILE] = {0};
    pass->loops->targets(share, x, pass->n, columns, a->scale, col, a->d.log_row);
    for (int64_t t = 0; t < pass->n; t++) {
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
        a->sum_py[tile * pass->n + t] = sum;
        won[best] |= tile_wins(&a->d, tile, t);
    }
    a->mean_entropy[tile] = 0;
    a->winners[tile] = 0;
    for (int64_t k = 0; k < columns; k++) {
        double q = mean[k] / (double)pass->n;
        a->mean_entropy[tile] -= q > 0 ? q * log(q) : 0;
        a->winners[tile] += won[k];
    }
}

void cpu_prototype_collapse(struct op_ctx *c, struct prototypes_collapse *out, const struct prototypes *p,
                            int64_t first,
                         int64_t n, const double *log_col, double temperature)
{
    size_t mark = c->scratch->used;
    struct proto_pass pass = proto_plan(c, p, first, n, n);
    struct watch_arg a = {.d = proto_denominators_take(c, &pass, ARENA_TAKE(c->scratch, double, n)),
                          .log_col = log_col,
                          .scale = 1 / temperature,
                          .shares = ARENA_TAKE(c->scratch, float, op_workers(c) * pass.x_count),
                          .sum_py = ARENA_TAKE(c->scratch, double, pass.n_tiles * n),
                          .mean_entropy = ARENA_TAKE(c->scratch, double, pass.n_tiles),
                          .winners = ARENA_TAKE(c->scratch, int64_t, pass.n_tiles)};
    if (!op_planning(c)) {
        proto_run(c, &pass, watch_rows_tile, &a);
        proto_denominators_join(c, &a.d);
        proto_run(c, &pass, watch_tile, &a);
        *out = (struct prototypes_collapse){0};
        for (int64_t i = 0; i < pass.n_tiles; i++) {
            out->entropy_of_mean += a.mean_entropy[i];
            out->n_winners += a.winners[i];
        }
        for (int64_t t = 0; t < n; t++) {
            double h = -a.d.log_row[t]; /* log of the sum, minus the mean exponent */
            for (int64_t i = 0; i < pass.n_tiles; i++)
                h -= a.sum_py[i * n + t];
            out->entropy += h / (double)n;
        }
    }
    c->scratch->used = mark;
}
