/* run-end.c - what a user looks for when a run is over. */
#include "run-end.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "teacher-export.h"
#include "teacher-folders.h"

enum { SCORES_TEXT = 160 };

static int restore_last(const struct periodic_eval *x, const struct resume *b, struct step *step, const char *folder,
                        int64_t iteration, struct fmt_error *e)
{
    struct fmt_error why = {0};
    if (!teacher_folders_check(step, x->config, folder, &why))
        return 0;
    struct teacher_export_options options = periodic_eval_options(x, folder, iteration);
    int status = teacher_export_write(step, &options, e);
    if (!status)
        resume_report(b, RESUME_WARNING, "%s; written again from the state of iteration %" PRId64, why.text, iteration);
    return status;
}

static int restore_best(const struct periodic_eval *x, const struct resume *b, struct fmt_error *e)
{
    char from[TEACHER_FOLDERS_FOLDER_ROOM];
    struct fmt_error why = {0}, missing = {0};
    if (!teacher_folders_check(NULL, x->config, "best", &why))
        return 0;
    teacher_folders_path(x->best_iteration, from);
    if (teacher_folders_check(NULL, x->config, from, &missing)) {
        resume_report(b, RESUME_WARNING, "%s; it cannot be made again: %s", why.text, missing.text);
        return 0;
    }
    int status = teacher_folders_copy(x->config, from, "best", e);
    if (!status)
        resume_report(b, RESUME_WARNING, "%s; copied again from eval/%s", why.text, from);
    return status;
}

int run_end_restore(const struct periodic_eval *x, const struct resume *b, struct step *step, int64_t iteration,
                    struct fmt_error *e)
{
    char folder[TEACHER_FOLDERS_FOLDER_ROOM];
    int status = restore_last(x, b, step, teacher_folders_path(iteration, folder), iteration, e);
    if (status || x->best_iteration == INT64_MIN)
        return status;
    return x->best_iteration == iteration ? restore_last(x, b, step, "best", iteration, e) : restore_best(x, b, e);
}

/* "57.22 % right, the last 51.11 % (...)": whose scores these are is not to be guessed. */
static const char *scores_text(const struct periodic_eval *x, char out[SCORES_TEXT])
{
    snprintf(out, SCORES_TEXT, "%.2f %% right, the last %.2f %% (%s, photographs of evaluation.knn_val)",
             100 * x->best_score, 100 * x->last_score, FMT_COUNT(x->k, "nearest neighbour", "nearest neighbours"));
    return out;
}

void run_end_report(const struct periodic_eval *x, const struct resume *b, int64_t iteration)
{
    char folder[TEACHER_FOLDERS_FOLDER_ROOM], scores[SCORES_TEXT];
    char *last = teacher_export_path(x->config, teacher_folders_path(iteration, folder), TEACHER_EXPORT_SAFETENSORS);
    char *best = teacher_export_path(x->config, "best", TEACHER_EXPORT_SAFETENSORS);
    if (last && file_exists(last))
        resume_report(b, RESUME_NOTE, "teacher: %s", last);
    if (x->best_iteration == PERIODIC_EVAL_INITIAL)
        resume_report(b, RESUME_WARNING,
                   "the best teacher is the one before the first iteration: %s; by these scores training did not help",
                   scores_text(x, scores));
    else if (x->best_iteration != INT64_MIN)
        resume_report(b, RESUME_NOTE, "best by the scores: iteration %" PRId64 ": %s", x->best_iteration,
                   scores_text(x, scores));
    if (x->best_iteration != INT64_MIN && best && file_exists(best))
        resume_report(b, RESUME_NOTE, "best teacher: %s", best);
    free(last);
    free(best);
}
