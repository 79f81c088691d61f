/* loss.c - targets over a batch, losses over its parts. */
#include "loss.h"

static int64_t first_row(const struct loss_head *l, enum loss_kind kind)
{
    return kind == LOSS_DINO ? 0 : l->rows[LOSS_DINO];
}

void loss_carve(struct loss_head *l, bool keep, struct arena *arena)
{
    int64_t K = l->head.config.n_prototypes, rows = l->rows_max[LOSS_DINO] + l->rows_max[LOSS_IBOT];
    l->z = ARENA_TAKE(arena, float, rows * l->head.config.bottleneck_dim);
    l->log_row = ARENA_TAKE(arena, double, rows);
    l->teacher_logits = keep ? ARENA_TAKE(arena, float, prototypes_kept_count(rows, K)) : NULL;
    l->student_logits = keep ? ARENA_TAKE(arena, float, prototypes_kept_count(l->student_rows_max, K)) : NULL;
    for (int kind = 0; kind < LOSS_KINDS; kind++) {
        if (!l->serves[kind])
            continue;
        struct loss_center *center = &l->center[kind];
        l->log_col[kind] = ARENA_TAKE(arena, double, K);
        center->now = ARENA_TAKE(arena, float, K);
        center->pending = ARENA_TAKE(arena, float, K);
        center->next = ARENA_TAKE(arena, float, K);
        center->mean = ARENA_TAKE(arena, float, K);
    }
}

void loss_clear_centers(struct op_ctx *c, struct loss_head *l)
{
    int64_t K = l->head.config.n_prototypes;
    for (int kind = 0; kind < LOSS_KINDS; kind++) {
        struct loss_center *center = &l->center[kind];
        if (!l->serves[kind])
            continue;
        op_fill(c, TENSOR(center->now, K), 0);
        op_fill(c, TENSOR(center->pending, K), 0);
        center->has_pending = false;
    }
}

/* next = 0.9 now + 0.1 pending */
static void fold_center(struct op_ctx *c, struct loss_center *center, int64_t K)
{
    op_copy(c, TENSOR(center->next, K), TENSOR(center->now, K));
    if (center->has_pending) {
        op_axpy(c, TENSOR(center->next, K), (float)(LOSS_CENTER_MOMENTUM - 1), TENSOR(center->now, K));
        op_axpy(c, TENSOR(center->next, K), (float)(1 - LOSS_CENTER_MOMENTUM), TENSOR(center->pending, K));
    }
}

void loss_targets(struct op_ctx *c, struct loss_head *l, const float *values, double temperature)
{
    int64_t K = l->head.config.n_prototypes;
    l->temperature = temperature;
    l->teacher = head_prototypes(&l->head, values, l->z, l->rows[LOSS_DINO] + l->rows[LOSS_IBOT]);
    l->teacher.logits = l->teacher_logits;
    op_prototype_keep(c, &l->teacher);
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
            op_prototype_sinkhorn(c, l->log_col[kind], log_row, &l->teacher, first, n, temperature,
                                  LOSS_SINKHORN_ROUNDS);
        else
            op_prototype_center(c, l->log_col[kind], log_row, center->mean, &l->teacher, first, n, center->next,
                            temperature);
    }
}

void loss_collapse(struct op_ctx *c, struct loss_head *l, struct prototypes_collapse *out)
{
    op_prototype_collapse(c, out, &l->teacher, 0, l->rows[LOSS_DINO], l->sinkhorn ? NULL : l->log_col[LOSS_DINO],
                   l->temperature);
}

void loss_commit(struct op_ctx *c, struct loss_head *l)
{
    int64_t K = l->head.config.n_prototypes;
    for (int kind = 0; kind < LOSS_KINDS; kind++) {
        struct loss_center *center = &l->center[kind];
        if (!l->serves[kind] || l->sinkhorn)
            continue;
        op_copy(c, TENSOR(center->now, K), TENSOR(center->next, K));
        if (center->has_mean)
            op_copy(c, TENSOR(center->pending, K), TENSOR(center->mean, K));
        center->has_pending = center->has_mean;
    }
}

/* Copies the picked rows of z and of log_row. */
static struct prototypes pick_rows(struct op_ctx *c, const struct loss_head *l, const int64_t *picked, int64_t n,
                              struct arena *arena, double **log_row)
{
    struct prototypes p = l->teacher;
    float *z = ARENA_TAKE(arena, float, n * p.b);
    *log_row = ARENA_TAKE(arena, double, n);
    op_gather_rows(c, TENSOR(z, n, p.b), TENSOR(p.z, p.T, p.b), TENSOR(picked, n));
    for (int64_t i = 0; i < n && !op_planning(c); i++)
        (*log_row)[i] = l->log_row[picked[i]];
    p.T = n, p.z = z, p.logits = NULL, p.kept = false;
    return p;
}

void loss_begin(struct op_ctx *c, struct loss_head *l, struct loss_rows *r, int64_t T, const int64_t *picked,
                int64_t n_picked, int64_t n_first, struct arena *arena)
{
    *r = (struct loss_rows){.T = T};
    r->target = ARENA_TAKE(arena, int64_t, 2 * T);
    r->weight = ARENA_TAKE(arena, float, T);
    r->row_loss = ARENA_TAKE(arena, double, T);
    r->lse = ARENA_TAKE(arena, double, T);
    r->mass = ARENA_TAKE(arena, double, T);
    r->dz = ARENA_TAKE(arena, float, T * l->head.config.bottleneck_dim);
    r->targets = (struct prototypes_targets){.teacher = l->teacher,
                                        .temperature = l->temperature,
                                        .n_first = n_first,
                                        .log_col = {l->log_col[0], l->log_col[1]},
                                        .log_row = l->log_row};
    if (picked) {
        double *log_row;
        r->targets.teacher = pick_rows(c, l, picked, n_picked, arena, &log_row);
        r->targets.log_row = log_row;
    }
}

void loss_forward(struct op_ctx *c, struct loss_head *l, struct loss_rows *r, const float *values, const float *z)
{
    r->student = head_prototypes(&l->head, values, z, r->T);
    r->student.logits = l->student_logits;
    struct prototypes_pairs pairs = {r->target, r->weight, LOSS_STUDENT_TEMPERATURE};
    op_prototype_xent_fwd(c, r->row_loss, r->lse, r->mass, &r->student, &r->targets, &pairs);
}

void loss_backward(struct op_ctx *c, struct loss_head *l, struct loss_rows *r, float *grads)
{
    struct prototypes_pairs pairs = {r->target, r->weight, LOSS_STUDENT_TEMPERATURE};
    op_prototype_xent_bwd(c, r->dz, grads + l->head.weight_v, grads + l->head.weight_g, r->lse, r->mass, &r->student,
                      &r->targets, &pairs);
}
