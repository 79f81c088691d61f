/* dino-train - shards or views -> checkpoints, metrics, a log, the teacher.
 *
 * The loop is train(); all that it calls is above it and short. What a run begins with is resume.h, a step
 * step.h, batches batch-loader.h. Everything that can change the result is in the settings.
 */
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "batch-loader.h"
#include "checkpoint-backup.h"
#include "checkpoint-saver.h"
#include "clock.h"
#include "config.h"
#include "file.h"
#include "gemm.h"
#include "json-report.h"
#include "launcher.h"
#include "progress.h"
#include "memory-plan.h"
#include "msg.h"
#include "num.h"
#include "op.h"
#include "opt.h"
#include "periodic-eval.h"
#include "resume.h"
#include "resume-history.h"
#include "run-folder.h"
#include "run-log.h"
#include "run-report.h"
#include "run-state.h"
#include "schedule.h"
#include "signals.h"
#include "step.h"
#include "teacher-folder.h"
#include "teacher-restore.h"
#include "training-metrics.h"
#include "version.h"

static const char *config_path;
static int64_t n_jobs;
static bool force, provenance = true, only_plan, only_config, json;
static _Atomic int stop_signal; /* asks for the end after this iteration */

static const struct opt options[] = {
    OPT_PATH('c', "config", &config_path, "FILE", "settings: YAML with the published keys [the published defaults]"),
    OPT_FLAG('f', "force", &force, "with train.resume=false: remove the old run in the output directory"),
    OPT_JOBS(&n_jobs),
    OPT_FLAG(0, "plan", &only_plan, "print the memory that the run takes, by name, and end"),
    OPT_FLAG(0, "print-config", &only_config, "print every setting and where it comes from, and end"),
    OPT_JSON(&json),
    OPT_NO_PROVENANCE(&provenance),
    OPT_COMMON,
    OPT_END};
static const struct opt_tool tool = {
    "dino-train", "[-c FILE] [key=value]...",
    "Train a DINOv2 network on shards or views; the same command again goes on where it stopped.", options,
    "key=value words set single settings, as in train.dataset_path=shards; dino-config(5) lists the keys."};

struct run {
    const struct world *world;
    struct config config;
    struct run_log log;
    struct resume resume;
    struct run_state state;
    int lock;
    struct thread_pool *pool;
    struct op_ctx ctx;
    struct step *step;
    struct batch_loader *loader;
    struct periodic_eval eval;
    struct checkpoint_saver saver;
    struct checkpoint_backup *backup;
    struct jsonl_writer metrics_file, times_file;
    struct training_times times;
    struct schedules schedules;
    enum collapse_verdict verdict;
    size_t planned_bytes;
    int64_t n_iterations;
    bool lines_pending; /* lines of JSON could not be written yet */
    bool eval_failed;   /* the last teacher or its score could not be written */
};

/* ------------------------------------------------------------------ messages */
static void print_message(void *arg, enum run_log_level level, const char *text)
{
    (void)arg;
    if (level == RUN_ERROR)
        msg_error("%s", text);
    else if (level == RUN_WARNING)
        msg_warn("%s", text);
    else if (level == RUN_NOTE)
        msg_note("%s", text);
    else
        msg_more("%s", text);
}

static _Noreturn void fail(struct run *r, const struct fmt_error *e)
{
    run_log(&r->log, RUN_FILE_ONLY, "%s", e->text);
    msg_die("%s", e->text);
}

#define MUST(r, call, e)     \
    do {                     \
        if (call)            \
            fail((r), (e));  \
    } while (0)

/* ------------------------------------------------------------------ settings and memory */
static void tell_idle(void *arg, const char *key, const char *why)
{
    (void)arg;
    msg_warn("%s: set, and without effect: %s", key, why);
}

static void read_settings(struct config *c, const struct world *world, int argc, char **argv, int first)
{
    struct fmt_error e = {0};
    config_init(c);
    int status = config_path ? config_load(c, config_path, &e) : 0;
    for (int i = first; i < argc && !status; i++)
        status = config_set(c, argv[i], &e);
    double asked = c->optim.lr;
    if (!status)
        status = config_finish(c, world->rank, world->size, &e);
    if (status)
        opt_bad_settings(&e);
    if (asked != 0 && asked != c->optim.lr)
        msg_warn("optim.lr: set, and overwritten: optim.base_lr x sqrt(batch / 1024) = %g", c->optim.lr);
    config_each_idle(c, tell_idle, NULL);
}

/* Processes side by side would each train the whole run, and all but one fail at the lock of the directory. */
static void look_at_launch(void)
{
    struct fmt_error e = {0};
    if (launcher_check(&e)) {
        msg_error("%s", e.text);
        exit(EXIT_USAGE);
    }
    const char *threads = getenv("OMP_NUM_THREADS");
    if (threads && !n_jobs)
        msg_warn("OMP_NUM_THREADS=%.20s: not used: -j sets the number of threads", threads);
}

static int print_settings(const struct config *c)
{
    struct fmt_buffer text = {0};
    struct fmt_error e = {0};
    if (json ? config_json(c, CONFIG_RESULT | CONFIG_QUIET | CONFIG_UNUSED, &text, &e)
             : config_write(c, true, &text, &e))
        msg_die("%s", e.text);
    fwrite(text.data, 1, text.bytes, stdout);
    if (json)
        putchar('\n');
    fmt_buffer_release(&text);
    return msg_finish(EXIT_DONE);
}

/* The network has the grid of positions of what the run begins with. */
static void find_grid(struct run *r)
{
    struct fmt_error e = {0};
    struct run_log silent = {.fd = -1};
    if (resume_decide(&r->resume, &r->config, r->world, force, &silent, &e))
        msg_warn("%s; planned without it", e.text);
    resume_release(&r->resume);
}

static int print_plan(struct run *r)
{
    const struct config *c = &r->config;
    struct step_plan plan;
    struct fmt_error e = {0};
    const char *unknown;
    char text[600], bytes[32], allowed[MEMORY_LIMIT_TEXT_MAX];
    struct resource_limit limit = resource_limit_memory();
    find_grid(r);
    if (memory_plan(&plan, c, &r->ctx, &unknown, &e))
        msg_die("%s", e.text);
    for (int i = 0; i < plan.n_lines; i++)
        if (json)
            printf("{\"report\":\"plan\",\"what\":\"%s\",\"bytes\":%zu}\n", plan.line[i].what, plan.line[i].bytes);
        else
            printf("%12s  %s\n", num_bytes_text((double)plan.line[i].bytes, bytes), plan.line[i].what);
    if (json)
        printf("{\"report\":\"plan\",\"what\":\"total\",\"bytes\":%zu}\n", plan.total);
    else
        printf("%12s  in all%s%s; %s\n", num_bytes_text((double)plan.total, bytes), unknown ? ", but for " : "",
               unknown ? unknown : "", memory_limit_text(&limit, allowed));
    if (json) {
        struct cJSON *o = json_report_begin("plan");
        json_report_text(o, "what", "limit");
        json_report_text(o, "of", limit.what);
        json_report_int(o, "bytes", limit.bytes);
        if (json_report_end(o))
            msg_die("out of memory");
    }
    if (!json && memory_large_model_text(c, text, sizeof text))
        printf("%s.\n", text);
    return msg_finish(EXIT_DONE);
}

/* ------------------------------------------------------------------ opening */
static void open_lines(struct run *r, struct jsonl_writer *w, const char *name, struct jsonl_history history)
{
    struct fmt_error e = {0};
    char *path = file_join(r->config.train.output_dir, name);
    MUST(r, path ? jsonl_writer_open(w, path, &history, &e) : fmt_no_memory(&e), &e);
    resume_history_report(&r->resume, name, &history);
    free(path);
}

static void open_eval(struct run *r, struct knn_eval *knn)
{
    struct fmt_error e = {0};
    struct jsonl_history history = resume_history_of_scores(&r->resume);
    MUST(r, periodic_eval_open(&r->eval, &r->state, knn, &history, provenance, &e), &e);
    if (knn)
        resume_history_report(&r->resume, RUN_FILE_SCORES, &history);
}

/* Images that cannot be used are counted over the whole run; by their numbers where the data are the same. */
static void resume_replaced(struct run *r)
{
    struct fmt_error e = {0};
    bool same_data = r->resume.inputs.set[INPUT_DATA] && run_inputs_same(&r->resume.inputs, &r->state.inputs, INPUT_DATA);
    MUST(r, batch_loader_restore_replaced(r->loader, &r->resume.replaced, same_data, &e), &e);
    r->state.replaced = batch_loader_replaced(r->loader);
}

static void bad_image(void *arg, const char *reason, const char *replaced_by)
{
    struct run *r = arg;
    run_log(&r->log, RUN_WARNING, "%s; replaced by %s", reason, replaced_by);
}

static void open_data(struct run *r)
{
    struct fmt_error e = {0};
    const char *path = r->config.train.dataset_path;
    struct batch_loader_options loader = {.world = r->world, .config = &r->config, .paths = &path, .n_paths = 1,
                               .first_step = r->state.iteration + 1, .end_step = r->n_iterations,
                               .n_threads = (int)n_jobs, .stop = &stop_signal, .bad_image = bad_image, .arg = r};
    int status = batch_loader_open(&r->loader, &loader, &e);
    if (status == FMT_STOPPED) { /* a pipe that said nothing: there is nothing to save */
        run_log(&r->log, RUN_NOTE, "stopped by %s before the first batch; the same command goes on",
            signals_name(stop_signal));
        exit(EXIT_RESUMABLE);
    }
    if (status) {
        if (!file_exists(path) && strchr(path, ':'))
            run_log(&r->log, RUN_ERROR, "train.dataset_path: a published data set's name; here it names shards or views");
        fail(r, &e);
    }
}

/* What the run is made from, compared with what the checkpoint was made from. */
static void check_inputs(struct run *r, const struct knn_eval *knn)
{
    struct fmt_error e = {0};
    struct run_inputs inputs = {.set[INPUT_DATA] = false};
    run_inputs_set(&inputs, INPUT_DATA, batch_loader_identity(r->loader));
    if (knn) {
        run_inputs_set(&inputs, INPUT_KNN_TRAIN, knn_eval_identity(knn, false));
        run_inputs_set(&inputs, INPUT_KNN_VAL, knn_eval_identity(knn, true));
    }
    MUST(r, resume_check_inputs(&r->resume, &inputs, &r->state, &e), &e);
}

/* The lines first: a checkpoint is never ahead of them. */
static int sync_lines(void *arg, struct fmt_error *e)
{
    struct run *r = arg;
    int status = jsonl_writer_sync(&r->metrics_file, e);
    return status ? status : periodic_eval_sync(&r->eval, e);
}

/* log.txt is of all processes that worked on the run. */
static void log_process(struct run *r)
{
    run_log(&r->log, RUN_FILE_ONLY, "dino-train %s begins: process %ld, threads: %d", DINOTOOLS_VERSION,
            (long)getpid(), thread_workers(r->pool));
}

static void open_run(struct run *r)
{
    struct fmt_error e = {0};
    struct knn_eval *knn;
    if (run_folder_lock(&r->config, &r->lock, &e))
        msg_die("%s", e.text);
    MUST(r, run_log_open(&r->log, r->config.train.output_dir, &e), &e);
    log_process(r);
    MUST(r, resume_decide(&r->resume, &r->config, r->world, force, &r->log, &e), &e);
    if (force && !r->resume.plan.remove_old)
        run_log(&r->log, RUN_WARNING, "-f: not used: it removes an old run only with train.resume=false");
    MUST(r, memory_plan_check(&r->config, &r->ctx, &r->planned_bytes, &e), &e);
    MUST(r, step_open(&r->step, &r->config, r->world, &r->ctx, &e), &e);
    MUST(r, resume_load(&r->resume, r->step, &r->state, &e), &e);
    open_data(r);
    MUST(r, knn_eval_open(&knn, &r->config, &r->log, &e), &e);
    check_inputs(r, knn);
    resume_replaced(r);
    if (r->resume.plan.remove_old)
        MUST(r, run_folder_clear(&r->config, &r->resume.checkpoints, 0, &e), &e);
    MUST(r, run_folder_save_settings(&r->config, &e), &e);
    open_lines(r, &r->metrics_file, RUN_FILE_METRICS, resume_history_of_metrics(&r->resume));
    open_lines(r, &r->times_file, RUN_FILE_TIMES, resume_history_of_times(&r->resume));
    open_eval(r, knn);
    r->saver = (struct checkpoint_saver){.world = r->world, .config = &r->config, .log = &r->log,
                                         .provenance = provenance, .sync = sync_lines, .arg = r, .last = r->state.iteration};
    MUST(r, checkpoint_backup_open(&r->backup, &r->config, r->world->rank, &r->log, &e), &e);
    r->schedules = schedules_from(&r->config, r->world->size);
    memory_trim();
    run_report_plan(&r->log, &r->config, r->step, batch_loader_header(r->loader), r->planned_bytes);
}

static void close_run(struct run *r)
{
    checkpoint_backup_close(r->backup);
    periodic_eval_close(&r->eval);
    jsonl_writer_close(&r->times_file);
    jsonl_writer_close(&r->metrics_file);
    batch_loader_close(r->loader);
    step_close(r->step);
    thread_close(r->pool);
    resume_release(&r->resume);
    run_log_close(&r->log);
    close(r->lock);
    config_release(&r->config);
}

/* ------------------------------------------------------------------ the parts of an iteration */
/* All signals ask for the same but SIGQUIT: the run ends at once, for whoever cannot wait. */
static void stop(int number)
{
    if (number == SIGQUIT)
        signals_die(number);
    if (!stop_signal)
        msg_note("%s: the run stops when what is in work is done and saved", signals_name(number));
    stop_signal = number;
}

static void one_step(struct run *r, const struct views_batch *batch, int64_t iteration)
{
    struct fmt_error e = {0};
    struct step_result result;
    const struct views_header *h = batch_loader_header(r->loader);
    struct step_batch b = {.B = h->batch, .global_u8 = batch->global, .local_u8 = batch->local,
                           .masks = batch->mask, .N = views_patches(h), .pixel_norm = h->pixel_norm};
    struct schedule_rates rates = schedules_at(&r->schedules, iteration);
    MUST(r, step_run(r->step, &b, iteration, &rates, NULL, &result, &e), &e);
    r->state.iteration = iteration;
    r->state.bad_steps = result.bad ? r->state.bad_steps + 1 : 0;
    if (result.bad) {
        run_report_bad_step(&r->log, &r->state, batch, result.bad);
        if (r->state.bad_steps >= r->config.train.max_bad_steps) {
            char last[CHECKPOINT_SAVER_LAST_MAX];
            run_report_divergence(&r->log, &r->state, checkpoint_saver_last(&r->saver, last));
            exit(EXIT_DIVERGED);
        }
        return;
    }
    training_metrics_push(&r->state.metrics, &rates, h->batch, &result);
}

static enum collapse_verdict judge(const struct run *r)
{
    struct collapse_signs signs = training_metrics_signs(&r->state.metrics);
    return collapse_judge(&signs, &r->config, r->state.iteration);
}

/* A disk that is full now may have room when the next line comes. */
static void add_line(struct run *r, struct jsonl_writer *w, const struct fmt_buffer *line)
{
    struct fmt_error e = {0};
    bool pending = jsonl_writer_add(w, line, &e) != 0;
    if (pending && !r->lines_pending)
        run_log(&r->log, RUN_WARNING, "%s; lines wait in memory until they can be written", e.text);
    r->lines_pending = pending;
}

static void log_metrics(struct run *r, int64_t iteration)
{
    struct fmt_error e = {0};
    struct fmt_buffer line = {0};
    const struct training_metrics *m = &r->state.metrics;
    enum collapse_verdict before = r->verdict;
    r->verdict = judge(r);
    MUST(r, training_metrics_line(m, iteration, r->state.replaced->samples, r->verdict, &line, &e), &e);
    add_line(r, &r->metrics_file, &line);
    line.bytes = 0;
    MUST(r, training_times_line(&r->times, iteration, r->config.train.batch_size_per_gpu, &line, &e), &e);
    add_line(r, &r->times_file, &line);
    fmt_buffer_release(&line);
    char text[TRAINING_METRICS_TEXT_MAX];
    training_metrics_text(m, &r->times, iteration, r->n_iterations - 1 - iteration, r->config.train.batch_size_per_gpu,
                 r->verdict, text);
    run_log(&r->log, RUN_DETAIL, "%s", text);
    if (r->verdict != before && r->verdict > COLLAPSE_NONE)
        run_log(&r->log, RUN_WARNING, "iteration %" PRId64 ": %s", iteration, collapse_text(r->verdict));
}

static void evaluate(struct run *r, int64_t iteration)
{
    struct fmt_error e = {0};
    struct knn_eval_scores s;
    if (!periodic_eval_due(&r->eval, iteration))
        return;
    MUST(r, run_folder_check(&r->config, r->lock, &e), &e);
    r->eval_failed = periodic_eval_run(&r->eval, r->step, r->pool, iteration, &s, &e) != 0;
    if (r->eval_failed && iteration == PERIODIC_EVAL_INITIAL)
        fail(r, &e);
    if (r->eval_failed)
        run_log(&r->log, RUN_WARNING, "%s; the teacher of iteration %" PRId64 ", or its score, is not written", e.text,
            iteration);
    else if (teacher_folder_prune(&r->config, iteration, &e))
        run_log(&r->log, RUN_WARNING, "%s; this older teacher stays", e.text);
    memory_trim();
    run_report_scores(&r->log, &r->eval, &s, iteration);
}

static void save(struct run *r, bool last)
{
    struct fmt_error e = {0};
    if (r->saver.last == r->state.iteration)
        return;
    MUST(r, run_folder_check(&r->config, r->lock, &e), &e);
    char *path = checkpoint_saver_save(&r->saver, &r->state, r->step);
    if (!path)
        return;
    run_log(&r->log, RUN_FILE_ONLY, "saved %s", path);
    checkpoint_backup_start(r->backup, path, r->state.iteration, last);
    free(path);
}

/* The next batch; NULL when the run has to stop here: a signal, or (errors then) no more views, too many images that
 * cannot be used. */
static const struct views_batch *next_batch(struct run *r, int64_t iteration)
{
    struct fmt_error e = {0};
    const struct views_batch *batch = NULL;
    int status = stop_signal ? FMT_STOPPED : batch_loader_next(r->loader, &batch, &e);
    if (!status)
        return batch;
    if (!stop_signal && status != FMT_END && status != FMT_LIMIT)
        fail(r, &e);
    save(r, true);
    if (!stop_signal && status == FMT_LIMIT)
        run_log(&r->log, RUN_ERROR, "%s%s", e.text, r->saver.last < 0 || r->saver.failed ? "" : "; the state is saved");
    else if (!stop_signal)
        run_log(&r->log, RUN_ERROR, "%s: the views end before iteration %" PRId64 " of %" PRId64 "; the state is %ssaved",
            r->config.train.dataset_path, iteration, r->n_iterations, r->saver.failed ? "not " : "");
    return NULL;
}

/* Asked where the metrics have a line, so that a run which stopped here and is started again stops here. */
static bool has_collapsed(const struct run *r, int64_t iteration)
{
    return r->config.train.stop_on_collapse && r->verdict == COLLAPSE_COMPLETE && iteration >= 0 &&
           training_metrics_due(iteration, false);
}

static int train(struct run *r)
{
    struct progress progress;
    int64_t first = r->state.iteration + 1;
    if (first == 0)
        evaluate(r, PERIODIC_EVAL_INITIAL);
    r->verdict = judge(r);
    if (has_collapsed(r, first - 1))
        return EXIT_DIVERGED;
    progress_begin(&progress, "train", "iteration", "iterations", r->n_iterations - first);
    for (int64_t iteration = first; iteration < r->n_iterations; iteration++) {
        double began = clock_now(), waited = batch_loader_wait_seconds(r->loader);
        const struct views_batch *batch = next_batch(r, iteration);
        if (!batch)
            return stop_signal ? EXIT_RESUMABLE : EXIT_FAILED;
        one_step(r, batch, iteration);
        training_times_add(&r->times, clock_now() - began, batch_loader_wait_seconds(r->loader) - waited);
        if (training_metrics_due(iteration, iteration + 1 == r->n_iterations))
            log_metrics(r, iteration);
        evaluate(r, iteration);
        bool over = iteration + 1 == r->n_iterations || has_collapsed(r, iteration);
        if (stop_signal || over || checkpoint_saver_due(&r->config, iteration))
            save(r, stop_signal || over);
        progress_step(&progress, iteration + 1 - first);
        if (over)
            break;
    }
    progress_end(&progress);
    return r->verdict == COLLAPSE_COMPLETE ? EXIT_DIVERGED : EXIT_DONE;
}

/* ------------------------------------------------------------------ */
static void open_context(struct run *r)
{
    struct fmt_error e = {0};
    if (signals_take(stop, &e) || !(r->pool = gemm_begin((int)n_jobs, msg_warn, &e)) ||
        !(r->ctx.backend = backend_find("cpu", &e)))
        msg_die("%s", e.text);
    r->ctx.pool = r->pool;
}

/* What keeps the result from being whole is an error, whatever else there is to say. */
static int close_with(struct run *r, int status)
{
    char text[RUN_REPORT_ITERATION_MAX];
    struct fmt_error e = {0};
    bool complete = r->state.iteration + 1 >= r->n_iterations;
    if (r->saver.failed)
        run_log(&r->log, RUN_ERROR, "%s: the last state is not saved; last saved: %s; the same command goes on from there",
            r->saver.why.text, checkpoint_saver_last(&r->saver, text));
    else if (status == EXIT_RESUMABLE)
        run_log(&r->log, RUN_NOTE, "stopped by %s %s%s; the same command goes on", signals_name(stop_signal),
            r->saver.last < 0 ? "" : "behind ", run_report_iteration(r->saver.last, text));
    else if (status != EXIT_FAILED && complete)
        run_log(&r->log, status ? RUN_ERROR : RUN_NOTE, "%s done; %s",
            FMT_COUNT(r->n_iterations, "iteration is", "iterations are"), collapse_text(r->verdict));
    else if (status == EXIT_DIVERGED)
        run_log(&r->log, RUN_ERROR, "%s: %s; stopped (train.stop_on_collapse); the state is saved",
            run_report_iteration(r->state.iteration, text), collapse_text(r->verdict));
    if (jsonl_writer_sync(&r->times_file, &e)) /* of the process, and in no checkpoint */
        run_log(&r->log, RUN_WARNING, "%s; its last lines are lost", e.text);
    if (complete && r->eval_failed)
        run_log(&r->log, RUN_ERROR, "the last teacher, or its score, is not written; the same command writes the teacher");
    if (complete)
        run_report_teachers(&r->log, &r->eval, r->state.iteration);
    return r->saver.failed || (complete && r->eval_failed) ? EXIT_FAILED : status;
}

static int run_it(struct run *r)
{
    struct fmt_error e = {0};
    r->n_iterations = config_iterations(&r->config);
    open_run(r);
    if (r->state.iteration + 1 >= r->n_iterations) {
        run_log(&r->log, RUN_NOTE, "nothing is left to do: the run is complete");
        MUST(r, teacher_restore(&r->eval, r->step, r->state.iteration, &r->log, &e), &e);
    }
    int status = close_with(r, train(r));
    run_report_replaced(&r->log, &r->state);
    run_report_memory(&r->log, r->planned_bytes);
    close_run(r);
    return msg_finish(status);
}

int main(int argc, char **argv)
{
    static struct run r = {.world = &world_one, .lock = -1, .log = {.fd = -1, .print = print_message}};
    int first = opt_parse(&tool, argc, argv);
    if (only_plan && only_config)
        msg_usage("--plan and --print-config exclude each other");
    read_settings(&r.config, r.world, argc, argv, first);
    if (only_config)
        return print_settings(&r.config);
    open_context(&r);
    if (only_plan)
        return print_plan(&r);
    if (r.config.origin[CONFIG_train_dataset_path].kind == CONFIG_DEFAULT)
        msg_usage("train.dataset_path is not set: which shards or views?");
    look_at_launch();
    return run_it(&r);
}
