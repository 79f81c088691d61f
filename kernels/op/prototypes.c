/* prototypes.c - checks of the operations of the last layer and of rows of features. */
#include "prototypes.h"

#include <stddef.h>

static bool proto_good(struct op_ctx *c, const struct prototypes *p)
{
    return op_check(c, p->T >= 0 && p->K > 0 && p->b > 0 && (!p->kept || p->logits || op_planning(c)),
                    "prototypes: sizes are not positive, or logits are not kept");
}

static bool range_good(struct op_ctx *c, const struct prototypes *p, int64_t first, int64_t n, double temperature)
{
    return proto_good(c, p) &&
           op_check(c, first >= 0 && n > 0 && first + n <= p->T, "prototypes: the rows are not among those given") &&
           op_check(c, temperature > 0, "prototypes: a temperature is not positive");
}

void op_prototype_fwd(struct op_ctx *c, struct tensor logits, const struct prototypes *p)
{
    if (proto_good(c, p) && OP_SHAPE(c, "prototype_fwd", logits, DTYPE_F32, p->T, p->K))
        c->backend->prototype_fwd(c, logits.data, p);
}

void op_prototype_bwd(struct op_ctx *c, float *dz, float *dv, float *dg, struct tensor dlogits,
                      const struct prototypes *p)
{
    if (proto_good(c, p) && OP_SHAPE(c, "prototype_bwd", dlogits, DTYPE_F32, p->T, p->K))
        c->backend->prototype_bwd(c, dz, dv, dg, dlogits.data, p);
}

void op_prototype_keep(struct op_ctx *c, struct prototypes *p)
{
    if (!proto_good(c, p))
        return;
    p->kept = false;
    if (p->logits) {
        c->backend->prototype_keep(c, p);
        p->kept = true;
    }
}

void op_prototype_sinkhorn(struct op_ctx *c, double *log_col, double *log_row, const struct prototypes *p,
                           int64_t first, int64_t n, double temperature, int rounds)
{
    if (range_good(c, p, first, n, temperature))
        c->backend->prototype_sinkhorn(c, log_col, log_row, p, first, n, temperature, rounds);
}

void op_prototype_center(struct op_ctx *c, double *log_col, double *log_row, float *mean, const struct prototypes *p,
                     int64_t first, int64_t n, const float *center, double temperature)
{
    if (range_good(c, p, first, n, temperature))
        c->backend->prototype_center(c, log_col, log_row, mean, p, first, n, center, temperature);
}

void op_prototype_collapse(struct op_ctx *c, struct prototypes_collapse *out, const struct prototypes *p, int64_t first,
                           int64_t n, const double *log_col, double temperature)
{
    if (range_good(c, p, first, n, temperature))
        c->backend->prototype_collapse(c, out, p, first, n, log_col, temperature);
}

static bool xent_good(struct op_ctx *c, const struct prototypes *s, const struct prototypes_targets *t,
                      const struct prototypes_pairs *pairs)
{
    return proto_good(c, s) && proto_good(c, &t->teacher) &&
           op_check(c,
                    s->T > 0 && s->K == t->teacher.K && s->b == t->teacher.b && t->n_first >= 0 &&
                        t->n_first <= t->teacher.T,
                    "cross-entropy: student and teacher have different prototypes, or there are no rows") &&
           op_check(c, t->temperature > 0 && pairs->temperature > 0, "cross-entropy: a temperature is not positive");
}

void op_prototype_xent_fwd(struct op_ctx *c, double *row_loss, double *lse, double *mass, struct prototypes *s,
                       const struct prototypes_targets *t, const struct prototypes_pairs *pairs)
{
    if (xent_good(c, s, t, pairs)) {
        c->backend->prototype_xent_fwd(c, row_loss, lse, mass, s, t, pairs);
        s->kept = s->logits != NULL;
    }
}

void op_prototype_xent_bwd(struct op_ctx *c, float *dz, float *dv, float *dg, const double *lse, const double *mass,
                       struct prototypes *s, const struct prototypes_targets *t, const struct prototypes_pairs *pairs)
{
    if (xent_good(c, s, t, pairs)) {
        c->backend->prototype_xent_bwd(c, dz, dv, dg, lse, mass, s, t, pairs);
        s->kept = false;
    }
}

void op_prototype_kl(struct op_ctx *c, double *loss, float *dz, float *dv, float *dg, const struct prototypes *p,
                     int64_t first, int64_t n, double temperature, double weight)
{
    if (range_good(c, p, first, n, temperature))
        c->backend->prototype_kl(c, loss, dz, dv, dg, p, first, n, temperature, weight);
}

void op_l2norm_fwd(struct op_ctx *c, struct tensor y, struct tensor norm, struct tensor x, float eps)
{
    int64_t T = x.dims[0], C = x.dims[1];
    if (OP_SHAPE(c, "l2norm_fwd", x, DTYPE_F32, T, C) && OP_SHAPE(c, "l2norm_fwd", y, DTYPE_F32, T, C) &&
        OP_SHAPE(c, "l2norm_fwd", norm, DTYPE_F32, T))
        c->backend->l2norm_fwd(c, y.data, norm.data, x.data, eps, T, C);
}

void op_l2norm_bwd(struct op_ctx *c, struct tensor dx, struct tensor dy, struct tensor y, struct tensor norm, float eps)
{
    int64_t T = dy.dims[0], C = dy.dims[1];
    if (OP_SHAPE(c, "l2norm_bwd", dx, DTYPE_F32, T, C) && OP_SHAPE(c, "l2norm_bwd", dy, DTYPE_F32, T, C) &&
        OP_SHAPE(c, "l2norm_bwd", y, DTYPE_F32, T, C) && OP_SHAPE(c, "l2norm_bwd", norm, DTYPE_F32, T))
        c->backend->l2norm_bwd(c, dx.data, dy.data, y.data, norm.data, eps, T, C);
}

void op_koleo(struct op_ctx *c, double *loss, int64_t *n_left_out, struct tensor dx, struct tensor x, double weight)
{
    int64_t B = x.dims[0], C = x.dims[1];
    if (OP_SHAPE(c, "koleo", x, DTYPE_F32, B, C) && OP_SHAPE(c, "koleo", dx, DTYPE_F32, B, C))
        c->backend->koleo(c, loss, n_left_out, dx.data, x.data, weight, B, C);
}

void op_effective_rank(struct op_ctx *c, double *rank, struct tensor x)
{
    int64_t T = x.dims[0], C = x.dims[1];
    if (OP_SHAPE(c, "effective_rank", x, DTYPE_F32, T, C) && op_check(c, T > 0, "effective_rank: no rows"))
        c->backend->effective_rank(c, rank, x.data, T, C);
}
