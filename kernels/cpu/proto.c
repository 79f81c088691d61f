/* proto.c - the prototype layer over tiles. The prototypes are cut into strips of whole tiles, as many strips
 * whatever the number of threads; a thread takes a strip and goes through its tiles one after the other, with the
 * tile's weights, logits and targets in its cache. What rows need from all prototypes (softmax denominators, losses)
 * is left as one partial result per tile, and dz as one per strip; these are joined in order afterwards.
 *
 * Why tiles of prototypes and not of rows: all rows of a batch meet a prototype at once, so its gradient is complete
 * in the cache and goes straight through the weight norm into the gradient array, one write of K x b values a step. */
#include <math.h>
#include <string.h>

#include "cpu/gemm.h"
#include "cpu/isa.h"
#include "cpu/proto-loops.h"
#include "num.h"
#include "proto.h"

ISA_TABLE(const struct proto_loops, proto_loops)

enum { STRIPS_MAX = 32 };

static const double zeros[PROTO_TILE];

/* One pass over all tiles. A user fills p, n_scratch tiles of its own rows, tile and what it needs in arg. */
struct pass {
    const struct proto_loops *loops;
    const struct proto *p;
    int64_t first, n; /* rows */
    int64_t n_tiles, tiles_per_strip;
    float *w, *inverse, *x; /* scratch of each worker: weights, 1 / |v|, logits */
    int64_t x_count;
    void (*tile)(struct pass *pass, int64_t tile, bool opens_strip, int worker);
    void *arg;
};

static int64_t tile_columns(const struct proto *p, int64_t tile)
{
    return num_min(PROTO_TILE, p->K - tile * PROTO_TILE);
}

static float *worker_w(const struct pass *pass, int worker)
{
    return pass->w + worker * PROTO_TILE * pass->p->b;
}

static float *worker_inverse(const struct pass *pass, int worker)
{
    return pass->inverse + worker * PROTO_TILE;
}

static void tile_weights(const struct pass *pass, const struct proto *p, int64_t tile, int worker)
{
    int64_t k0 = tile * PROTO_TILE;
    pass->loops->weights(worker_w(pass, worker), worker_inverse(pass, worker), p->v + k0 * p->b, p->g + k0,
                         tile_columns(p, tile), p->b);
}

static void tile_product(const struct pass *pass, const struct proto *p, int64_t tile, int64_t first, int64_t n,
                         float *out, int worker)
{
    tile_weights(pass, p, tile, worker);
    gemm_f32(false, true, n, tile_columns(p, tile), p->b, 1, p->z + first * p->b, p->b, worker_w(pass, worker), p->b, 0,
             out, PROTO_TILE);
}

static float *tile_kept(const struct proto *p, int64_t tile)
{
    return p->logits + tile * PROTO_TILE * p->T;
}

/* The logits of rows [first, first + n) of a tile: where they are kept, else computed into room. */
static const float *tile_logits(const struct pass *pass, const struct proto *p, int64_t tile, int64_t first, int64_t n,
                                float *room, int worker)
{
    if (p->kept)
        return tile_kept(p, tile) + first * PROTO_TILE;
    tile_product(pass, p, tile, first, n, room, worker);
    return room;
}

static const float *pass_logits(const struct pass *pass, int64_t tile, int worker)
{
    return tile_logits(pass, pass->p, tile, pass->first, pass->n, pass->x + worker * pass->x_count, worker);
}

static struct pass pass_plan(struct op_ctx *c, const struct proto *p, int64_t first, int64_t n, int64_t x_rows)
{
    int64_t n_tiles = num_ceil_div(p->K, PROTO_TILE), workers = op_workers(c);
    struct pass pass = {.loops = proto_loops(), .p = p, .first = first, .n = n, .n_tiles = n_tiles};
    pass.tiles_per_strip = num_ceil_div(n_tiles, STRIPS_MAX);
    pass.x_count = x_rows * PROTO_TILE;
    pass.w = ARENA_TAKE(c->scratch, float, workers * PROTO_TILE * p->b);
    pass.inverse = ARENA_TAKE(c->scratch, float, workers * PROTO_TILE);
    pass.x = ARENA_TAKE(c->scratch, float, workers * pass.x_count);
    return pass;
}

static int64_t n_strips(const struct pass *pass)
{
    return num_ceil_div(pass->n_tiles, pass->tiles_per_strip);
}

static void run_strip(void *arg, int64_t strip, int worker)
{
    struct pass *pass = arg;
    int64_t tile = strip * pass->tiles_per_strip, end = num_min(tile + pass->tiles_per_strip, pass->n_tiles);
    for (bool opens = true; tile < end; tile++, opens = false)
        pass->tile(pass, tile, opens, worker);
}

static void pass_run(struct op_ctx *c, struct pass *pass,
                     void (*tile)(struct pass *pass, int64_t tile, bool opens_strip, int worker), void *arg)
{
    pass->tile = tile;
    pass->arg = arg;
    op_for(c, n_strips(pass), run_strip, pass);
}

/* ---- softmax denominators: for each row and tile the largest exponent and the sum beside it ---- */

struct denominators {
    double *largest, *sum; /* [n_tiles, n] */
    double *log_row;       /* out [n]: minus the logarithm of the whole sum, minus `less` */
    double less;
    int64_t n, n_tiles;
};

static struct denominators denominators_take(struct op_ctx *c, const struct pass *pass, double *log_row)
{
    int64_t count = pass->n_tiles * pass->n;
    return (struct denominators){.largest = ARENA_TAKE(c->scratch, double, count),
                                 .sum = ARENA_TAKE(c->scratch, double, count),
                                 .log_row = log_row,
                                 .n = pass->n,
                                 .n_tiles = pass->n_tiles};
}

static double row_lse(const double *largest, const double *sum, int64_t n_tiles, int64_t stride)
{
    double top = largest[0], total = 0;
    for (int64_t i = 1; i < n_tiles; i++)
        top = largest[i * stride] > top ? largest[i * stride] : top;
    for (int64_t i = 0; i < n_tiles; i++)
        total += sum[i * stride] * exp(largest[i * stride] - top);
    return top + log(total);
}

static void join_row(void *arg, int64_t t, int worker)
{
    (void)worker;
    struct denominators *d = arg;
    d->log_row[t] = -row_lse(d->largest + t, d->sum + t, d->n_tiles, d->n) - d->less;
}

/* ---- plain forward and backward ---- */

struct plain {
    float *logits, *dw, *parts, *dv, *dg;
    const float *dlogits;
};

static void fwd_tile(struct pass *pass, int64_t tile, bool opens, int worker)
{
    (void)opens;
    struct plain *a = pass->arg;
    const struct proto *p = pass->p;
    tile_weights(pass, p, tile, worker);
    gemm_f32(false, true, p->T, tile_columns(p, tile), p->b, 1, p->z, p->b, worker_w(pass, worker), p->b, 0,
             a->logits + tile * PROTO_TILE, p->K);
}

void cpu_proto_fwd(struct op_ctx *c, float *logits, const struct proto *p)
{
    size_t mark = c->scratch->used;
    struct pass pass = pass_plan(c, p, 0, p->T, 0);
    if (!op_planning(c))
        pass_run(c, &pass, fwd_tile, &(struct plain){.logits = logits});
    c->scratch->used = mark;
}

static void keep_tile(struct pass *pass, int64_t tile, bool opens, int worker)
{
    (void)opens;
    tile_product(pass, pass->p, tile, 0, pass->p->T, tile_kept(pass->p, tile), worker);
}

void cpu_proto_keep(struct op_ctx *c, const struct proto *p)
{
    size_t mark = c->scratch->used;
    struct pass pass = pass_plan(c, p, 0, p->T, 0);
    if (!op_planning(c))
        pass_run(c, &pass, keep_tile, NULL);
    c->scratch->used = mark;
}

/* The gradient at a tile's logits (rows ld apart) goes on to the weights and, added up over the strip, to the rows.
 * The tile's weights are in the worker's scratch. */
static void tile_backward(struct pass *pass, const struct plain *a, int64_t tile, bool opens, int worker,
                          const float *d, int64_t ld)
{
    const struct proto *p = pass->p;
    int64_t k0 = tile * PROTO_TILE, columns = tile_columns(p, tile);
    const float *w = worker_w(pass, worker), *z = p->z + pass->first * p->b;
    float *dw = a->dw + worker * PROTO_TILE * p->b, *part = a->parts + tile / pass->tiles_per_strip * pass->n * p->b;
    gemm_f32(true, false, columns, p->b, pass->n, 1, d, ld, z, p->b, 0, dw, p->b);
    pass->loops->weights_bwd(a->dv + k0 * p->b, a->dg + k0, dw, p->v + k0 * p->b, p->g + k0,
                             worker_inverse(pass, worker), columns, p->b);
    gemm_f32(false, false, pass->n, p->b, columns, 1, d, ld, w, p->b, opens ? 0 : 1, part, p->b);
}

static struct plain backward_take(struct op_ctx *c, const struct pass *pass, float *dv, float *dg)
{
    int64_t b = pass->p->b;
    return (struct plain){.dw = ARENA_TAKE(c->scratch, float, op_workers(c) * PROTO_TILE * b),
                          .parts = ARENA_TAKE(c->scratch, float, n_strips(pass) * pass->n * b),
                          .dv = dv,
                          .dg = dg};
}

struct joined {
    float *dz;
    const float *parts;
    int64_t n_parts, n, b;
    bool add;
};

static void join_dz_row(void *arg, int64_t t, int worker)
{
    (void)worker;
    struct joined *j = arg;
    for (int64_t i = 0; i < j->b; i++) {
        double sum = j->add ? (double)j->dz[t * j->b + i] : 0;
        for (int64_t s = 0; s < j->n_parts; s++)
            sum += (double)j->parts[(s * j->n + t) * j->b + i];
        j->dz[t * j->b + i] = (float)sum;
    }
}

static void join_dz(struct op_ctx *c, const struct pass *pass, const struct plain *a, float *dz, bool add)
{
    struct joined j = {dz, a->parts, n_strips(pass), pass->n, pass->p->b, add};
    op_for(c, pass->n, join_dz_row, &j);
}

static void bwd_tile(struct pass *pass, int64_t tile, bool opens, int worker)
{
    const struct plain *a = pass->arg;
    tile_weights(pass, pass->p, tile, worker);
    tile_backward(pass, a, tile, opens, worker, a->dlogits + tile * PROTO_TILE, pass->p->K);
}

void cpu_proto_bwd(struct op_ctx *c, float *dz, float *dv, float *dg, const float *dlogits, const struct proto *p)
{
    size_t mark = c->scratch->used;
    struct pass pass = pass_plan(c, p, 0, p->T, 0);
    struct plain a = backward_take(c, &pass, dv, dg);
    a.dlogits = dlogits;
    if (!op_planning(c)) {
        pass_run(c, &pass, bwd_tile, &a);
        join_dz(c, &pass, &a, dz, false);
    }
    c->scratch->used = mark;
}

/* ---- targets ---- */

struct targets_arg {
    struct denominators d;
    double *log_col;
    float *mean;
    double scale;
};

static void rows_tile(struct pass *pass, const struct targets_arg *a, const float *x, int64_t tile)
{
    pass->loops->rows_lse(a->d.largest + tile * pass->n, a->d.sum + tile * pass->n, x, pass->n,
                          tile_columns(pass->p, tile), a->scale, a->log_col + tile * PROTO_TILE);
}

static void sinkhorn_tile(struct pass *pass, int64_t tile, bool opens, int worker)
{
    (void)opens;
    struct targets_arg *a = pass->arg;
    const float *x = pass_logits(pass, tile, worker);
    double *col = a->log_col + tile * PROTO_TILE;
    int64_t columns = tile_columns(pass->p, tile);
    pass->loops->columns_lse(col, x, pass->n, columns, a->scale, a->d.log_row);
    for (int64_t k = 0; k < columns; k++)
        col[k] = -col[k] - log((double)pass->p->K);
    rows_tile(pass, a, x, tile);
}

void cpu_proto_sinkhorn(struct op_ctx *c, double *log_col, double *log_row, const struct proto *p, int64_t first,
                        int64_t n, double temperature, int rounds)
{
    size_t mark = c->scratch->used;
    struct pass pass = pass_plan(c, p, first, n, n);
    struct targets_arg a = {denominators_take(c, &pass, log_row), log_col, NULL, 1 / temperature};
    if (!op_planning(c)) {
        memset(log_row, 0, (size_t)n * sizeof *log_row);
        for (int round = 0; round < rounds; round++) {
            a.d.less = round + 1 < rounds ? log((double)n) : 0; /* the last one leaves rows that sum to 1 */
            pass_run(c, &pass, sinkhorn_tile, &a);
            op_for(c, n, join_row, &a.d);
        }
    }
    c->scratch->used = mark;
}

static void center_tile(struct pass *pass, int64_t tile, bool opens, int worker)
{
    (void)opens;
    struct targets_arg *a = pass->arg;
    const float *x = pass_logits(pass, tile, worker);
    double sum[PROTO_TILE] = {0};
    int64_t columns = tile_columns(pass->p, tile);
    pass->loops->column_sums(sum, x, pass->n, columns);
    for (int64_t k = 0; k < columns; k++)
        a->mean[tile * PROTO_TILE + k] = (float)(sum[k] / (double)pass->n);
    rows_tile(pass, a, x, tile);
}

void cpu_proto_center(struct op_ctx *c, double *log_col, double *log_row, float *mean, const struct proto *p,
                      int64_t first, int64_t n, const float *center, double temperature)
{
    size_t mark = c->scratch->used;
    struct pass pass = pass_plan(c, p, first, n, n);
    struct targets_arg a = {denominators_take(c, &pass, log_row), log_col, mean, 1 / temperature};
    if (!op_planning(c)) {
        for (int64_t k = 0; k < p->K; k++)
            log_col[k] = -(double)center[k] / temperature;
        pass_run(c, &pass, center_tile, &a);
        op_for(c, n, join_row, &a.d);
    }
    c->scratch->used = mark;
}

/* ---- signs of collapse ---- */

struct watch_arg {
    struct denominators d;
    const double *log_col; /* or NULL */
    double scale;
    float *shares;         /* scratch of each worker: a tile */
    double *sum_py;        /* [n_tiles, n] */
    double *mean_entropy;  /* [n_tiles] */
    int64_t *winners;      /* [n_tiles] */
};

static const double *tile_col(const double *log_col, int64_t tile)
{
    return log_col ? log_col + tile * PROTO_TILE : zeros;
}

static void watch_rows_tile(struct pass *pass, int64_t tile, bool opens, int worker)
{
    (void)opens;
    struct watch_arg *a = pass->arg;
    pass->loops->rows_lse(a->d.largest + tile * pass->n, a->d.sum + tile * pass->n, pass_logits(pass, tile, worker),
                          pass->n, tile_columns(pass->p, tile), a->scale, tile_col(a->log_col, tile));
}

/* The first tile that holds the row's largest exponent is the winner's. */
static bool tile_wins(const struct denominators *d, int64_t tile, int64_t t)
{
    double mine = d->largest[tile * d->n + t];
    for (int64_t i = 0; i < d->n_tiles; i++) {
        double other = d->largest[i * d->n + t];
        if (i < tile ? other >= mine : other > mine)
            return false;
    }
    return true;
}

static void watch_tile(struct pass *pass, int64_t tile, bool opens, int worker)
{
    (void)opens;
    struct watch_arg *a = pass->arg;
    const float *x = pass_logits(pass, tile, worker);
    const double *col = tile_col(a->log_col, tile);
    float *share = a->shares + worker * pass->x_count;
    int64_t columns = tile_columns(pass->p, tile);
    double mean[PROTO_TILE] = {0};
    bool won[PROTO_TILE] = {0};
    pass->loops->targets(share, x, pass->n, columns, a->scale, col, a->d.log_row);
    for (int64_t t = 0; t < pass->n; t++) {
        double sum = 0;
        int64_t best = 0;
        double top = -HUGE_VAL;
        for (int64_t k = 0; k < columns; k++) {
            double y = (double)x[t * PROTO_TILE + k] * a->scale + col[k], q = (double)share[t * PROTO_TILE + k];
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

void cpu_proto_watch(struct op_ctx *c, struct proto_watch *out, const struct proto *p, int64_t first, int64_t n,
                     const double *log_col, double temperature)
{
    size_t mark = c->scratch->used;
    struct pass pass = pass_plan(c, p, first, n, n);
    struct watch_arg a = {.d = denominators_take(c, &pass, ARENA_TAKE(c->scratch, double, n)),
                          .log_col = log_col,
                          .scale = 1 / temperature,
                          .shares = ARENA_TAKE(c->scratch, float, op_workers(c) * pass.x_count),
                          .sum_py = ARENA_TAKE(c->scratch, double, pass.n_tiles * n),
                          .mean_entropy = ARENA_TAKE(c->scratch, double, pass.n_tiles),
                          .winners = ARENA_TAKE(c->scratch, int64_t, pass.n_tiles)};
    if (!op_planning(c)) {
        pass_run(c, &pass, watch_rows_tile, &a);
        op_for(c, n, join_row, &a.d);
        pass_run(c, &pass, watch_tile, &a);
        *out = (struct proto_watch){0};
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

/* ---- cross-entropy ---- */

struct xent_arg {
    const struct proto_targets *targets;
    const struct proto_pairs *pairs;
    float *want;       /* scratch of each worker: a tile of targets */
    int64_t want_count;
    double *parts;     /* forward: [n_tiles, T, 4] of xent_row */
    struct plain back; /* backward */
    const double *lse, *mass;
};

/* The targets of a tile; of all rows, since several rows of the student share them. */
static const float *tile_targets(const struct pass *pass, const struct xent_arg *a, int64_t tile, int worker)
{
    const struct proto_targets *t = a->targets;
    const struct proto *p = &t->teacher;
    float *want = a->want + worker * a->want_count;
    const float *x = tile_logits(pass, p, tile, 0, p->T, want, worker);
    int64_t columns = tile_columns(p, tile), split = t->n_first;
    if (split > 0)
        pass->loops->targets(want, x, split, columns, 1 / t->temperature, t->log_col[0] + tile * PROTO_TILE,
                             t->log_row);
    if (split < p->T)
        pass->loops->targets(want + split * PROTO_TILE, x + split * PROTO_TILE, p->T - split, columns,
                             1 / t->temperature, t->log_col[1] + tile * PROTO_TILE, t->log_row + split);
    return want;
}

static const float *row_target(const struct xent_arg *a, const float *want, int64_t t, int which)
{
    int64_t row = a->pairs->target[2 * t + which];
    return row < 0 ? NULL : want + row * PROTO_TILE;
}

static void xent_tile(struct pass *pass, int64_t tile, bool opens, int worker)
{
    (void)opens;
    struct xent_arg *a = pass->arg;
    const struct proto *p = pass->p;
    const float *want = tile_targets(pass, a, tile, worker);
    float *x = p->logits ? tile_kept(p, tile) : pass->x + worker * pass->x_count;
    tile_product(pass, p, tile, 0, p->T, x, worker);
    for (int64_t t = 0; t < p->T; t++)
        pass->loops->xent_row(a->parts + (tile * p->T + t) * 4, x + t * PROTO_TILE, row_target(a, want, t, 0),
                              row_target(a, want, t, 1), tile_columns(p, tile), (float)(1 / a->pairs->temperature));
}

static struct xent_arg xent_take(struct op_ctx *c, const struct proto_targets *t, const struct proto_pairs *pairs)
{
    int64_t count = t->teacher.T * PROTO_TILE;
    return (struct xent_arg){.targets = t,
                             .pairs = pairs,
                             .want = ARENA_TAKE(c->scratch, float, op_workers(c) * count),
                             .want_count = count};
}

/* Of row t: its four partial results, stride T * 4 from tile to tile. */
static void xent_join(const double *parts, int64_t n_tiles, int64_t stride, double *loss, double *lse, double *mass)
{
    double dot = 0, sum = 0;
    for (int64_t i = 0; i < n_tiles; i++) {
        dot += parts[i * stride + 2];
        sum += parts[i * stride + 3];
    }
    *lse = row_lse(parts, parts + 1, n_tiles, stride);
    *mass = sum;
    *loss = *lse * sum - dot;
}

void cpu_proto_xent_fwd(struct op_ctx *c, double *row_loss, double *lse, double *mass, const struct proto *s,
                        const struct proto_targets *t, const struct proto_pairs *pairs)
{
    size_t mark = c->scratch->used;
    struct pass pass = pass_plan(c, s, 0, s->T, s->logits ? 0 : s->T);
    struct xent_arg a = xent_take(c, t, pairs);
    a.parts = ARENA_TAKE(c->scratch, double, pass.n_tiles * s->T * 4);
    if (!op_planning(c)) {
        pass_run(c, &pass, xent_tile, &a);
        for (int64_t i = 0; i < s->T; i++)
            xent_join(a.parts + 4 * i, pass.n_tiles, s->T * 4, &row_loss[i], &lse[i], &mass[i]);
    }
    c->scratch->used = mark;
}

static void xent_bwd_tile(struct pass *pass, int64_t tile, bool opens, int worker)
{
    struct xent_arg *a = pass->arg;
    const struct proto *p = pass->p;
    const float *want = tile_targets(pass, a, tile, worker);
    float *x = p->kept ? tile_kept(p, tile) : pass->x + worker * pass->x_count;
    if (p->kept)
        tile_weights(pass, p, tile, worker);
    else
        tile_product(pass, p, tile, 0, p->T, x, worker);
    for (int64_t t = 0; t < p->T; t++)
        pass->loops->xent_row_bwd(x + t * PROTO_TILE, row_target(a, want, t, 0), row_target(a, want, t, 1),
                                  tile_columns(p, tile), (float)(1 / a->pairs->temperature), (float)a->lse[t],
                                  (float)a->mass[t], a->pairs->weight[t]);
    tile_backward(pass, &a->back, tile, opens, worker, x, PROTO_TILE);
}

void cpu_proto_xent_bwd(struct op_ctx *c, float *dz, float *dv, float *dg, const double *lse, const double *mass,
                        const struct proto *s, const struct proto_targets *t, const struct proto_pairs *pairs)
{
    size_t mark = c->scratch->used;
    struct pass pass = pass_plan(c, s, 0, s->T, s->kept ? 0 : s->T);
    struct xent_arg a = xent_take(c, t, pairs);
    a.back = backward_take(c, &pass, dv, dg);
    a.lse = lse, a.mass = mass;
    if (!op_planning(c)) {
        pass_run(c, &pass, xent_bwd_tile, &a);
        join_dz(c, &pass, &a.back, dz, false);
    }
    c->scratch->used = mark;
}

/* ---- KL of the mean prediction to uniform ---- */

struct kl_arg {
    struct denominators d;
    double scale;
    double *excess; /* [K]: log(K mean) */
    double *loss;   /* [n_tiles] */
    double *dots;   /* [n_tiles, n]: sum of share * excess */
    double *dot;    /* [n] */
    float *shares;  /* scratch of each worker: a tile */
    double factor;
    struct plain back;
};

static void kl_rows_tile(struct pass *pass, int64_t tile, bool opens, int worker)
{
    (void)opens;
    struct kl_arg *a = pass->arg;
    pass->loops->rows_lse(a->d.largest + tile * pass->n, a->d.sum + tile * pass->n, pass_logits(pass, tile, worker),
                          pass->n, tile_columns(pass->p, tile), a->scale, zeros);
}

static float *kl_shares(struct pass *pass, struct kl_arg *a, int64_t tile, int worker)
{
    float *share = a->shares + worker * pass->x_count;
    pass->loops->targets(share, pass_logits(pass, tile, worker), pass->n, tile_columns(pass->p, tile), a->scale, zeros,
                         a->d.log_row);
    return share;
}

static void kl_mean_tile(struct pass *pass, int64_t tile, bool opens, int worker)
{
    (void)opens;
    struct kl_arg *a = pass->arg;
    const float *share = kl_shares(pass, a, tile, worker);
    double mean[PROTO_TILE] = {0}, *excess = a->excess + tile * PROTO_TILE;
    int64_t columns = tile_columns(pass->p, tile);
    pass->loops->column_sums(mean, share, pass->n, columns);
    a->loss[tile] = 0;
    for (int64_t k = 0; k < columns; k++) {
        double q = mean[k] / (double)pass->n;
        excess[k] = q > 0 ? log(q * (double)pass->p->K) : q;
        a->loss[tile] += q * excess[k];
    }
    for (int64_t t = 0; t < pass->n; t++) {
        double dot = 0;
        for (int64_t k = 0; k < columns; k++)
            dot += (double)share[t * PROTO_TILE + k] * excess[k];
        a->dots[tile * pass->n + t] = dot;
    }
}

static void kl_bwd_tile(struct pass *pass, int64_t tile, bool opens, int worker)
{
    struct kl_arg *a = pass->arg;
    float *d = kl_shares(pass, a, tile, worker);
    const double *excess = a->excess + tile * PROTO_TILE;
    for (int64_t t = 0; t < pass->n; t++)
        for (int64_t k = 0; k < tile_columns(pass->p, tile); k++)
            d[t * PROTO_TILE + k] = (float)(a->factor * (double)d[t * PROTO_TILE + k] * (excess[k] - a->dot[t]));
    tile_weights(pass, pass->p, tile, worker); /* the logits may have been kept */
    tile_backward(pass, &a->back, tile, opens, worker, d, PROTO_TILE);
}

void cpu_proto_kl(struct op_ctx *c, double *loss, float *dz, float *dv, float *dg, const struct proto *p, int64_t first,
                  int64_t n, double temperature, double weight)
{
    size_t mark = c->scratch->used;
    struct pass pass = pass_plan(c, p, first, n, n);
    struct kl_arg a = {.d = denominators_take(c, &pass, ARENA_TAKE(c->scratch, double, n)),
                       .scale = 1 / temperature,
                       .excess = ARENA_TAKE(c->scratch, double, p->K),
                       .loss = ARENA_TAKE(c->scratch, double, pass.n_tiles),
                       .dots = ARENA_TAKE(c->scratch, double, pass.n_tiles * n),
                       .dot = ARENA_TAKE(c->scratch, double, n),
                       .shares = ARENA_TAKE(c->scratch, float, op_workers(c) * pass.x_count),
                       .factor = weight / ((double)n * temperature),
                       .back = backward_take(c, &pass, dv, dg)};
    if (!op_planning(c)) {
        pass_run(c, &pass, kl_rows_tile, &a);
        op_for(c, n, join_row, &a.d);
        pass_run(c, &pass, kl_mean_tile, &a);
        *loss = 0;
        for (int64_t i = 0; i < pass.n_tiles; i++)
            *loss += a.loss[i];
        for (int64_t t = 0; t < n; t++) {
            a.dot[t] = 0;
            for (int64_t i = 0; i < pass.n_tiles; i++)
                a.dot[t] += a.dots[i * n + t];
        }
        pass_run(c, &pass, kl_bwd_tile, &a);
        join_dz(c, &pass, &a.back, dz, true);
    }
    c->scratch->used = mark;
}
