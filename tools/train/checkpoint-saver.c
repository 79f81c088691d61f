/* checkpoint-saver.c - try, remove the oldest, try again, continue. All ranks take the same way through this file: each
 * decision is agreed upon. */
#include "checkpoint-saver.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "checkpoint-files.h"
#include "file.h"

bool checkpoint_saver_due(const struct config *c, int64_t iteration)
{
    int64_t period = c->train.saveckp_freq ? c->train.saveckp_freq : 3 * c->train.OFFICIAL_EPOCH_LENGTH;
    return (iteration + 1) % period == 0 || iteration + 1 == config_iterations(c);
}

/* One checkpoint that is being written. */
struct saving {
    const struct checkpoint_saver *s;
    const struct run_state *state;
    struct step *step;
    bool written;          /* this rank's file: another attempt need not write it again */
    struct ckpt_seal seal; /* of it */
};

static const char *directory_of(const struct saving *x)
{
    return x->s->config->train.output_dir;
}

static bool is_first(const struct saving *x)
{
    return x->s->world->rank == 0;
}

/* The path of a file of this checkpoint, for free(); NULL: no memory. */
static char *path_of(const struct saving *x, int rank)
{
    char name[CHECKPOINT_NAME_MAX];
    return file_join(directory_of(x), checkpoint_name(x->state->iteration, rank, name));
}

static void remove_file(const struct saving *x, int rank)
{
    char *path = path_of(x, rank);
    if (path)
        unlink(path);
    free(path);
}

/* This rank's file. An older set of the same iteration ends here: it would name other files. */
static int write_file(struct saving *x, struct fmt_error *e)
{
    if (x->written)
        return 0;
    int status = x->s->sync(x->s->arg, e);
    if (!status && is_first(x))
        remove_file(x, CHECKPOINT_SET);
    if (!status)
        status = checkpoint_write(directory_of(x), x->state, x->step, x->s->provenance, &x->seal, e);
    x->written = !status;
    return status;
}

/* The set's file, once all have written theirs. */
static int write_set(struct saving *x, struct fmt_error *e)
{
    const struct world *world = x->s->world;
    size_t n = (size_t)world->size;
    struct ckpt_seal *seal = calloc(n, sizeof *seal);
    int status = world_agree(world, seal ? 0 : fmt_no_memory(e), e);
    if (!status)
        status = world_all_gather_host(world, seal, &x->seal, sizeof x->seal, e);
    if (!status && is_first(x))
        status = checkpoint_write_set(directory_of(x), x->state, seal, world->size, x->s->provenance, e);
    free(seal);
    return world_agree(world, status, e);
}

static int attempt(struct saving *x, struct fmt_error *e)
{
    *e = (struct fmt_error){0};
    int status = world_agree(x->s->world, write_file(x, e), e);
    return status || x->s->world->size == 1 ? status : write_set(x, e);
}

/* Whether another attempt may succeed. */
static bool evict_oldest(const struct saving *x, const struct fmt_error *why)
{
    struct fmt_error broken = {0};
    double evicted = -1;
    if (is_first(x))
        evicted = (double)checkpoint_evict_oldest(directory_of(x), x->s->last, why);
    if (world_all_reduce_host(x->s->world, &evicted, 1, WORLD_MAX, &broken) || evicted < 0)
        return false;
    run_log(x->s->log, RUN_WARNING, "%s; removed to free space: the checkpoint of iteration %" PRId64, why->text,
            (int64_t)evicted);
    return true;
}

bool checkpoint_saver_save(struct checkpoint_saver *s, const struct run_state *state, struct step *step)
{
    struct fmt_error e;
    struct saving x = {.s = s, .state = state, .step = step};
    char last[CHECKPOINT_SAVER_LAST_MAX];
    int status = attempt(&x, &e);
    while (status && evict_oldest(&x, &e))
        status = attempt(&x, &e);
    if (status) {
        run_log(s->log, RUN_WARNING, "%s; the state of iteration %" PRId64 " is not saved; last saved: %s", e.text,
                state->iteration, checkpoint_saver_last(s, last));
        s->failed = true;
        s->why = e;
        if (x.written)
            remove_file(&x, s->world->rank); /* of no use without those of the other ranks */
        return false;
    }
    if (s->failed)
        run_log(s->log, RUN_NOTE, "iteration %" PRId64 " is saved again", state->iteration);
    s->failed = false;
    s->last = state->iteration;
    if (is_first(&x) &&
        checkpoint_prune(directory_of(&x), s->last, s->world->size, s->config->train.max_to_keep, &e))
        run_log(s->log, RUN_WARNING, "%s; this older checkpoint stays", e.text);
    return true;
}

const char *checkpoint_saver_last(const struct checkpoint_saver *s, char out[CHECKPOINT_SAVER_LAST_MAX])
{
    if (s->last < 0)
        return "nothing";
    snprintf(out, CHECKPOINT_SAVER_LAST_MAX, "iteration %" PRId64, s->last);
    return out;
}
