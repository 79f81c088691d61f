/* loss.c - the targets of a batch, over the batches of all ranks; losses of its micro-batches. */
#include "loss.h"

#include <math.h>

/* ------------------------------------------------------------------ memory */

static int64_t first_row(const struct loss_batch *b, enum loss_kind kind)
{
    return kind == LOSS_DINO ? 0 : b->rows[LOSS_DINO];
}

/* Elements of a batch's cached teacher logits. */
static int64_t logits_count(const struct loss_head *l)
{
    return prototypes_logits_count(l->rows_max[LOSS_DINO] + l->rows_max[LOSS_IBOT], l->student.config.n_prototypes);
}

static bool caches_student(const struct loss_head *l)
{
    return head_rows_dtype(&l->student) == DTYPE_F32;
}

int64_t loss_cached_bytes(const struct loss_head *l, int turns)
{
    int64_t K = l->student.config.n_prototypes;
    return turns * logits_count(l) * (int64_t)dtype_bytes(head_rows_dtype(&l->teacher)) +
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

void loss_carve_step(struct loss_head *l, int turns, bool cache_logits, struct device_arena *a)
{
    int64_t K = l->student.config.n_prototypes, rows = l->rows_max[LOSS_DINO] + l->rows_max[LOSS_IBOT];
    enum dtype dtype = head_rows_dtype(&l->teacher);
    for (int turn = 0; turn < turns; turn++) {
        struct loss_batch *b = &l->batch[turn];
        b->z = TENSOR_TAKE(a, dtype, rows, l->student.config.bottleneck_dim);
        b->log_row = TENSOR_TAKE(a, DTYPE_F64, rows);
        b->logits = cache_logits ? TENSOR_TAKE(a, dtype, logits_count(l)) : TENSOR_NONE;
    }
    l->student_logits = TENSOR_NONE;
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

/* How many rows there are of each kind on all ranks, and how many ranks have any. */
static void count_rows_all_ranks(struct op_ctx *c, const struct world *world, struct loss_head *l)
{
    double n[2][LOSS_KINDS] = {{0}};
    for (int turn = 0; turn < world->turns; turn++)
        for (int kind = 0; kind < LOSS_KINDS; kind++) {
            n[0][kind] += (double)l->batch[turn].rows[kind];
            n[1][kind] += l->batch[turn].rows[kind] > 0;
        }
    if (!op_planning(c))
        world_all_reduce_host(world, n[0], 2 * LOSS_KINDS, WORLD_SUM, &c->error);
    for (int kind = 0; kind < LOSS_KINDS; kind++) {
        l->rows_all_ranks[kind] = (int64_t)n[0][kind];
        l->ranks_with_rows[kind] = (int64_t)n[1][kind];
    }
}

/* The rows of a kind in a batch. */
struct rows_of_kind {
    const struct prototype_layer *teacher;
    int64_t first; /* of its rows */
    struct tensor log_row;
};

static struct rows_of_kind rows_of_kind(const struct loss_batch *b, enum loss_kind kind)
{
    int64_t first = first_row(b, kind);
    return (struct rows_of_kind){&b->teacher, first, tensor_rows(b->log_row, first, b->rows[kind])};
}

/* [K] of the array [turns, K]. */
static struct tensor of_turn(struct tensor a, int turn)
{
    int64_t K = a.dims[1];
    return TENSOR_SHAPED(tensor_rows(a, turn, 1), K);
}

/* Columns of all turns: sums [turns,K] relative to the maximum over all ranks, new_max [K]. A batch without rows takes
 * part. */
static void sinkhorn_columns(struct op_ctx *c, const struct world *world, const struct loss_head *l,
                             enum loss_kind kind, struct tensor col_max, struct tensor new_max, struct tensor sums)
{
    for (int turn = 0; turn < world->turns; turn++) {
        struct rows_of_kind r = rows_of_kind(&l->batch[turn], kind);
        if (r.log_row.dims[0] > 0) {
            op_prototype_sinkhorn_columns(c, of_turn(col_max, turn), of_turn(sums, turn), r.log_row, r.teacher, r.first,
                                          l->temperature);
        } else {
            op_fill(c, of_turn(col_max, turn), -INFINITY);
            op_fill(c, of_turn(sums, turn), 0);
        }
    }
    world_all_reduce(world, c, new_max, col_max, WORLD_MAX);
    for (int turn = 0; turn < world->turns; turn++)
        op_prototype_sinkhorn_rescale(c, of_turn(sums, turn), of_turn(col_max, turn), new_max);
}

/* A round of Sinkhorn-Knopp over the rows of all ranks, in parts (prototypes.h). */
static void sinkhorn_round_all_ranks(struct op_ctx *c, const struct world *world, const struct loss_head *l,
                                     enum loss_kind kind, double log_rows)
{
    size_t mark = c->scratch->used;
    int64_t K = l->log_col[kind].dims[0];
    struct tensor col_max = TENSOR_TAKE(c->scratch, DTYPE_F64, world->turns, K),
                  new_max = TENSOR_TAKE(c->scratch, DTYPE_F64, K),
                  sums = TENSOR_TAKE(c->scratch, DTYPE_F64, world->turns, K),
                  col_sum = TENSOR_TAKE(c->scratch, DTYPE_F64, K);
    sinkhorn_columns(c, world, l, kind, col_max, new_max, sums);
    world_all_reduce(world, c, col_sum, sums, WORLD_SUM);
    for (int turn = 0; turn < world->turns; turn++) {
        struct rows_of_kind r = rows_of_kind(&l->batch[turn], kind);
        if (r.log_row.dims[0] > 0)
            op_prototype_sinkhorn_rows(c, l->log_col[kind], r.log_row, new_max, col_sum, r.teacher, r.first,
                                       l->temperature, log_rows);
    }
    c->scratch->used = mark;
}

static void sinkhorn(struct op_ctx *c, const struct world *world, const struct loss_head *l, enum loss_kind kind)
{
    struct rows_of_kind r = rows_of_kind(&l->batch[0], kind);
    for (int turn = 0; turn < world->turns; turn++)
        op_fill(c, rows_of_kind(&l->batch[turn], kind).log_row, 0);
    for (int round = 1; round <= LOSS_SINKHORN_ROUNDS; round++) {
        double log_rows = round < LOSS_SINKHORN_ROUNDS ? log((double)l->rows_all_ranks[kind]) : 0;
        if (world_ranks(world) > 1)
            sinkhorn_round_all_ranks(c, world, l, kind, log_rows);
        else
            op_prototype_sinkhorn(c, l->log_col[kind], r.log_row, r.teacher, r.first, l->temperature, log_rows);
    }
}

/* x [K] f64 = what a rank's mean is of the sum of its rows. */
static void divide_sum(struct op_ctx *c, struct tensor x, int64_t rows)
{
    size_t mark = c->scratch->used;
    struct tensor sum = TENSOR_TAKE(c->scratch, DTYPE_F64, x.dims[0]);
    op_copy(c, sum, x);
    op_fill(c, x, 0);
    op_axpy(c, x, 1 / (double)rows, sum);
    c->scratch->used = mark;
}

/* The mean that moves the centre is that of the ranks' means, as published (dinov2/loss/ibot_patch_loss.py,
 * reduce_center_update), whatever number of rows each has; a rank without rows, whose mean is not a number there, does
 * not count. Of one rank it is the mean of its rows. */
static void centering(struct op_ctx *c, const struct world *world, const struct loss_head *l, enum loss_kind kind)
{
    bool several = world_ranks(world) > 1;
    size_t mark = c->scratch->used;
    int64_t K = l->log_col[kind].dims[0];
    const struct loss_center *center = &l->center[kind];
    struct tensor sums = TENSOR_TAKE(c->scratch, DTYPE_F64, world->turns, K),
                  sum = TENSOR_TAKE(c->scratch, DTYPE_F64, K);
    for (int turn = 0; turn < world->turns; turn++) {
        struct rows_of_kind r = rows_of_kind(&l->batch[turn], kind);
        if (r.log_row.dims[0] > 0)
            op_prototype_center(c, l->log_col[kind], r.log_row, of_turn(sums, turn), r.teacher, r.first, center->next,
                                l->temperature);
        else
            op_fill(c, of_turn(sums, turn), 0);
        if (several && r.log_row.dims[0] > 0)
            divide_sum(c, of_turn(sums, turn), r.log_row.dims[0]);
    }
    world_all_reduce(world, c, sum, sums, WORLD_SUM);
    op_divide(c, center->mean, sum, (double)(several ? l->ranks_with_rows[kind] : l->rows_all_ranks[kind]));
    c->scratch->used = mark;
}

static void targets_of(struct op_ctx *c, const struct world *world, struct loss_head *l, enum loss_kind kind)
{
    struct loss_center *center = &l->center[kind];
    center->has_mean = !l->sinkhorn && l->rows_all_ranks[kind] > 0;
    if (!l->sinkhorn)
        fold_center(c, center);
    if (l->rows_all_ranks[kind] == 0)
        return;
    if (l->sinkhorn)
        sinkhorn(c, world, l, kind);
    else
        centering(c, world, l, kind);
}

void loss_targets(struct op_ctx *c, const struct world *world, struct loss_head *l, const struct params_array *values,
                  double temperature)
{
    l->temperature = temperature;
    for (int turn = 0; turn < world->turns; turn++) {
        struct loss_batch *b = &l->batch[turn];
        int64_t rows = b->rows[LOSS_DINO] + b->rows[LOSS_IBOT];
        b->teacher = head_prototypes(&l->teacher, values, tensor_rows(b->z, 0, rows));
        b->teacher.rounds_logits = b->teacher.z.dtype == DTYPE_BF16;
        b->teacher.logits = logits_of(b->logits, &b->teacher);
        op_prototype_cache_logits(c, &b->teacher);
    }
    count_rows_all_ranks(c, world, l);
    for (int kind = 0; kind < LOSS_KINDS; kind++)
        if (l->has_loss[kind])
            targets_of(c, world, l, (enum loss_kind)kind);
}

void loss_collapse(struct op_ctx *c, const struct world *world, struct loss_head *l, double *entropy,
                   struct prototype_collapse *out)
{
    size_t mark = c->scratch->used;
    int64_t K = l->teacher.config.n_prototypes, N = l->rows_all_ranks[LOSS_DINO];
    struct tensor log_col = l->sinkhorn ? TENSOR_NONE : l->log_col[LOSS_DINO];
    struct tensor shares = TENSOR_TAKE(c->scratch, DTYPE_F64, world->turns, K),
                  winners = TENSOR_TAKE(c->scratch, DTYPE_F64, world->turns, K),
                  share_sum = TENSOR_TAKE(c->scratch, DTYPE_F64, K), won = TENSOR_TAKE(c->scratch, DTYPE_F64, K);
    for (int turn = 0; turn < world->turns; turn++)
        op_prototype_collapse_sums(c, &entropy[turn], of_turn(shares, turn), of_turn(winners, turn),
                                   &l->batch[turn].teacher, 0, l->batch[turn].rows[LOSS_DINO], N, log_col,
                                   l->temperature);
    world_all_reduce(world, c, share_sum, shares, WORLD_SUM);
    world_all_reduce(world, c, won, winners, WORLD_MAX);
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
static void take_part(struct op_ctx *c, const struct loss_batch *b, const struct loss_part *part,
                      struct prototype_targets *t, struct device_arena *arena)
{
    int64_t n = n_rows(part), to = 0;
    struct tensor z = TENSOR_TAKE(arena, b->z.dtype, n, b->z.dims[1]), log_row = TENSOR_TAKE(arena, DTYPE_F64, n);
    for (int i = 0; i < part->n_ranges; i++) {
        const struct loss_range *range = &part->ranges[i];
        op_copy(c, tensor_rows(z, to, range->n), tensor_rows(b->z, range->first, range->n));
        op_copy(c, tensor_rows(log_row, to, range->n), tensor_rows(b->log_row, range->first, range->n));
        to += range->n;
    }
    t->teacher.z = z;
    t->teacher.logits = TENSOR_NONE;
    t->teacher.logits_cached = false;
    t->log_row = log_row;
}

void loss_begin(struct op_ctx *c, const struct loss_head *l, const struct loss_batch *batch, struct loss_rows *r,
                int64_t T, const struct loss_part *part, const int64_t *target, const float *weight,
                struct device_arena *arena)
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
        .targets = {.teacher = batch->teacher,
                    .temperature = l->temperature,
                    .n_first = part->n_first,
                    .log_col = {l->log_col[0], l->log_col[1]},
                    .log_row = tensor_rows(batch->log_row, 0, batch->teacher.z.dims[0])},
    };
    if (part->n_ranges)
        take_part(c, batch, part, &r->targets, arena);
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
