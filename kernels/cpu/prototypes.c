/* prototypes.c - logits, losses and their gradients, over tiles of prototypes (prototype-sweep.h). Targets and what
 * else the teacher's logits become: prototype-targets.c. */
#include <math.h>
#include <string.h>

#include "prototype-sweep.h"

/* ---- plain forward and backward ---- */

static void fwd_tile(struct sweep *s, int64_t tile, bool first_of_strip, int worker)
{
    (void)first_of_strip;
    const struct sweep_layer *p = &s->p;
    float *logits = (float *)s->arg + tile * PROTOTYPES_TILE, *x = s->x + worker * s->x_count;
    if (!p->bf16) {
        sweep_weights(s, p, tile, worker);
        gemm_f32(false, true, p->T, sweep_columns(p, tile), p->b, 1, p->z, p->b, sweep_worker_w(s, worker), p->b, 0,
                 logits, p->K);
        return;
    }
    sweep_product(s, p, tile, 0, p->T, x, worker);
    for (int64_t t = 0; t < p->T; t++)
        memcpy(logits + t * p->K, x + t * PROTOTYPES_TILE, (size_t)sweep_columns(p, tile) * sizeof *x);
}

void cpu_prototype_fwd(struct op_ctx *c, struct tensor logits, const struct prototype_layer *p)
{
    size_t mark = c->scratch->used;
    struct sweep s = sweep_plan(c, p, NULL, 0, p->z.dims[0], p->z.dtype == DTYPE_BF16 ? p->z.dims[0] : 0);
    sweep_run(c, &s, fwd_tile, cpu_f32(logits));
    c->scratch->used = mark;
}

/* Where a tile's logits of all rows are computed: where they are cached in float32, else scratch. */
static float *logits_place(const struct sweep *s, int64_t tile, int worker)
{
    return s->p.logits ? s->p.logits + tile * s->p.T * PROTOTYPES_TILE : s->x + worker * s->x_count;
}

/* Rows of scratch for that. */
static int64_t logits_rows(const struct prototype_layer *p)
{
    return tensor_given(p->logits) && p->logits.dtype == DTYPE_F32 ? 0 : p->z.dims[0];
}

static void cache_tile(struct sweep *s, int64_t tile, bool first_of_strip, int worker)
{
    (void)first_of_strip;
    const struct sweep_layer *p = &s->p;
    float *x = logits_place(s, tile, worker);
    sweep_product(s, p, tile, 0, p->T, x, worker);
    if (p->logits_bf16)
        convert_loops()->to_bf16(p->logits_bf16 + tile * p->T * PROTOTYPES_TILE, x, p->T * PROTOTYPES_TILE);
}

void cpu_prototype_cache_logits(struct op_ctx *c, const struct prototype_layer *p)
{
    size_t mark = c->scratch->used;
    struct sweep s = sweep_plan(c, p, NULL, 0, p->z.dims[0], logits_rows(p));
    sweep_run(c, &s, cache_tile, NULL);
    c->scratch->used = mark;
}

struct plain_arg {
    struct sweep_gradient gradient;
    const float *dlogits;
};

static void bwd_tile(struct sweep *s, int64_t tile, bool first_of_strip, int worker)
{
    const struct plain_arg *a = s->arg;
    sweep_weights(s, &s->p, tile, worker);
    sweep_backward(s, &a->gradient, tile, first_of_strip, worker, a->dlogits + tile * PROTOTYPES_TILE, s->p.K);
}

void cpu_prototype_bwd(struct op_ctx *c, struct tensor dz, struct tensor dv, struct tensor dg, struct tensor dlogits,
                       const struct prototype_layer *p)
{
    size_t mark = c->scratch->used;
    struct sweep s = sweep_plan(c, p, NULL, 0, p->z.dims[0], 0);
    struct plain_arg a = {sweep_gradient_take(c, &s, dv, dg), cpu_f32(dlogits)};
    sweep_run(c, &s, bwd_tile, &a);
    sweep_join_dz(c, &s, &a.gradient, dz, false);
    c->scratch->used = mark;
}

/* ---- cross-entropy ---- */

struct xent_arg {
    struct sweep_layer teacher;
    double teacher_scale, student_scale; /* 1 / temperature */
    int64_t n_first;
    const double *log_col[2], *log_row;
    const int64_t *target;
    const float *weight;
    float *tile_targets; /* scratch of each worker: [T of the teacher, PROTOTYPES_TILE] */
    double *parts;       /* forward: [n_tiles, T, 4] of xent_row */
    struct sweep_gradient gradient; /* backward */
    const double *lse, *target_sum;
};

static struct xent_arg xent_take(struct op_ctx *c, const struct prototype_targets *t,
                                 const struct prototype_pairs *pairs)
{
    struct xent_arg a = {.teacher = sweep_layer(&t->teacher),
                         .teacher_scale = 1 / t->temperature,
                         .student_scale = 1 / pairs->temperature,
                         .n_first = t->n_first,
                         .log_col = {cpu_f64(t->log_col[0]), cpu_f64(t->log_col[1])},
                         .log_row = cpu_f64(t->log_row),
                         .target = cpu_i64(pairs->target),
                         .weight = cpu_f32(pairs->weight)};
    a.tile_targets = CPU_TAKE(c, float, op_workers(c) * a.teacher.T * PROTOTYPES_TILE);
    return a;
}

/* The targets of a tile; of all rows, since several rows of the student share them. */
static const float *tile_targets(const struct sweep *s, const struct xent_arg *a, int64_t tile, int worker)
{
    const struct sweep_layer *p = &a->teacher;
    float *out = a->tile_targets + worker * p->T * PROTOTYPES_TILE;
    const float *x = sweep_logits_of(s, p, tile, 0, p->T, out, worker);
    int64_t columns = sweep_columns(p, tile), split = a->n_first;
    if (split > 0)
        s->loops->targets(out, x, split, columns, a->teacher_scale, a->log_col[0] + tile * PROTOTYPES_TILE, a->log_row);
    if (split < p->T)
        s->loops->targets(out + split * PROTOTYPES_TILE, x + split * PROTOTYPES_TILE, p->T - split, columns,
                          a->teacher_scale, a->log_col[1] + tile * PROTOTYPES_TILE, a->log_row + split);
    return out;
}

static const float *row_target(const struct xent_arg *a, const float *targets, int64_t t, int which)
{
    int64_t row = a->target[2 * t + which];
    return row < 0 ? NULL : targets + row * PROTOTYPES_TILE;
}

static void xent_tile(struct sweep *s, int64_t tile, bool first_of_strip, int worker)
{
    (void)first_of_strip;
    struct xent_arg *a = s->arg;
    const struct sweep_layer *p = &s->p;
    const float *targets = tile_targets(s, a, tile, worker);
    float *x = logits_place(s, tile, worker);
    sweep_product(s, p, tile, 0, p->T, x, worker);
    for (int64_t t = 0; t < p->T; t++)
        s->loops->xent_row(a->parts + (tile * p->T + t) * 4, x + t * PROTOTYPES_TILE, row_target(a, targets, t, 0),
                           row_target(a, targets, t, 1), sweep_columns(p, tile), (float)a->student_scale);
}

/* Of a row: its four partial results, `stride` from tile to tile. */
static void xent_join(const double *parts, int64_t n_tiles, int64_t stride, double *loss, double *lse,
                      double *target_sum)
{
    double dot = 0, sum = 0;
    for (int64_t i = 0; i < n_tiles; i++) {
        dot += parts[i * stride + 2];
        sum += parts[i * stride + 3];
    }
    *lse = sweep_row_lse(parts, parts + 1, n_tiles, stride);
    *target_sum = sum;
    *loss = *lse * sum - dot;
}

void cpu_prototype_xent_fwd(struct op_ctx *c, struct tensor row_loss, struct tensor lse, struct tensor target_sum,
                            const struct prototype_layer *p, const struct prototype_targets *t,
                            const struct prototype_pairs *pairs)
{
    size_t mark = c->scratch->used;
    int64_t T = p->z.dims[0];
    struct sweep s = sweep_plan(c, p, &t->teacher, 0, T, logits_rows(p));
    struct xent_arg a = xent_take(c, t, pairs);
    a.parts = CPU_TAKE(c, double, s.n_tiles * T * 4);
    sweep_run(c, &s, xent_tile, &a);
    for (int64_t i = 0; i < T && !op_planning(c); i++)
        xent_join(a.parts + 4 * i, s.n_tiles, T * 4, cpu_f64(row_loss) + i, cpu_f64(lse) + i, cpu_f64(target_sum) + i);
    c->scratch->used = mark;
}

static void xent_bwd_tile(struct sweep *s, int64_t tile, bool first_of_strip, int worker)
{
    struct xent_arg *a = s->arg;
    const struct sweep_layer *p = &s->p;
    const float *targets = tile_targets(s, a, tile, worker);
    float *x = logits_place(s, tile, worker);
    if (p->cached)
        sweep_weights(s, p, tile, worker);
    else
        sweep_product(s, p, tile, 0, p->T, x, worker);
    for (int64_t t = 0; t < p->T; t++)
        s->loops->xent_row_bwd(x + t * PROTOTYPES_TILE, row_target(a, targets, t, 0), row_target(a, targets, t, 1),
                               sweep_columns(p, tile), (float)a->student_scale, (float)a->lse[t],
                               (float)a->target_sum[t], a->weight[t]);
    sweep_backward(s, &a->gradient, tile, first_of_strip, worker, x, PROTOTYPES_TILE);
}

void cpu_prototype_xent_bwd(struct op_ctx *c, struct tensor dz, struct tensor dv, struct tensor dg, struct tensor lse,
                            struct tensor target_sum, const struct prototype_layer *p,
                            const struct prototype_targets *t, const struct prototype_pairs *pairs)
{
    size_t mark = c->scratch->used;
    int64_t T = p->z.dims[0];
    struct sweep s = sweep_plan(c, p, &t->teacher, 0, T, logits_rows(p));
    struct xent_arg a = xent_take(c, t, pairs);
    a.gradient = sweep_gradient_take(c, &s, dv, dg);
    a.lse = cpu_f64(lse), a.target_sum = cpu_f64(target_sum);
    sweep_run(c, &s, xent_bwd_tile, &a);
    sweep_join_dz(c, &s, &a.gradient, dz, false);
    c->scratch->used = mark;
}

/* ---- KL of the mean prediction to uniform ---- */

static const double zeros[PROTOTYPES_TILE];

struct kl_arg {
    struct sweep_denominators d;
    double scale;
    double *excess; /* [K]: log(K mean) */
    double *loss;   /* [n_tiles] */
    double *dots;   /* [n_tiles, n]: sum of share * excess */
    double *dot;    /* [n] */
    float *shares;  /* scratch of each worker: the softmax of a tile */
    double factor;
    struct sweep_gradient gradient;
};

static void kl_rows_tile(struct sweep *s, int64_t tile, bool first_of_strip, int worker)
{
    (void)first_of_strip;
    struct kl_arg *a = s->arg;
    sweep_denominators_tile(s, &a->d, sweep_logits(s, tile, worker), tile, a->scale, zeros);
}

static float *kl_shares(struct sweep *s, struct kl_arg *a, int64_t tile, int worker)
{
    float *share = a->shares + worker * s->x_count;
    s->loops->targets(share, sweep_logits(s, tile, worker), s->n, sweep_columns(&s->p, tile), a->scale, zeros,
                      a->d.log_row);
    return share;
}

static void kl_mean_tile(struct sweep *s, int64_t tile, bool first_of_strip, int worker)
{
    (void)first_of_strip;
    struct kl_arg *a = s->arg;
    const float *share = kl_shares(s, a, tile, worker);
    double mean[PROTOTYPES_TILE] = {0}, *excess = a->excess + tile * PROTOTYPES_TILE;
    int64_t columns = sweep_columns(&s->p, tile);
    s->loops->column_sums(mean, share, s->n, columns);
    a->loss[tile] = 0;
    for (int64_t k = 0; k < columns; k++) {
        double q = mean[k] / (double)s->n;
        excess[k] = q > 0 ? log(q * (double)s->p.K) : q;
        a->loss[tile] += q * excess[k];
    }
    for (int64_t t = 0; t < s->n; t++) {
        double dot = 0;
        for (int64_t k = 0; k < columns; k++)
            dot += (double)share[t * PROTOTYPES_TILE + k] * excess[k];
        a->dots[tile * s->n + t] = dot;
    }
}

static void kl_bwd_tile(struct sweep *s, int64_t tile, bool first_of_strip, int worker)
{
    struct kl_arg *a = s->arg;
    float *d = kl_shares(s, a, tile, worker);
    const double *excess = a->excess + tile * PROTOTYPES_TILE;
    for (int64_t t = 0; t < s->n; t++)
        for (int64_t k = 0; k < sweep_columns(&s->p, tile); k++)
            d[t * PROTOTYPES_TILE + k] =
                (float)(a->factor * (double)d[t * PROTOTYPES_TILE + k] * (excess[k] - a->dot[t]));
    sweep_weights(s, &s->p, tile, worker); /* cached logits leave none in the scratch */
    sweep_backward(s, &a->gradient, tile, first_of_strip, worker, d, PROTOTYPES_TILE);
}

void cpu_prototype_kl(struct op_ctx *c, double *out, struct tensor dz, struct tensor dv, struct tensor dg,
                      const struct prototype_layer *p, int64_t first, double temperature, double weight)
{
    size_t mark = c->scratch->used;
    int64_t n = dz.dims[0];
    struct sweep s = sweep_plan(c, p, NULL, first, n, n);
    struct kl_arg a = {.d = sweep_denominators_take(c, &s, CPU_TAKE(c, double, n)),
                       .scale = 1 / temperature,
                       .excess = CPU_TAKE(c, double, s.p.K),
                       .loss = CPU_TAKE(c, double, s.n_tiles),
                       .dots = CPU_TAKE(c, double, s.n_tiles * n),
                       .dot = CPU_TAKE(c, double, n),
                       .shares = CPU_TAKE(c, float, op_workers(c) * s.x_count),
                       .factor = weight / ((double)n * temperature),
                       .gradient = sweep_gradient_take(c, &s, dv, dg)};
    if (!op_planning(c)) {
        sweep_run(c, &s, kl_rows_tile, &a);
        sweep_denominators_join(c, &a.d);
        sweep_run(c, &s, kl_mean_tile, &a);
        *out = 0;
        for (int64_t i = 0; i < s.n_tiles; i++)
            *out += a.loss[i];
        for (int64_t t = 0; t < n; t++) {
            a.dot[t] = 0;
            for (int64_t i = 0; i < s.n_tiles; i++)
                a.dot[t] += a.dots[i * n + t];
        }
        sweep_run(c, &s, kl_bwd_tile, &a);
        sweep_join_dz(c, &s, &a.gradient, dz, true);
    }
    c->scratch->used = mark;
}
