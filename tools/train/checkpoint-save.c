/* checkpoint-save.c - try, make room, try again, go on. */
#include "checkpoint-save.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

bool checkpoint_save_due(const struct config *c, int64_t iteration)
{
    int64_t period = c->train.saveckp_freq ? c->train.saveckp_freq : 3 * c->train.OFFICIAL_EPOCH_LENGTH;
    return (iteration + 1) % period == 0 || iteration + 1 == config_iterations(c);
}

static int attempt(const struct checkpoint_save *s, const struct checkpoint *k, struct step *step, char **path,
                   struct fmt_error *e)
{
    *e = (struct fmt_error){0};
    int status = s->sync(s->arg, e);
    return status ? status : checkpoint_save(s->config->train.output_dir, k, step, s->provenance, path, e);
}

/* Whether it is worth another attempt. */
static bool make_room(const struct checkpoint_save *s, const struct fmt_error *why)
{
    int64_t gone = checkpoint_make_room(s->config->train.output_dir, 0, s->saved, why);
    if (gone >= 0)
        resume_report(s->begin, RESUME_WARNING, "%s; removed, to make room: the checkpoint of iteration %" PRId64,
                   why->text, gone);
    return gone >= 0;
}

char *checkpoint_save_write(struct checkpoint_save *s, const struct checkpoint *k, struct step *step)
{
    struct fmt_error e;
    char *path = NULL, last[40] = "nothing";
    int status = attempt(s, k, step, &path, &e);
    while (status && make_room(s, &e))
        status = attempt(s, k, step, &path, &e);
    if (status) {
        if (s->saved >= 0)
            snprintf(last, sizeof last, "iteration %" PRId64, s->saved);
        resume_report(s->begin, RESUME_WARNING, "%s; the state of iteration %" PRId64 " is not saved; last saved: %s",
                   e.text, k->iteration, last);
        s->failed = true;
        s->why = e;
        return NULL;
    }
    if (s->failed)
        resume_report(s->begin, RESUME_NOTE, "iteration %" PRId64 " is saved again", k->iteration);
    s->failed = false;
    s->saved = k->iteration;
    if (checkpoint_prune(s->config->train.output_dir, 0, k->iteration, s->config->train.max_to_keep, &e))
        resume_report(s->begin, RESUME_WARNING, "%s; this older checkpoint stays", e.text);
    return path;
}
