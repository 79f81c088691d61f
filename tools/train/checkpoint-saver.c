/* checkpoint-saver.c - try, remove the oldest, try again, continue. */
#include "checkpoint-saver.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "checkpoint-files.h"

bool checkpoint_saver_due(const struct config *c, int64_t iteration)
{
    int64_t period = c->train.saveckp_freq ? c->train.saveckp_freq : 3 * c->train.OFFICIAL_EPOCH_LENGTH;
    return (iteration + 1) % period == 0 || iteration + 1 == config_iterations(c);
}

static int attempt(const struct checkpoint_saver *s, const struct run_state *state, struct step *step, char **path,
                   struct fmt_error *e)
{
    *e = (struct fmt_error){0};
    int status = s->sync(s->arg, e);
    return status ? status : checkpoint_write(s->config->train.output_dir, state, step, s->provenance, path, e);
}

/* Whether another attempt may succeed. */
static bool evict_oldest(const struct checkpoint_saver *s, const struct fmt_error *why)
{
    int64_t evicted = checkpoint_evict_oldest(s->config->train.output_dir, s->world->rank, s->last, why);
    if (evicted >= 0)
        run_log(s->log, RUN_OWN_WARNING, "%s; removed to free space: the checkpoint of iteration %" PRId64, why->text,
                evicted);
    return evicted >= 0;
}

char *checkpoint_saver_save(struct checkpoint_saver *s, const struct run_state *state, struct step *step)
{
    struct fmt_error e;
    char *path = NULL, last[CHECKPOINT_SAVER_LAST_MAX];
    int status = attempt(s, state, step, &path, &e);
    while (status && evict_oldest(s, &e))
        status = attempt(s, state, step, &path, &e);
    status = world_agree(s->world, status, &e);
    if (status) {
        run_log(s->log, RUN_WARNING, "%s; the state of iteration %" PRId64 " is not saved; last saved: %s", e.text,
                state->iteration, checkpoint_saver_last(s, last));
        s->failed = true;
        s->why = e;
        if (path)
            unlink(path); /* of no use without those of the other ranks */
        free(path);
        return NULL;
    }
    if (s->failed)
        run_log(s->log, RUN_NOTE, "iteration %" PRId64 " is saved again", state->iteration);
    s->failed = false;
    s->last = state->iteration;
    if (checkpoint_prune(s->config->train.output_dir, s->world->rank, s->last, s->config->train.max_to_keep, &e))
        run_log(s->log, RUN_OWN_WARNING, "%s; this older checkpoint stays", e.text);
    return path;
}

const char *checkpoint_saver_last(const struct checkpoint_saver *s, char out[CHECKPOINT_SAVER_LAST_MAX])
{
    if (s->last < 0)
        return "nothing";
    snprintf(out, CHECKPOINT_SAVER_LAST_MAX, "iteration %" PRId64, s->last);
    return out;
}
