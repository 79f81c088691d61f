/* test-rank-watch - a call that one rank does not make ends the process with status 75 and names that rank; one that
 * comes back late, but in time, ends nothing. Ranks are threads of a process that is forked for each case. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "file.h"
#include "rank-watch.h"
#include "tap.h"
#include "world-threads.h"

struct rank {
    struct world world;
    struct world_meter meter;
    bool comes, is_watched; /* makes the second call; has a line for the others */
    bool is_cut;            /* its second call never comes back */
    bool is_gone, is_stuck; /* it says that it waits, and is gone; its line cannot be written */
    int late_ms;
    int64_t seconds;
    char folder[200];
    pthread_t thread;
};

static void nap(int ms)
{
    nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L}, NULL);
}

static void print(void *arg, enum run_log_level level, const char *text)
{
    (void)arg;
    if (level == RUN_ERROR)
        fprintf(stderr, "%s\n", text);
}

static int never(const struct world *w, struct fmt_error *e)
{
    (void)w, (void)e;
    nap(60000);
    return 0;
}

static void end(void)
{
    _exit(75);
}

/* Its last words. */
static void write_words(const struct rank *r)
{
    char path[300], line[300];
    struct fmt_error e = {0};
    snprintf(path, sizeof path, "%s/ranks/rank_%d", r->folder, r->world.rank);
    int n = snprintf(line, sizeof line, "%-255s\n", "iteration 7 call 99 host there process 1 in barrier");
    if (file_save(path, line, (size_t)n, &e))
        _exit(1);
}

/* The folder of the lines hangs: what is written to a file of ranks/ does not come back. */
static _Atomic bool folder_hangs;

ssize_t write(int fd, const void *data, size_t n)
{
    char link[64], path[400] = "";
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    if (folder_hangs && readlink(link, path, sizeof path - 1) > 0 && strstr(path, "/ranks/rank_"))
        nap(60000);
    return syscall(SYS_write, fd, data, n);
}

static void *work(void *arg)
{
    struct rank *r = arg;
    struct rank_watch *watch = NULL;
    struct fmt_error e = {0};
    struct run_log log = {.fd = -1, .print = print, .rank = r->world.rank};
    struct rank_watch_options o = {&r->world, r->folder, r->seconds, &log, end};
    if (r->is_watched)
        rank_watch_open(&watch, &o, &e);
    else
        world_agree(&r->world, 0, &e); /* as opening does */
    rank_watch_iteration(watch, 7);
    if (r->is_gone)
        write_words(r);
    if (r->is_stuck)
        folder_hangs = true;
    world_barrier(&r->world, &e);
    if (!r->comes)
        nap(60000);
    nap(r->late_ms);
    struct world_calls cut = *r->world.calls;
    cut.barrier = never;
    if (r->is_cut)
        r->world.calls = &cut;
    world_barrier(&r->world, &e);
    rank_watch_close(watch);
    return NULL;
}

/* ranks: '+' comes, '-' does not, '?' neither does nor can be heard, '*' comes and hears nobody, '!' is gone after it
 * has come, 'b' comes, but the folder of the lines hangs. Returns the status; out: what was said. */
static int watched(const char *ranks, int64_t seconds, int late_ms, char out[1000])
{
    static int n_cases;
    char path[300], folder[200];
    snprintf(folder, sizeof folder, "%s/case%d", tap_scratch(), n_cases++);
    snprintf(path, sizeof path, "%s.err", folder);
    int n = (int)strlen(ranks), status;
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        static struct rank rank[WORLD_THREADS_MAX];
        struct world_threads shared;
        if (!freopen(path, "w", stderr))
            _exit(1);
        setvbuf(stderr, NULL, _IOLBF, 0);
        world_threads_open(&shared, n);
        for (int r = 0; r < n; r++) {
            rank[r] = (struct rank){.world = world_threads_rank(&shared, r), .comes = strchr("+*b", ranks[r]) != NULL,
                                    .is_watched = !strchr("?!", ranks[r]), .is_cut = ranks[r] == '*',
                                    .is_gone = ranks[r] == '!', .is_stuck = ranks[r] == 'b',
                                    .late_ms = r == n - 1 ? late_ms : 0, .seconds = seconds};
            rank[r].world.meter = &rank[r].meter;
            memcpy(rank[r].folder, folder, sizeof folder);
            if (pthread_create(&rank[r].thread, NULL, work, &rank[r]))
                _exit(1);
        }
        for (int r = 0; r < n; r++)
            pthread_join(rank[r].thread, NULL);
        char lines[300];
        snprintf(lines, sizeof lines, "%s/ranks", folder);
        _exit(file_exists(lines) ? 2 : 0);
    }
    waitpid(pid, &status, 0);
    FILE *f = fopen(path, "r");
    size_t bytes = f ? fread(out, 1, 999, f) : 0;
    out[bytes] = 0;
    if (f)
        fclose(f);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void test_hang(const char *ranks, const char *missing)
{
    char out[1000], want[500], host[64] = "";
    gethostname(host, sizeof host - 1);
    snprintf(want, sizeof want, "iteration 7: barrier has not come back for 1 s (train.hang_seconds): %s", missing);
    for (char *at; (at = strstr(want, "HOST"));) {
        char rest[500];
        snprintf(rest, sizeof rest, "%s", at + 4);
        snprintf(at, sizeof want - (size_t)(at - want), "%s%s", host, rest);
    }
    is_int(watched(ranks, 1, 0, out), 75, "%s: a call that does not come back ends the run", ranks);
    ok(strstr(out, want), "%s: %s", ranks, out);
    ok(strchr(out, '\n') && !strchr(out, '\n')[1], "%s: said once", ranks);
}

int main(void)
{
    char out[1000];
    test_hang("+-",
              "rank 1 (HOST, its process is alive) has not arrived; the run ends, and the same command resumes it");
    test_hang("++-+", "rank 2 (HOST, its process is alive) has not arrived;");
    test_hang("-++", "rank 0 (HOST, its process is alive) has not arrived;");
    test_hang("+--", "rank 1 (HOST, its process is alive), rank 2 (HOST, its process is alive) have not arrived;");
    test_hang("+?", "rank 1 (nothing is known of it) has not arrived;");
    test_hang("**", "all ranks have arrived, the connection between them is broken;");
    is_int(watched("-!", 1, 0, out), 75, "a rank that is missed, by those that have ended, ends by itself");
    ok(strstr(out, "iteration 7: rank 1 waits in barrier, to which this one has not come for "), "%s", out);
    is_int(watched("b?", 1, 0, out), 75, "the end comes even where the folder hangs");
    ok(strstr(out, "a call has not come back (train.hang_seconds), nor has what would say more"), "%s", out);
    is_int(watched("+++", 3, 1000, out), 0, "a rank that is late ends nothing, and no line is left");
    is_text(out, "", "nor is anything said");
    is_int(watched("+++", 0, 1500, out), 0, "null: nobody watches");
    struct rank_watch *watch;
    struct fmt_error e = {0};
    struct world_meter meter = {0};
    struct world one = world_single;
    one.meter = &meter;
    ok(rank_watch_open(&watch, &(struct rank_watch_options){&one, "nowhere", 1, NULL, end}, &e) == 0 && !watch,
       "one process waits for nobody");
    rank_watch_iteration(watch, 1);
    rank_watch_close(watch);
    return tap_done();
}
