/* run-end.c - what a user looks for when a run is over. */
#include "run-end.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "teacher-export.h"
#include "teacher-folders.h"

enum { SCORES_TEXT = 160 };

static int restore_last(const struct examine *x, const struct begin *b, struct step *step, const char *folder,
                        int64_t iteration, struct fmt_error *e)
{
    struct fmt_error why = {0};
    if (!teachers_check(step, x->config, folder, &why))
        return 0;
    struct teacher_wish wish = examine_wish(x, folder, iteration);
    int status = teacher_write(step, &wish, e);
    if (!status)
        begin_tell(b, BEGIN_WARNING, "%s; written again from the state of iteration %" PRId64, why.text, iteration);
    return status;
}

static int restore_best(const struct examine *x, const struct begin *b, struct fmt_error *e)
{
    char from[TEACHERS_FOLDER_ROOM];
    struct fmt_error why = {0}, missing = {0};
    if (!teachers_check(NULL, x->config, "best", &why))
        return 0;
    teachers_folder(x->best_iteration, from);
    if (teachers_check(NULL, x->config, from, &missing)) {
        begin_tell(b, BEGIN_WARNING, "%s; it cannot be made again: %s", why.text, missing.text);
        return 0;
    }
    int status = teachers_copy(x->config, from, "best", e);
    if (!status)
        begin_tell(b, BEGIN_WARNING, "%s; copied again from eval/%s", why.text, from);
    return status;
}

int closing_restore(const struct examine *x, const struct begin *b, struct step *step, int64_t iteration,
                    struct fmt_error *e)
{
    char folder[TEACHERS_FOLDER_ROOM];
    int status = restore_last(x, b, step, teachers_folder(iteration, folder), iteration, e);
    if (status || x->best_iteration == INT64_MIN)
        return status;
    return x->best_iteration == iteration ? restore_last(x, b, step, "best", iteration, e) : restore_best(x, b, e);
}

/* "57.22 % right, the last 51.11 % (...)": whose scores these are is not to be guessed. */
static const char *scores_text(const struct examine *x, char out[SCORES_TEXT])
{
    snprintf(out, SCORES_TEXT, "%.2f %% right, the last %.2f %% (%s, photographs of evaluation.knn_val)",
             100 * x->best_score, 100 * x->last_score, FMT_COUNT(x->k, "nearest neighbour", "nearest neighbours"));
    return out;
}

void closing_tell(const struct examine *x, const struct begin *b, int64_t iteration)
{
    char folder[TEACHERS_FOLDER_ROOM], scores[SCORES_TEXT];
    char *last = teacher_path(x->config, teachers_folder(iteration, folder), TEACHER_SAFETENSORS);
    char *best = teacher_path(x->config, "best", TEACHER_SAFETENSORS);
    if (last && file_exists(last))
        begin_tell(b, BEGIN_NOTE, "teacher: %s", last);
    if (x->best_iteration == EXAMINE_INITIAL)
        begin_tell(b, BEGIN_WARNING,
                   "the best teacher is the one before the first iteration: %s; by these scores training did not help",
                   scores_text(x, scores));
    else if (x->best_iteration != INT64_MIN)
        begin_tell(b, BEGIN_NOTE, "best by the scores: iteration %" PRId64 ": %s", x->best_iteration,
                   scores_text(x, scores));
    if (x->best_iteration != INT64_MIN && best && file_exists(best))
        begin_tell(b, BEGIN_NOTE, "best teacher: %s", best);
    free(last);
    free(best);
}
