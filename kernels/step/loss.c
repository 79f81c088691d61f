/* loss.c - the targets of a batch, over the batches of all ranks; losses of its micro-batches. */
#include "loss.h"

#include <math.h>

/* ------------------------------------------------------------------ memory */

static int64_t first_row(const struct loss_head *l, enum loss_kind kind)
{
    return kind == LOSS_DINO ? 0 : l->rows[LOSS_DINO];
}

static bool caches_student(const struct loss_head *l)
{
    return head_rows_dtype(&l->student) == DTYPE_F32;
}

int64_t loss_cached_bytes(const struct loss_head *l)
{
    int64_t K = l->student.config.n_prototypes, rows = l->rows_max[LOSS_DINO] + l->rows_max[LOSS_IBOT];
    return prototypes_logits_count(rows, K) * (int64_t)dtype_bytes(head_rows_dtype(&l->teacher)) +
           (caches_student(l) ? prototypes_logits_count(l->student_rows_max, K) * (int64_t)sizeof(float) : 0);
}

void loss_carve(struct loss_head *l, struct device_arena *a)
{
    int64_t K = l->student.config.n_prototypes;
    for (int kind = 0; kind < LOSS_KINDS; kind++) {
        struct loss_center *center = &l->center[kind];
        if (!l->has_loss[kind])
            continue;
        center->now = TENSOR_TAKE(a, DTYPE_F32, K);
        center->pending = TENSOR_TAKE(a, DTYPE_F32, K);
        center->next = TENSOR_TAKE(a, DTYPE_F32, K);
        center->mean = TENSOR_TAKE(a, DTYPE_F32, K);
    }
}

void loss_carve_batch(struct loss_head *l, bool cache_logits, struct device_arena *a)
{
    int64_t K = l->student.config.n_prototypes, rows = l->rows_max[LOSS_DINO] + l->rows_max[LOSS_IBOT];
    l->z = TENSOR_TAKE(a, head_rows_dtype(&l->teacher), rows, l->student.config.bottleneck_dim);
    l->log_row = TENSOR_TAKE(a, DTYPE_F64, rows);
    l->teacher_logits = l->student_logits = TENSOR_NONE;
    if (cache_logits)
        l->teacher_logits = TENSOR_TAKE(a, head_rows_dtype(&l->teacher), prototypes_logits_count(rows, K));
    if (cache_logits && caches_student(l))
        l->student_logits = TENSOR_TAKE(a, DTYPE_F32, prototypes_logits_count(l->student_rows_max, K));
    for (int kind = 0; kind < LOSS_KINDS; kind++)
        l->log_col[kind] = l->has_loss[kind] ? TENSOR_TAKE(a, DTYPE_F64, K) : TENSOR_NONE;
}

/* The memory for cached logits in the shape of these rows. */
static struct tensor logits_of(struct tensor memory, const struct prototype_layer *p)
{
    int64_t T = p->z.dims[0], K = p->v.dims[0];
    if (!tensor_given(memory))
        return TENSOR_NONE;
    return TENSOR_SHAPED(tensor_rows(memory, 0, prototypes_logits_count(T, K)), PROTOTYPES_LOGITS(T, K));
}

/* ------------------------------------------------------------------ centres */

void loss_clear_centers(struct op_ctx *c, struct loss_head *l)
{
    for (int kind = 0; kind < LOSS_KINDS; kind++) {
        struct loss_center *center = &l->center[kind];
        if (!l->has_loss[kind])
            continue;
        op_fill(c, center->now, 0);
        op_fill(c, center->pending, 0);
        center->has_pending = false;
    }
}

/* next = 0.9 now + 0.1 pending */
static void fold_center(struct op_ctx *c, struct loss_center *center)
{
    op_copy(c, center->next, center->now);
    if (center->has_pending) {
        op_axpy(c, center->next, (float)(LOSS_CENTER_MOMENTUM - 1), center->now);
        op_axpy(c, center->next, (float)(1 - LOSS_CENTER_MOMENTUM), center->pending);
    }
}

void loss_commit(struct op_ctx *c, struct loss_head *l)
{
    for (int kind = 0; kind < LOSS_KINDS; kind++) {
        struct loss_center *center = &l->center[kind];
        if (!l->has_loss[kind] || l->sinkhorn)
            continue;
        op_copy(c, center->now, center->next);
        if (center->has_mean)
            op_copy(c, center->pending, center->mean);
        center->has_pending = center->has_mean;
    }
}

/* ------------------------------------------------------------------ targets */

/* Sets l->rows_all_ranks: how many rows there are of each kind on all ranks. */
static void count_rows_all_ranks(struct op_ctx *c, const struct world *world, struct loss_head *l)
{
    double n[LOSS_KINDS];
    for (int kind = 0; kind < LOSS_KINDS; kind++)
        n[kind] = (double)l->rows[kind];
    if (!op_planning(c))
        world_all_reduce_host(world, n, LOSS_KINDS, WORLD_SUM, &c->error);
    for (int kind = 0; kind < LOSS_KINDS; kind++)
        l->rows_all_ranks[kind] = (int64_t)n[kind];
}

/* The targets of a kind, and their rows: those of l->teacher_rows from `first` on, as many as log_row has. */
struct rows_of_kind {
    int64_t first;
    double all;                    /* rows on all ranks */
    struct tensor log_col, log_row;
};

/* A round of Sinkhorn-Knopp over the rows of all ranks, in parts (prototypes.h). A rank without rows takes part. */
static void sinkhorn_round_all_ranks(struct op_ctx *c, const struct world *world, const struct loss_head *l,
                                     const struct rows_of_kind *r, double log_rows)
{
    size_t mark = c->scratch->used;
    int64_t K = r->log_col.dims[0], n = r->log_row.dims[0];
    struct tensor col_max = TENSOR_TAKE(c->scratch, DTYPE_F64, K), new_max = TENSOR_TAKE(c->scratch, DTYPE_F64, K),
                  col_sum = TENSOR_TAKE(c->scratch, DTYPE_F64, K);
    if (n > 0) {
        op_prototype_sinkhorn_columns(c, col_max, col_sum, r->log_row, &l->teacher_rows, r->first, l->temperature);
    } else {
        op_fill(c, col_max, -INFINITY);
        op_fill(c, col_sum, 0);
    }
    op_copy(c, new_max, col_max);
    world_all_reduce(world, c, new_max, WORLD_MAX);
    op_prototype_sinkhorn_rescale(c, col_sum, col_max, new_max);
    world_all_reduce(world, c, col_sum, WORLD_SUM);
    if (n > 0)
        op_prototype_sinkhorn_rows(c, r->log_col, r->log_row, new_max, col_sum, &l->teacher_rows, r->first,
                                   l->temperature, log_rows);
    c->scratch->used = mark;
}

static void sinkhorn(struct op_ctx *c, const struct world *world, const struct loss_head *l,
                     const struct rows_of_kind *r)
{
    op_fill(c, r->log_row, 0);
    for (int round = 1; round <= LOSS_SINKHORN_ROUNDS; round++) {
        double log_rows = round < LOSS_SINKHORN_ROUNDS ? log(r->all) : 0;
        if (world->size > 1)
            sinkhorn_round_all_ranks(c, world, l, r, log_rows);
        else
            op_prototype_sinkhorn(c, r->log_col, r->log_row, &l->teacher_rows, r->first, l->temperature, log_rows);
    }
}

static void centering(struct op_ctx *c, const struct world *world, const struct loss_head *l,
                      const struct loss_center *center, const struct rows_of_kind *r)
{
    size_t mark = c->scratch->used;
    struct tensor sum = TENSOR_TAKE(c->scratch, DTYPE_F64, r->log_col.dims[0]);
    if (r->log_row.dims[0] > 0)
        op_prototype_center(c, r->log_col, r->log_row, sum, &l->teacher_rows, r->first, center->next, l->temperature);
    else
        op_fill(c, sum, 0);
    world_all_reduce(world, c, sum, WORLD_SUM);
    op_divide(c, center->mean, sum, r->all);
    c->scratch->used = mark;
}

static void targets_of(struct op_ctx *c, const struct world *world, struct loss_head *l, enum loss_kind kind)
{
    struct loss_center *center = &l->center[kind];
    int64_t first = first_row(l, kind);
    struct rows_of_kind r = {.first = first, .all = (double)l->rows_all_ranks[kind], .log_col = l->log_col[kind],
                             .log_row = tensor_rows(l->log_row, first, l->rows[kind])};
    center->has_mean = !l->sinkhorn && l->rows_all_ranks[kind] > 0;
    if (!l->sinkhorn)
        fold_center(c, center);
    if (l->rows_all_ranks[kind] == 0)
        return;
    if (l->sinkhorn)
        sinkhorn(c, world, l, &r);
    else
        centering(c, world, l, center, &r);
}

void loss_targets(struct op_ctx *c, const struct world *world, struct loss_head *l, const struct params_array *values,
                  double temperature)
{
    l->temperature = temperature;
    l->teacher_rows =
        head_prototypes(&l->teacher, values, tensor_rows(l->z, 0, l->rows[LOSS_DINO] + l->rows[LOSS_IBOT]));
    l->teacher_rows.rounds_logits = l->teacher_rows.z.dtype == DTYPE_BF16;
    l->teacher_rows.logits = logits_of(l->teacher_logits, &l->teacher_rows);
    op_prototype_cache_logits(c, &l->teacher_rows);
    count_rows_all_ranks(c, world, l);
    for (int kind = 0; kind < LOSS_KINDS; kind++)
        if (l->has_loss[kind])
            targets_of(c, world, l, (enum loss_kind)kind);
}

void loss_collapse(struct op_ctx *c, const struct world *world, struct loss_head *l, double *entropy,
                   struct prototype_collapse *out)
{
    size_t mark = c->scratch->used;
    int64_t K = l->teacher.config.n_prototypes, n = l->rows[LOSS_DINO], N = l->rows_all_ranks[LOSS_DINO];
    struct tensor log_col = l->sinkhorn ? TENSOR_NONE : l->log_col[LOSS_DINO];
    struct tensor share_sum = TENSOR_TAKE(c->scratch, DTYPE_F64, K), won = TENSOR_TAKE(c->scratch, DTYPE_F64, K);
    op_prototype_collapse_sums(c, entropy, share_sum, won, &l->teacher_rows, 0, n, N, log_col, l->temperature);
    world_all_reduce(world, c, share_sum, WORLD_SUM);
    world_all_reduce(world, c, won, WORLD_MAX);
    op_prototype_collapse(c, out, share_sum, won, N);
    c->scratch->used = mark;
}

/* ------------------------------------------------------------------ losses of a micro-batch */

static int64_t n_rows(const struct loss_part *part)
{
    int64_t n = 0;
    for (int i = 0; i < part->n_ranges; i++)
        n += part->ranges[i].n;
    return n;
}

/* Copies the rows of the ranges, and what belongs to them of log_row. */
static void take_part(struct op_ctx *c, const struct loss_head *l, const struct loss_part *part,
                      struct prototype_targets *t, struct device_arena *arena)
{
    int64_t n = n_rows(part), to = 0;
    struct tensor z = TENSOR_TAKE(arena, l->z.dtype, n, l->z.dims[1]), log_row = TENSOR_TAKE(arena, DTYPE_F64, n);
    for (int i = 0; i < part->n_ranges; i++) {
        const struct loss_range *range = &part->ranges[i];
        op_copy(c, tensor_rows(z, to, range->n), tensor_rows(l->z, range->first, range->n));
        op_copy(c, tensor_rows(log_row, to, range->n), tensor_rows(l->log_row, range->first, range->n));
        to += range->n;
    }
    t->teacher.z = z;
    t->teacher.logits = TENSOR_NONE;
    t->teacher.logits_cached = false;
    t->log_row = log_row;
}

void loss_begin(struct op_ctx *c, struct loss_head *l, struct loss_rows *r, int64_t T, const struct loss_part *part,
                const int64_t *target, const float *weight, struct device_arena *arena)
{
    struct prototype_pairs pairs = {.target = TENSOR_TAKE(arena, DTYPE_I64, T, 2),
                                    .weight = TENSOR_TAKE(arena, DTYPE_F32, T),
                                    .temperature = LOSS_STUDENT_TEMPERATURE};
    op_copy_in(c, pairs.target, target);
    op_copy_in(c, pairs.weight, weight);
    *r = (struct loss_rows){
        .pairs = pairs,
        .row_loss = TENSOR_TAKE(arena, DTYPE_F64, T),
        .lse = TENSOR_TAKE(arena, DTYPE_F64, T),
        .target_sum = TENSOR_TAKE(arena, DTYPE_F64, T),
        .dz = TENSOR_TAKE(arena, DTYPE_F32, T, l->student.config.bottleneck_dim),
        .targets = {.teacher = l->teacher_rows,
                    .temperature = l->temperature,
                    .n_first = part->n_first,
                    .log_col = {l->log_col[0], l->log_col[1]},
                    .log_row = tensor_rows(l->log_row, 0, l->teacher_rows.z.dims[0])},
    };
    if (part->n_ranges)
        take_part(c, l, part, &r->targets, arena);
}

void loss_forward(struct op_ctx *c, struct loss_head *l, struct loss_rows *r, const struct params_array *values,
                  struct tensor z)
{
    r->student = head_prototypes(&l->student, values, z);
    r->student.logits = logits_of(l->student_logits, &r->student);
    op_prototype_xent_fwd(c, r->row_loss, r->lse, r->target_sum, &r->student, &r->targets, &r->pairs);
}

void loss_backward(struct op_ctx *c, struct loss_head *l, struct loss_rows *r, const struct params_array *grads)
{
    struct tensor dv = params_tensor(grads, l->student.weight_v), dg = params_tensor(grads, l->student.weight_g);
    op_prototype_xent_bwd(c, r->dz, dv, dg, r->lse, r->target_sum, &r->student, &r->targets, &r->pairs);
}
