/* step-run.c - one step: targets of the teacher, losses and gradients of the student, sums over all ranks, and, if all
 * is finite, one sweep that updates student, moments and teacher. All ranks reach the same verdict, from the same sums:
 * none makes a step that another one skips. */
#include <assert.h>
#include <math.h>
#include <string.h>

#include "step-internal.h"

/* ---- sums over the ranks ---- */

/* What is logged: means over the ranks of losses and rank of the features; sums of counts and of the entropy, of which
 * each rank has its part. The rest is already equal on all ranks. */
enum { DINO_LOCAL, DINO_GLOBAL, KOLEO, IBOT, KL, FEATURE_RANK, MEANS, ENTROPY = MEANS, MASKED, LEFT_OUT, LOGGED };
static_assert((int)LOGGED == (int)STEP_LOGGED, "memory for the numbers of each rank");

static void list_logged(const struct step_result *r, double entropy, double out[LOGGED])
{
    out[DINO_LOCAL] = r->dino_local_crops_loss;
    out[DINO_GLOBAL] = r->dino_global_crops_loss;
    out[KOLEO] = r->koleo_loss;
    out[IBOT] = r->ibot_loss;
    out[KL] = r->kl_loss;
    out[FEATURE_RANK] = r->feature_rank;
    out[ENTROPY] = entropy;
    out[MASKED] = (double)r->n_masked;
    out[LEFT_OUT] = (double)r->n_koleo_left_out;
}

static void reduce_result(struct step *s, struct step_result *r)
{
    double sum[LOGGED];
    for (int turn = 0; turn < s->world->turns; turn++)
        list_logged(&s->of_rank[turn], s->entropy[turn], s->logged + turn * LOGGED);
    if (op_planning(&s->c) || world_sum_ranks(s->world, sum, s->logged, LOGGED, &s->c.error))
        return;
    for (int i = 0; i < MEANS; i++)
        sum[i] /= world_ranks(s->world);
    r->dino_local_crops_loss = sum[DINO_LOCAL];
    r->dino_global_crops_loss = sum[DINO_GLOBAL];
    r->koleo_loss = sum[KOLEO];
    r->ibot_loss = sum[IBOT];
    r->kl_loss = sum[KL];
    r->feature_rank = sum[FEATURE_RANK];
    r->teacher_entropy = sum[ENTROPY];
    r->n_masked = (int64_t)sum[MASKED];
    r->n_koleo_left_out = (int64_t)sum[LEFT_OUT];
}

/* ---- forward and backward ---- */

/* All gradients but those whose memory the heads have: 0. */
static void begin_gradients(struct step *s)
{
    int64_t first = step_one_piece(s) ? step_backbone_span(s) : s->grads.first;
    op_fill(&s->c, params_range(&s->grads, first, s->student.table.count - first), 0);
}

static void begin_heads(struct step *s)
{
    device_arena_borrow(&s->heads, s->c.backend, s->heads_memory);
    for (int i = 0; i < s->n_heads; i++)
        loss_carve_step(&s->head[i], s->world->turns, s->caches_logits, &s->heads);
}

/* Losses and gradients of the ranks that this process computes, one after another. */
static int student_turns(struct step *s, int64_t iteration, const struct step_draws *draws, struct fmt_error *e)
{
    int status = 0;
    for (int turn = 0; turn < s->world->turns && !status; turn++) {
        turn_begin(s, turn);
        draw_drop_path(s, iteration, draws ? &draws[turn] : NULL);
        begin_gradients(s);
        status = student_pass(s, step_frozen(s, iteration), &s->of_rank[turn], e);
        if (!status)
            sharding_sum_gradients(s);
    }
    return status;
}

int step_forward_backward(struct step *s, int64_t iteration, double teacher_temp, const struct step_draws *draws,
                          struct step_result *r, struct fmt_error *e)
{
    *r = (struct step_result){.bad = NULL};
    for (int turn = 0; turn < s->world->turns; turn++) {
        turn_begin(s, turn);
        s->of_rank[turn] = (struct step_result){.n_masked = s->patch_start[s->sizes.crops[GLOBAL]]};
    }
    begin_heads(s);
    sharding_begin_step(s, step_frozen(s, iteration));
    int status = teacher_targets(s, teacher_temp, e);
    if (!status) {
        measure_collapse(s, r);
        status = student_turns(s, iteration, draws, e);
    }
    device_arena_return(&s->heads);
    if (!status)
        reduce_result(s, r);
    sum_losses(r); /* a loss that is not finite on one rank is not finite in the sum */
    int failed = op_sync(&s->c, status ? NULL : e);
    return status ? status : failed;
}

/* Before clipping; rows that are not trained do not count. */
static void gradient_norms(struct step *s, struct step_result *r)
{
    const struct params *t = &s->student.table;
    double squares[PARAMS_MODULES_MAX];
    sharding_sum_squares(s, squares);
    for (int m = 0; m < t->n_modules && !s->c.error.status; m++) {
        r->module[r->n_modules++] = (struct step_module){t->modules[m].name, sqrt(squares[m])};
        if (!isfinite(squares[m]) && !r->bad)
            r->bad = s->bad_gradient[m];
    }
}

double step_grad_norm(const struct step_result *r, const char *module)
{
    for (int m = 0; m < r->n_modules; m++)
        if (strcmp(r->module[m].name, module) == 0)
            return r->module[m].grad_norm;
    return 0;
}

/* ---- update ---- */

/* What this process holds of a unit. */
static void update_unit(struct step *s, int unit, const struct schedule_rates *rates,
                        const struct optim_module module[PARAMS_MODULES_MAX])
{
    const struct params_unit *held = &s->shard.held.unit[unit];
    int64_t first = held->part_first, n = held->part_count;
    struct optim_extent extent = {first, n, first - held->at, s->teacher_offset};
    if (n == 0)
        return;
    struct update u = {.rule = s->optim.rule,
                       .ranges = s->ranges,
                       .n_ranges = optim_ranges(&s->optim, &s->student.table, &extent, rates, module, s->ranges),
                       .student = params_range(&s->student.values, first, n),
                       .m = params_range(&s->m1, first, n),
                       .v = s->optim.rule == UPDATE_ADAMW ? params_range(&s->m2, first, n) : TENSOR_NONE,
                       .grad = sharding_gradient(s, unit),
                       .teacher = s->teacher.values.data,
                       .teacher_momentum = rates->momentum,
                       .beta1 = s->optim.beta1,
                       .beta2 = s->optim.beta2,
                       .eps = s->optim.eps};
    op_update(&s->c, &u);
}

static void update(struct step *s, int64_t iteration, const struct schedule_rates *rates, const struct step_result *r)
{
    struct optim_module module[PARAMS_MODULES_MAX];
    for (int m = 0; m < s->student.table.n_modules; m++) {
        bool frozen = m == MODULE_BACKBONE && step_frozen(s, iteration);
        s->updates[m] += !frozen;
        module[m] = (struct optim_module){frozen, optim_clip(&s->optim, r->module[m].grad_norm), s->updates[m]};
    }
    for (int u = 0; u < s->shard.held.n_units; u++)
        update_unit(s, u, rates, module);
    for (int h = 0; h < s->n_heads; h++)
        loss_commit(&s->c, &s->head[h]);
}

int step_run(struct step *s, const struct step_batch *batches, int64_t iteration, const struct schedule_rates *rates,
             const struct step_draws *draws, struct step_result *result, struct fmt_error *e)
{
    double begin = world_clock(s->world);
    int status = batches_begin(s, batches, e);
    if (!status)
        status = step_forward_backward(s, iteration, rates->teacher_temp, draws, result, e);
    s->batch = s->batches = NULL;
    if (status)
        return status;
    double reached = world_clock(s->world);
    for (int turn = 0; turn < s->world->turns; turn++)
        result->times.backward += s->of_rank[turn].times.backward;
    result->times.forward = reached - begin - result->times.backward;
    if (!result->bad)
        gradient_norms(s, result);
    if (!result->bad)
        update(s, iteration, rates, result);
    status = op_sync(&s->c, e);
    result->times.update = world_clock(s->world) - reached;
    return status;
}
