/* test-checkpoint-world - the state of a step is saved by some processes, here threads, and loaded by others, whatever
 * each of them holds: every element, the window of the metrics, the numbers. And a process that cannot write. */
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

#include "checkpoint-files.h"
#include "checkpoint-saver.h"
#include "file.h"
#include "stepbed.h"
#include "world-threads.h"

enum { ITERATION = 19, PIECE = 1 << 12 };

static char *folder; /* train.output_dir */

/* One process: it saves, or loads what others have saved. */
struct process {
    struct world world;
    bool full_shard, load;
    bool good; /* what it did */
    struct fmt_error error;
    pthread_t thread;
};

static float value(int64_t tensor, int64_t i)
{
    return (float)(tensor * 1000 + i % 997) * 0.25f;
}

/* Writes all that is held here, or compares it. */
static bool go_over_state(struct step *step, bool write, struct fmt_error *e)
{
    float x[PIECE];
    bool good = true;
    for (int64_t k = 0; k < state_count(step); k++) {
        struct state_tensor t;
        state_tensor(step, k, &t);
        for (int64_t done = 0; done < t.count && good; done += PIECE) {
            int64_t first = t.first + done, n = t.count - done < PIECE ? t.count - done : PIECE;
            for (int64_t i = 0; i < n && write; i++)
                x[i] = value(k, first + i);
            good = (write ? state_write(step, &t, first, n, x, e) : state_read(step, &t, first, n, x, e)) == 0;
            for (int64_t i = 0; i < n && !write; i++)
                good = good && x[i] == value(k, first + i);
        }
    }
    return good;
}

static const struct state_numbers numbers = {.optimizer_steps = 18, .backbone_steps = 17, .center_pending = 2};

static int no_lines(void *arg, struct fmt_error *e)
{
    (void)arg, (void)e;
    return 0;
}

static bool save(struct process *p, struct bed *b)
{
    struct run_log log = {.fd = -1, .rank = p->world.rank};
    struct checkpoint_saver s = {.world = &p->world, .config = &b->config, .log = &log, .provenance = true,
                                 .sync = no_lines, .last = -1};
    struct run_state state = {.iteration = ITERATION, .config = &b->config, .bad_steps = 1};
    for (int m = 0; m < METRICS; m++)
        for (int i = 0; i < TRAINING_METRICS_WINDOW; i++)
            state.metrics.window[m][i] = m + i / 32.0;
    state.metrics.count = 20;
    state_set_numbers(b->step, numbers);
    bool good = go_over_state(b->step, true, &p->error) && checkpoint_saver_save(&s, &state, b->step);
    if (s.failed)
        p->error = s.why;
    return good;
}

static bool load(struct process *p, struct bed *b)
{
    struct run_log log = {.fd = -1, .rank = p->world.rank};
    struct checkpoint_file f;
    char *path = checkpoint_path(folder, ITERATION);
    int status = checkpoint_open(&f, path, &p->error);
    free(path);
    if (status)
        return false;
    bool good = checkpoint_load(&f, b->step, &log, &p->error) == 0 && go_over_state(b->step, false, &p->error);
    struct state_numbers n = state_numbers(b->step);
    good = good && n.optimizer_steps == 18 && n.backbone_steps == 17 && n.center_pending == 2 &&
           f.state.iteration == ITERATION && f.state.bad_steps == 1 && f.state.metrics.count == 20;
    for (int m = 0; m < METRICS; m++)
        for (int i = 0; i < TRAINING_METRICS_WINDOW; i++)
            good = good && f.state.metrics.window[m][i] == m + i / 32.0;
    checkpoint_close(&f);
    return good;
}

static void *work(void *arg)
{
    struct process *p = arg;
    char output[300];
    snprintf(output, sizeof output, "train.output_dir=%s", folder);
    struct bed b = p->full_shard ? bed_open_in(&p->world, 1, output, "train.centering=centering",
                                               "ibot.separate_head=true", SHARDING("FULL_SHARD"), NULL)
                                 : bed_open_in(&p->world, 1, output, "train.centering=centering",
                                               "ibot.separate_head=true", SHARDING("NO_SHARD"), NULL);
    p->good = p->load ? load(p, &b) : save(p, &b);
    bed_close(&b);
    return NULL;
}

/* Returns whether all processes did it; *error is rank 0's. */
static bool run_processes(int size, bool full_shard, bool loading, struct fmt_error *error)
{
    struct world_threads shared;
    struct process p[WORLD_THREADS_MAX];
    bool good = true;
    world_threads_open(&shared, size);
    for (int rank = 0; rank < size; rank++) {
        p[rank] = (struct process){.world = size > 1 ? world_threads_rank(&shared, rank) : world_single,
                                   .full_shard = full_shard, .load = loading};
        if (pthread_create(&p[rank].thread, NULL, work, &p[rank]))
            abort();
    }
    for (int rank = 0; rank < size; rank++) {
        pthread_join(p[rank].thread, NULL);
        good = good && p[rank].good;
    }
    *error = p[0].error;
    world_threads_close(&shared);
    return good;
}

static void test_all(void)
{
    for (int saved = 1; saved <= 4; saved++)
        for (int full = 0; full <= (saved > 1); full++) {
            struct fmt_error e;
            ok(run_processes(saved, full, false, &e), "saved by %d, %s %s", saved, full ? "divided" : "whole", e.text);
            for (int loaded = 1; loaded <= 4; loaded++)
                ok(run_processes(loaded, full == (loaded % 2), true, &e), "loaded by %d, %s %s", loaded,
                   full == (loaded % 2) ? "divided" : "whole", e.text);
            char *set = file_join(folder, "model_0000019.set"), *rank = file_join(folder, "model_0000019.rank_3.ckpt");
            ok(file_exists(set) == (saved > 1) && file_exists(rank) == (saved == 4),
               "what others had saved of this iteration is gone");
            free(set);
            free(rank);
        }
}

/* A file cannot replace a folder. */
static void test_failure(void)
{
    struct fmt_error e = {0};
    struct checkpoint_list list;
    checkpoint_remove_all(folder, NULL);
    char *in_the_way = file_join(folder, "model_0000019.rank_2.ckpt");
    file_make_dirs(in_the_way, &e);
    ok(!run_processes(3, false, false, &e), "a rank that cannot write is a failure of all");
    ok(strstr(e.text, "rank 2: ") && strstr(e.text, "model_0000019.rank_2.ckpt"), "which names it: %s", e.text);
    rmdir(in_the_way);
    free(in_the_way);
    char **names;
    int64_t n = -1;
    ok(checkpoint_list(folder, &list, NULL) == 0 && list.n == 0, "and no checkpoint");
    if (file_list(folder, &names, &n, NULL) == 0)
        file_list_free(names, n);
    is_int(n, 0, "nothing is left of it");
    checkpoint_list_release(&list);
}

int main(void)
{
    struct fmt_error e = {0};
    folder = file_join(tap_scratch(), "run");
    file_make_dirs(folder, &e);
    test_all();
    test_failure();
    free(folder);
    return tap_done();
}
