/* prototypes.c - logits, losses and their gradients, over tiles of prototypes (prototype-tiles.h). Targets and what
 * else the teacher's logits become: prototype-targets.c. */
#include <math.h>

#include "gemm.h"
#include "prototype-tiles.h"

/* ---- plain forward and backward ---- */

static void fwd_tile(struct proto_pass *pass, int64_t tile, bool opens, int worker)
{
    (void)opens;
    const struct prototypes *p = pass->p;
    float *logits = pass->arg;
    proto_weights(pass, p, tile, worker);
    gemm_f32(false, true, p->T, proto_columns(p, tile), p->b, 1, p->z, p->b, proto_worker_w(pass, worker), p->b, 0,
             logits + tile * PROTOTYPES_TILE, p->K);
}

void cpu_prototype_fwd(struct op_ctx *c, float *logits, const struct prototypes *p)
{
    size_t mark = c->scratch->used;
    struct proto_pass pass = proto_plan(c, p, 0, p->T, 0);
    if (!op_planning(c))
        proto_run(c, &pass, fwd_tile, logits);
    c->scratch->used = mark;
}

static void keep_tile(struct proto_pass *pass, int64_t tile, bool opens, int worker)
{
    (void)opens;
    proto_product(pass, pass->p, tile, 0, pass->p->T, proto_kept_tile(pass->p, tile), worker);
}

void cpu_prototype_keep(struct op_ctx *c, const struct prototypes *p)
{
    size_t mark = c->scratch->used;
    struct proto_pass pass = proto_plan(c, p, 0, p->T, 0);
    if (!op_planning(c))
        proto_run(c, &pass, keep_tile, NULL);
    c->scratch->used = mark;
}

struct plain {
    struct proto_gradient back;
    const float *dlogits;
};

static void bwd_tile(struct proto_pass *pass, int64_t tile, bool opens, int worker)
{
    const struct plain *a = pass->arg;
    proto_weights(pass, pass->p, tile, worker);
    proto_backward(pass, &a->back, tile, opens, worker, a->dlogits + tile * PROTOTYPES_TILE, pass->p->K);
}

void cpu_prototype_bwd(struct op_ctx *c, float *dz, float *dv, float *dg, const float *dlogits,
                       const struct prototypes *p)
{
    size_t mark = c->scratch->used;
    struct proto_pass pass = proto_plan(c, p, 0, p->T, 0);
    struct plain a = {proto_gradient_take(c, &pass, dv, dg), dlogits};
    if (!op_planning(c)) {
        proto_run(c, &pass, bwd_tile, &a);
        proto_join_dz(c, &pass, &a.back, dz, false);
    }
    c->scratch->used = mark;
}

/* ---- cross-entropy ---- */

struct xent_arg {
    const struct prototypes_targets *targets;
    const struct prototypes_pairs *pairs;
    float *want;                /* scratch of each worker: a tile of targets */
    int64_t want_count;
    double *parts;              /* forward: [n_tiles, T, 4] of xent_row */
    struct proto_gradient back; /* backward */
    const double *lse, *mass;
};

/* The targets of a tile; of all rows, since several rows of the student share them. */
static const float *tile_targets(const struct proto_pass *pass, const struct xent_arg *a, int64_t tile, int worker)
{
    const struct prototypes_targets *t = a->targets;
    const struct prototypes *p = &t->teacher;
    float *want = a->want + worker * a->want_count;
    const float *x = proto_logits(pass, p, tile, 0, p->T, want, worker);
    int64_t columns = proto_columns(p, tile), split = t->n_first;
    if (split > 0)
        pass->loops->targets(want, x, split, columns, 1 / t->temperature, t->log_col[0] + tile * PROTOTYPES_TILE,
                             t->log_row);
    if (split < p->T)
        pass->loops->targets(want + split * PROTOTYPES_TILE, x + split * PROTOTYPES_TILE, p->T - split, columns,
                             1 / t->temperature, t->log_col[1] + tile * PROTOTYPES_TILE, t->log_row + split);
    return want;
}

static const float *row_target(const struct xent_arg *a, const float *want, int64_t t, int which)
{
    int64_t row = a->pairs->target[2 * t + which];
    return row < 0 ? NULL : want + row * PROTOTYPES_TILE;
}

static void xent_tile(struct proto_pass *pass, int64_t tile, bool opens, int worker)
{
    (void)opens;
    struct xent_arg *a = pass->arg;
    const struct prototypes *p = pass->p;
    const float *want = tile_targets(pass, a, tile, worker);
    float *x = p->logits ? proto_kept_tile(p, tile) : pass->x + worker * pass->x_count;
    proto_product(pass, p, tile, 0, p->T, x, worker);
    for (int64_t t = 0; t < p->T; t++)
        pass->loops->xent_row(a->parts + (tile * p->T + t) * 4, x + t * PROTOTYPES_TILE, row_target(a, want, t, 0),
                              row_target(a, want, t, 1), proto_columns(p, tile), (float)(1 / a->pairs->temperature));
}

static struct xent_arg xent_take(struct op_ctx *c, const struct prototypes_targets *t,
                                 const struct prototypes_pairs *pairs)
{
    int64_t count = t->teacher.T * PROTOTYPES_TILE;
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
    *lse = proto_row_lse(parts, parts + 1, n_tiles, stride);
    *mass = sum;
    *loss = *lse * sum - dot;
}

void cpu_prototype_xent_fwd(struct op_ctx *c, double *row_loss, double *lse, double *mass, const struct prototypes *s,
                        const struct prototypes_targets *t, const struct prototypes_pairs *pairs)
{
    size_t mark = c->scratch->used;
    struct proto_pass pass = proto_plan(c, s, 0, s->T, s->logits ? 0 : s->T);
    struct xent_arg a = xent_take(c, t, pairs);
    a.parts = ARENA_TAKE(c->scratch, double, pass.n_tiles * s->T * 4);
    if (!op_planning(c)) {
        proto_run(c, &pass, xent_tile, &a);
        for (int64_t i = 0; i < s->T; i++)
            xent_join(a.parts + 4 * i, pass.n_tiles, s->T * 4, &row_loss[i], &lse[i], &mass[i]);
    }
    c->scratch->used = mark;
}

static void xent_bwd_tile(struct proto_pass *pass, int64_t tile, bool opens, int worker)
{
    struct xent_arg *a = pass->arg;
    const struct prototypes *p = pass->p;
    const float *want = tile_targets(pass, a, tile, worker);
    float *x = p->kept ? proto_kept_tile(p, tile) : pass->x + worker * pass->x_count;
    if (p->kept)
        proto_weights(pass, p, tile, worker);
    else
        proto_product(pass, p, tile, 0, p->T, x, worker);
    for (int64_t t = 0; t < p->T; t++)
        pass->loops->xent_row_bwd(x + t * PROTOTYPES_TILE, row_target(a, want, t, 0), row_target(a, want, t, 1),
                                  proto_columns(p, tile), (float)(1 / a->pairs->temperature), (float)a->lse[t],
                                  (float)a->mass[t], a->pairs->weight[t]);
    proto_backward(pass, &a->back, tile, opens, worker, x, PROTOTYPES_TILE);
}

void cpu_prototype_xent_bwd(struct op_ctx *c, float *dz, float *dv, float *dg, const double *lse, const double *mass,
                            const struct prototypes *s, const struct prototypes_targets *t,
                            const struct prototypes_pairs *pairs)
{
    size_t mark = c->scratch->used;
    struct proto_pass pass = proto_plan(c, s, 0, s->T, s->kept ? 0 : s->T);
    struct xent_arg a = xent_take(c, t, pairs);
    a.back = proto_gradient_take(c, &pass, dv, dg);
    a.lse = lse, a.mass = mass;
    if (!op_planning(c)) {
        proto_run(c, &pass, xent_bwd_tile, &a);
        proto_join_dz(c, &pass, &a.back, dz, false);
    }
    c->scratch->used = mark;
}

static const double zeros[PROTOTYPES_TILE];

/* ---- KL of the mean prediction to uniform ---- */

struct kl_arg {
    struct proto_denominators d;
    double scale;
    double *excess; /* [K]: log(K mean) */
    double *loss;   /* [n_tiles] */
    double *dots;   /* [n_tiles, n]: sum of share * excess */
    double *dot;    /* [n] */
    float *shares;  /* scratch of each worker: a tile */
    double factor;
    struct proto_gradient back;
};

static void kl_rows_tile(struct proto_pass *pass, int64_t tile, bool opens, int worker)
{
    (void)opens;
    struct kl_arg *a = pass->arg;
    proto_denominators_tile(pass, &a->d, proto_pass_logits(pass, tile, worker), tile, a->scale, zeros);
}

static float *kl_shares(struct proto_pass *pass, struct kl_arg *a, int64_t tile, int worker)
{
    float *share = a->shares + worker * pass->x_count;
    pass->loops->targets(share, proto_pass_logits(pass, tile, worker), pass->n, proto_columns(pass->p, tile), a->scale,
                         zeros, a->d.log_row);
    return share;
}

static void kl_mean_tile(struct proto_pass *pass, int64_t tile, bool opens, int worker)
{
    (void)opens;
    struct kl_arg *a = pass->arg;
    const float *share = kl_shares(pass, a, tile, worker);
    double mean[PROTOTYPES_TILE] = {0}, *excess = a->excess + tile * PROTOTYPES_TILE;
    int64_t columns = proto_columns(pass->p, tile);
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
            dot += (double)share[t * PROTOTYPES_TILE + k] * excess[k];
        a->dots[tile * pass->n + t] = dot;
    }
}

static void kl_bwd_tile(struct proto_pass *pass, int64_t tile, bool opens, int worker)
{
    struct kl_arg *a = pass->arg;
    float *d = kl_shares(pass, a, tile, worker);
    const double *excess = a->excess + tile * PROTOTYPES_TILE;
    for (int64_t t = 0; t < pass->n; t++)
        for (int64_t k = 0; k < proto_columns(pass->p, tile); k++)
            d[t * PROTOTYPES_TILE + k] =
                (float)(a->factor * (double)d[t * PROTOTYPES_TILE + k] * (excess[k] - a->dot[t]));
    proto_weights(pass, pass->p, tile, worker); /* the logits may have been kept */
    proto_backward(pass, &a->back, tile, opens, worker, d, PROTOTYPES_TILE);
}

void cpu_prototype_kl(struct op_ctx *c, double *loss, float *dz, float *dv, float *dg, const struct prototypes *p,
                      int64_t first, int64_t n, double temperature, double weight)
{
    size_t mark = c->scratch->used;
    struct proto_pass pass = proto_plan(c, p, first, n, n);
    struct kl_arg a = {.d = proto_denominators_take(c, &pass, ARENA_TAKE(c->scratch, double, n)),
                       .scale = 1 / temperature,
                       .excess = ARENA_TAKE(c->scratch, double, p->K),
                       .loss = ARENA_TAKE(c->scratch, double, pass.n_tiles),
                       .dots = ARENA_TAKE(c->scratch, double, pass.n_tiles * n),
                       .dot = ARENA_TAKE(c->scratch, double, n),
                       .shares = ARENA_TAKE(c->scratch, float, op_workers(c) * pass.x_count),
                       .factor = weight / ((double)n * temperature),
                       .back = proto_gradient_take(c, &pass, dv, dg)};
    if (!op_planning(c)) {
        proto_run(c, &pass, kl_rows_tile, &a);
        proto_denominators_join(c, &a.d);
        proto_run(c, &pass, kl_mean_tile, &a);
        *loss = 0;
        for (int64_t i = 0; i < pass.n_tiles; i++)
            *loss += a.loss[i];
        for (int64_t t = 0; t < n; t++) {
            a.dot[t] = 0;
            for (int64_t i = 0; i < pass.n_tiles; i++)
                a.dot[t] += a.dots[i * n + t];
        }
        proto_run(c, &pass, kl_bwd_tile, &a);
        proto_join_dz(c, &pass, &a.back, dz, true);
    }
    c->scratch->used = mark;
}
