/* prototypes.c - checks of the operations of the prototype layer and of rows of features. */
#include "prototypes.h"

#define SHAPE(op, t, ...) OP_SHAPE(c, op, t, DTYPE_F32, __VA_ARGS__)
#define EITHER(op, t, ...) OP_SHAPE(c, op, t, (t).dtype == DTYPE_BF16 ? DTYPE_BF16 : DTYPE_F32, __VA_ARGS__)
#define SHAPE_F64(op, t, ...) OP_SHAPE(c, op, t, DTYPE_F64, __VA_ARGS__)

static bool layer_shapes(struct op_ctx *c, const struct prototype_layer *p)
{
    struct tensor z = p->z, v = p->v, g = p->g, logits = p->logits;
    int64_t T = z.dims[0], K = v.dims[0], b = v.dims[1];
    return op_check(c, T >= 0 && K > 0 && b > 0, "prototypes: sizes are not positive") &&
           op_check(c, !p->logits_cached || tensor_given(logits), "prototypes: logits are cached nowhere") &&
           EITHER("prototypes", z, T, b) && SHAPE("prototypes", v, K, b) && SHAPE("prototypes", g, K, 1) &&
           op_check(c, !p->rounds_logits || z.dtype == DTYPE_BF16, "prototypes: logits of float32 are not rounded") &&
           (!tensor_given(logits) || OP_SHAPE(c, "prototypes", logits, p->rounds_logits ? DTYPE_BF16 : DTYPE_F32,
                                              PROTOTYPES_LOGITS(T, K)));
}

static bool range_shapes(struct op_ctx *c, const struct prototype_layer *p, int64_t first, int64_t n,
                         double temperature)
{
    return layer_shapes(c, p) &&
           op_check(c, first >= 0 && n > 0 && first + n <= p->z.dims[0],
                    "prototypes: the rows are not among those given") &&
           op_check(c, temperature > 0, "prototypes: a temperature is not positive");
}

/* dz: of n rows. */
static bool gradient_shapes(struct op_ctx *c, const struct prototype_layer *p, struct tensor dz, struct tensor dv,
                            struct tensor dg, int64_t n)
{
    int64_t K = p->v.dims[0], b = p->v.dims[1];
    return SHAPE("prototypes", dz, n, b) && SHAPE("prototypes", dv, K, b) && SHAPE("prototypes", dg, K, 1);
}

void op_prototype_fwd(struct op_ctx *c, struct tensor logits, const struct prototype_layer *p)
{
    if (layer_shapes(c, p) && SHAPE("prototype_fwd", logits, p->z.dims[0], p->v.dims[0]))
        c->backend->prototype_fwd(c, logits, p);
}

void op_prototype_bwd(struct op_ctx *c, struct tensor dz, struct tensor dv, struct tensor dg, struct tensor dlogits,
                      const struct prototype_layer *p)
{
    if (layer_shapes(c, p) && gradient_shapes(c, p, dz, dv, dg, p->z.dims[0]) &&
        SHAPE("prototype_bwd", dlogits, p->z.dims[0], p->v.dims[0]))
        c->backend->prototype_bwd(c, dz, dv, dg, dlogits, p);
}

void op_prototype_cache_logits(struct op_ctx *c, struct prototype_layer *p)
{
    p->logits_cached = false;
    if (layer_shapes(c, p) && tensor_given(p->logits)) {
        c->backend->prototype_cache_logits(c, p);
        p->logits_cached = true;
    }
}

/* ---- targets ---- */

/* log_col and log_row of rows [first, first + n). */
static bool target_vectors(struct op_ctx *c, const struct prototype_layer *p, int64_t first, struct tensor log_col,
                           struct tensor log_row, double temperature)
{
    int64_t n = log_row.dims[0];
    return range_shapes(c, p, first, n, temperature) && SHAPE_F64("prototypes", log_col, p->v.dims[0]) &&
           SHAPE_F64("prototypes", log_row, n);
}

static bool column_vectors(struct op_ctx *c, struct tensor col_max, struct tensor col_sum, int64_t K)
{
    return SHAPE_F64("prototype_sinkhorn", col_max, K) && SHAPE_F64("prototype_sinkhorn", col_sum, K);
}

void op_prototype_sinkhorn(struct op_ctx *c, struct tensor log_col, struct tensor log_row,
                           const struct prototype_layer *p, int64_t first, double temperature, double log_rows)
{
    if (target_vectors(c, p, first, log_col, log_row, temperature))
        c->backend->prototype_sinkhorn(c, log_col, log_row, p, first, temperature, log_rows);
}

void op_prototype_sinkhorn_columns(struct op_ctx *c, struct tensor col_max, struct tensor col_sum,
                                   struct tensor log_row, const struct prototype_layer *p, int64_t first,
                                   double temperature)
{
    if (target_vectors(c, p, first, col_max, log_row, temperature) && column_vectors(c, col_max, col_sum, p->v.dims[0]))
        c->backend->prototype_sinkhorn_columns(c, col_max, col_sum, log_row, p, first, temperature);
}

void op_prototype_sinkhorn_rescale(struct op_ctx *c, struct tensor col_sum, struct tensor col_max,
                                   struct tensor new_max)
{
    int64_t K = col_sum.dims[0];
    if (column_vectors(c, col_max, col_sum, K) && SHAPE_F64("prototype_sinkhorn", new_max, K))
        c->backend->prototype_sinkhorn_rescale(c, col_sum, col_max, new_max);
}

void op_prototype_sinkhorn_rows(struct op_ctx *c, struct tensor log_col, struct tensor log_row, struct tensor col_max,
                                struct tensor col_sum, const struct prototype_layer *p, int64_t first,
                                double temperature, double log_rows)
{
    if (target_vectors(c, p, first, log_col, log_row, temperature) && column_vectors(c, col_max, col_sum, p->v.dims[0]))
        c->backend->prototype_sinkhorn_rows(c, log_col, log_row, col_max, col_sum, p, first, temperature, log_rows);
}

void op_prototype_center(struct op_ctx *c, struct tensor log_col, struct tensor log_row, struct tensor sum,
                         const struct prototype_layer *p, int64_t first, struct tensor center, double temperature)
{
    int64_t K = p->v.dims[0];
    if (target_vectors(c, p, first, log_col, log_row, temperature) && SHAPE_F64("prototype_center", sum, K) &&
        SHAPE("prototype_center", center, K))
        c->backend->prototype_center(c, log_col, log_row, sum, p, first, center, temperature);
}

static bool collapse_vectors(struct op_ctx *c, struct tensor share_sum, struct tensor won, int64_t K, int64_t N)
{
    return SHAPE_F64("prototype_collapse", share_sum, K) && SHAPE_F64("prototype_collapse", won, K) &&
           op_check(c, N > 0, "prototype_collapse: no rows");
}

void op_prototype_collapse_sums(struct op_ctx *c, double *out, struct tensor share_sum, struct tensor won,
                                const struct prototype_layer *p, int64_t first, int64_t n, int64_t N,
                                struct tensor log_col, double temperature)
{
    int64_t K = p->v.dims[0];
    if (range_shapes(c, p, first, n, temperature) && collapse_vectors(c, share_sum, won, K, N) &&
        (!tensor_given(log_col) || SHAPE_F64("prototype_collapse", log_col, K)))
        c->backend->prototype_collapse_sums(c, out, share_sum, won, p, first, n, N, log_col, temperature);
}

void op_prototype_collapse(struct op_ctx *c, struct prototype_collapse *out, struct tensor share_sum,
                           struct tensor won, int64_t N)
{
    if (collapse_vectors(c, share_sum, won, share_sum.dims[0], N))
        c->backend->prototype_collapse(c, out, share_sum, won, N);
}

/* ---- losses ---- */

/* The log_col of a kind that has rows. */
static bool target_shapes(struct op_ctx *c, const struct prototype_targets *t)
{
    int64_t T = t->teacher.z.dims[0], K = t->teacher.v.dims[0];
    struct tensor log_row = t->log_row, first = t->log_col[0], second = t->log_col[1];
    return op_check(c, t->n_first >= 0 && t->n_first <= T, "cross-entropy: more rows of a kind than rows") &&
           op_check(c, t->temperature > 0, "cross-entropy: a temperature is not positive") &&
           SHAPE_F64("cross-entropy", log_row, T) &&
           (t->n_first == 0 || SHAPE_F64("cross-entropy: log_col", first, K)) &&
           (t->n_first == T || SHAPE_F64("cross-entropy: log_col", second, K));
}

static bool xent_shapes(struct op_ctx *c, struct tensor lse, struct tensor target_sum, const struct prototype_layer *s,
                        const struct prototype_targets *t, const struct prototype_pairs *pairs)
{
    int64_t T = s->z.dims[0];
    struct tensor target = pairs->target, weight = pairs->weight;
    return layer_shapes(c, s) && layer_shapes(c, &t->teacher) && target_shapes(c, t) &&
           op_check(c, T > 0 && tensor_same_shape(s->v, t->teacher.v),
                    "cross-entropy: student and teacher have different prototypes, or there are no rows") &&
           op_check(c, pairs->temperature > 0, "cross-entropy: a temperature is not positive") &&
           op_check(c, !s->rounds_logits, "cross-entropy: logits of a student are not rounded") &&
           OP_SHAPE(c, "cross-entropy", target, DTYPE_I64, T, 2) && SHAPE("cross-entropy", weight, T) &&
           SHAPE_F64("cross-entropy", lse, T) && SHAPE_F64("cross-entropy", target_sum, T);
}

void op_prototype_xent_fwd(struct op_ctx *c, struct tensor row_loss, struct tensor lse, struct tensor target_sum,
                           struct prototype_layer *s, const struct prototype_targets *t,
                           const struct prototype_pairs *pairs)
{
    if (xent_shapes(c, lse, target_sum, s, t, pairs) && SHAPE_F64("cross-entropy", row_loss, s->z.dims[0])) {
        c->backend->prototype_xent_fwd(c, row_loss, lse, target_sum, s, t, pairs);
        s->logits_cached = tensor_given(s->logits);
    }
}

void op_prototype_xent_bwd(struct op_ctx *c, struct tensor dz, struct tensor dv, struct tensor dg, struct tensor lse,
                           struct tensor target_sum, struct prototype_layer *s, const struct prototype_targets *t,
                           const struct prototype_pairs *pairs)
{
    if (xent_shapes(c, lse, target_sum, s, t, pairs) && gradient_shapes(c, s, dz, dv, dg, s->z.dims[0])) {
        c->backend->prototype_xent_bwd(c, dz, dv, dg, lse, target_sum, s, t, pairs);
        s->logits_cached = false;
    }
}

void op_prototype_kl(struct op_ctx *c, double *out, struct tensor dz, struct tensor dv, struct tensor dg,
                     const struct prototype_layer *p, int64_t first, double temperature, double weight)
{
    int64_t n = dz.dims[0];
    if (range_shapes(c, p, first, n, temperature) && gradient_shapes(c, p, dz, dv, dg, n))
        c->backend->prototype_kl(c, out, dz, dv, dg, p, first, temperature, weight);
}

/* ---- rows of features ---- */

void op_l2norm_fwd(struct op_ctx *c, struct tensor y, struct tensor norm, struct tensor x, float eps)
{
    int64_t T = x.dims[0], C = x.dims[1];
    if (SHAPE("l2norm_fwd", x, T, C) && SHAPE("l2norm_fwd", y, T, C) && SHAPE("l2norm_fwd", norm, T))
        c->backend->l2norm_fwd(c, y, norm, x, eps);
}

void op_l2norm_bwd(struct op_ctx *c, struct tensor dx, struct tensor dy, struct tensor y, struct tensor norm, float eps)
{
    int64_t T = dy.dims[0], C = dy.dims[1];
    if (SHAPE("l2norm_bwd", dx, T, C) && SHAPE("l2norm_bwd", dy, T, C) && SHAPE("l2norm_bwd", y, T, C) &&
        SHAPE("l2norm_bwd", norm, T))
        c->backend->l2norm_bwd(c, dx, dy, y, norm, eps);
}

void op_koleo(struct op_ctx *c, struct koleo_result *out, struct tensor dx, struct tensor x, double weight)
{
    int64_t B = x.dims[0], C = x.dims[1];
    if (SHAPE("koleo", x, B, C) && SHAPE("koleo", dx, B, C))
        c->backend->koleo(c, out, dx, x, weight);
}

void op_effective_rank(struct op_ctx *c, double *out, struct tensor x)
{
    int64_t T = x.dims[0], C = x.dims[1];
    if (SHAPE("effective_rank", x, T, C) && op_check(c, T > 0, "effective_rank: no rows"))
        c->backend->effective_rank(c, out, x);
}
