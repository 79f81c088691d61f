/* dino-train - shards or views -> checkpoints, metrics, a log, the teacher.
 *
 * The loop is train(); its parts are in train/run.h. Everything that can change the result is in the settings.
 */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config.h"
#include "device.h"
#include "json-report.h"
#include "launcher.h"
#include "memory-plan.h"
#include "mpirun.h"
#include "msg.h"
#include "num.h"
#include "opt.h"
#include "progress.h"
#include "ranks.h"
#include "run.h"
#include "run-report.h"
#include "signals.h"
#include "world-mpi.h"
#include "world-queue.h"

static const char *config_path;
static int64_t n_jobs, n_ranks;
static const char *device_name = "auto";
static bool force, provenance = true, only_plan, only_config, json;
static _Atomic int stop_signal; /* when nonzero, the run ends after the current iteration */
static struct world world;
static struct world_meter meter; /* of its calls */

static const struct opt options[] = {
    OPT_PATH('c', "config", &config_path, "FILE", "settings: YAML with the published keys [the published defaults]"),
    OPT_FLAG('f', "force", &force, "with train.resume=false: remove the old run in the output directory"),
    OPT_JOBS(&n_jobs),
    OPT_COUNT(0, "ranks", &n_ranks, 1, 65536, "N", "train with N processes on this machine, by mpirun [1]"),
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

/* ------------------------------------------------------------------ processes */
static const char *describe_build(void)
{
    static char text[100];
    const char *mpi = world_mpi_name();
    snprintf(text, sizeof text, "several processes: %s", mpi ? mpi : "built without MPI");
    return text;
}

/* Ends all ranks for one reason that all know. */
_Noreturn static void leave(int exit_status)
{
    world_mpi_close(&world);
    exit(msg_finish(exit_status));
}

_Noreturn static void fail_together(const struct fmt_error *e)
{
    bool system = e->status == FMT_IO || e->status == FMT_FULL || e->status == FMT_MEMORY;
    if (world.size == 1)
        opt_fail(e);
    if (world.rank == 0)
        msg_error("%s", e->text);
    leave(system ? EXIT_FAILED : EXIT_USAGE);
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

static const char start_several[] = "dino-train runs as several processes by mpirun (mpirun -n N dino-train ...) or "
                                    "srun (srun --mpi=pmix -n N dino-train ...), or by --ranks N";

/* The main thread waits for a rank that hangs. */
static void end_now(void)
{
    _exit(EXIT_RESUMABLE);
}

/* What a launcher has started that does not fit, with what would fit. */
_Noreturn static void refuse_launch(const struct launch *l)
{
    if (!l->mpi)
        msg_error("%s=%" PRId64 ": %s, not by torchrun or side by side; unset %s if there is only one process",
                  l->name, l->value, start_several, l->name);
    else if (world_mpi_name())
        msg_error("%s=%" PRId64 ": srun has started these processes and told MPI nothing of them: start them by "
                  "srun --mpi=pmix (srun --mpi=list names what there is), by its own mpirun, or by --ranks",
                  l->name, l->value);
    else
        msg_error("%s=%" PRId64 ": started as one of several processes, but this dino-train is built without MPI: "
                  "install %s and build again, or start one process", l->name, l->value, world_mpi_packages());
    exit(EXIT_USAGE);
}

/* --ranks N without a launcher: this process only starts mpirun and waits for it. */
static void start_ranks(int argc, char **argv)
{
    struct fmt_error e = {0};
    int exit_status = EXIT_FAILED;
    if (!world_mpi_name())
        msg_usage("--ranks: built without MPI: install %s and build again", world_mpi_packages());
    int status = mpirun_start(n_ranks, argc, argv, &exit_status, &e);
    if (status && status != FMT_STOPPED)
        msg_die("%s", e.text);
    if (status) {
        msg_note("%s", e.text);
        exit_status = EXIT_RESUMABLE;
    }
    exit(exit_status);
}

/* Threads of MPI begin here, so the signals are blocked before. */
static void join_world(int argc, char **argv)
{
    struct fmt_error e = {0}, mpi = {0};
    struct launch l;
    int status = launcher_find(&l, start_several, &e);
    if (status && !l.name)
        opt_fail(&e);
    if (n_ranks > 1 && launcher_leaves(&l, n_ranks))
        start_ranks(argc, argv);
    msg_check(signals_take(stop, &mpi), &mpi);
    if (l.name && (!l.mpi || !world_mpi_name() || launcher_silent(&l)))
        refuse_launch(&l);
    if (l.name && world_mpi_open(&world, &mpi))
        msg_die("%s", mpi.text);
    world.meter = &meter;
    if (world.rank > 0) /* what is not of this rank alone is said by rank 0 */
        msg_level = -1;
    if (!status && l.name)
        status = launcher_compare(&l, world.rank, world.size, world_mpi_name(), &e);
    if (!status && n_ranks && n_ranks != world.size)
        status = fmt_fail(&e, FMT_INVALID, "--ranks: is %" PRId64 ", and %s started", n_ranks,
                          FMT_COUNT(world.size, "process is", "processes are"));
    if (world_agree(&world, status, &e))
        fail_together(&e);
}

static int meet(struct ranks *ranks, struct fmt_error *e)
{
    const struct backend *backend = device_find(device_name, e);
    int status = world_agree(&world, backend ? 0 : FMT_UNSUPPORTED, e);
    return status ? status : ranks_meet(ranks, &world, n_jobs, backend->name, e);
}

/* The table of processes, first of all; and the threads of this one. */
static void share_machine(struct run *r)
{
    struct ranks ranks;
    struct fmt_error e = {0};
    char text[RANKS_TEXT_MAX];
    const char *threads = getenv("OMP_NUM_THREADS");
    if (threads && !n_jobs && world.rank == 0)
        msg_warn("OMP_NUM_THREADS=%.20s: not used: -j sets the number of threads", threads);
    if (world_agree(&world, meet(&ranks, &e), &e))
        fail_together(&e);
    if (world.size > 1 && world.rank == 0) {
        msg_note("%d processes by %s, %d ranks", world.size, world_mpi_name(), world_ranks(&world));
        for (int first = 0; ranks_text(&ranks, &first, text);)
            msg_note("%s", text);
    }
    r->n_threads = (int)ranks.place[world.rank].threads;
    r->n_local = ranks_local(&ranks, world.rank);
    ranks_release(&ranks);
}

/* ------------------------------------------------------------------ settings */
static void warn_unused(void *arg, const char *key, const char *why)
{
    (void)arg;
    msg_warn("%s: has no effect: %s", key, why);
}

/* The processes share the ranks evenly: *turns of each. */
static int share_ranks(const struct config *c, int n_processes, int *turns, struct fmt_error *e)
{
    *turns = (int)(c->train.ranks / n_processes);
    if (c->train.ranks % n_processes == 0)
        return 0;
    return fmt_fail(e, FMT_INVALID,
                    "train.ranks: %" PRId64 " ranks cannot be shared evenly by %d processes; start a number that "
                    "divides it, or one process", c->train.ranks, n_processes);
}

/* runs: the run begins; else settings or plan are printed, for as many ranks as train.ranks says. */
static void read_settings(struct config *c, bool runs, int argc, char **argv, int first)
{
    struct fmt_error e = {0};
    int turns;
    config_init(c);
    int status = config_path ? config_load(c, config_path, &e) : 0;
    for (int i = first; i < argc && !status; i++)
        status = config_set(c, argv[i], &e);
    double asked = c->optim.lr;
    bool fp16 = config_asks_fp16(c);
    if (!status)
        status = config_finish(c, world.rank, runs ? world.size : (int)num_max(n_ranks, 1), &e);
    if (!status && runs && !(status = share_ranks(c, world.size, &turns, &e)))
        status = world_mpi_take_turns(&world, turns, &e);
    if (world_agree(&world, status, &e))
        fail_together(&e);
    if (world.rank > 0)
        return;
    if (asked != 0 && asked != c->optim.lr)
        msg_warn("optim.lr: ignored; computed as optim.base_lr x sqrt(batch / 1024) = %g", c->optim.lr);
    if (fp16)
        msg_warn("compute_precision: fp16 is computed as fp32 (float32)");
    config_each_unused(c, warn_unused, NULL);
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
static void find_grid(struct config *c)
{
    struct fmt_error e = {0};
    struct run_log silent = {.fd = -1};
    struct resume resume;
    if (resume_decide(&resume, c, &world, force, &silent, &e))
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
    char text[600], bytes[32], allowed[MEMORY_LIMIT_TEXT_MAX], each[100] = "";
    if (n_ranks > 1)
        snprintf(each, sizeof each, ", in each of %" PRId64 " processes (%s together)", n_ranks,
                 num_bytes_text((double)n_ranks * (double)plan->total, bytes));
    for (int i = 0; i < plan->n_lines; i++)
        printf("%12s  %s\n", num_bytes_text((double)plan->line[i].bytes, bytes), plan->line[i].what);
    printf("%12s  in all%s%s%s; %s\n", num_bytes_text((double)plan->total, bytes), each, unknown ? ", but for " : "",
           unknown ? unknown : "", memory_limit_text(limit, allowed));
    if (n_ranks <= 1 && memory_large_model_text(c, text, sizeof text))
        printf("%s.\n", text);
}

static int print_plan(struct config *c, const struct device *device)
{
    struct step_plan plan;
    struct fmt_error e = {0};
    const char *unknown;
    struct resource_limit limit = resource_limit_memory();
    struct world imagined = {.size = (int)num_max(n_ranks, 1), .turns = 1};
    msg_check(share_ranks(c, imagined.size, &imagined.turns, &e), &e);
    find_grid(c);
    msg_check(memory_plan(&plan, c, &imagined, device, &unknown, &e), &e);
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
    else if (level == RUN_WARNING || level == RUN_OWN_WARNING)
        msg_warn("%s", text);
    else if (level == RUN_NOTE)
        msg_note("%s", text);
    else
        msg_more("%s", text);
}

static void no_warning(const char *format, ...)
{
    (void)format;
}

static void open_device(struct device *device, const struct config *c, int n_threads)
{
    struct fmt_error e = {0};
    int status = device_open(device, device_name, n_threads, world.rank == 0 ? msg_warn : no_warning, &e);
    if (!status)
        status = step_supported(c, device->backend, &e);
    if (world_agree(&world, status, &e))
        fail_together(&e);
}

/* What processes send each other behind the computation. */
static void open_queue(const struct device *device)
{
    struct fmt_error e = {0};
    bool can = world.size > 1 && world_mpi_any_thread(&world);
    if (world_agree(&world, can ? world_queue_open(&world.queue, &world, device->backend, &e) : 0, &e))
        fail_together(&e);
}

/* The teacher is scored before the first step; each step takes a batch; metrics, scores and checkpoints are written
 * when they are due. */
static void train(struct run *r)
{
    struct progress progress;
    int64_t first = r->state.iteration + 1;
    run_start(r);
    progress_begin(&progress, "train", "iteration", "iterations", r->n_iterations - first);
    while (run_next_batches(r)) {
        run_step(r);
        run_check_ranks(r);
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
        run_log(&r->log, RUN_NOTE, "stopped by %s %s%s; run the same command to resume", signals_name(r->stopping),
                s->last < 0 ? "" : "after ", run_report_iteration(s->last, text));
    else if (r->end == RUN_COMPLETE)
        run_log(&r->log, r->verdict == COLLAPSE_COMPLETE ? RUN_ERROR : RUN_NOTE, "%s done; %s",
                FMT_COUNT(r->n_iterations, "iteration is", "iterations are"), collapse_text(r->verdict));
    else if (r->end == RUN_COLLAPSED)
        run_log(&r->log, RUN_ERROR, "%s: %s; stopped (train.stop_on_collapse); the state is saved",
                run_report_iteration(r->state.iteration, text), collapse_text(r->verdict));
}

/* What process 0 sent to others; each sends about as much. */
static void report_sent(struct run *r)
{
    char bytes[32];
    int64_t n = r->times.count;
    if (world.size > 1 && n > 0)
        run_log(&r->log, RUN_NOTE, "sent to other processes: %s in each of %s",
                num_bytes_text((double)r->bytes_sent / (double)n, bytes),
                FMT_COUNT(n, "step", "steps"));
}

static void report_results(struct run *r, double peak_bytes)
{
    struct fmt_error e = {0};
    if (world.rank == 0 && jsonl_writer_sync(&r->times_file, &e)) /* of the process, and in no checkpoint */
        run_log(&r->log, RUN_WARNING, "%s; its last lines are lost", e.text);
    if (r->end == RUN_COMPLETE && r->eval_failed)
        run_log(&r->log, RUN_ERROR,
                "the last teacher, or its score, is not written; the same command writes the teacher");
    run_report_replaced(&r->log, &r->state);
    run_report_memory(&r->log, &world, peak_bytes, r->planned_bytes);
    report_sent(r);
    if (r->end == RUN_COMPLETE) /* last: it is what the next command needs */
        run_report_teachers(&r->log, &r->eval, r->state.iteration);
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

/* What all ranks know is said by the first. */
static void report(struct run *r)
{
    struct fmt_error e = {0};
    double peak_bytes = (double)memory_peak_bytes();
    if (!r->alone && r->end != RUN_FAILED) /* where all processes come to this */
        world_all_reduce_host(&world, &peak_bytes, 1, WORLD_MAX, &e);
    if (world.rank > 0 && !r->alone)
        return;
    if (r->end == RUN_FAILED) {
        run_log(&r->log, RUN_ERROR, "%s", r->error.text);
    } else if (r->end == RUN_NOT_STARTED) {
        run_log(&r->log, RUN_NOTE, "stopped by %s before the first batch; run the same command to resume",
                signals_name(stop_signal));
    } else {
        report_end(r);
        report_results(r, peak_bytes);
    }
}

/* --print-config or --plan: one process, whatever has started it; of several the first. */
static int print_only(struct config *c, int argc, char **argv, int first)
{
    struct device device;
    if (launcher_follows())
        return EXIT_DONE;
    read_settings(c, false, argc, argv, first);
    if (only_config)
        return print_settings(c);
    open_device(&device, c, (int)n_jobs);
    return print_plan(c, &device);
}

int main(int argc, char **argv)
{
    static struct run r = {.world = &world, .stop = &stop_signal, .log = {.fd = -1, .print = print_message}};
    world = world_single;
    memory_keep_small();
    opt_describe_build(describe_build);
    int first = opt_parse(&tool, argc, argv);
    if (only_plan && only_config)
        msg_usage("--plan and --print-config exclude each other");
    if (only_plan || only_config)
        return print_only(&r.config, argc, argv, first);
    join_world(argc, argv);
    read_settings(&r.config, true, argc, argv, first);
    if (r.config.origin[CONFIG_train_dataset_path].kind == CONFIG_DEFAULT)
        msg_usage("train.dataset_path is not set; it must name shards or views");
    share_machine(&r);
    open_device(&r.device, &r.config, r.n_threads);
    r.end_now = end_now;
    open_queue(&r.device);
    r.force = force;
    r.provenance = provenance;
    run_open(&r);
    train(&r);
    report(&r);
    int status = exit_status(&r);
    if (r.alone)
        world_mpi_abort(&world, status);
    run_close(&r);
    world_queue_close(world.queue);
    device_close(&r.device);
    config_release(&r.config);
    leave(status);
}
