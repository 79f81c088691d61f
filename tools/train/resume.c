/* resume.c - candidates are tried from the newest back; what makes one another run's is an error, what makes one
 * damaged is a warning while there is another. */
#include "resume.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "weights.h"
#include "step.h"

enum { RANK = 0 };

void resume_report(const struct resume *b, enum resume_level level, const char *format, ...)
{
    char text[900];
    va_list ap;
    va_start(ap, format);
    vsnprintf(text, sizeof text, format, ap);
    va_end(ap);
    b->tell(b->arg, level, text);
}

/* The path of candidate i, newest first; NULL when there are no more. For free(). */
static char *candidate(const struct resume *b, const struct config *c, int64_t i)
{
    char name[CHECKPOINT_NAME_ROOM];
    if (b->plan.path)
        return i == 0 ? strdup(b->plan.path) : NULL;
    if (i >= b->found.n)
        return NULL;
    return file_join(c->train.output_dir, checkpoint_name(b->found.iteration[b->found.n - 1 - i], RANK, name));
}

/* ---------------------------------------------------------------- looking */
/* The grid of positions belongs to the weights, not to this run's crops. */
static int grid_of_checkpoint(const struct resume *b, struct config *config, struct fmt_error *e)
{
    for (int64_t i = 0;; i++) {
        struct checkpoint_file f;
        struct fmt_error why = {0};
        char *path = candidate(b, config, i);
        if (!path)
            return 0; /* resume_load will say that there is none */
        int status = checkpoint_open(&f, path, &why);
        free(path);
        if (status == FMT_MEMORY)
            return fmt_fail(e, FMT_MEMORY, "%s", why.text);
        if (status)
            continue;
        config->student.pos_grid = f.settings.student.pos_grid;
        int64_t M = config_dims(&f.settings).grid;
        if (b->plan.may_differ && config_dims(config).grid != M) /* null there, and its crops had another */
            config->student.pos_grid = M;
        checkpoint_close(&f);
        return 0;
    }
}

static int grid_of_weights(const struct resume *b, struct config *config, struct fmt_error *e)
{
    struct weights w;
    struct weights_hint hint = {.config = config};
    int status = weights_open(&w, b->plan.path, &hint, e);
    if (status)
        return status;
    if (w.vit.grid != config_dims(config).grid)
        config->student.pos_grid = w.vit.grid;
    weights_close(&w);
    return 0;
}

/* Whether `path` is NAME in the output directory, or within it; by what files they are, whatever their names. */
static bool is_of_run(const struct config *c, const char *name, const char *path)
{
    char *place = file_join(c->train.output_dir, name);
    char *a = realpath(path, NULL), *b = place ? realpath(place, NULL) : NULL;
    size_t n = b ? strlen(b) : 0;
    bool is = a && b && strncmp(a, b, n) == 0 && (a[n] == 0 || a[n] == '/');
    free(place);
    free(a);
    free(b);
    return is;
}

/* What resume_clear removes must not be what the run begins with. */
static int check_clear(const struct resume *b, const struct config *c, struct fmt_error *e)
{
    char name[CHECKPOINT_NAME_ROOM];
    if (!b->plan.clear || !b->plan.path)
        return 0;
    bool is = is_of_run(c, "eval", b->plan.path);
    for (int64_t i = 0; i < b->found.n && !is; i++)
        is = is_of_run(c, checkpoint_name(b->found.iteration[i], RANK, name), b->plan.path);
    if (is)
        return fmt_fail(e, FMT_MISMATCH,
                        "%.250s: is of the run that would be removed; another train.output_dir keeps it", b->plan.path);
    return 0;
}

int resume_look(struct resume *b, struct config *config, bool force,
               void (*tell_line)(void *arg, enum resume_level level, const char *text), void *arg, struct fmt_error *e)
{
    *b = (struct resume){.tell = tell_line, .arg = arg};
    b->state.iteration = -1;
    int status = checkpoint_list(config->train.output_dir, RANK, &b->found, e);
    if (status)
        return status;
    struct resume_policy_options options = {config, b->found.n, force};
    status = resume_policy_decide(&options, &b->plan, e);
    if (!status)
        status = check_clear(b, config, e);
    for (int i = 0; i < b->plan.n_unused && !status; i++)
        if (b->plan.from == RESUME_POLICY_CHECKPOINT) /* as it is each time that the same command goes on */
            resume_report(b, RESUME_NOTE, "%s: set, and not used: the run goes on from a checkpoint",
                          b->plan.unused[i]);
        else
            resume_report(b, RESUME_WARNING, "%s: set, and not used: the run starts from MODEL.WEIGHTS",
                          b->plan.unused[i]);
    int64_t asked = config->student.pos_grid;
    if (!status && !asked && b->plan.from == RESUME_POLICY_CHECKPOINT)
        status = grid_of_checkpoint(b, config, e);
    else if (!status && !asked && b->plan.from != RESUME_POLICY_RANDOM)
        status = grid_of_weights(b, config, e);
    if (config->student.pos_grid != asked)
        config->origin[CONFIG_student_pos_grid].kind = CONFIG_COMPUTED;
    return status;
}

/* ---------------------------------------------------------------- weights */
/* w: a foreign file, or NULL; M: the side of the grid of positions that was loaded. */
static void tell_weights(const struct resume *b, const struct config *c, const struct weights *w, int64_t n_loaded,
                         int64_t n_new, int64_t M)
{
    int64_t global = c->crops.global_crops_size / c->student.patch_size;
    int64_t local = c->crops.local_crops_size / c->student.patch_size;
    bool same = M == global && M == local;
    char left_out[WEIGHTS_UNUSED_TEXT_MAX];
    resume_report(b, RESUME_NOTE, "Loaded pretrained weights from %.300s%s%s", w ? w->path : b->plan.path,
               w && *w->choice ? ": " : "", w ? w->choice : "");
    resume_report(b, RESUME_NOTE, "%s loaded, %" PRId64 " new%s; positions %" PRId64 " x %" PRId64 " %s",
               FMT_COUNT(n_loaded, "tensor", "tensors"), n_new, w ? weights_unused_text(w, left_out) : "", M, M,
               same ? "as the crops have them" : "will be interpolated to the crops' grids");
}

static int load_foreign(struct resume *b, const struct config *c, enum resume_policy_from from, const char *path,
                        bool quiet, struct step *step, struct fmt_error *e)
{
    struct weights w;
    struct weights_hint hint = {.config = c};
    /* student.pretrained_weights is a backbone; MODEL.WEIGHTS brings what heads it has. */
    unsigned modules = from == RESUME_POLICY_WEIGHTS ? WEIGHTS_ALL : WEIGHTS_BACKBONE;
    int status = weights_open(&w, path, &hint, e);
    if (status)
        return status;
    status = weights_load(&w, step_params(step), modules, step_student(step), e);
    if (status) {
        for (int64_t i = 0; i < w.n_problems; i++)
            resume_report(b, RESUME_ERROR, "%.200s: %s", w.path, w.problem[i]);
    } else {
        step_copy_to_teacher(step);
        if (!quiet)
            tell_weights(b, c, &w, w.n_loaded, step_params(step)->n_rows - w.n_loaded, w.vit.grid);
        if (!quiet && *w.warning)
            resume_report(b, RESUME_WARNING, "%s", w.warning);
        status =
            weights_hash(step_params(step), WEIGHTS_ALL, step_student(step), b->state.inputs.digest[INPUT_WEIGHTS], e);
    }
    weights_close(&w);
    return status;
}

struct told {
    const struct resume *b;
    const char *path;
};

static void tell_problem(void *arg, const char *line)
{
    const struct told *t = arg;
    resume_report(t->b, RESUME_ERROR, "%.300s: %s", t->path, line);
}

/* A checkpoint of ours gives both networks and the centres; anything else one network, which becomes both. */
static int load_weights(struct resume *b, const struct config *c, enum resume_policy_from from, const char *path,
                        bool quiet, struct step *step, struct fmt_error *e)
{
    struct checkpoint_file f;
    struct fmt_error why = {0};
    bool may_be_ours = from == RESUME_POLICY_WEIGHTS && !file_is_dir(path);
    int status = may_be_ours ? checkpoint_open(&f, path, &why) : FMT_MAGIC;
    b->state.inputs.set[INPUT_WEIGHTS] = true;
    if (status == FMT_MAGIC)
        return load_foreign(b, c, from, path, quiet, step, e);
    if (status)
        return fmt_fail(e, (enum fmt_status)status, "%s", why.text);
    struct checkpoint_told told = {tell_problem, &(struct told){b, path}};
    status = checkpoint_load_networks(&f, step, &told, e);
    memcpy(b->state.inputs.digest[INPUT_WEIGHTS], f.ckpt.block.header.identity, DIGEST_BYTES);
    if (!status && !quiet) {
        tell_weights(b, c, NULL, step_params(step)->n_rows, 0, config_dims(c).grid);
        resume_report(b, RESUME_NOTE,
                      "both networks and the centres of iteration %" PRId64 "; the optimizer begins anew",
                      f.found.iteration);
    }
    checkpoint_close(&f);
    return status;
}

/* ---------------------------------------------------------------- checkpoints */
struct differences {
    const struct resume *b;
    enum resume_level level;
};

static void tell_difference(void *arg, const char *line)
{
    const struct differences *d = arg;
    resume_report(d->b, d->level, "differs from the checkpoint: %s", line);
}

static int check_settings(const struct resume *b, const struct checkpoint_file *f, const struct config *c,
                          struct fmt_error *e)
{
    struct differences d = {b, b->plan.may_differ ? RESUME_WARNING : RESUME_ERROR};
    int n = checkpoint_differences(f, c, tell_difference, &d);
    if (!n || b->plan.may_differ)
        return 0;
    return fmt_fail(e, FMT_MISMATCH,
                    "%.200s: belongs to another run: %s (train.resume=true goes on all the same)", f->file.path,
                    FMT_COUNT(n, "setting differs", "settings differ"));
}

/* Of a checkpoint that cannot be used: is it damaged, or whole and not for this run? */
static bool is_damage(int status)
{
    return status != FMT_MISMATCH && status != FMT_MEMORY && status != FMT_VERSION && status != FMT_UNSUPPORTED;
}

static int load_one(struct resume *b, const struct config *c, const char *path, struct step *step, struct fmt_error *e)
{
    struct checkpoint_file f;
    struct checkpoint_told told = {tell_problem, &(struct told){b, path}};
    int status = checkpoint_open(&f, path, e);
    if (status)
        return status;
    status = check_settings(b, &f, c, e);
    if (!status)
        status = checkpoint_load(&f, step, &told, e);
    if (!status) {
        struct run_inputs weights = b->state.inputs;
        b->state = f.found;
        b->before = f.found.inputs;
        b->replaced = f.replaced;
        b->state.replaced = &b->replaced;
        f.replaced = (struct replaced_images){0};
        b->resumed = true;
        b->eval_period = f.settings.evaluation.eval_period_iterations;
        if (!b->plan.may_differ) {
            b->state.inputs.set[INPUT_WEIGHTS] = weights.set[INPUT_WEIGHTS];
            memcpy(b->state.inputs.digest[INPUT_WEIGHTS], weights.digest[INPUT_WEIGHTS], DIGEST_BYTES);
        }
        snprintf(b->resumed_from, sizeof b->resumed_from, "%.300s", path);
    }
    checkpoint_close(&f);
    return status;
}

static int load_exactly(struct resume *b, const struct config *c, struct step *step, struct fmt_error *e)
{
    struct fmt_error why = {0};
    char *path = candidate(b, c, 0);
    if (!path)
        return fmt_no_memory(e);
    int status = load_one(b, c, path, step, &why);
    if (status && is_damage(status))
        fmt_fail(e, (enum fmt_status)status, "Rank %d: No checkpoint found at %.300s", RANK, why.text);
    else if (status)
        fmt_fail(e, (enum fmt_status)status, "%s", why.text);
    free(path);
    return status;
}

static int load_newest(struct resume *b, const struct config *c, struct step *step, struct fmt_error *e)
{
    for (int64_t i = 0; i < b->found.n; i++) {
        struct fmt_error why = {0};
        char *path = candidate(b, c, i);
        if (!path)
            return fmt_no_memory(e);
        int status = load_one(b, c, path, step, &why);
        free(path);
        if (!status)
            return 0;
        if (!is_damage(status))
            return fmt_fail(e, (enum fmt_status)status, "%s", why.text);
        resume_report(b, RESUME_WARNING, "%s; this checkpoint cannot be used and is passed over", why.text);
    }
    if (b->found.n == 1)
        return fmt_fail(e, FMT_CHECKSUM, "%.200s: its only checkpoint cannot be used", c->train.output_dir);
    return fmt_fail(e, FMT_CHECKSUM, "%.200s: none of its %" PRId64 " checkpoints can be used", c->train.output_dir,
                    b->found.n);
}

int resume_load(struct resume *b, const struct config *c, struct step *step, struct fmt_error *e)
{
    int status = 0;
    b->state.config = c;
    step_init_weights(step);
    if (b->plan.from == RESUME_POLICY_RANDOM)
        resume_report(b, RESUME_NOTE, "Random weights, drawn from train.seed %" PRId64, c->train.seed);
    if (b->plan.from != RESUME_POLICY_CHECKPOINT)
        return b->plan.from == RESUME_POLICY_RANDOM ? 0
                                                    : load_weights(b, c, b->plan.from, b->plan.path, false, step, e);
    /* The same weights must still be named, else this is another run: they are read for their hash alone. */
    if (!b->plan.may_differ && *c->MODEL.WEIGHTS)
        status = load_weights(b, c, RESUME_POLICY_WEIGHTS, c->MODEL.WEIGHTS, true, step, e);
    else if (!b->plan.may_differ && *c->student.pretrained_weights)
        status = load_weights(b, c, RESUME_POLICY_PRETRAINED, c->student.pretrained_weights, true, step, e);
    if (!status)
        status = b->plan.path ? load_exactly(b, c, step, e) : load_newest(b, c, step, e);
    b->state.config = c; /* and not the checkpoint's own */
    return status;
}

int resume_inputs(struct resume *b, const struct run_inputs *inputs, struct fmt_error *e)
{
    int n = 0;
    for (int i = 0; i < INPUTS; i++) {
        if (i != INPUT_WEIGHTS) {
            b->state.inputs.set[i] = inputs->set[i];
            memcpy(b->state.inputs.digest[i], inputs->digest[i], DIGEST_BYTES);
        }
        bool was = b->before.set[i], is = b->state.inputs.set[i];
        if (!b->resumed ||
            (was == is && (!was || memcmp(b->before.digest[i], b->state.inputs.digest[i], DIGEST_BYTES) == 0)))
            continue;
        n++;
        resume_report(b, b->plan.may_differ ? RESUME_WARNING : RESUME_ERROR, "differs from the checkpoint: %s: %s",
                   run_input_key[i],
                   was && is ? "other contents there than here"
                   : was     ? "set there, not here"
                             : "set here, not there");
    }
    if (n && !b->plan.may_differ)
        return fmt_fail(e, FMT_MISMATCH,
                        "%.200s: belongs to another run: %s (train.resume=true goes on all the same)",
                        b->resumed_from, FMT_COUNT(n, "input differs", "inputs differ"));
    if (b->resumed)
        resume_report(b, RESUME_NOTE,
                   "Rank %d: Resumed training from checkpoint %s at epoch %" PRId64 ", iteration %" PRId64, RANK,
                   b->resumed_from, b->state.iteration / b->state.config->train.OFFICIAL_EPOCH_LENGTH,
                   b->state.iteration);
    return 0;
}

/* ---------------------------------------------------------------- clearing */
int resume_clear(const struct resume *b, const struct config *c, struct fmt_error *e)
{
    static const char *const names[] = {"training_metrics.json", "training_times.json", "evaluation.json"};
    int status = 0;
    if (!b->plan.clear)
        return 0;
    for (int64_t i = 0; i < b->found.n + 3 && !status; i++) {
        char name[CHECKPOINT_NAME_ROOM];
        char *path = file_join(c->train.output_dir,
                               i < 3 ? names[i] : checkpoint_name(b->found.iteration[i - 3], RANK, name));
        status = path ? file_remove_tree(path, e) : fmt_no_memory(e);
        free(path);
    }
    char *eval = status ? NULL : file_join(c->train.output_dir, "eval");
    if (eval)
        status = file_remove_tree(eval, e);
    free(eval);
    return status;
}

void resume_release(struct resume *b)
{
    checkpoint_list_release(&b->found);
    replaced_images_release(&b->replaced);
}
