/* run-report.c - figures as sentences. */
#include "run-report.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "params.h"
#include "batch-loader.h"
#include "step.h"
#include "num.h"
#include "memory-plan.h"

/* Those of the periods, the last, and where they are scored the first and the best. */
static void report_teachers(const struct resume *b, struct step *step)
{
    const struct config *c = b->state.config;
    int64_t period = c->evaluation.eval_period_iterations, n = period ? num_ceil_div(config_iterations(c), period) : 1;
    int64_t each = (c->train.teacher_pth ? 2 : 1) * step_params(step)->count * (int64_t)sizeof(float);
    char bytes[32], all[32];
    n = c->evaluation.max_to_keep ? num_min(n, c->evaluation.max_to_keep) : n;
    n += period && *c->evaluation.knn_train ? 2 : 0;
    resume_report(b, RESUME_NOTE,
               "teachers: %" PRId64 " of %s %s kept in eval/, %s in all (evaluation.eval_period_iterations, "
               "evaluation.max_to_keep)", n, num_bytes_text((double)each, bytes), n == 1 ? "is" : "are",
               num_bytes_text((double)n * (double)each, all));
}

void run_report_plan(const struct resume *b, struct step *step, const struct views_header *h, size_t planned_bytes)
{
    const struct config *c = b->state.config;
    char planned[32], allowed[MEMORY_PLAN_LIMIT_ROOM];
    struct resource_limit limit = resource_limit_memory();
    double seen = (double)config_iterations(c) * (double)c->train.batch_size_per_gpu;
    resume_report(b, RESUME_NOTE, "%s of %s: each of the %s is seen %.1f times",
               FMT_COUNT(config_iterations(c), "iteration", "iterations"),
               FMT_COUNT(c->train.batch_size_per_gpu, "image", "images"), FMT_COUNT(h->n_images, "image", "images"),
               seen / (double)num_max(h->n_images, 1));
    resume_report(b, RESUME_NOTE, "learning rate %g = optim.base_lr %g x sqrt(batch %" PRId64 " / 1024)", c->optim.lr,
               c->optim.base_lr, c->train.batch_size_per_gpu);
    resume_report(b, RESUME_NOTE, "memory: %s are planned (--plan lists them), %s",
               num_bytes_text((double)planned_bytes, planned), memory_plan_limit_text(&limit, allowed));
    report_teachers(b, step);
    if (c->train.batch_size_per_gpu < 2 && c->dino.koleo_loss_weight > 0)
        resume_report(b, RESUME_WARNING, "train.batch_size_per_gpu: KoLeo has no neighbours in a batch of one image");
}

void run_report_memory(const struct resume *b, size_t planned_bytes)
{
    char used[32], planned[32];
    resume_report(b, RESUME_NOTE, "memory: %s were taken at most, %s were planned",
               num_bytes_text((double)memory_of_process(), used), num_bytes_text((double)planned_bytes, planned));
}

void run_report_replaced(const struct resume *b, const struct replaced_images *replaced, int64_t iteration)
{
    int64_t n = (iteration + 1) * b->state.config->train.batch_size_per_gpu;
    if (replaced->samples > 0 && replaced->n_images > 0)
        resume_report(b, RESUME_WARNING,
                   "%" PRId64 " of %s made of other images: %s of the data cannot be used", replaced->samples,
                   FMT_COUNT(n, "sample was", "samples were"), FMT_COUNT(replaced->n_images, "image", "images"));
    else if (replaced->samples > 0)
        resume_report(b, RESUME_WARNING,
                      "%" PRId64 " of %s made of other images, before the run went on with other data",
                      replaced->samples, FMT_COUNT(n, "sample was", "samples were"));
}

const char *run_report_when(int64_t iteration, char out[RUN_REPORT_WHEN_ROOM])
{
    if (iteration < 0)
        return "before the first iteration";
    snprintf(out, RUN_REPORT_WHEN_ROOM, "iteration %" PRId64, iteration);
    return out;
}

void run_report_scores(const struct resume *b, const struct periodic_eval *x, const struct knn_eval_scores *s,
                       int64_t iteration)
{
    char now[RUN_REPORT_WHEN_ROOM], then[RUN_REPORT_WHEN_ROOM];
    if (s->n_failed)
        resume_report(b, RESUME_WARNING, "evaluation: %s; left out, with %s like it", s->failed.text,
                   FMT_COUNT(s->n_failed - 1, "other", "others"));
    if (s->n)
        resume_report(
            b, RESUME_NOTE, "%s: %s right for %.2f %% of %s; best: %.2f %% (%s)", run_report_when(iteration, now),
            FMT_COUNT(s->k[0], "nearest neighbour is", "nearest neighbours are"), 100 * s->top1[0],
            FMT_COUNT(s->n_val, "image", "images"), 100 * x->best_score, run_report_when(x->best_iteration, then));
}

void run_report_bad_step(const struct resume *b, const struct checkpoint *now, const struct views_batch *batch,
                     const char *term)
{
    char names[600] = "";
    for (int64_t i = 0; i < now->config->train.batch_size_per_gpu; i++) {
        size_t used = strlen(names);
        if (used + strlen(batch->key[i]) + 8 > sizeof names) {
            snprintf(names + used, sizeof names - used, ", ...");
            break;
        }
        snprintf(names + used, sizeof names - used, "%s%s", used ? ", " : "", batch->key[i]);
    }
    resume_report(b, RESUME_WARNING,
               "iteration %" PRId64 ": %s is not finite; the step is skipped (%" PRId64 " in a row); its images: %s",
               now->iteration, term, now->bad_steps, names);
}

void run_report_divergence(const struct resume *b, const struct checkpoint *now, int64_t saved)
{
    char text[40] = "nothing";
    if (saved >= 0)
        snprintf(text, sizeof text, "iteration %" PRId64, saved);
    resume_report(b, RESUME_ERROR, "training has diverged: %s not finite (train.max_bad_steps)",
               FMT_COUNT(now->bad_steps, "step was", "steps in a row were"));
    resume_report(b, RESUME_ERROR,
               "last saved: %s; from there the same comes again unless something changes (optim.base_lr, "
               "optim.clip_grad)", text);
}
