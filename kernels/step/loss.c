/* loss.c - targets over a batch, losses over its parts. */
#include "loss.h"

#include <math.h>

static int64_t first_row(const struct loss_head *l, enum loss_kind kind)
{
    return kind == LOSS_DINO ? 0 : l->rows[LOSS_DINO];
}

void loss_carve(struct loss_head *l, bool keep, struct device_arena *arena)
{
    int64_t K = l->head.config.n_prototypes, rows = l->rows_max[LOSS_DINO] + l->rows_max[LOSS_IBOT];
    l->z = HOST_TAKE(arena, float, rows * l->head.config.bottleneck_dim);
    l->log_row = HOST_TAKE(arena, double, rows);
    l->teacher_logits = keep ? HOST_TAKE(arena, float, prototypes_logits_count(rows, K)) : NULL;
    l->student_logits = keep ? HOST_TAKE(arena, float, prototypes_logits_count(l->student_rows_max, K)) : NULL;
    for (int kind = 0; kind < LOSS_KINDS; kind++) {
        if (!l->serves[kind])
            continue;
        struct loss_center *center = &l->center[kind];
        l->log_col[kind] = HOST_TAKE(arena, double, K);
        center->now = HOST_TAKE(arena, float, K);
        center->pending = HOST_TAKE(arena, float, K);
        center->next = HOST_TAKE(arena, float, K);
        center->mean = HOST_TAKE(arena, float, K);
    }
}

void loss_clear_centers(struct op_ctx *c, struct loss_head *l)
{
    int64_t K = l->head.config.n_prototypes;
    for (int kind = 0; kind < LOSS_KINDS; kind++) {
        struct loss_center *center = &l->center[kind];
        if (!l->serves[kind])
            continue;
        op_fill(c, HOST_TENSOR(center->now, K), 0);
        op_fill(c, HOST_TENSOR(center->pending, K), 0);
        center->has_pending = false;
    }
}

/* next = 0.9 now + 0.1 pending */
static void fold_center(struct op_ctx *c, struct loss_center *center, int64_t K)
{
    op_copy(c, HOST_TENSOR(center->next, K), HOST_TENSOR(center->now, K));
    if (center->has_pending) {
        op_axpy(c, HOST_TENSOR(center->next, K), (float)(LOSS_CENTER_MOMENTUM - 1), HOST_TENSOR(center->now, K));
        op_axpy(c, HOST_TENSOR(center->next, K), (float)(1 - LOSS_CENTER_MOMENTUM), HOST_TENSOR(center->pending, K));
    }
}

static struct tensor logits_of(float *logits, const struct prototype_layer *p)
{
    return logits ? HOST_TENSOR(logits, PROTOTYPES_LOGITS(p->z.dims[0], p->v.dims[0])) : TENSOR_NONE;
}

static void sinkhorn(struct op_ctx *c, struct loss_head *l, struct tensor log_col, struct tensor log_row,
                     int64_t first)
{
    op_fill(c, log_row, 0);
    for (int round = 1; round <= LOSS_SINKHORN_ROUNDS; round++)
        op_prototype_sinkhorn(c, log_col, log_row, &l->teacher, first, l->temperature,
                              round < LOSS_SINKHORN_ROUNDS ? log((double)log_row.dims[0]) : 0);
}

static void centering(struct op_ctx *c, struct loss_head *l, struct loss_center *center, struct tensor log_col,
                      struct tensor log_row, int64_t first)
{
    size_t mark = c->scratch->used;
    int64_t K = log_col.dims[0];
    struct tensor sum = TENSOR_TAKE(c->scratch, DTYPE_F64, K);
    op_prototype_center(c, log_col, log_row, sum, &l->teacher, first, HOST_TENSOR(center->next, K), l->temperature);
    op_divide(c, HOST_TENSOR(center->mean, K), sum, (double)log_row.dims[0]);
    c->scratch->used = mark;
}

void loss_targets(struct op_ctx *c, struct loss_head *l, const float *values, double temperature)
{
    int64_t K = l->head.config.n_prototypes;
    l->temperature = temperature;
    l->teacher = head_prototypes(&l->head, values, l->z, l->rows[LOSS_DINO] + l->rows[LOSS_IBOT]);
    l->teacher.logits = logits_of(l->teacher_logits, &l->teacher);
    op_prototype_cache_logits(c, &l->teacher);
    for (int kind = 0; kind < LOSS_KINDS; kind++) {
        struct loss_center *center = &l->center[kind];
        int64_t first = first_row(l, (enum loss_kind)kind), n = l->rows[kind];
        if (!l->serves[kind])
            continue;
        center->has_mean = !l->sinkhorn && n > 0;
        if (!l->sinkhorn)
            fold_center(c, center, K);
        if (n == 0)
            continue;
        double *log_row = l->log_row ? l->log_row + first : NULL; /* NULL while planning */
        if (l->sinkhorn)
            sinkhorn(c, l, HOST_TENSOR(l->log_col[kind], K), HOST_TENSOR(log_row, n), first);
        else
            centering(c, l, center, HOST_TENSOR(l->log_col[kind], K), HOST_TENSOR(log_row, n), first);
    }
}

void loss_collapse(struct op_ctx *c, struct loss_head *l, double *entropy, struct prototype_collapse *out)
{
    size_t mark = c->scratch->used;
    int64_t K = l->head.config.n_prototypes, n = l->rows[LOSS_DINO];
    struct tensor log_col = l->sinkhorn ? TENSOR_NONE : HOST_TENSOR(l->log_col[LOSS_DINO], K);
    struct tensor share_sum = TENSOR_TAKE(c->scratch, DTYPE_F64, K), won = TENSOR_TAKE(c->scratch, DTYPE_F64, K);
    op_prototype_collapse_sums(c, entropy, share_sum, won, &l->teacher, 0, n, n, log_col, l->temperature);
    op_prototype_collapse(c, out, share_sum, won, n);
    c->scratch->used = mark;
}

void loss_commit(struct op_ctx *c, struct loss_head *l)
{
    int64_t K = l->head.config.n_prototypes;
    for (int kind = 0; kind < LOSS_KINDS; kind++) {
        struct loss_center *center = &l->center[kind];
        if (!l->serves[kind] || l->sinkhorn)
            continue;
        op_copy(c, HOST_TENSOR(center->now, K), HOST_TENSOR(center->next, K));
        if (center->has_mean)
            op_copy(c, HOST_TENSOR(center->pending, K), HOST_TENSOR(center->mean, K));
        center->has_pending = center->has_mean;
    }
}

/* Copies the picked rows of z and of log_row. */
static struct prototype_layer pick_rows(struct op_ctx *c, const struct loss_head *l, const int64_t *picked, int64_t n,
                                        struct device_arena *arena, double **log_row)
{
    struct prototype_layer p = l->teacher;
    int64_t b = p.z.dims[1];
    struct tensor z = HOST_TENSOR(HOST_TAKE(arena, float, n * b), n, b);
    *log_row = HOST_TAKE(arena, double, n);
    op_gather_rows(c, z, p.z, HOST_TENSOR(picked, n));
    for (int64_t i = 0; i < n && !op_planning(c); i++)
        (*log_row)[i] = l->log_row[picked[i]];
    p.z = z, p.logits = TENSOR_NONE, p.logits_cached = false;
    return p;
}

void loss_begin(struct op_ctx *c, struct loss_head *l, struct loss_rows *r, int64_t T, const int64_t *picked,
                int64_t n_picked, int64_t n_first, struct device_arena *arena)
{
    *r = (struct loss_rows){.T = T};
    r->target = HOST_TAKE(arena, int64_t, 2 * T);
    r->weight = HOST_TAKE(arena, float, T);
    r->row_loss = HOST_TAKE(arena, double, T);
    r->lse = HOST_TAKE(arena, double, T);
    r->mass = HOST_TAKE(arena, double, T);
    r->dz = HOST_TAKE(arena, float, T * l->head.config.bottleneck_dim);
    int64_t K = l->head.config.n_prototypes, rows = picked ? n_picked : l->rows[LOSS_DINO] + l->rows[LOSS_IBOT];
    double *log_row = l->log_row;
    r->targets = (struct prototype_targets){.teacher = l->teacher,
                                            .temperature = l->temperature,
                                            .n_first = n_first,
                                            .log_col = {HOST_TENSOR(l->log_col[0], K), HOST_TENSOR(l->log_col[1], K)}};
    if (picked)
        r->targets.teacher = pick_rows(c, l, picked, n_picked, arena, &log_row);
    r->targets.log_row = HOST_TENSOR(log_row, rows);
}

static struct prototype_pairs pairs_of(const struct loss_rows *r)
{
    return (struct prototype_pairs){HOST_TENSOR(r->target, r->T, 2), HOST_TENSOR(r->weight, r->T),
                                    LOSS_STUDENT_TEMPERATURE};
}

void loss_forward(struct op_ctx *c, struct loss_head *l, struct loss_rows *r, const float *values, const float *z)
{
    r->student = head_prototypes(&l->head, values, z, r->T);
    r->student.logits = logits_of(l->student_logits, &r->student);
    struct prototype_pairs pairs = pairs_of(r);
    op_prototype_xent_fwd(c, HOST_TENSOR(r->row_loss, r->T), HOST_TENSOR(r->lse, r->T), HOST_TENSOR(r->mass, r->T),
                          &r->student, &r->targets, &pairs);
}

void loss_backward(struct op_ctx *c, struct loss_head *l, struct loss_rows *r, float *grads)
{
    struct prototype_pairs pairs = pairs_of(r);
    int64_t K = l->head.config.n_prototypes, b = l->head.config.bottleneck_dim;
    op_prototype_xent_bwd(c, HOST_TENSOR(r->dz, r->T, b), HOST_TENSOR(grads + l->head.weight_v, K, b),
                          HOST_TENSOR(grads + l->head.weight_g, K, 1), HOST_TENSOR(r->lse, r->T),
                          HOST_TENSOR(r->mass, r->T), &r->student, &r->targets, &pairs);
}
