/* teacher-restore.c - the last teacher is compared with the step. The best one is only looked for: the checkpoint with
 * its weights may be gone. */
#include "teacher-restore.h"

#include <inttypes.h>

#include "step.h"
#include "teacher-folder.h"
#include "world.h"

/* A folder that should hold the teacher of the step. */
static int restore_from_step(const struct periodic_eval *x, struct step *step, const char *folder, int64_t iteration,
                             struct run_log *log, struct fmt_error *e)
{
    struct fmt_error why = {0};
    if (!teacher_folder_check(step, x->config, folder, &why))
        return 0;
    int status = periodic_eval_export(x, step, folder, iteration, e);
    if (!status)
        run_log(log, RUN_WARNING, "%s; written again from the state of iteration %" PRId64, why.text, iteration);
    return status;
}

/* eval/best/, of an earlier iteration. */
static int restore_best(const struct periodic_eval *x, struct run_log *log, struct fmt_error *e)
{
    char from[TEACHER_FOLDER_NAME_MAX];
    struct fmt_error why = {0}, missing = {0};
    if (!teacher_folder_check(NULL, x->config, TEACHER_BEST, &why))
        return 0;
    teacher_folder_name(x->best_iteration, from);
    if (teacher_folder_check(NULL, x->config, from, &missing)) {
        run_log(log, RUN_WARNING, "%s; it cannot be made again: %s", why.text, missing.text);
        return 0;
    }
    int status = teacher_folder_copy(x->config, from, TEACHER_BEST, e);
    if (!status)
        run_log(log, RUN_WARNING, "%s; copied again from eval/%s", why.text, from);
    return status;
}

int teacher_restore(const struct periodic_eval *x, struct step *step, int64_t iteration, struct run_log *log,
                    struct fmt_error *e)
{
    const struct world *w = step_world(step);
    char folder[TEACHER_FOLDER_NAME_MAX];
    double best = (double)x->best_iteration; /* as the first process knows it; the others have the smallest number */
    int status = restore_from_step(x, step, teacher_folder_name(iteration, folder), iteration, log, e);
    if (!status)
        status = world_all_reduce_host(w, &best, 1, WORLD_MAX, e);
    if (status || best == (double)INT64_MIN)
        return status;
    if ((int64_t)best == iteration)
        return restore_from_step(x, step, TEACHER_BEST, iteration, log, e);
    return world_agree(w, w->rank == 0 ? restore_best(x, log, e) : 0, e);
}
