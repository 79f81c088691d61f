/* periodic-eval.c - first the exported teacher, then its score, then the line, then the best: what a later one says has
 * happened is on the disk before it. */
#include "periodic-eval.h"

#include <cjson/cJSON.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "file.h"
#include "run-folder.h"
#include "step.h"
#include "teacher-export.h"
#include "teacher-folder.h"

/* Returns whether it is the best so far. */
static bool take_score(struct periodic_eval *x, int64_t iteration, int k, double score)
{
    bool best = x->best_iteration == INT64_MIN || score > x->best_score;
    x->last_score = score;
    x->k = k;
    if (best) {
        x->best_score = score;
        x->best_iteration = iteration;
    }
    return best;
}

/* The best line of the file by its first score. */
static void find_best(struct periodic_eval *x, const char *path)
{
    FILE *f = fopen(path, "r");
    char *line = NULL;
    size_t capacity = 0;
    while (f && getline(&line, &capacity, f) > 0) {
        cJSON *o = cJSON_Parse(line);
        const cJSON *iteration = cJSON_GetObjectItemCaseSensitive(o, "iteration");
        const cJSON *scores = cJSON_GetObjectItemCaseSensitive(o, "knn_top1"), *score = scores ? scores->child : NULL;
        if (cJSON_IsNumber(iteration) && cJSON_IsNumber(score))
            take_score(x, (int64_t)iteration->valuedouble, atoi(score->string), score->valuedouble);
        cJSON_Delete(o);
    }
    free(line);
    if (f)
        fclose(f);
}

int periodic_eval_open(struct periodic_eval *x, const struct run_state *state, struct knn_eval *knn,
                       struct jsonl_history *history, bool provenance, struct fmt_error *e)
{
    *x = (struct periodic_eval){.config = state->config, .state = state, .knn = knn, .provenance = provenance,
                                .scores = {.fd = -1}, .best_iteration = INT64_MIN};
    if (!knn || !history)
        return 0;
    char *path = file_join(x->config->train.output_dir, RUN_FILE_SCORES);
    int status = path ? jsonl_writer_open(&x->scores, path, history, e) : fmt_no_memory(e);
    if (!status)
        find_best(x, path);
    free(path);
    return status;
}

void periodic_eval_close(struct periodic_eval *x)
{
    knn_eval_close(x->knn);
    jsonl_writer_close(&x->scores);
}

bool periodic_eval_period_due(int64_t period, int64_t iteration)
{
    return period && (iteration + 1) % period == 0;
}

bool periodic_eval_due(const struct periodic_eval *x, int64_t iteration)
{
    if (iteration == PERIODIC_EVAL_INITIAL)
        return x->knn != NULL;
    return iteration + 1 == config_iterations(x->config) ||
           periodic_eval_period_due(x->config->evaluation.eval_period_iterations, iteration);
}

int periodic_eval_export(const struct periodic_eval *x, struct step *step, const char *folder, int64_t iteration,
                         struct fmt_error *e)
{
    struct teacher_export_options options = {.config = x->config, .state = x->state, .iteration = iteration,
                                             .provenance = x->provenance, .folder = folder};
    return teacher_export_write(step, &options, e);
}

/* The line of rank 0. *best: whether this teacher is the best so far. */
static int add_line(struct periodic_eval *x, const struct knn_eval_scores *scores, int64_t iteration, bool *best,
                    struct fmt_error *e)
{
    struct fmt_buffer line = {0};
    *best = take_score(x, iteration, scores->k[0], scores->top1[0]);
    int status = knn_eval_line(scores, iteration, x->best_iteration, &line, e);
    if (!status)
        status = jsonl_writer_add(&x->scores, &line, e);
    fmt_buffer_release(&line);
    return status;
}

static int score(struct periodic_eval *x, struct step *step, const struct device *device, int64_t iteration,
                 struct knn_eval_scores *scores, struct fmt_error *e)
{
    const struct world *w = step_world(step);
    struct fmt_error other = {0};
    bool best = false, any;
    int status = knn_eval_run(x->knn, step, device, scores, e);
    if (status)
        return status;
    status = world_agree(w, w->rank == 0 ? add_line(x, scores, iteration, &best, e) : 0, e);
    int exported = world_any(w, best, &any, status ? &other : e);
    if (!exported && any)
        exported = periodic_eval_export(x, step, TEACHER_BEST, iteration, status ? &other : e);
    return status ? status : exported;
}

int periodic_eval_run(struct periodic_eval *x, struct step *step, const struct device *device, int64_t iteration,
                      struct knn_eval_scores *scores, struct fmt_error *e)
{
    char folder[TEACHER_FOLDER_NAME_MAX];
    *scores = (struct knn_eval_scores){.n = 0};
    int status = periodic_eval_export(x, step, teacher_folder_name(iteration, folder), iteration, e);
    struct fmt_error other = {0}; /* the first failure is the one to report */
    int scored = x->knn ? score(x, step, device, iteration, scores, status ? &other : e) : 0;
    return status ? status : scored;
}

int periodic_eval_sync(struct periodic_eval *x, struct fmt_error *e)
{
    return x->scores.fd >= 0 ? jsonl_writer_sync(&x->scores, e) : 0;
}
