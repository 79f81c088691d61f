/* resume.c - checkpoints are tried from the newest back. One of another run ends the search with an error; a damaged
 * one is skipped with a warning while there is another. */
#include "resume.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "checkpoint.h"
#include "initial-weights.h"
#include "step.h"
#include "teacher-folder.h"
#include "text.h"
#include "weights.h"

/* The path of checkpoint i to be tried, newest first; NULL when there are no more. For free(). */
static char *candidate(const struct resume *r, int64_t i)
{
    if (r->plan.path)
        return i == 0 ? strdup(r->plan.path) : NULL;
    if (i >= r->checkpoints.n)
        return NULL;
    return checkpoint_path(r->config->train.output_dir, r->checkpoints.iteration[r->checkpoints.n - 1 - i]);
}

/* ---------------------------------------------------------------- deciding */
/* The newest iteration up to `limit` of which all ranks see a checkpoint: each names its newest, and those that see a
 * newer one than another go back. -1: there is none. */
static int newest_common(const struct resume *r, int64_t limit, int64_t *iteration, struct fmt_error *e)
{
    for (;;) {
        int64_t i = r->seen.n - 1;
        while (i >= 0 && r->seen.iteration[i] > limit)
            i--;
        int64_t mine = i < 0 ? -1 : r->seen.iteration[i];
        double ends[2] = {(double)mine, -(double)mine}; /* the newest and the oldest of all */
        int status = world_all_reduce_host(r->world, ends, 2, WORLD_MAX, e);
        if (status)
            return status;
        *iteration = limit = (int64_t)-ends[1];
        if (ends[0] == -ends[1])
            return 0;
    }
}

static int list_checkpoints(struct resume *r, struct fmt_error *e)
{
    int status = checkpoint_list(r->config->train.output_dir, &r->seen, e);
    struct checkpoint_list *common = &r->checkpoints;
    if (!status && !(common->iteration = calloc((size_t)r->seen.n + 1, sizeof *common->iteration)))
        status = fmt_no_memory(e);
    status = world_agree(r->world, status, e);
    int64_t iteration = INT64_MAX;
    while (!status && !(status = newest_common(r, iteration - 1, &iteration, e)) && iteration >= 0)
        common->iteration[common->n++] = iteration;
    for (int64_t i = 0; i < common->n / 2; i++) { /* ascending */
        int64_t *a = &common->iteration[i], *b = &common->iteration[common->n - 1 - i], other = *a;
        *a = *b;
        *b = other;
    }
    return status;
}

/* The grid of positions belongs to the weights, not to this run's crops. */
static int grid_of_checkpoint(const struct resume *r, struct config *config, struct fmt_error *e)
{
    for (int64_t i = 0;; i++) {
        struct checkpoint_file f;
        struct fmt_error why = {0};
        char *path = candidate(r, i);
        if (!path)
            return 0; /* resume_load will say that there is none */
        int status = checkpoint_open(&f, path, &why);
        free(path);
        if (status == FMT_MEMORY)
            return fmt_fail(e, FMT_MEMORY, "%s", why.text);
        if (status)
            continue;
        config->student.pos_grid = f.settings.student.pos_grid;
        int64_t grid = config_dims(&f.settings).grid;
        if (r->plan.may_differ && config_dims(config).grid != grid) /* null there, and its crops had another */
            config->student.pos_grid = grid;
        checkpoint_close(&f);
        return 0;
    }
}

static int grid_of_weights(const struct resume *r, struct config *config, struct fmt_error *e)
{
    struct weights w;
    int status = initial_weights_open(&w, r->plan.path, config, e);
    if (status)
        return status;
    if (w.vit.grid != config_dims(config).grid)
        config->student.pos_grid = w.vit.grid;
    weights_close(&w);
    return 0;
}

/* A set that nobody completed must not vanish in silence. */
static void log_rests(const struct resume *r)
{
    char name[CHECKPOINT_NAME_MAX];
    struct checkpoint_list rests;
    if (r->plan.remove_old || checkpoint_list_rests(r->config->train.output_dir, &rests, NULL))
        return;
    for (int64_t i = 0; i < rests.n; i++)
        run_log(r->log, RUN_WARNING, "%.200s: the checkpoint of iteration %" PRId64
                " is not complete, for want of %s; it is not used", r->config->train.output_dir, rests.iteration[i],
                checkpoint_name(rests.iteration[i], CHECKPOINT_SET, name));
    checkpoint_list_release(&rests);
}

static int find_grid(const struct resume *r, struct config *config, struct fmt_error *e)
{
    int64_t asked = config->student.pos_grid;
    if (asked || r->plan.from == RESUME_FROM_RANDOM)
        return 0;
    int status = r->plan.from == RESUME_FROM_CHECKPOINT ? grid_of_checkpoint(r, config, e)
                                                        : grid_of_weights(r, config, e);
    if (config->student.pos_grid != asked)
        config->origin[CONFIG_student_pos_grid].kind = CONFIG_COMPUTED;
    return status;
}

/* Whether `path` is NAME in the output directory, or within it; by what files they are, whatever their names. */
static bool is_within(const struct config *c, const char *name, const char *path)
{
    char *output = file_join(c->train.output_dir, name);
    char *a = realpath(path, NULL), *b = output ? realpath(output, NULL) : NULL;
    size_t n = b ? strlen(b) : 0;
    bool is = a && b && strncmp(a, b, n) == 0 && (a[n] == 0 || a[n] == '/');
    free(output);
    free(a);
    free(b);
    return is;
}

/* Whether `path`, or what it links to, has the name of a checkpoint and is in the output directory. */
static bool is_checkpoint_within(const struct config *c, const char *path)
{
    int64_t iteration;
    int rank;
    char *file = realpath(path, NULL);
    const char *name = file ? file : path, *slash = strrchr(name, '/');
    char *folder = file_directory(name), *a = folder ? realpath(folder, NULL) : NULL,
         *b = realpath(c->train.output_dir, NULL);
    bool is = a && b && strcmp(a, b) == 0 && checkpoint_parse_name(slash ? slash + 1 : name, &iteration, &rank);
    free(file), free(folder), free(a), free(b);
    return is;
}

/* The old run that will be removed must not hold what the new one starts from. */
static int check_removal(const struct resume *r, struct fmt_error *e)
{
    if (!r->plan.remove_old || !r->plan.path)
        return 0;
    bool is = is_within(r->config, TEACHER_FOLDERS, r->plan.path);
    if (!is && !is_checkpoint_within(r->config, r->plan.path))
        return 0;
    return fmt_fail(e, FMT_MISMATCH,
                    "%.250s: belongs to the run that would be removed; use another train.output_dir to keep it",
                    r->plan.path);
}

/* The same command again resumes with weights still named: that deserves no warning. */
static void log_unused(const struct resume *r)
{
    bool checkpoint = r->plan.from == RESUME_FROM_CHECKPOINT;
    for (int i = 0; i < r->plan.n_unused; i++)
        run_log(r->log, checkpoint ? RUN_NOTE : RUN_WARNING, "%s: ignored: %s", r->plan.unused[i],
                checkpoint ? "resuming from a checkpoint" : "starting from MODEL.WEIGHTS");
}

int resume_decide(struct resume *r, struct config *config, const struct world *world, bool force, struct run_log *log,
                  struct fmt_error *e)
{
    *r = (struct resume){.world = world, .config = config, .log = log};
    int status = list_checkpoints(r, e);
    if (status)
        return status;
    struct resume_options options = {config, r->checkpoints.n, force};
    status = resume_policy_decide(&options, &r->plan, e);
    if (!status)
        status = check_removal(r, e);
    if (status)
        return status;
    log_rests(r);
    log_unused(r);
    return find_grid(r, config, e);
}

/* ---------------------------------------------------------------- loading */
static int load_initial_weights(const struct resume *r, enum resume_from from, const char *path, bool announce,
                                struct step *step, struct run_inputs *inputs, struct fmt_error *e)
{
    inputs->set[INPUT_WEIGHTS] = true;
    return initial_weights_load(step, r->config, from, path, announce, r->log, inputs->digest[INPUT_WEIGHTS], e);
}

/* The same weights must still be named, else this is another run: they are read only for their identity. */
static int identify_weights(const struct resume *r, struct step *step, struct run_inputs *inputs, struct fmt_error *e)
{
    const struct config *c = r->config;
    if (r->plan.may_differ)
        return 0;
    if (*c->MODEL.WEIGHTS)
        return load_initial_weights(r, RESUME_FROM_WEIGHTS, c->MODEL.WEIGHTS, false, step, inputs, e);
    if (*c->student.pretrained_weights)
        return load_initial_weights(r, RESUME_FROM_PRETRAINED, c->student.pretrained_weights, false, step, inputs, e);
    return 0;
}

static int check_settings(const struct resume *r, const struct checkpoint_file *f, struct fmt_error *e)
{
    int n = checkpoint_compare_settings(f, r->config, r->log, r->plan.may_differ ? RUN_WARNING : RUN_ERROR);
    if (!n || r->plan.may_differ)
        return 0;
    return fmt_fail(e, FMT_MISMATCH,
                    "%.200s: belongs to another run: %s (train.resume=true resumes anyway)", f->path,
                    FMT_COUNT(n, "setting differs", "settings differ"));
}

/* Takes over the state that the file holds. */
static void take_state(struct resume *r, struct checkpoint_file *f, struct run_state *state)
{
    struct run_inputs named = state->inputs;
    *state = f->state;
    state->config = r->config;
    state->replaced = &r->replaced;
    if (!r->plan.may_differ) {
        state->inputs.set[INPUT_WEIGHTS] = named.set[INPUT_WEIGHTS];
        memcpy(state->inputs.digest[INPUT_WEIGHTS], named.digest[INPUT_WEIGHTS], DIGEST_BYTES);
    }
    r->resumed = true;
    r->iteration = f->state.iteration;
    r->inputs = f->state.inputs;
    r->eval_period = f->settings.evaluation.eval_period_iterations;
    r->replaced = f->replaced;
    f->replaced = (struct replaced_images){0};
    snprintf(r->checkpoint, sizeof r->checkpoint, "%.300s", f->path);
}

static int load_one(struct resume *r, const char *path, struct step *step, struct run_state *state,
                    struct fmt_error *e)
{
    struct checkpoint_file f;
    int status = checkpoint_open(&f, path, e);
    if (status)
        return status;
    status = checkpoint_check_ranks(&f, r->config, e);
    if (!status)
        status = check_settings(r, &f, e);
    if (!status)
        status = checkpoint_load(&f, step, r->log, e);
    if (!status)
        take_state(r, &f, state);
    checkpoint_close(&f);
    return status;
}

/* Of a checkpoint that cannot be used: is it damaged, or whole and not for this run? */
static bool is_damage(int status)
{
    return status != FMT_MISMATCH && status != FMT_MEMORY && status != FMT_VERSION && status != FMT_UNSUPPORTED;
}

/* Where a path has {rank} and no file is there, it is missing on all ranks, which name it by one text. */
static void name_missing(const struct resume *r, struct fmt_error *why)
{
    const char *path = r->plan.path;
    char *set = checkpoint_sibling(path, CHECKPOINT_SET);
    if (set && r->world->size > 1 && !file_exists(path) && text_after(why->text, path))
        snprintf(why->text, sizeof why->text, "%.*s.rank_*.ckpt: No such file or directory, for ranks 0 to %d",
                 (int)(strlen(set) - strlen(".set")), set, r->world->size - 1);
    free(set);
}

/* All ranks read the same files, and what is wrong with them is said once. */
static int load_exactly(struct resume *r, struct step *step, struct run_state *state, struct fmt_error *e)
{
    struct fmt_error why = {0};
    char rank[32] = "";
    int status = load_one(r, r->plan.path, step, state, &why);
    if (status)
        name_missing(r, &why);
    if (r->world->size == 1)
        snprintf(rank, sizeof rank, "Rank %d: ", r->world->rank);
    if (status && is_damage(status))
        return fmt_fail(e, (enum fmt_status)status, "%sNo checkpoint found at %.300s", rank, why.text);
    return status ? fmt_fail(e, (enum fmt_status)status, "%s", why.text) : 0;
}

static int load_newest(struct resume *r, struct step *step, struct run_state *state, struct fmt_error *e)
{
    const char *directory = r->config->train.output_dir;
    for (int64_t i = 0; i < r->checkpoints.n; i++) {
        struct fmt_error why = {0};
        char *path = candidate(r, i);
        int status = path ? load_one(r, path, step, state, &why) : fmt_no_memory(&why);
        status = world_agree(r->world, status, &why);
        free(path);
        if (!status)
            return 0;
        if (!is_damage(status))
            return fmt_fail(e, (enum fmt_status)status, "%s", why.text);
        run_log(r->log, RUN_WARNING, "%s; this checkpoint cannot be used and is skipped", why.text);
    }
    if (r->checkpoints.n == 1)
        return fmt_fail(e, FMT_CHECKSUM, "%.200s: its only checkpoint cannot be used", directory);
    return fmt_fail(e, FMT_CHECKSUM, "%.200s: none of its %" PRId64 " checkpoints can be used", directory,
                    r->checkpoints.n);
}

int resume_load(struct resume *r, struct step *step, struct run_state *state, struct fmt_error *e)
{
    *state = (struct run_state){.iteration = -1, .config = r->config};
    step_init_weights(step);
    if (r->plan.from == RESUME_FROM_RANDOM) {
        run_log(r->log, RUN_NOTE, "Random weights, drawn from train.seed %" PRId64, r->config->train.seed);
        return 0;
    }
    if (r->plan.from != RESUME_FROM_CHECKPOINT)
        return load_initial_weights(r, r->plan.from, r->plan.path, true, step, &state->inputs, e);
    int status = world_agree(r->world, identify_weights(r, step, &state->inputs, e), e);
    if (status)
        return status;
    return r->plan.path ? load_exactly(r, step, state, e) : load_newest(r, step, state, e);
}

/* ---------------------------------------------------------------- inputs */
static const char *difference(bool there, bool here)
{
    return there && here ? "other contents there than here" : there ? "set there, not here" : "set here, not there";
}

int resume_check_inputs(const struct resume *r, const struct run_inputs *inputs, struct run_state *state,
                        struct fmt_error *e)
{
    int n = 0;
    for (enum run_input i = 0; i < INPUTS; i++) {
        if (i != INPUT_WEIGHTS) {
            state->inputs.set[i] = inputs->set[i];
            memcpy(state->inputs.digest[i], inputs->digest[i], DIGEST_BYTES);
        }
        if (!r->resumed || run_inputs_same(&r->inputs, &state->inputs, i))
            continue;
        n++;
        run_log(r->log, r->plan.may_differ ? RUN_WARNING : RUN_ERROR, "differs from the checkpoint: %s: %s",
                run_input_key[i], difference(r->inputs.set[i], state->inputs.set[i]));
    }
    if (n && !r->plan.may_differ)
        return fmt_fail(e, FMT_MISMATCH,
                        "%.200s: belongs to another run: %s (train.resume=true resumes anyway)", r->checkpoint,
                        FMT_COUNT(n, "input differs", "inputs differ"));
    if (r->resumed)
        run_log(r->log, RUN_NOTE,
                "Rank %d: Resumed training from checkpoint %s at epoch %" PRId64 ", iteration %" PRId64,
                r->world->rank, r->checkpoint, r->iteration / r->config->train.OFFICIAL_EPOCH_LENGTH, r->iteration);
    return 0;
}

void resume_release(struct resume *r)
{
    checkpoint_list_release(&r->seen);
    checkpoint_list_release(&r->checkpoints);
    replaced_images_release(&r->replaced);
}
