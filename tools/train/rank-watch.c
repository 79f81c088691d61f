/* rank-watch.c - a rank has arrived at call n when it has begun n calls or more: all ranks make the same ones. One
 * thread looks, and one writes: what hangs may be the file system of the lines. */
#include "rank-watch.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "file.h"
#include "num.h"
#include "run-report.h"

enum { LINE = 256, LAST_SECONDS = 10, GRACE_SECONDS = 3, NAMED_MAX = 4 };

struct rank_watch {
    struct rank_watch_options options;
    char *folder, *path, host[64]; /* of all lines, of this rank's */
    double period;                 /* seconds between two lines */
    _Atomic int64_t iteration;
    pthread_t looker, teller;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool closing;
    /* What the looker has seen. */
    int64_t call;          /* the last one */
    bool inside;           /* it has not come back */
    double looked, waited; /* when; for how long both have been so */
};

/* ---------------------------------------------------------------- lines */
struct line {
    bool known;
    long long iteration, call;
    char host[64], inside[64]; /* inside: the call, "-" between calls */
    double age;                /* seconds older than this rank's own line; one clock has set both times */
    struct timespec when;
};

static char *path_of(const struct rank_watch *w, int rank)
{
    char name[32];
    snprintf(name, sizeof name, "rank_%d", rank);
    return file_join(w->folder, name);
}

/* 0, or errno. The line always has the same length, so that a reader never finds a part of it. */
static int write_line(struct rank_watch *w)
{
    char line[LINE + 1], text[LINE];
    const struct world_meter *m = w->options.world->meter;
    const char *inside = m->inside;
    snprintf(text, sizeof text, "iteration %lld call %lld host %s process %ld in %s", (long long)w->iteration,
             (long long)m->n_calls, w->host, (long)getpid(), inside ? inside : "-");
    snprintf(line, sizeof line, "%-*s\n", LINE - 1, text);
    /* Of this run or left by another: no link to elsewhere, and no fifo to wait for. */
    int fd = open(w->path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0666), failed = 0;
    if (fd < 0)
        return errno;
    if (write(fd, line, LINE) != LINE)
        failed = errno ? errno : ENOSPC;
    if (close(fd) != 0)
        failed = errno;
    return failed;
}

static double seconds(struct timespec t)
{
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static struct line read_line(const struct rank_watch *w, int rank)
{
    struct line l = {.known = false};
    char text[LINE + 1] = "", *path = path_of(w, rank);
    struct stat s;
    int fd = path ? open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK) : -1;
    free(path);
    if (fd < 0)
        return l;
    l.known = read(fd, text, LINE) == LINE && fstat(fd, &s) == 0 &&
              sscanf(text, "iteration %lld call %lld host %63s process %*d in %63[^\n]", &l.iteration, &l.call, l.host,
                     l.inside) == 4;
    if (l.known)
        l.when = s.st_mtim;
    for (size_t n = strlen(l.inside); n > 0 && l.inside[n - 1] == ' '; n--)
        l.inside[n - 1] = 0;
    close(fd);
    return l;
}

/* Of all ranks, for free(); NULL: no memory. */
static struct line *read_lines(const struct rank_watch *w)
{
    const struct world *world = w->options.world;
    struct line *all = calloc((size_t)world->size, sizeof *all);
    if (!all)
        return NULL;
    for (int r = 0; r < world->size; r++)
        all[r] = read_line(w, r);
    for (int r = 0; r < world->size; r++)
        all[r].age = seconds(all[world->rank].when) - seconds(all[r].when);
    return all;
}

/* ---------------------------------------------------------------- who has not arrived */
static bool is_late(const struct rank_watch *w, const struct line *l)
{
    return !l->known || l->call < w->call;
}

static bool is_silent(const struct rank_watch *w, const struct line *l)
{
    return l->known && l->age > 3 * w->period + 1;
}

/* "rank 3 (node7, silent for 90 s)" */
static void describe(const struct rank_watch *w, const struct line *l, int rank, char *out, size_t bytes)
{
    if (!l->known)
        snprintf(out, bytes, "rank %d (nothing is known of it)", rank);
    else if (is_silent(w, l))
        snprintf(out, bytes, "rank %d (%s, silent for %.0f s)", rank, l->host, l->age);
    else
        snprintf(out, bytes, "rank %d (%s, its process is alive)", rank, l->host);
}

/* Those that are so, "rank 3 (...), rank 4 (...) and 7 others"; returns how many. */
static int list_ranks(const struct rank_watch *w, const struct line *all,
                      bool (*is_so)(const struct rank_watch *, const struct line *), char *out, size_t bytes)
{
    int n = 0;
    size_t used = 0;
    for (int r = 0; r < w->options.world->size; r++) {
        char one[140];
        if (!is_so(w, &all[r]) || n++ >= NAMED_MAX)
            continue;
        describe(w, &all[r], r, one, sizeof one);
        used += (size_t)snprintf(out + used, bytes - used, "%s%s", n > 1 ? ", " : "", one);
    }
    if (n > NAMED_MAX)
        snprintf(out + used, bytes - used, " and %s", FMT_COUNT(n - NAMED_MAX, "other", "others"));
    return n;
}

/* Of those that have arrived one may have been stopped since. */
static void explain(const struct rank_watch *w, const struct line *all, char *out, size_t bytes)
{
    char ranks[NAMED_MAX * 140 + 60];
    int n = list_ranks(w, all, is_late, ranks, sizeof ranks);
    if (n)
        snprintf(out, bytes, "%s %s not arrived", ranks, n == 1 ? "has" : "have");
    else if ((n = list_ranks(w, all, is_silent, ranks, sizeof ranks)) > 0)
        snprintf(out, bytes, "all ranks have arrived, and %s %s not go on", ranks, n == 1 ? "does" : "do");
    else
        snprintf(out, bytes, "all ranks have arrived, the connection between them is broken");
}

/* The first of those that wait says it for all. */
static bool is_speaker(const struct rank_watch *w, const struct line *all)
{
    int first = 0;
    while (first < w->options.world->rank && (is_late(w, &all[first]) || is_silent(w, &all[first])))
        first++;
    return first == w->options.world->rank;
}

/* ---------------------------------------------------------------- the end */
static _Atomic bool ending; /* while end_run works */

/* The folder of the run may be what hangs: the end comes even so. */
static void *end_anyway(void *arg)
{
    const struct rank_watch *w = arg; /* is there while end_run works */
    nanosleep(&(struct timespec){.tv_sec = LAST_SECONDS}, NULL);
    if (!ending)
        return NULL;
    if (w->options.log->print)
        w->options.log->print(w->options.log->arg, RUN_ERROR,
                              "a call has not come back (train.hang_seconds), nor has what would say more");
    w->options.end();
    return NULL;
}

static bool still_there(const struct rank_watch *w)
{
    const struct world_meter *m = w->options.world->meter;
    return (m->inside != NULL) == w->inside && m->n_calls == w->call;
}

/* The call does not come back. */
static void report_others(struct rank_watch *w, const struct line *all, const char *when)
{
    char why[NAMED_MAX * 140 + 140] = "who has not arrived is not known";
    const char *call = w->options.world->meter->inside;
    if (all && !is_speaker(w, all))
        nanosleep(&(struct timespec){.tv_sec = GRACE_SECONDS}, NULL);
    if (all)
        explain(w, all, why, sizeof why);
    if (call && still_there(w))
        run_log(w->options.log, RUN_ERROR,
                "%s: %s has not come back for %.0f s (train.hang_seconds): %s; the run ends, and the same command "
                "resumes it", when, call, w->waited, why);
}

/* Whether another rank is in a call that this one has not come to; which is said. */
static bool is_missed(struct rank_watch *w, const struct line *all, const char *when)
{
    for (int r = 0; all && r < w->options.world->size; r++)
        if (all[r].known && all[r].call > w->call) {
            run_log(w->options.log, RUN_ERROR,
                    "%s: rank %d waits in %s, to which this one has not come for %.0f s (train.hang_seconds)", when, r,
                    all[r].inside, w->waited);
            return true;
        }
    return false;
}

/* Returns only where things move on after all. */
static void end_run(struct rank_watch *w)
{
    char when[RUN_REPORT_ITERATION_MAX];
    pthread_t helper;
    ending = true;
    if (w->inside && pthread_create(&helper, NULL, end_anyway, w) == 0)
        pthread_detach(helper);
    if (w->inside)
        write_line(w);
    struct line *all = read_lines(w);
    run_report_iteration(w->iteration, when);
    bool over = w->inside || is_missed(w, all, when);
    if (w->inside)
        report_others(w, all, when);
    free(all);
    if (over && still_there(w))
        w->options.end();
    w->waited = 0;
    ending = false;
}

/* ---------------------------------------------------------------- the threads */
/* tick: how often it looks. Only as much time counts as has passed while it could look. A rank that is missed is ended
 * by what has started it, once those that wait have ended; else it ends by itself a little later. */
static void look(struct rank_watch *w, double tick)
{
    const struct world_meter *m = w->options.world->meter;
    double now = clock_now(), passed = now - w->looked < 2 * tick ? now - w->looked : 2 * tick,
           limit = (double)w->options.seconds;
    w->waited = still_there(w) ? w->waited + passed : 0;
    w->inside = m->inside != NULL;
    w->call = m->n_calls;
    w->looked = now;
    if (w->waited >= limit + (w->inside ? 0 : 2 * w->period + GRACE_SECONDS))
        end_run(w);
}

/* With the lock: until so many seconds have passed, or it is to close. */
static void wait_for(struct rank_watch *w, double duration)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    int64_t ns = until.tv_nsec + (int64_t)(duration * 1e9);
    until.tv_sec += ns / 1000000000;
    until.tv_nsec = ns % 1000000000;
    if (!w->closing)
        pthread_cond_timedwait(&w->wake, &w->lock, &until);
}

static void *look_on(void *arg)
{
    struct rank_watch *w = arg;
    double tick = w->period < 1 ? w->period : 1;
    pthread_mutex_lock(&w->lock);
    for (; !w->closing; wait_for(w, tick)) {
        pthread_mutex_unlock(&w->lock);
        look(w, tick);
        pthread_mutex_lock(&w->lock);
    }
    pthread_mutex_unlock(&w->lock);
    return NULL;
}

static void *tell_on(void *arg)
{
    struct rank_watch *w = arg;
    pthread_mutex_lock(&w->lock);
    for (; !w->closing; wait_for(w, w->period)) {
        pthread_mutex_unlock(&w->lock);
        write_line(w);
        pthread_mutex_lock(&w->lock);
    }
    pthread_mutex_unlock(&w->lock);
    return NULL;
}

/* ---------------------------------------------------------------- opening and closing */
static void release(struct rank_watch *w)
{
    if (w->path)
        unlink(w->path);
    if (w->folder)
        rmdir(w->folder); /* by the last */
    free(w->path);
    free(w->folder);
    free(w);
}

/* Lines of a run with more processes that was killed. */
static void remove_others(const struct rank_watch *w)
{
    bool there = true;
    for (int r = w->options.world->size; there; r++) {
        char *path = path_of(w, r);
        there = path && unlink(path) == 0;
        free(path);
    }
}

static int start(struct rank_watch *w, struct fmt_error *e)
{
    gethostname(w->host, sizeof w->host - 1);
    w->folder = file_join(w->options.folder, "ranks");
    w->path = w->folder ? path_of(w, w->options.world->rank) : NULL;
    if (!w->path)
        return fmt_no_memory(e);
    int status = file_make_dirs(w->folder, e);
    if (!status && (errno = write_line(w)) != 0)
        status = file_fail(w->path, e);
    if (!status && w->options.world->rank == 0)
        remove_others(w);
    return status;
}

static void stop_thread(struct rank_watch *w, pthread_t thread)
{
    pthread_mutex_lock(&w->lock);
    w->closing = true;
    pthread_cond_broadcast(&w->wake);
    pthread_mutex_unlock(&w->lock);
    pthread_join(thread, NULL);
}

static int start_threads(struct rank_watch *w, struct fmt_error *e)
{
    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->wake, NULL);
    if (pthread_create(&w->looker, NULL, look_on, w))
        return fmt_fail(e, FMT_MEMORY, "a thread cannot be started");
    if (pthread_create(&w->teller, NULL, tell_on, w) == 0)
        return 0;
    stop_thread(w, w->looker);
    return fmt_fail(e, FMT_MEMORY, "a thread cannot be started");
}

int rank_watch_open(struct rank_watch **watcher, const struct rank_watch_options *o, struct fmt_error *e)
{
    *watcher = NULL;
    if (o->world->size == 1 || o->seconds == 0)
        return 0;
    struct rank_watch *w = calloc(1, sizeof *w);
    if (w)
        *w = (struct rank_watch){.options = *o, .iteration = -1, .looked = clock_now()};
    int status = w ? 0 : fmt_no_memory(e);
    if (w) {
        w->period = (double)o->seconds / 60 > 0.25 ? (double)o->seconds / 60 : 0.25;
        status = start(w, e);
    }
    status = world_agree(o->world, status, e); /* from here on every line is one of this run */
    if (!status)
        status = start_threads(w, e);
    if (status && w)
        release(w);
    else
        *watcher = w;
    return status;
}

void rank_watch_iteration(struct rank_watch *w, int64_t iteration)
{
    if (w)
        w->iteration = iteration;
}

void rank_watch_close(struct rank_watch *w)
{
    if (!w)
        return;
    stop_thread(w, w->looker);
    stop_thread(w, w->teller);
    pthread_mutex_destroy(&w->lock);
    pthread_cond_destroy(&w->wake);
    release(w);
}
