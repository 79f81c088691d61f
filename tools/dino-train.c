/* dino-train - shards or views -> checkpoints, metrics, a log, the teacher.
 *
 * The loop is train(); its parts are in train/run.h. Everything that can change the result is in the settings.
 */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "config.h"
#include "device.h"
#include "json-report.h"
#include "launcher.h"
#include "memory-plan.h"
#include "msg.h"
#include "num.h"
#include "opt.h"
#include "progress.h"
#include "run.h"
#include "run-report.h"
#include "signals.h"

static const char *config_path;
static int64_t n_jobs;
static const char *device_name = "auto";
static bool force, provenance = true, only_plan, only_config, json;
static _Atomic int stop_signal; /* when nonzero, the run ends after the current iteration */

static const struct opt options[] = {
    OPT_PATH('c', "config", &config_path, "FILE", "settings: YAML with the published keys [the published defaults]"),
    OPT_FLAG('f', "force", &force, "with train.resume=false: remove the old run in the output directory"),
    OPT_JOBS(&n_jobs),
    OPT_DEVICE(&device_name),
    OPT_FLAG(0, "plan", &only_plan, "print the memory that the run takes, by name, and end"),
    OPT_FLAG(0, "print-config", &only_config, "print every setting and where it comes from, and end"),
    OPT_JSON(&json),
    OPT_NO_PROVENANCE(&provenance),
    OPT_COMMON,
    OPT_END};
static const struct opt_tool tool = {
    "dino-train", "[-c FILE] [key=value]...",
    "Train a DINOv2 network on shards or views; the same command resumes a stopped run.", options,
    "key=value words set single settings, as in train.dataset_path=shards; dino-config(5) lists the keys."};

/* ------------------------------------------------------------------ settings */
static void warn_unused(void *arg, const char *key, const char *why)
{
    (void)arg;
    msg_warn("%s: has no effect: %s", key, why);
}

static void read_settings(struct config *c, const struct world *world, int argc, char **argv, int first)
{
    struct fmt_error e = {0};
    config_init(c);
    int status = config_path ? config_load(c, config_path, &e) : 0;
    for (int i = first; i < argc && !status; i++)
        status = config_set(c, argv[i], &e);
    double asked = c->optim.lr;
    bool fp16 = config_asks_fp16(c);
    if (!status)
        status = config_finish(c, world->rank, world->size, &e);
    if (status)
        opt_fail(&e);
    if (asked != 0 && asked != c->optim.lr)
        msg_warn("optim.lr: ignored; computed as optim.base_lr x sqrt(batch / 1024) = %g", c->optim.lr);
    if (fp16)
        msg_warn("compute_precision: fp16 is computed as fp32 (float32)");
    config_each_unused(c, warn_unused, NULL);
}

/* Processes side by side would each train the whole run, and all but one fail at the lock of the directory. */
static void check_launch(void)
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

/* ------------------------------------------------------------------ the memory plan */
/* The network has the grid of positions of what the run would start from. */
static void find_grid(struct config *c, const struct world *world)
{
    struct fmt_error e = {0};
    struct run_log silent = {.fd = -1};
    struct resume resume;
    if (resume_decide(&resume, c, world, force, &silent, &e))
        msg_warn("%s; planned without it", e.text);
    resume_release(&resume);
}

static void print_json_line(const char *what, const char *of, int64_t bytes)
{
    struct cJSON *o = json_report_begin("plan");
    json_report_text(o, "what", what);
    if (of)
        json_report_text(o, "of", of);
    json_report_int(o, "bytes", bytes);
    if (json_report_end(o))
        msg_die("out of memory");
}

static void print_plan_json(const struct step_plan *plan, const struct resource_limit *limit)
{
    for (int i = 0; i < plan->n_lines; i++)
        print_json_line(plan->line[i].what, NULL, (int64_t)plan->line[i].bytes);
    print_json_line("total", NULL, (int64_t)plan->total);
    print_json_line("limit", limit->source, limit->bytes);
}

static void print_plan_text(const struct step_plan *plan, const char *unknown, const struct resource_limit *limit,
                            const struct config *c)
{
    char text[600], bytes[32], allowed[MEMORY_LIMIT_TEXT_MAX];
    for (int i = 0; i < plan->n_lines; i++)
        printf("%12s  %s\n", num_bytes_text((double)plan->line[i].bytes, bytes), plan->line[i].what);
    printf("%12s  in all%s%s; %s\n", num_bytes_text((double)plan->total, bytes), unknown ? ", but for " : "",
           unknown ? unknown : "", memory_limit_text(limit, allowed));
    if (memory_large_model_text(c, text, sizeof text))
        printf("%s.\n", text);
}

static int print_plan(struct config *c, const struct world *world, const struct device *device)
{
    struct step_plan plan;
    struct fmt_error e = {0};
    const char *unknown;
    struct resource_limit limit = resource_limit_memory();
    find_grid(c, world);
    if (memory_plan(&plan, c, device, &unknown, &e))
        msg_die("%s", e.text);
    if (json)
        print_plan_json(&plan, &limit);
    else
        print_plan_text(&plan, unknown, &limit, c);
    return msg_finish(EXIT_DONE);
}

/* ------------------------------------------------------------------ training */
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

/* All signals ask for the same, except SIGQUIT: it ends the run at once, with nothing saved. */
static void stop(int number)
{
    if (number == SIGQUIT)
        signals_die(number);
    if (!stop_signal)
        msg_note("%s: stopping after the current iteration is saved", signals_name(number));
    stop_signal = number;
}

static void open_device(struct device *device)
{
    struct fmt_error e = {0};
    if (signals_take(stop, &e))
        msg_die("%s", e.text);
    if (device_open(device, device_name, (int)n_jobs, msg_warn, &e))
        opt_fail(&e);
}

static void check_precision(const struct config *c, const struct device *device)
{
    struct fmt_error e = {0};
    if (step_supported(c, device->backend, &e))
        opt_fail(&e);
}

/* The teacher is scored before the first step; each step takes a batch; metrics, scores and checkpoints are written
 * when they are due. */
static void train(struct run *r)
{
    struct progress progress;
    const struct views_batch *batch;
    int64_t first = r->state.iteration + 1;
    run_start(r);
    progress_begin(&progress, "train", "iteration", "iterations", r->n_iterations - first);
    while ((batch = run_next_batch(r))) {
        run_step(r, batch);
        run_log_metrics(r);
        run_evaluate(r);
        run_save(r);
        progress_step(&progress, r->state.iteration + 1 - first);
    }
    if (r->end == RUN_COMPLETE || r->end == RUN_COLLAPSED)
        progress_end(&progress);
    else
        progress_abandon(&progress);
}

/* ------------------------------------------------------------------ the closing report */
static void report_end(struct run *r)
{
    char text[RUN_REPORT_ITERATION_MAX];
    const struct checkpoint_saver *s = &r->saver;
    if (r->end == RUN_DIVERGED)
        return; /* which was said, with what was last saved */
    if (s->failed)
        run_log(&r->log, RUN_ERROR,
                "%s: the last state is not saved; last saved: %s; run the same command to resume", s->why.text,
                checkpoint_saver_last(s, text));
    else if (r->end == RUN_STOPPED)
        run_log(&r->log, RUN_NOTE, "stopped by %s %s%s; run the same command to resume", signals_name(stop_signal),
                s->last < 0 ? "" : "after ", run_report_iteration(s->last, text));
    else if (r->end == RUN_COMPLETE)
        run_log(&r->log, r->verdict == COLLAPSE_COMPLETE ? RUN_ERROR : RUN_NOTE, "%s done; %s",
                FMT_COUNT(r->n_iterations, "iteration is", "iterations are"), collapse_text(r->verdict));
    else if (r->end == RUN_COLLAPSED)
        run_log(&r->log, RUN_ERROR, "%s: %s; stopped (train.stop_on_collapse); the state is saved",
                run_report_iteration(r->state.iteration, text), collapse_text(r->verdict));
}

static void report_results(struct run *r)
{
    struct fmt_error e = {0};
    if (jsonl_writer_sync(&r->times_file, &e)) /* of the process, and in no checkpoint */
        run_log(&r->log, RUN_WARNING, "%s; its last lines are lost", e.text);
    if (r->end == RUN_COMPLETE && r->eval_failed)
        run_log(&r->log, RUN_ERROR,
                "the last teacher, or its score, is not written; the same command writes the teacher");
    if (r->end == RUN_COMPLETE)
        run_report_teachers(&r->log, &r->eval, r->state.iteration);
    run_report_replaced(&r->log, &r->state);
    run_report_memory(&r->log, r->planned_bytes);
}

/* A result that is not whole is a failure, whatever else there is to say. */
static int exit_status(const struct run *r)
{
    if (r->end == RUN_DIVERGED)
        return EXIT_DIVERGED;
    if (r->end == RUN_FAILED || r->end == RUN_NO_DATA || r->saver.failed ||
        (r->end == RUN_COMPLETE && r->eval_failed))
        return EXIT_FAILED;
    if (r->end == RUN_STOPPED || r->end == RUN_NOT_STARTED)
        return EXIT_RESUMABLE;
    return r->verdict == COLLAPSE_COMPLETE ? EXIT_DIVERGED : EXIT_DONE;
}

static void report(struct run *r)
{
    if (r->end == RUN_FAILED) {
        run_log(&r->log, RUN_ERROR, "%s", r->error.text);
    } else if (r->end == RUN_NOT_STARTED) {
        run_log(&r->log, RUN_NOTE, "stopped by %s before the first batch; run the same command to resume",
                signals_name(stop_signal));
    } else {
        report_end(r);
        report_results(r);
    }
}

int main(int argc, char **argv)
{
    static struct run r = {.world = &world_single, .stop = &stop_signal, .log = {.fd = -1, .print = print_message}};
    memory_keep_small();
    int first = opt_parse(&tool, argc, argv);
    if (only_plan && only_config)
        msg_usage("--plan and --print-config exclude each other");
    read_settings(&r.config, r.world, argc, argv, first);
    if (only_config)
        return print_settings(&r.config);
    open_device(&r.device);
    check_precision(&r.config, &r.device);
    if (only_plan)
        return print_plan(&r.config, r.world, &r.device);
    if (r.config.origin[CONFIG_train_dataset_path].kind == CONFIG_DEFAULT)
        msg_usage("train.dataset_path is not set; it must name shards or views");
    check_launch();
    r.n_threads = (int)n_jobs;
    r.force = force;
    r.provenance = provenance;
    run_open(&r);
    train(&r);
    report(&r);
    run_close(&r);
    device_close(&r.device);
    config_release(&r.config);
    return msg_finish(exit_status(&r));
}
