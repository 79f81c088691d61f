/* watch.c - one loop: judge what is due, wait for whatever comes first, take it in. */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "clock.h"
#include "num.h"
#include "watch-internal.h"

enum { SETTLE_MS = 1000, GLANCE_MS = 200 }; /* a file has not changed; between two glances at one that may */

static atomic_bool stopped;
static atomic_int wake_fd = -1;

void watch_stop(void)
{
    uint64_t one = 1;
    int fd = atomic_load(&wake_fd);
    atomic_store(&stopped, true);
    if (fd >= 0 && write(fd, &one, sizeof one) < 0)
        return; /* the counter is full: it wakes anyway */
}

/* ------------------------------------------------------------------ when */
/* Looks at photographs that may still be written, and drops those that are gone. An empty one is waited for. */
static void refresh(struct watch *w, struct watch_group *g, int64_t now)
{
    for (int64_t i = 0; i < g->n; i++) {
        struct watch_photo *p = &g->photo[i];
        struct watch_stamp s;
        if (p->settled)
            continue;
        if (!watch_stamp_of(p->name, &s)) {
            watch_group_drop(g, i--);
            continue;
        }
        if (!watch_stamp_same(s, p->stamp)) {
            p->stamp = s;
            p->looked_ms = g->arrived_ms = now;
        }
        p->settled = now - p->looked_ms >= (s.size > 0 ? SETTLE_MS : w->how->wait_ms);
    }
}

/* Milliseconds until the group is to be looked at again; 0: it is due. */
static int64_t due_in(struct watch *w, struct watch_group *g, int64_t now)
{
    int expected = w->judge->settings.rule.n_views;
    refresh(w, g, now);
    for (int64_t i = 0; i < g->n; i++)
        if (!g->photo[i].settled)
            return GLANCE_MS;
    if (now < g->again_ms)
        return g->again_ms - now;
    bool last = w->names_ended && w->how->n_folders == 0;
    if (last || (expected > 0 && watch_group_views(g) >= expected))
        return 0;
    int64_t left = g->arrived_ms + w->how->wait_ms - now;
    return left > 0 ? left : 0;
}

/* Brings a group that is due to the front. *wait_ms: until the next one is, -1: there is none. */
static bool find_due(struct watch *w, int64_t *wait_ms)
{
    int64_t now = clock_now_ms();
    *wait_ms = -1;
    for (int64_t i = 0; i < w->groups.n; i++) {
        int64_t left = due_in(w, &w->groups.item[i], now);
        if (w->groups.item[i].n == 0) { /* all photographs are gone */
            watch_groups_remove(&w->groups, i--);
            continue;
        }
        if (left == 0) {
            struct watch_group g = w->groups.item[i];
            memmove(&w->groups.item[1], &w->groups.item[0], (size_t)i * sizeof g);
            w->groups.item[0] = g;
            return true;
        }
        *wait_ms = *wait_ms < 0 || left < *wait_ms ? left : *wait_ms;
    }
    return false;
}

/* Takes in what has arrived; waits for it up to wait_ms, -1: for ever. */
static int wait_for(struct watch *w, int64_t wait_ms)
{
    bool names = w->how->names && !w->names_ended, folders = w->how->n_folders > 0;
    struct pollfd p[] = {{.fd = atomic_load(&wake_fd), .events = POLLIN},
                         {.fd = folders ? w->folders.fd : -1, .events = POLLIN},
                         {.fd = names ? STDIN_FILENO : -1, .events = POLLIN}};
    int64_t look_in = w->looked_ms + w->how->look_ms - clock_now_ms();
    if (folders && w->how->look_ms > 0 && (wait_ms < 0 || look_in < wait_ms))
        wait_ms = look_in > 0 ? look_in : 0;
    if (poll(p, 3, wait_ms < 0 ? -1 : (int)num_min(wait_ms, 1 << 20)) < 0 && errno != EINTR)
        return fmt_fail(w->e, FMT_IO, "poll: %s", strerror(errno));
    int status = p[1].revents ? watch_folders_read(&w->folders, watch_on_found, w, w->e) : 0;
    if (!status && p[2].revents)
        status = watch_read_names(w);
    bool due = folders && w->how->look_ms > 0 && clock_now_ms() >= w->looked_ms + w->how->look_ms;
    return status || !(due || w->folders.lost) ? status : watch_look(w);
}

static int64_t count_waiting(const struct watch *w)
{
    int64_t n = 0;
    for (int64_t i = 0; i < w->groups.n; i++)
        n += w->groups.item[i].n;
    return n;
}

/* "watching in, names on standard input: 12 photographs wait, 300 were judged before; verdicts go to v.tsv" */
static void note_begin(struct watch *w)
{
    const struct watch_how *how = w->how;
    char where[600] = "", known[80] = "";
    size_t n = 0;
    for (int i = 0; i < how->n_folders && n < sizeof where; i++)
        n += (size_t)snprintf(where + n, sizeof where - n, "%s%s", n > 0 ? ", " : "", how->folder[i]);
    if (how->names && n < sizeof where)
        snprintf(where + n, sizeof where - n, "%snames on standard input", n > 0 ? ", " : "");
    if (w->n_known > 0)
        snprintf(known, sizeof known, ", %" PRId64 " %s judged before", w->n_known, w->n_known == 1 ? "was" : "were");
    how->note("watching %s: %s%s; verdicts go to %s", where,
              FMT_COUNT(count_waiting(w), "photograph waits", "photographs wait"), known,
              how->output ? how->output : "standard output");
}

static int run(struct watch *w)
{
    int status = w->how->n_folders > 0 ? watch_look(w) : 0;
    if (!status)
        note_begin(w);
    while (!status && !atomic_load(&stopped)) {
        int64_t wait_ms;
        bool due = find_due(w, &wait_ms);
        if (!due && w->names_ended && w->how->n_folders == 0 && w->groups.n == 0)
            break;
        status = due ? watch_judge_first(w) : 0;
        if (!status)
            status = wait_for(w, due ? 0 : wait_ms);
    }
    return status;
}

/* ------------------------------------------------------------------ beginning */
static int open_output(struct watch *w)
{
    struct watch_journal *j = &w->journal;
    int status = watch_output_open(&w->output, w->out, w->how->output, w->how->journal != NULL, w->e);
    if (!status && j->pending.bytes > 0) {
        status = watch_output_complete(&w->output, j->pending_start, (const char *)j->pending.data, j->pending.bytes,
                                       w->e);
        if (!status)
            status = watch_journal_written(j, w->e);
    }
    return status ? status : watch_put_header(w);
}

int watch_run(struct judge *j, struct verdict_lines *lines, const struct watch_how *how, struct fmt_error *e)
{
    struct watch w = {.judge = j, .lines = lines, .out = lines->out, .how = how, .e = e, .folders = {.fd = -1},
                      .journal = {.fd = -1, .lock_fd = -1},
                      .output = {.look_fd = -1}};
    atomic_store(&wake_fd, eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
    int status = watch_folders_open(&w.folders, how->folder, how->n_folders, how->n_folders > 1 || how->names, e);
    if (!status)
        status = watch_journal_open(&w.journal, how->journal, watch_add_named, &w, how->warn, e);
    w.resumed = w.journal.n_seen > 0;
    if (!status && how->prints && j->has_reference)
        status = gate_reference_remember(&j->reference, how->prints, WATCH_REMEMBERED, e);
    if (!status)
        status = open_output(&w);
    if (!status)
        status = run(&w);
    int fd = atomic_exchange(&wake_fd, -1);
    if (fd >= 0)
        close(fd);
    lines->out = w.out;
    free(w.written.text);
    free(w.head.text);
    watch_keys_release(&w.keys);
    watch_output_close(&w.output);
    watch_folders_close(&w.folders);
    watch_journal_close(&w.journal);
    watch_groups_release(&w.groups);
    watch_groups_release(&w.recent);
    fmt_buffer_release(&w.input);
    return status;
}
