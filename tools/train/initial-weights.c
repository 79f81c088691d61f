/* initial-weights.c - one kind of file after the other is tried: a checkpoint, then foreign weights. */
#include "initial-weights.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "checkpoint.h"
#include "params.h"
#include "step.h"
#include "weights.h"

int initial_weights_open(struct weights *w, const char *path, const struct config *config, struct fmt_error *e)
{
    struct weights_hint hint = {.config = config};
    char *file = checkpoint_reader_stand_in(path);
    int status = file ? file_check_fifo(file, e) : fmt_no_memory(e);
    if (!status)
        status = weights_open(w, file, &hint, e);
    free(file);
    return status;
}

/* unused: what of the file has no use, as text; grid: the side of the grid of positions that was loaded. */
static void log_tensors(struct run_log *log, const struct config *c, int64_t n_loaded, int64_t n_new,
                        const char *unused, int64_t grid)
{
    bool same = grid == c->crops.global_crops_size / c->student.patch_size &&
                grid == c->crops.local_crops_size / c->student.patch_size;
    run_log(log, RUN_NOTE, "%s loaded, %" PRId64 " new%s; positions %" PRId64 " x %" PRId64 " %s",
            FMT_COUNT(n_loaded, "tensor", "tensors"), n_new, unused, grid, grid,
            same ? "as the crops have them" : "will be interpolated to the crops' grids");
}

static int load_foreign(struct step *step, const struct config *c, enum resume_from from, const char *path,
                        bool announce, struct run_log *log, uint8_t digest[DIGEST_BYTES], struct fmt_error *e)
{
    struct weights w;
    char unused[WEIGHTS_UNUSED_TEXT_MAX];
    bool opened = initial_weights_open(&w, path, c, e) == 0;
    int status = world_agree(step_world(step), opened ? 0 : (int)e->status, e);
    if (status) {
        if (opened)
            weights_close(&w);
        return status;
    }
    unsigned modules = from == RESUME_FROM_WEIGHTS ? WEIGHTS_ALL : WEIGHTS_BACKBONE;
    status = weights_load(&w, step_context(step), step_student(step), modules, e);
    for (int64_t i = 0; i < w.n_problems && status; i++)
        run_log(log, RUN_ERROR, "%.200s: %s", w.path, w.problem[i]);
    status = world_agree(step_world(step), status, e); /* all read what is sharded */
    if (!status) {
        step_copy_to_teacher(step);
        status = weights_hash(step_context(step), step_student(step), WEIGHTS_ALL, digest, e);
    }
    if (!status && announce) {
        run_log(log, RUN_NOTE, "Loaded pretrained weights from %.300s%s%s", w.path, *w.choice ? ": " : "", w.choice);
        log_tensors(log, c, w.n_loaded, step_student(step)->table->n_rows - w.n_loaded, weights_unused_text(&w, unused),
                    w.vit.grid);
        if (*w.warning)
            run_log(log, RUN_WARNING, "%s", w.warning);
    }
    weights_close(&w);
    return status;
}

static int load_checkpoint(struct step *step, const struct config *c, struct checkpoint_file *f, bool announce,
                           struct run_log *log, uint8_t digest[DIGEST_BYTES], struct fmt_error *e)
{
    int status = checkpoint_load_networks(f, step, log, e);
    memcpy(digest, checkpoint_reader_first(&f->reader)->block.header.identity, DIGEST_BYTES);
    if (status || !announce)
        return status;
    run_log(log, RUN_NOTE, "Loaded pretrained weights from %.300s", f->path);
    log_tensors(log, c, step_student(step)->table->n_rows, 0, "", config_dims(c).grid);
    run_log(log, RUN_NOTE, "both networks and the centres of iteration %" PRId64 "; the optimizer state is reset",
            f->state.iteration);
    return 0;
}

/* What follows is done by all ranks together, for one kind of file. status: of opening a checkpoint; FMT_MAGIC: another
 * kind. */
static int agree_on_kind(const struct world *world, int status, struct fmt_error *e)
{
    double foreign = status == FMT_MAGIC;
    int failed = world_agree(world, status == FMT_MAGIC ? 0 : status, e);
    if (!failed)
        failed = world_all_reduce_host(world, &foreign, 1, WORLD_MAX, e);
    if (!failed && foreign && !status)
        failed = fmt_fail(e, FMT_MISMATCH, "MODEL.WEIGHTS: a checkpoint here, another kind of file on other ranks");
    return world_agree(world, failed, e);
}

int initial_weights_load(struct step *step, const struct config *c, enum resume_from from, const char *path,
                         bool announce, struct run_log *log, uint8_t digest[DIGEST_BYTES], struct fmt_error *e)
{
    struct checkpoint_file f;
    struct fmt_error why = {0};
    bool may_be_checkpoint = from == RESUME_FROM_WEIGHTS && !file_is_dir(path);
    int status = may_be_checkpoint ? checkpoint_open(&f, path, &why) : FMT_MAGIC;
    bool opened = status == 0;
    if (status && status != FMT_MAGIC)
        fmt_fail(e, (enum fmt_status)status, "%s", why.text);
    int failed = agree_on_kind(step_world(step), status, e);
    if (failed && opened)
        checkpoint_close(&f);
    if (failed)
        return failed;
    if (!opened)
        return load_foreign(step, c, from, path, announce, log, digest, e);
    status = load_checkpoint(step, c, &f, announce, log, digest, e);
    checkpoint_close(&f);
    return status;
}
