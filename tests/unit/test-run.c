/* The library of dino-train (tools/train): resume policy, checkpoint files, JSON lines, metrics, verdicts on collapse,
 * the log, backups. */
#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "configbed.h"
#include "file.h"
#include "block-chunks.h"
#include "checkpoint-backup.h"
#include "checkpoint-files.h"
#include "run-folder.h"
#include "run-log.h"
#include "jsonl-writer.h"
#include "training-metrics.h"
#include "resume-policy.h"
#include "collapse.h"
#include "tap.h"

/* ------------------------------------------------------------------ resume policy, row by row */
enum { NEWEST = -1 }; /* RESUME_FROM_CHECKPOINT without a path */
static const struct {
    const char *resume, *path, *weights, *pretrained;
    int found;
    bool force;
    int status, from;
    const char *from_path;
    bool may_differ, remove_old;
    int n_unused;
} rules[] = {
    {"null", "", "", "", 0, false, 0, RESUME_FROM_RANDOM, NULL, false, false, 0},
    {"null", "", "", "p", 0, false, 0, RESUME_FROM_PRETRAINED, "p", false, false, 0},
    {"null", "", "w", "", 0, false, 0, RESUME_FROM_WEIGHTS, "w", false, false, 0},
    {"null", "", "w", "p", 0, false, 0, RESUME_FROM_WEIGHTS, "w", false, false, 1},
    {"null", "", "", "", 2, false, 0, RESUME_FROM_CHECKPOINT, NULL, false, false, 0},
    {"null", "", "w", "p", 1, false, 0, RESUME_FROM_CHECKPOINT, NULL, false, false, 2},
    {"null", "", "", "", 1, true, 0, RESUME_FROM_CHECKPOINT, NULL, false, false, 0},
    {"true", "c", "", "", 0, false, 0, RESUME_FROM_CHECKPOINT, "c", true, false, 0},
    {"true", "c", "w", "p", 3, false, 0, RESUME_FROM_CHECKPOINT, "c", true, false, 2},
    {"true", "", "", "", 3, false, 0, RESUME_FROM_CHECKPOINT, NULL, true, false, 0},
    {"true", "", "w", "p", 3, false, 0, RESUME_FROM_CHECKPOINT, NULL, true, false, 2},
    {"true", "", "w", "p", 0, false, 0, RESUME_FROM_CHECKPOINT, "w", true, false, 1},
    {"true", "", "", "p", 0, false, FMT_END, 0, NULL, false, false, 0},
    {"true", "", "", "", 0, true, FMT_END, 0, NULL, false, false, 0},
    {"false", "", "", "", 0, false, 0, RESUME_FROM_RANDOM, NULL, false, true, 0},
    {"false", "", "w", "", 0, false, 0, RESUME_FROM_WEIGHTS, "w", false, true, 0},
    {"false", "", "", "", 1, false, FMT_MISMATCH, 0, NULL, false, false, 0},
    {"false", "", "", "p", 1, true, 0, RESUME_FROM_PRETRAINED, "p", false, true, 0},
};

static void test_resume_policy(void)
{
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
        struct config c;
        struct resume_plan plan;
        struct fmt_error e = {0};
        config_init(&c);
        set(&c, "train.resume", rules[i].resume);
        set(&c, "train.resume_path", rules[i].path);
        set(&c, "MODEL.WEIGHTS", rules[i].weights);
        set(&c, "student.pretrained_weights", rules[i].pretrained);
        struct resume_options options = {&c, rules[i].found, rules[i].force};
        int status = resume_policy_decide(&options, &plan, &e);
        bool good = status == rules[i].status;
        if (good && !status)
            good = plan.from == (enum resume_from)rules[i].from && plan.may_differ == rules[i].may_differ &&
                   plan.remove_old == rules[i].remove_old && plan.n_unused == rules[i].n_unused &&
                   !plan.path == !rules[i].from_path && (!plan.path || strcmp(plan.path, rules[i].from_path) == 0);
        ok(good, "resume %s, path '%s', weights '%s', pretrained '%s', %d checkpoints%s: %s", rules[i].resume,
           rules[i].path, rules[i].weights, rules[i].pretrained, rules[i].found, rules[i].force ? ", -f" : "",
           status ? e.text : plan.path ? plan.path : "-");
        config_release(&c);
    }
}

/* ------------------------------------------------------------------ checkpoint files */
static char *put_file(const char *directory, const char *name, const char *text)
{
    struct fmt_error e = {0};
    char *path = file_join(directory, name);
    if (file_save(path, text, strlen(text), &e))
        ok(false, "%s", e.text);
    return path;
}

static void test_checkpoint_names(void)
{
    char name[CHECKPOINT_NAME_MAX];
    int64_t iteration;
    int rank;
    is_text(checkpoint_name(99, 0, name), "model_0000099.rank_0.ckpt", "seven digits");
    is_text(checkpoint_name(123456789, 3, name), "model_123456789.rank_3.ckpt", "more where they are needed");
    ok(checkpoint_parse_name(name, &iteration, &rank) && iteration == 123456789 && rank == 3, "and back");
    is_text(checkpoint_name(99, CHECKPOINT_SET, name), "model_0000099.set", "the set's");
    ok(checkpoint_parse_name(name, &iteration, &rank) && iteration == 99 && rank == CHECKPOINT_SET, "and back");
    static const char *const foreign[] = {
        "model_99.set", "model_0000099.sets", "model_0000099.rank_.set", "model_0000099.rank_-1.ckpt",
        "model_99.rank_0.ckpt",       "model_00000099.rank_0.ckpt",        "model_0000099.rank_0.ckpt~",
        "model_-000099.rank_0.ckpt",  "model_ 000099.rank_0.ckpt",         "model_final.rank_0.ckpt",
        "model_0000099.rank_00.ckpt", ".model_0000099.rank_0.ckpt.12.tmp", "model_0000099.rank_0.pth",
        "model_9007199254740995.set", "model_9223372036854775807.rank_0.ckpt"};
    for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++)
        ok(!checkpoint_parse_name(foreign[i], &iteration, &rank), "%s is no checkpoint's name", foreign[i]);
}

static void test_prune(void)
{
    struct fmt_error e = {0};
    char *dir = file_join(tap_scratch(), "keep");
    struct checkpoint_list list;
    ok(!checkpoint_list(dir, &list, &e) && list.n == 0, "a folder that is not there holds no checkpoints");
    checkpoint_list_release(&list);
    file_make_dirs(dir, &e);
    static const char *const names[] = {"model_0000019.rank_0.ckpt", "model_0000009.rank_0.ckpt",
                                        "model_0000029.rank_0.ckpt", "model_10000000.rank_0.ckpt",
                                        "model_0000039.rank_0.ckpt", "model_0000005.rank_1.ckpt", "notes.txt",
                                        ".model_0000049.rank_0.ckpt.77.tmp"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        free(put_file(dir, names[i], "x"));
    ok(!checkpoint_list(dir, &list, &e) && list.n == 5 && list.iteration[0] == 9 && list.iteration[4] == 10000000,
       "the checkpoints of a rank, in the order of their iterations");
    checkpoint_list_release(&list);
    ok(!checkpoint_prune(dir, 29, 1, 2, &e) && !checkpoint_list(dir, &list, &e) && list.n == 4 &&
           list.iteration[0] == 19,
       "of those up to the newest two are left; later ones are not touched");
    checkpoint_list_release(&list);
    ok(!checkpoint_prune(dir, 10000000, 1, 1, &e) && !checkpoint_list(dir, &list, &e) && list.n == 1 &&
           list.iteration[0] == 10000000, "the newest alone");
    checkpoint_list_release(&list);
    free(dir);
}

/* Of temporary files those of a run's own outputs. */
static void test_sweep(void)
{
    struct fmt_error e = {0};
    char *dir = file_join(tap_scratch(), "sweep");
    file_make_dirs(dir, &e);
    static const char *const others[] = {"notes.txt", ".mine.tmp", ".notes.x.tmp", ".notes.12.tmp", ".config.yaml.tmp",
                                         ".config.yaml.old.tmp", ".teacher_checkpoint.pth.12.tmp",
                                         ".model_final.ckpt.0123456789av.tmp"};
    static const char *const leftovers[] = {".model_0000049.rank_0.ckpt.77.tmp", ".config.yaml.0123456789av.tmp",
                                            ".evaluation.json.12.tmp", ".training_times.json.0123456789av.tmp"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        free(put_file(dir, others[i], "x"));
    for (size_t i = 0; i < sizeof leftovers / sizeof *leftovers; i++)
        free(put_file(dir, leftovers[i], "x"));
    char *teacher = file_join(dir, "eval/best");
    file_make_dirs(teacher, &e);
    free(put_file(teacher, ".teacher_checkpoint.pth.12.tmp", "x"));
    run_folder_sweep(dir);
    ok(rmdir(teacher) == 0, "in eval/, too");
    free(teacher);
    char **left;
    int64_t n_left;
    file_list(dir, &left, &n_left, &e);
    is_int(n_left, 9, "what runs left half-written is removed, other files are not");
    file_list_free(left, n_left);
    free(dir);
}

/* What a failed write may remove: only where the disk is full, the oldest one each time, never the last good one. */
static void test_evict(void)
{
    struct fmt_error e = {0}, full = {0}, other = {0};
    struct checkpoint_list list;
    char *dir = file_join(tap_scratch(), "full"), name[CHECKPOINT_NAME_MAX], *folder;
    file_make_dirs(dir, &e);
    for (int64_t it = 9; it < 60; it += 10)
        free(put_file(dir, checkpoint_name(it, 0, name), "x"));
    errno = ENOSPC;
    file_fail("a", &full);
    errno = EIO;
    file_fail("a", &other);
    is_int(checkpoint_evict_oldest(dir, 49, &other), -1, "nothing for an error of the device");
    is_int(checkpoint_evict_oldest(dir, -1, &full), -1, "nothing before the first good one");
    is_int(checkpoint_evict_oldest(dir, 49, &full), 9, "the oldest");
    file_make_dirs(folder = file_join(dir, checkpoint_name(3, 0, name)), &e);
    is_int(checkpoint_evict_oldest(dir, 49, &full), 19, "the oldest that can be removed");
    rmdir(folder);
    free(folder);
    is_int(checkpoint_evict_oldest(dir, 49, &full), 29, "the next");
    is_int(checkpoint_evict_oldest(dir, 49, &full), 39, "and the next");
    is_int(checkpoint_evict_oldest(dir, 49, &full), -1, "the last good one is never removed");
    ok(!checkpoint_list(dir, &list, &e) && list.n == 2 && list.iteration[0] == 49 && list.iteration[1] == 59,
       "and the later one that is not counted");
    checkpoint_list_release(&list);
    errno = EDQUOT;
    full = (struct fmt_error){0};
    file_fail("a", &full);
    is_int(checkpoint_evict_oldest(dir, 59, &full), 49, "a quota is a full disk, too");
    free(dir);
}

/* ------------------------------------------------------------------ JSON lines */
/* Tens and -1 had a line. */
static bool due(const void *arg, int64_t iteration)
{
    (void)arg;
    return iteration == -1 || iteration % 10 == 0;
}

enum { NEW_RUN = -99 };
/* Opens a file of this text with a history up to `last` and adds a line; then it is `expected` and that line. */
static struct jsonl_history cut(const char *text, int64_t last, const char *expected, const char *what)
{
    struct jsonl_history history = {.resumed = last != NEW_RUN, .last = last, .due = due};
    struct fmt_error e = {0};
    struct jsonl_writer w;
    struct fmt_buffer add = {0};
    char *path = put_file(tap_scratch(), "lines.json", text);
    fmt_buffer_append(&add, "{\"iteration\": 7}", 16);
    int status = jsonl_writer_open(&w, path, &history, &e);
    if (!status)
        status = jsonl_writer_add(&w, &add, &e);
    if (!status)
        status = jsonl_writer_sync(&w, &e);
    jsonl_writer_close(&w);
    uint8_t *data;
    size_t n;
    char whole[400];
    snprintf(whole, sizeof whole, "%s{\"iteration\": 7}\n", expected);
    if (!status && !file_load(path, 1000, &data, &n, &e)) {
        is_text((char *)data, whole, "%s", what);
        free(data);
    } else {
        ok(false, "%s: %s", what, e.text);
    }
    fmt_buffer_release(&add);
    free(path);
    return history;
}

static void missing(const char *text, int64_t last, const char *expected, int n, int first, int n_foreign,
                    const char *what)
{
    struct jsonl_history p = cut(text, last, expected, what);
    ok(p.n_missing == n && (n == 0 || p.first_missing == first) && p.n_foreign == n_foreign,
       "%d missing, from %d on, %d damaged", (int)p.n_missing, (int)p.first_missing, (int)p.n_foreign);
}

/* A fifo would be waited for, and a signal cannot end that; what a failing read did not give must not be lost. */
static void test_jsonl_unreadable(void)
{
    struct jsonl_history history = {.resumed = true, .last = 10};
    struct fmt_error e = {0};
    struct jsonl_writer w;
    char path[300];
    snprintf(path, sizeof path, "%s/lines.fifo", tap_scratch());
    ok(mkfifo(path, 0666) == 0, "a fifo in the file's place");
    alarm(20);
    ok(jsonl_writer_open(&w, path, &history, &e) == FMT_IO && strstr(e.text, "lines.fifo: "), "is refused at once: %s",
       e.text);
    alarm(0);
    jsonl_writer_close(&w);
    e = (struct fmt_error){0};
    ok(jsonl_writer_open(&w, "/proc/self/mem", &history, &e) == FMT_IO && strstr(e.text, "nput/output error"),
       "a file that cannot be read is not cut: %s", e.text);
    jsonl_writer_close(&w);
}

/* A line that meets a full disk, for which a limit of the file size stands, is written with a later one. */
static void test_jsonl_pending(void)
{
    struct jsonl_history history = {.resumed = false};
    struct fmt_error e = {0};
    struct fmt_buffer line = {0};
    struct jsonl_writer w;
    struct rlimit before, none;
    uint8_t *data;
    size_t n;
    char *path = file_join(tap_scratch(), "wait.json");
    fmt_buffer_append(&line, "{\"iteration\": 7}", 16);
    ok(!jsonl_writer_open(&w, path, &history, &e) && !jsonl_writer_add(&w, &line, &e), "a line");
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &before);
    none = (struct rlimit){20, before.rlim_max}; /* three bytes of the next line */
    setrlimit(RLIMIT_FSIZE, &none);
    ok(jsonl_writer_add(&w, &line, &e) == FMT_IO && strstr(e.text, "wait.json: "),
       "the disk is full for the next: %s", e.text);
    ok(!file_load(path, 1000, &data, &n, &e) && n == 17, "half a line is cut off again");
    free(data);
    ok(jsonl_writer_sync(&w, NULL) == FMT_IO, "not all are on the disk");
    setrlimit(RLIMIT_FSIZE, &before);
    e = (struct fmt_error){0};
    ok(!jsonl_writer_add(&w, &line, &e) && !jsonl_writer_sync(&w, &e), "space again");
    jsonl_writer_close(&w);
    ok(!file_load(path, 1000, &data, &n, &e) && n == 51, "three whole lines");
    free(data);
    free(path);
    fmt_buffer_release(&line);
}

static void test_jsonl(void)
{
    const char *three = "{\"iteration\": -1, \"a\": 1}\n{\"iteration\": 0}\n{\"iteration\": 10}\n";
    cut(three, NEW_RUN, "", "a new run has no line");
    cut(three, 10, three, "one that resumes after 10 has all three");
    cut(three, 9, "{\"iteration\": -1, \"a\": 1}\n{\"iteration\": 0}\n", "after 9: two");
    cut(three, -1, "{\"iteration\": -1, \"a\": 1}\n", "after -1: one");
    cut("{\"iteration\": 0}\n{\"iterat", 10, "{\"iteration\": 0}\n", "half a line is cut off");
    cut("{\"iteration\": 0}\n{\"iteration\": 1}", 10, "{\"iteration\": 0}\n", "a line without its end, too");
    cut("{\"iteration\": 0}\n{\"iteration\": 99}\n{\"iteration\": 1}\n", 10, "{\"iteration\": 0}\n",
        "and all after one that is too late");
    cut("", 10, "", "nothing is cut from nothing");
#define L(number) "{\"iteration\": " #number "}\n"
    missing(L(-1) L(0) L(10), 19, L(-1) L(0) L(10), 0, 0, 0, "all are there");
    missing(L(-1) L(0) L(10) "{\"iter", 19, L(-1) L(0) L(10), 0, 0, 0, "half a line after the last is a kill's");
    missing(L(-1) L(0) "{\"iter", 19, L(-1) L(0), 1, 10, 0, "half a line of 10, with a checkpoint of 19, is not");
    missing(L(-1) L(0), 29, L(-1) L(0), 2, 10, 0, "the end is missing");
    missing("", 10, "", 3, -1, 0, "everything is missing");
    missing(L(0) "rubbish\n" L(20) L(30), 20, L(0) L(20), 1, 10, 1, "rubbish in the middle: the others are valid");
    missing(L(0) "{\"iteration\": 10, \"a\": \n" L(20), 25, L(0) L(20), 1, 10, 1, "a line that is no JSON");
    missing(L(0) L(10) L(0) L(20), 25, L(0) L(10) L(20), 0, 0, 1, "a line out of order");
    missing("\n" L(0), 5, L(0), 0, 0, 1, "rubbish in front");
    missing(L(-8999999999999999) L(0), 5, L(0), 0, 0, 1, "an iteration that cannot be is no line");
    missing(L(20) L(30), 35, L(20) L(30), 0, 0, 0, "what came before the first line was elsewhere");
#undef L
}

/* ------------------------------------------------------------------ metrics */
static void test_metrics(void)
{
    struct training_metrics m = {0};
    struct fmt_error e = {0};
    struct fmt_buffer line = {0};
    ok(isnan(training_metrics_median(&m, METRIC_lr)), "no median before the first step");
    for (int i = 1; i <= 4; i++) {
        struct step_result r = {.total_loss = i == 2 ? 100 : i, .n_modules = 2,
                                .module = {{VIT_MODULE, i}, {HEAD_DINO, 2 * i}}};
        struct schedule_rates rates = {.lr = 0.1 * i};
        training_metrics_push(&m, &rates, 8, &r);
    }
    ok(training_metrics_median(&m, METRIC_total_loss) == 3 && training_metrics_median(&m, METRIC_lr) == 0.2,
       "the lower median of 1, 100, 3, 4 is 3; of 0.1 ... 0.4 it is 0.2");
    for (int i = 5; i <= 30; i++) {
        struct step_result r = {.total_loss = i};
        struct schedule_rates rates = {0};
        training_metrics_push(&m, &rates, 8, &r);
    }
    ok(training_metrics_median(&m, METRIC_total_loss) == 20,
       "of 30 steps the last 20 count: lower median of 11 ... 30");
    ok(!training_metrics_line(&m, 29, 7, COLLAPSE_NONE, &line, &e) && !fmt_buffer_append(&line, "", 1), "a line");
    static const char front[] = "{\"iteration\": 29, \"lr\": 0, \"wd\": 0, \"mom\": 0, \"last_layer_lr\": 0, "
                                "\"current_batch_size\": 8, \"total_loss\": 20, \"dino_local_crops_loss\": ";
    ok(strncmp((char *)line.data, front, sizeof front - 1) == 0 &&
           strstr((char *)line.data, "\"gradient_norm_backbone\": 0") &&
           strstr((char *)line.data, ", \"replaced\": 7, \"collapse\": \"none\"}"),
       "has the published names in the published order, then ours");
    fmt_buffer_release(&line);
    struct training_times t = {0};
    training_times_add(&t, 0.5, 0.125);
    training_times_add(&t, 1.5, 0.375);
    ok(!training_times_line(&t, 1, 8, NULL, &line, &e) && !fmt_buffer_append(&line, "", 1), "a line of times");
    is_text((char *)line.data, "{\"iteration\": 1, \"iter_time\": 0.500000, \"data_time\": 0.125000, "
                               "\"images_per_second\": 16, \"data_wait\": 0.2500}", "and what it holds");
    fmt_buffer_release(&line);
}

static void test_collapse(void)
{
    struct config c;
    config_init(&c);
    c.train.batch_size_per_gpu = 16;
    c.optim.warmup_epochs = 1;
    c.train.OFFICIAL_EPOCH_LENGTH = 10;
    struct collapse_signs good = {2, 3, 8, 0.5}, one = {2, 2.001, 8, 1.0 / 32}, heads = {2, 2.001, 8, 0.1},
                       line = {2, 3, 1.01, 0.5}, none = {NAN, NAN, NAN, NAN};
    is_int(collapse_judge(&one, &c, 10), COLLAPSE_EARLY, "no verdict before the teacher has followed the student");
    c.teacher.momentum_teacher = 0.5;
    is_int(collapse_judge(&one, &c, 9), COLLAPSE_EARLY, "nor before the learning rate has risen");
    is_int(collapse_judge(&good, &c, 10), COLLAPSE_NONE, "a teacher that distinguishes images");
    is_int(collapse_judge(&one, &c, 10), COLLAPSE_COMPLETE, "one that gives all crops one answer");
    is_int(collapse_judge(&heads, &c, 10), COLLAPSE_OUTPUT, "one whose heads alone have collapsed");
    is_int(collapse_judge(&line, &c, 10), COLLAPSE_DIMENSIONAL, "one whose features lie on a line");
    is_int(collapse_judge(&none, &c, 10), COLLAPSE_EARLY, "no step yet");
    c.train.batch_size_per_gpu = 1;
    is_int(collapse_judge(&one, &c, 10), COLLAPSE_EARLY, "one image a batch shows nothing");
    config_release(&c);
}

static void test_chunks(void)
{
    char out[BLOCK_CHUNKS_NAME_MAX];
    is_text(block_chunks_name("backbone.blocks.13.norm1.weight", 24, 4, out), "backbone.blocks.2.13.norm1.weight",
            "block 13 of 24 in 4 chunks of 6");
    is_text(block_chunks_name("backbone.blocks.39.ls1.gamma", 40, 4, out), "backbone.blocks.3.39.ls1.gamma",
            "the last of 40");
    is_text(block_chunks_name("backbone.blocks.1.ls1.gamma", 2, 0, out), "backbone.blocks.1.ls1.gamma", "no chunks");
    is_text(block_chunks_name("dino_head.mlp.0.weight", 24, 4, out), "dino_head.mlp.0.weight", "a head");
}

/* ------------------------------------------------------------------ the log and backups */
/* What was printed: notes are good, warnings bad. */
static int n_good, n_bad;
static void count(void *arg, enum run_log_level level, const char *text)
{
    (void)arg;
    printf("# %s\n", text);
    level == RUN_NOTE ? n_good++ : n_bad++;
}

/* A log.txt that cannot be written (a link to /dev/full) is one warning. */
static void test_log(void)
{
    struct run_log log = {.fd = -1, .print = count};
    struct fmt_error e = {0};
    uint8_t *data;
    size_t n;
    char *dir = file_join(tap_scratch(), "log"), *path = file_join(dir, "log.txt");
    file_make_dirs(dir, &e);
    run_log(&log, RUN_NOTE, "before there is a file");
    ok(!run_log_open(&log, dir, &e), "a log %s", e.text);
    run_log(&log, RUN_FILE_ONLY, "number %d", 1);
    run_log(&log, RUN_WARNING, "line\ntwo");
    run_log_close(&log);
    ok(n_good == 1 && n_bad == 1, "what is for the file alone is not printed");
    if (ok(!file_load(path, 1000, &data, &n, &e), "the file %s", e.text)) {
        char *line = strchr((char *)data, ']');
        ok(data[0] == '[' && line && strncmp(line, "] number 1\n[", 12) == 0 && strstr(line, "] line?two\n"),
           "two lines, each with its time");
        free(data);
    }
    n_good = n_bad = 0;
    ok(unlink(path) == 0 && symlink("/dev/full", path) == 0 && !run_log_open(&log, dir, &e), "a full disk");
    run_log(&log, RUN_NOTE, "one");
    run_log(&log, RUN_NOTE, "two");
    run_log_close(&log);
    ok(n_good == 2 && n_bad == 1, "is warned of once, and all is printed");
    n_good = n_bad = 0;
    free(path);
    free(dir);
}

static void test_backup(void)
{
    struct run_log log = {.fd = -1, .print = count};
    struct fmt_error e = {0};
    struct config c;
    struct checkpoint_backup *b;
    config_init(&c);
    ok(!checkpoint_backup_open(&b, &c, &log, &e) && !b, "no backup_dir, no backup");
    char *to = file_join(tap_scratch(), "other/place");
    set(&c, "train.backup_dir", to);
    set(&c, "train.backup_period", "20");
    set(&c, "train.max_to_keep", "2");
    set(&c, "train.output_dir", tap_scratch());
    ok(!checkpoint_backup_open(&b, &c, &log, &e), "a backup every 20 iterations");
    struct checkpoint_list list;
    for (int64_t it = 9; it < 100; it += 10) {
        char name[CHECKPOINT_NAME_MAX],
            *path = put_file(tap_scratch(), checkpoint_name(it, 0, name), "a checkpoint's bytes");
        checkpoint_backup_start(b, it, 1, it == 99);
        struct timespec wait = {0, 30000000};
        nanosleep(&wait, NULL);
        free(path);
    }
    checkpoint_backup_close(b);
    ok(n_good == 5 && n_bad == 0, "10 checkpoints, one in 10 iterations: 5 copies");
    ok(!checkpoint_list(to, &list, &e) && list.n == 2 && list.iteration[0] == 79 && list.iteration[1] == 99,
       "of which the newest two are kept");
    checkpoint_list_release(&list);
    n_good = n_bad = 0;
    char *file = put_file(tap_scratch(), "a-file", "x");
    set(&c, "train.backup_dir", file);
    char *path = put_file(tap_scratch(), "model_0000001.rank_0.ckpt", "x");
    checkpoint_backup_open(&b, &c, &log, &e);
    ok(n_bad == 1 && n_good == 0, "a folder for backups that cannot be used is warned of at once");
    checkpoint_backup_start(b, 1, 1, true);
    checkpoint_backup_close(b);
    ok(n_bad == 2 && n_good == 0, "a backup that fails is a warning and no more");
    free(file);
    free(path);
    free(to);
    config_release(&c);
}

int main(void)
{
    test_resume_policy();
    test_checkpoint_names();
    test_prune();
    test_sweep();
    test_evict();
    test_jsonl();
    test_jsonl_pending();
    test_jsonl_unreadable();
    test_metrics();
    test_collapse();
    test_chunks();
    test_log();
    test_backup();
    return tap_done();
}
