/* run-report.c - figures as sentences. */
#include "run-report.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "file.h"
#include "memory-plan.h"
#include "num.h"
#include "params.h"
#include "step.h"
#include "teacher-folder.h"
#include "views.h"

enum { SCORES_TEXT_MAX = 160 };

const char *run_report_iteration(int64_t iteration, char out[RUN_REPORT_ITERATION_MAX])
{
    if (iteration < 0)
        return "before the first iteration";
    snprintf(out, RUN_REPORT_ITERATION_MAX, "iteration %" PRId64, iteration);
    return out;
}

/* ---------------------------------------------------------------- at the start */
/* Teachers of the periods and the last; where they are scored, also the first and the best. */
static void report_planned_teachers(struct run_log *log, const struct config *c, struct step *step)
{
    int64_t period = c->evaluation.eval_period_iterations, n = period ? num_ceil_div(config_iterations(c), period) : 1;
    int64_t each = (c->train.teacher_pth ? 2 : 1) * step_teacher(step)->table->count * (int64_t)sizeof(float);
    char bytes[32], all[32];
    n = c->evaluation.max_to_keep ? num_min(n, c->evaluation.max_to_keep) : n;
    n += period && c->evaluation.knn_train.n ? 2 : 0;
    run_log(log, RUN_NOTE,
            "teachers: %" PRId64 " of %s %s kept in eval/, %s in all (evaluation.eval_period_iterations, "
            "evaluation.max_to_keep)", n, num_bytes_text((double)each, bytes), n == 1 ? "is" : "are",
            num_bytes_text((double)n * (double)each, all));
}

/* Where products are in bf16; nothing where none are. */
static void report_precision(struct run_log *log, const struct config *c)
{
    char bf16[200] = "", f32[200] = "";
    for (int part = 0; part < CONFIG_PARTS; part++) {
        char *to = config_param_dtype(c, part) == PARAM_DTYPE_BF16 ? bf16 : f32;
        if (!config_unused_reason(c, config_param_dtype_key(part)))
            snprintf(to + strlen(to), sizeof bf16 - strlen(to), "%s%s", *to ? ", " : "", config_part_name(part));
    }
    if (*bf16)
        run_log(log, RUN_NOTE, "products in bf16: %s%s%s", bf16, *f32 ? "; in float32: " : "", f32);
}

void run_report_plan(struct run_log *log, const struct config *c, struct step *step, const struct views_header *h,
                     size_t planned_bytes)
{
    char planned[32], allowed[MEMORY_LIMIT_TEXT_MAX];
    struct resource_limit limit = resource_limit_memory();
    int64_t n_iterations = config_iterations(c), batch = config_step_images(c);
    run_log(log, RUN_NOTE, "%s of %s: each of the %s is seen %.1f times",
            FMT_COUNT(n_iterations, "iteration", "iterations"), FMT_COUNT(batch, "image", "images"),
            FMT_COUNT(h->n_images, "image", "images"),
            (double)n_iterations * (double)batch / (double)num_max(h->n_images, 1));
    run_log(log, RUN_NOTE, "learning rate %g = optim.base_lr %g x sqrt(batch %" PRId64 " / 1024)", c->optim.lr,
            c->optim.base_lr, batch);
    report_precision(log, c);
    run_log(log, RUN_NOTE, "memory: %s are planned (--plan lists them), %s",
            num_bytes_text((double)planned_bytes, planned), memory_limit_text(&limit, allowed));
    report_planned_teachers(log, c, step);
    if (c->train.batch_size_per_gpu < 2 && c->dino.koleo_loss_weight > 0)
        run_log(log, RUN_WARNING, "train.batch_size_per_gpu: KoLeo has no neighbours in a batch of one image");
}

/* ---------------------------------------------------------------- during the run */
void run_report_scores(struct run_log *log, const struct periodic_eval *x, const struct knn_eval_scores *s,
                       int64_t iteration)
{
    char now[RUN_REPORT_ITERATION_MAX], best[RUN_REPORT_ITERATION_MAX];
    if (s->n_failed)
        run_log(log, RUN_WARNING, "evaluation: %s; left out, with %s like it", s->failed.text,
                FMT_COUNT(s->n_failed - 1, "other", "others"));
    if (s->n)
        run_log(log, RUN_NOTE, "%s: %s right for %.2f %% of %s; best: %.2f %% (%s)",
                run_report_iteration(iteration, now),
                FMT_COUNT(s->k[0], "nearest neighbour is", "nearest neighbours are"), 100 * s->top1[0],
                FMT_COUNT(s->n_val, "image", "images"), 100 * x->best_score,
                run_report_iteration(x->best_iteration, best));
}

/* Appends the name of an image. false: there is no room for more. */
static bool add_name(char *names, size_t size, const char *key)
{
    size_t used = strlen(names);
    bool room = used + strlen(key) + 8 <= size;
    snprintf(names + used, size - used, "%s%s", used ? ", " : "", room ? key : "...");
    return room;
}

void run_report_bad_step(struct run_log *log, const struct run_state *state, const struct views_batch *const *batch,
                         int n_batches, const char *term)
{
    char names[600] = "";
    int64_t B = state->config->train.batch_size_per_gpu;
    for (int64_t i = 0; i < n_batches * B && add_name(names, sizeof names, batch[i / B]->key[i % B]); i++)
        ;
    run_log(log, RUN_OWN_WARNING,
            "iteration %" PRId64 ": %s is not finite; the step is skipped (%" PRId64 " in a row); its images: %s",
            state->iteration, term, state->bad_steps, names);
}

void run_report_divergence(struct run_log *log, const struct run_state *state, const char *last_saved)
{
    run_log(log, RUN_ERROR, "training has diverged: %s not finite (train.max_bad_steps)",
            FMT_COUNT(state->bad_steps, "step was", "steps in a row were"));
    run_log(log, RUN_ERROR,
            "last saved: %s; resuming will diverge again unless something changes (optim.base_lr, "
            "optim.clip_grad)", last_saved);
}

/* ---------------------------------------------------------------- at the end */
/* "57.22 % right, the last 51.11 % (...)": whose scores these are is not to be guessed. */
static const char *scores_text(const struct periodic_eval *x, char out[SCORES_TEXT_MAX])
{
    snprintf(out, SCORES_TEXT_MAX, "%.2f %% right, the last %.2f %% (%s, photographs of evaluation.knn_val)",
             100 * x->best_score, 100 * x->last_score, FMT_COUNT(x->k, "nearest neighbour", "nearest neighbours"));
    return out;
}

void run_report_teachers(struct run_log *log, const struct periodic_eval *x, int64_t iteration)
{
    char folder[TEACHER_FOLDER_NAME_MAX], scores[SCORES_TEXT_MAX];
    char *last = teacher_folder_path(x->config, teacher_folder_name(iteration, folder), TEACHER_SAFETENSORS);
    char *best = teacher_folder_path(x->config, TEACHER_BEST, TEACHER_SAFETENSORS);
    if (x->best_iteration == PERIODIC_EVAL_INITIAL)
        run_log(log, RUN_WARNING,
                "the best teacher is the one before the first iteration: %s; by these scores training did not help",
                scores_text(x, scores));
    else if (x->best_iteration != INT64_MIN)
        run_log(log, RUN_NOTE, "best by the scores: iteration %" PRId64 ": %s", x->best_iteration,
                scores_text(x, scores));
    if (x->best_iteration != INT64_MIN && best && file_exists(best))
        run_log(log, RUN_NOTE, "best teacher: %s", best);
    if (last && file_exists(last))
        run_log(log, RUN_NOTE, "teacher: %s", last);
    free(last);
    free(best);
}

void run_report_replaced(struct run_log *log, const struct run_state *state)
{
    const struct replaced_images *replaced = state->replaced;
    int64_t n = (state->iteration + 1) * config_step_images(state->config);
    if (replaced->samples > 0 && replaced->n_images > 0)
        run_log(log, RUN_WARNING,
                "%" PRId64 " of %s used replacement images: %s of the data cannot be used", replaced->samples,
                FMT_COUNT(n, "sample", "samples"), FMT_COUNT(replaced->n_images, "image", "images"));
    else if (replaced->samples > 0)
        run_log(log, RUN_WARNING, "%" PRId64 " of %s used replacement images, before the run resumed with other data",
                replaced->samples, FMT_COUNT(n, "sample", "samples"));
}

void run_report_memory(struct run_log *log, const struct world *world, double peak_bytes, size_t planned_bytes)
{
    char used[32], planned[32];
    run_log(log, RUN_NOTE, "memory: %s were taken at most%s, %s were planned", num_bytes_text(peak_bytes, used),
            world->size > 1 ? " by a process" : "", num_bytes_text((double)planned_bytes, planned));
}
