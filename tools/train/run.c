/* run.c - the order of opening is that of need: nothing is written before all inputs are known to be good. */
#include "run.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "file.h"
#include "memory-plan.h"
#include "resume-history.h"
#include "run-folder.h"
#include "run-report.h"
#include "teacher-folder.h"
#include "teacher-restore.h"
#include "thread.h"
#include "version.h"

/* ---------------------------------------------------------------- ranks */
/* Rank 0 does what is done once in a run. */
static bool is_first(const struct run *r)
{
    return r->world->rank == 0;
}

/* One decision for all. */
static int agree(const struct run *r, int status, struct fmt_error *e)
{
    return world_agree(r->world, status, e);
}

/* ---------------------------------------------------------------- opening */
/* The lock is one for all ranks. log.txt is of all processes that work on the run. */
static int open_folder(struct run *r, struct fmt_error *e)
{
    int status = is_first(r) ? run_folder_lock(&r->config, &r->lock, e) : 0;
    status = agree(r, status, e);
    if (!status && !is_first(r))
        status = run_folder_join(&r->config, &r->lock, e);
    if (!status)
        status = run_log_open(&r->log, r->config.train.output_dir, e);
    if (!status)
        run_log(&r->log, RUN_FILE_ONLY, "dino-train %s begins: processes: %d, ranks: %d; process %ld, threads: %d",
                DINOTOOLS_VERSION, r->world->size, world_ranks(r->world),
                (long)getpid(), thread_workers(r->device.pool));
    return status;
}

/* From here on a rank that hangs is missed by the others. */
static int open_watch(struct run *r, struct fmt_error *e)
{
    struct rank_watch_options options = {.world = r->world, .folder = r->config.train.output_dir,
                                         .seconds = r->config.train.hang_seconds, .log = &r->log,
                                         .end = r->end_now};
    return rank_watch_open(&r->watch, &options, e);
}

/* The step, with weights or with the state of a checkpoint. */
static int open_step(struct run *r, struct fmt_error *e)
{
    int status = agree(r, resume_decide(&r->resume, &r->config, r->world, r->force, &r->log, e), e);
    if (status)
        return status;
    if (r->force && !r->resume.plan.remove_old)
        run_log(&r->log, RUN_WARNING, "-f: not used: it removes an old run only with train.resume=false");
    status = memory_plan_check(&r->config, r->world, &r->device, r->n_local, &r->planned_bytes, e);
    if (!status)
        status = step_open(&r->step, &r->config, r->world, &r->device, e);
    status = agree(r, status, e);
    if (!status)
        status = resume_load(&r->resume, r->step, &r->state, e);
    r->schedules = schedules_from(&r->config, world_ranks(r->world));
    return agree(r, status, e);
}

static void bad_image(void *arg, const char *reason, const char *replaced_by)
{
    struct run *r = arg;
    run_log(&r->log, RUN_WARNING, "%s; replaced by %s", reason, replaced_by);
}

static int open_data(struct run *r, struct fmt_error *e)
{
    const struct config_paths *data = &r->config.train.dataset_path;
    const char *path = data->item[0];
    struct batch_loader_options options = {.world = r->world, .config = &r->config, .paths = data->item,
                                           .n_paths = data->n,
                                           .first_step = r->state.iteration + 1, .end_step = r->n_iterations,
                                           .n_threads = r->n_threads, .stop = r->stop, .bad_image = bad_image,
                                           .arg = r};
    r->batch = calloc((size_t)r->world->turns, sizeof *r->batch);
    r->step_batch = calloc((size_t)r->world->turns, sizeof *r->step_batch);
    int status = r->batch && r->step_batch ? batch_loader_open(&r->loader, &options, e) : fmt_no_memory(e);
    if (status && status != FMT_STOPPED && !file_exists(path) && strchr(path, ':'))
        run_log(&r->log, RUN_ERROR, "train.dataset_path: must name shards or views, not a published data set");
    return status;
}

/* What the run is made from, compared with what the checkpoint was made from. */
static int check_inputs(struct run *r, struct fmt_error *e)
{
    struct run_inputs inputs = {.set = {false}};
    const struct knn_eval *knn = r->eval.knn;
    run_inputs_set(&inputs, INPUT_DATA, batch_loader_identity(r->loader));
    if (knn) {
        run_inputs_set(&inputs, INPUT_KNN_TRAIN, knn_eval_identity(knn, false));
        run_inputs_set(&inputs, INPUT_KNN_VAL, knn_eval_identity(knn, true));
    }
    return agree(r, resume_check_inputs(&r->resume, &inputs, &r->state, e), e);
}

/* Images that cannot be used are counted over the whole run, by their numbers where the data are the same. */
static int restore_replaced(struct run *r, struct fmt_error *e)
{
    const struct resume *before = &r->resume;
    bool same_data =
        before->inputs.set[INPUT_DATA] && run_inputs_same(&before->inputs, &r->state.inputs, INPUT_DATA);
    int status = batch_loader_restore_replaced(r->loader, &before->replaced, same_data, e);
    r->state.replaced = batch_loader_replaced(r->loader);
    return status;
}

static int open_inputs(struct run *r, struct fmt_error *e)
{
    int status = open_data(r, e);
    if (!status)
        status = knn_eval_open(&r->eval.knn, &r->config, r->world, &r->log, e);
    status = agree(r, status, e);
    if (!status)
        status = check_inputs(r, e);
    return status ? status : restore_replaced(r, e);
}

/* Everything that a run begins with: all ranks have the same, or nothing is written. */
static int check_ranks(struct run *r, struct fmt_error *e)
{
    r->checked = r->state.iteration;
    int status = rank_check_open(&r->rank_check, r->world, r->device.pool, r->step, e);
    return status ? status : rank_check_run(r->rank_check, r->step, &r->state, e);
}

static int open_lines(struct run *r, struct jsonl_writer *w, const char *name, struct jsonl_history history,
                      struct fmt_error *e)
{
    char *path = file_join(r->config.train.output_dir, name);
    int status = path ? jsonl_writer_open(w, path, &history, e) : fmt_no_memory(e);
    free(path);
    if (!status)
        resume_history_report(&r->resume, name, &history);
    return status;
}

static int open_eval(struct run *r, struct fmt_error *e)
{
    struct jsonl_history history = resume_history_of_scores(&r->resume);
    int status = periodic_eval_open(&r->eval, &r->state, r->eval.knn, is_first(r) ? &history : NULL, r->provenance, e);
    if (!status && r->eval.knn && is_first(r))
        resume_history_report(&r->resume, RUN_FILE_SCORES, &history);
    return status;
}

/* The lines first: a checkpoint is never ahead of them. */
static int sync_lines(void *arg, struct fmt_error *e)
{
    struct run *r = arg;
    if (!is_first(r))
        return 0;
    int status = jsonl_writer_sync(&r->metrics_file, e);
    return status ? status : periodic_eval_sync(&r->eval, e);
}

/* What rank 0 writes alone. */
static int open_own_files(struct run *r, struct fmt_error *e)
{
    int status = run_folder_save_settings(&r->config, e);
    if (!status)
        status = open_lines(r, &r->metrics_file, RUN_FILE_METRICS, resume_history_of_metrics(&r->resume), e);
    if (!status)
        status = open_lines(r, &r->times_file, RUN_FILE_TIMES, resume_history_of_times(&r->resume), e);
    return status;
}

static int open_outputs(struct run *r, struct fmt_error *e)
{
    int status = 0;
    if (r->resume.plan.remove_old && is_first(r))
        status = run_folder_clear(&r->config, e);
    if (!status && is_first(r))
        status = open_own_files(r, e);
    if (!status)
        status = open_eval(r, e);
    r->saver = (struct checkpoint_saver){.world = r->world, .config = &r->config, .log = &r->log,
                                         .provenance = r->provenance, .sync = sync_lines, .arg = r,
                                         .last = r->state.iteration};
    return status || !is_first(r) ? status : checkpoint_backup_open(&r->backup, &r->config, &r->log, e);
}

void run_open(struct run *r)
{
    struct fmt_error *e = &r->error;
    r->n_iterations = config_iterations(&r->config);
    r->lock = r->metrics_file.fd = r->times_file.fd = r->eval.scores.fd = -1;
    r->log.rank = r->world->rank;
    int status = rank_check_settings(r->world, &r->config, e);
    if (!status)
        status = agree(r, open_folder(r, e), e);
    if (!status)
        status = agree(r, open_watch(r, e), e);
    if (!status)
        status = agree(r, open_step(r, e), e);
    if (!status)
        status = agree(r, open_inputs(r, e), e);
    if (!status)
        status = check_ranks(r, e);
    if (!status)
        status = agree(r, open_outputs(r, e), e);
    if (status) {
        r->end = status == FMT_STOPPED ? RUN_NOT_STARTED : RUN_FAILED;
        return;
    }
    memory_trim();
    run_report_plan(&r->log, &r->config, r->step, batch_loader_header(r->loader), r->planned_bytes);
}

void run_close(struct run *r)
{
    checkpoint_backup_close(r->backup);
    periodic_eval_close(&r->eval);
    jsonl_writer_close(&r->times_file);
    jsonl_writer_close(&r->metrics_file);
    batch_loader_close(r->loader);
    free(r->batch);
    free(r->step_batch);
    rank_check_close(r->rank_check);
    step_close(r->step);
    resume_release(&r->resume);
    rank_watch_close(r->watch);
    run_log_close(&r->log);
    if (r->lock >= 0)
        close(r->lock);
}

/* ---------------------------------------------------------------- where the run is */
static bool is_complete(const struct run *r)
{
    return r->state.iteration + 1 >= r->n_iterations;
}

static enum collapse_verdict judge(const struct run *r)
{
    struct collapse_signs signs = training_metrics_signs(&r->state.metrics);
    return collapse_judge(&signs, &r->config, r->state.iteration);
}

/* Checked only at iterations that log metrics, so that a run that stopped here stops here again when restarted. */
static bool has_collapsed(const struct run *r)
{
    return r->config.train.stop_on_collapse && r->verdict == COLLAPSE_COMPLETE && r->state.iteration >= 0 &&
           training_metrics_due(r->state.iteration, false);
}

/* A signal to any rank, with its number. */
static int stop_together(struct run *r, struct fmt_error *e)
{
    double number = r->stop ? *r->stop : 0;
    int status = world_all_reduce_host(r->world, &number, 1, WORLD_MAX, e);
    r->stopping = (int)number;
    return status;
}

/* Of a call that fills r->error, on this rank or, where the ranks have agreed, on all. Returns whether it failed. */
static bool fails(struct run *r, int status)
{
    if (status)
        r->end = RUN_FAILED;
    return status != 0;
}

static bool fails_alone(struct run *r, int status)
{
    r->alone = status && r->world->size > 1;
    return fails(r, status);
}

void run_start(struct run *r)
{
    if (r->end)
        return;
    r->verdict = judge(r);
    if (is_complete(r)) {
        run_log(&r->log, RUN_NOTE, "nothing is left to do: the run is complete");
        fails(r, teacher_restore(&r->eval, r->step, r->state.iteration, &r->log, &r->error));
    } else if (r->state.iteration == PERIODIC_EVAL_INITIAL) {
        run_evaluate(r);
    }
}

/* ---------------------------------------------------------------- all ranks have one state */
/* Once in an iteration: when it is due, and before what stays, a checkpoint or a teacher. */
static bool ranks_differ(struct run *r)
{
    if (!r->config.train.check_ranks_every || r->checked == r->state.iteration)
        return false;
    r->checked = r->state.iteration;
    return fails(r, rank_check_run(r->rank_check, r->step, &r->state, &r->error));
}

void run_check_ranks(struct run *r)
{
    int64_t every = r->config.train.check_ranks_every;
    if (!r->end && every && (r->state.iteration + 1) % every == 0)
        ranks_differ(r);
}

/* ---------------------------------------------------------------- checkpoints */
static void save(struct run *r, bool last)
{
    if (r->saver.last == r->state.iteration || ranks_differ(r) ||
        fails(r, agree(r, run_folder_check(&r->config, r->lock, &r->error), &r->error)))
        return;
    if (!checkpoint_saver_save(&r->saver, &r->state, r->step))
        return;
    char *path = checkpoint_path(r->config.train.output_dir, r->state.iteration);
    run_log(&r->log, RUN_FILE_ONLY, "saved %s", path ? path : "");
    free(path);
    checkpoint_backup_start(r->backup, r->state.iteration, r->world->size, last);
}

void run_save(struct run *r)
{
    bool last = is_complete(r) || has_collapsed(r) || r->stopping;
    if (!r->end && (last || checkpoint_saver_due(&r->config, r->state.iteration)))
        save(r, last);
}

/* ---------------------------------------------------------------- a step */
/* The data give no batch: what was done is saved. */
static void end_without_data(struct run *r, int status, const struct fmt_error *why)
{
    const struct checkpoint_saver *s = &r->saver;
    if (status != FMT_STOPPED && status != FMT_END && status != FMT_LIMIT) {
        r->error = *why;
        r->end = RUN_FAILED;
        return;
    }
    save(r, true);
    if (r->end)
        return;
    r->end = status == FMT_STOPPED ? RUN_STOPPED : RUN_NO_DATA;
    if (is_first(r) && status == FMT_LIMIT)
        run_log(&r->log, RUN_ERROR, "%s%s", why->text, s->last < 0 || s->failed ? "" : "; the state is saved");
    if (is_first(r) && status == FMT_END)
        run_log(&r->log, RUN_ERROR,
                "%s: the views end before iteration %" PRId64 " of %" PRId64 "; the state is %ssaved",
                r->config.train.dataset_path.item[0], r->state.iteration + 1, r->n_iterations, s->failed ? "not " : "");
}

/* The batches of this process, where all have theirs. A signal meanwhile stops all. */
static int next_batches(struct run *r, struct fmt_error *e)
{
    struct fmt_error broken = {0};
    int status = r->stopping || (r->stop && *r->stop) ? FMT_STOPPED : 0;
    for (int turn = 0; turn < r->world->turns && !status; turn++)
        status = batch_loader_next(r->loader, &r->batch[turn], e);
    if (stop_together(r, &broken)) {
        *e = broken;
        return FMT_IO;
    }
    status = r->stopping ? FMT_STOPPED : agree(r, status, e);
    return status ? status : batch_loader_count_replaced(r->loader, e);
}

bool run_next_batches(struct run *r)
{
    struct fmt_error e = {0};
    if (!r->end && is_complete(r))
        r->end = RUN_COMPLETE;
    else if (!r->end && has_collapsed(r))
        r->end = RUN_COLLAPSED;
    if (r->end)
        return false;
    rank_watch_iteration(r->watch, r->state.iteration + 1);
    r->step_start = clock_now();
    r->own_start = world_clock(r->world);
    r->wait_start = batch_loader_wait_seconds(r->loader);
    int status = next_batches(r, &e);
    if (status)
        end_without_data(r, status, &e);
    return !status;
}

static void count_bad_step(struct run *r, const char *term)
{
    char last[CHECKPOINT_SAVER_LAST_MAX];
    r->state.bad_steps++;
    run_report_bad_step(&r->log, &r->state, r->batch, r->world->turns, term);
    if (r->state.bad_steps < r->config.train.max_bad_steps)
        return;
    run_report_divergence(&r->log, &r->state, checkpoint_saver_last(&r->saver, last));
    r->end = RUN_DIVERGED;
}

void run_step(struct run *r)
{
    struct step_result result;
    const struct views_header *h = batch_loader_header(r->loader);
    int64_t iteration = r->state.iteration + 1;
    struct schedule_rates rates = schedules_at(&r->schedules, iteration);
    int64_t sent = world_bytes_sent(r->world);
    for (int turn = 0; turn < r->world->turns && !r->end; turn++) {
        const struct views_batch *batch = r->batch[turn];
        r->step_batch[turn] = (struct step_batch){.B = h->batch, .global_u8 = batch->global, .local_u8 = batch->local,
                                                  .masks = batch->mask, .N = views_patches(h),
                                                  .pixel_norm = h->pixel_norm};
    }
    if (r->end || fails_alone(r, step_run(r->step, r->step_batch, iteration, &rates, NULL, &result, &r->error)))
        return;
    r->state.iteration = iteration;
    if (result.bad) {
        count_bad_step(r, result.bad);
    } else {
        r->state.bad_steps = 0;
        training_metrics_push(&r->state.metrics, &rates, h->batch, &result);
    }
    r->bytes_sent += world_bytes_sent(r->world) - sent;
    double waited = batch_loader_wait_seconds(r->loader) - r->wait_start;
    training_times_add(&r->times, clock_now() - r->step_start, waited);
    rank_times_add(&r->rank_times, world_clock(r->world) - r->own_start, waited, &result.times);
    fails_alone(r, stop_together(r, &r->error));
}

/* ---------------------------------------------------------------- metrics */
/* A line that finds a full disk now may be written with the next. */
static void add_line(struct run *r, struct jsonl_writer *w, const struct fmt_buffer *line)
{
    struct fmt_error e = {0};
    bool pending = jsonl_writer_add(w, line, &e) != 0;
    if (pending && !r->lines_pending)
        run_log(&r->log, RUN_WARNING, "%s; lines wait in memory until they can be written", e.text);
    r->lines_pending = pending;
}

/* 0, or no memory. ranks: NULL of one process. */
static int add_lines(struct run *r, const struct rank_report *ranks)
{
    struct fmt_buffer metrics = {0}, times = {0};
    int64_t iteration = r->state.iteration, batch = config_step_images(&r->config);
    int status = training_metrics_line(&r->state.metrics, iteration, r->state.replaced->samples, r->verdict, &metrics,
                                       &r->error);
    if (!status)
        status = training_times_line(&r->times, iteration, batch, ranks, &times, &r->error);
    if (!status) {
        add_line(r, &r->metrics_file, &metrics);
        add_line(r, &r->times_file, &times);
    }
    fmt_buffer_release(&metrics);
    fmt_buffer_release(&times);
    return status;
}

static void warn_slow(struct run *r, const struct rank_report *ranks)
{
    if (rank_times_persists(&r->slow, ranks))
        run_log(&r->log, RUN_WARNING,
                "rank %d (%s) is slower than the others, most in %s: %.3g s of a step before it waits for them, their "
                "median is %.3g s", ranks->slowest, ranks->host, rank_part_name[ranks->part], ranks->time,
                ranks->median);
}

void run_log_metrics(struct run *r)
{
    int64_t iteration = r->state.iteration;
    struct rank_report ranks;
    bool several = r->world->size > 1;
    enum collapse_verdict before = r->verdict;
    char text[TRAINING_METRICS_TEXT_MAX];
    if (r->end || !training_metrics_due(iteration, is_complete(r)))
        return;
    r->verdict = judge(r);
    if (several && fails(r, rank_times_compare(r->world, &r->rank_times, &ranks, &r->error)))
        return;
    if (!is_first(r) || fails_alone(r, add_lines(r, several ? &ranks : NULL)))
        return;
    if (several)
        warn_slow(r, &ranks);
    training_metrics_text(&r->state.metrics, &r->times, iteration, r->n_iterations - 1 - iteration,
                          config_step_images(&r->config), r->verdict, text);
    run_log(&r->log, RUN_DETAIL, "%s", text);
    if (r->verdict != before && r->verdict > COLLAPSE_NONE)
        run_log(&r->log, RUN_WARNING, "iteration %" PRId64 ": %s", iteration, collapse_text(r->verdict));
}

/* ---------------------------------------------------------------- evaluation */
/* By all ranks. 0, or the failure of the first evaluation, which ends the run; later ones are logged. */
static int evaluate(struct run *r, int64_t iteration)
{
    struct fmt_error e = {0};
    struct knn_eval_scores scores;
    int status = periodic_eval_run(&r->eval, r->step, &r->device, iteration, &scores, &e);
    r->eval_failed = status != 0;
    if (status && iteration == PERIODIC_EVAL_INITIAL) {
        r->error = e;
        return status;
    }
    if (r->eval_failed)
        run_log(&r->log, RUN_WARNING, "%s; the teacher of iteration %" PRId64 ", or its score, is not written", e.text,
                iteration);
    else if (is_first(r) && teacher_folder_prune(&r->config, iteration, &e))
        run_log(&r->log, RUN_WARNING, "%s; this older teacher stays", e.text);
    memory_trim();
    run_report_scores(&r->log, &r->eval, &scores, iteration);
    return 0;
}

void run_evaluate(struct run *r)
{
    int64_t iteration = r->state.iteration;
    if (r->end || !periodic_eval_due(&r->eval, iteration) || ranks_differ(r) ||
        fails(r, agree(r, run_folder_check(&r->config, r->lock, &r->error), &r->error)))
        return;
    fails(r, evaluate(r, iteration));
}
