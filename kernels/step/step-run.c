/* step-run.c - one step: targets of the teacher, losses and gradients of the student, sums over all ranks, and, if all
 * is finite, one sweep that updates student, moments and teacher. All ranks reach the same verdict, from the same sums:
 * none makes a step that another one skips. */
#include <math.h>
#include <string.h>

#include "step-internal.h"

/* ---- sums over the ranks ---- */

/* What is logged: means over the ranks of losses and rank of the features; sums of counts and of the entropy, of which
 * each rank has its part. The rest is already equal on all ranks. */
static void reduce_result(struct step *s, struct step_result *r)
{
    double n_masked = (double)r->n_masked, n_left_out = (double)r->n_koleo_left_out;
    const struct {
        double *value;
        enum { MEAN, SUM } how;
    } logged[] = {{&r->dino_local_crops_loss, MEAN}, {&r->dino_global_crops_loss, MEAN}, {&r->koleo_loss, MEAN},
                  {&r->ibot_loss, MEAN},             {&r->kl_loss, MEAN},                {&r->feature_rank, MEAN},
                  {&r->teacher_entropy, SUM},        {&n_masked, SUM},                   {&n_left_out, SUM}};
    enum { LOGGED = sizeof logged / sizeof *logged };
    double sum[LOGGED];
    for (int i = 0; i < LOGGED; i++)
        sum[i] = *logged[i].value;
    if (op_planning(&s->c) || world_all_reduce_host(s->world, sum, LOGGED, WORLD_SUM, &s->c.error))
        return;
    for (int i = 0; i < LOGGED; i++)
        *logged[i].value = logged[i].how == MEAN ? sum[i] / s->world->size : sum[i];
    r->n_masked = (int64_t)n_masked;
    r->n_koleo_left_out = (int64_t)n_left_out;
}

/* All gradients but those whose memory the heads have: 0. */
static void begin_gradients(struct step *s)
{
    int64_t first = step_one_piece(s) ? step_backbone_span(s) : 0;
    op_fill(&s->c, params_range(&s->grads, first, s->grads.count - first), 0);
}

static void begin_heads(struct step *s)
{
    device_arena_borrow(&s->heads, s->c.backend, s->heads_memory);
    for (int i = 0; i < s->n_heads; i++)
        loss_carve_batch(&s->head[i], s->caches_logits, &s->heads);
}

int step_forward_backward(struct step *s, int64_t iteration, double teacher_temp, struct step_result *r,
                          struct fmt_error *e)
{
    *r = (struct step_result){.n_masked = s->patch_start[s->sizes.crops[GLOBAL]]};
    begin_gradients(s);
    begin_heads(s);
    int status = teacher_targets(s, teacher_temp, e);
    if (!status) {
        measure_collapse(s, r);
        status = student_pass(s, step_frozen(s, iteration), r, e);
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
    for (int m = 0; m < t->n_modules; m++) {
        int64_t first, count;
        double squares = 0, of_range;
        for (int row = 0; params_trained_range(t, m, &row, &first, &count); squares += of_range) {
            of_range = 0;
            op_sum_squares(&s->c, &of_range, params_range(&s->grads, first, count));
        }
        r->module[r->n_modules++] = (struct step_module){t->modules[m].name, sqrt(squares)};
        if (!isfinite(squares) && !r->bad)
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

static void update(struct step *s, int64_t iteration, const struct schedule_rates *rates, const struct step_result *r)
{
    struct optim_module module[PARAMS_MODULES_MAX];
    const struct params_array *student = &s->student.values;
    struct optim_extent extent = {student->first, student->count, s->teacher.values.first, s->teacher_offset};
    for (int m = 0; m < s->student.table.n_modules; m++) {
        bool frozen = m == MODULE_BACKBONE && step_frozen(s, iteration);
        s->updates[m] += !frozen;
        module[m] = (struct optim_module){frozen, optim_clip(&s->optim, r->module[m].grad_norm), s->updates[m]};
    }
    struct update u = {.rule = s->optim.rule,
                       .ranges = s->ranges,
                       .n_ranges = optim_ranges(&s->optim, &s->student.table, &extent, rates, module, s->ranges),
                       .student = student->data,
                       .m = s->m1.data,
                       .v = s->m2.data,
                       .grad = s->grads.data,
                       .teacher = s->teacher.values.data,
                       .teacher_momentum = rates->momentum,
                       .beta1 = s->optim.beta1,
                       .beta2 = s->optim.beta2,
                       .eps = s->optim.eps};
    op_update(&s->c, &u);
    for (int h = 0; h < s->n_heads; h++)
        loss_commit(&s->c, &s->head[h]);
}

int step_run(struct step *s, const struct step_batch *batch, int64_t iteration, const struct schedule_rates *rates,
             const struct step_draws *draws, struct step_result *result, struct fmt_error *e)
{
    int status = batch_begin(s, batch, e);
    if (status)
        return status;
    draw_drop_path(s, iteration, draws);
    status = step_forward_backward(s, iteration, rates->teacher_temp, result, e);
    s->batch = NULL;
    if (status)
        return status;
    if (!result->bad) {
        world_all_reduce(s->world, &s->c, s->grads.data, WORLD_SUM);
        gradient_norms(s, result);
    }
    if (!result->bad)
        update(s, iteration, rates, result);
    return op_sync(&s->c, e);
}
