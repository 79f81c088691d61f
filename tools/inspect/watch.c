/* watch.c - one loop: judge what is due, wait for whatever comes first, take it in. */
#include "watch.h"

#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "clock.h"
#include "file.h"
#include "num.h"
#include "path-list.h"
#include "watch-folders.h"
#include "watch-groups.h"
#include "watch-journal.h"
#include "watch-output.h"

enum { SETTLE_MS = 1000, GLANCE_MS = 200 }; /* a file has not changed; between two glances at one that may */

static atomic_bool stopped;
static atomic_int wake_fd = -1;

struct watch {
    struct judge *judge;
    struct verdict_lines *lines;
    FILE *out; /* of the lines, which are gathered first */
    const struct watch_how *how;
    struct watch_journal journal;
    struct watch_groups groups;
    struct watch_folders folders;
    struct watch_output output;
    struct lines {
        char *text; /* for free() */
        size_t n;
    } written; /* about the installation that was judged */
    bool names_ended;
    bool changed;      /* a photograph changed while it was judged */
    bool warned;       /* of a folder that cannot be read */
    int64_t looked_ms; /* the last look */
    struct fmt_buffer input; /* of standard input, the beginning of a name */
    struct fmt_error *e;
};

static int64_t now_ms(void)
{
    return (int64_t)(clock_now() * 1000);
}

void watch_stop(void)
{
    uint64_t one = 1;
    int fd = atomic_load(&wake_fd);
    atomic_store(&stopped, true);
    if (fd >= 0 && write(fd, &one, sizeof one) < 0)
        return; /* the counter is full: it wakes anyway */
}

/* ------------------------------------------------------------------ arrivals */
static int add_siblings(struct watch *w, const char *name, size_t relative, const char *group);

/* A photograph in a folder: new, written again, or only seen again. */
static int on_found(void *arg, const char *name, size_t relative, bool closed)
{
    struct watch *w = arg;
    struct watch_stamp stamp;
    struct group_match m;
    bool is_new;
    bool known = !watch_stamp_of(name, &stamp) || watch_journal_knows(&w->journal, name, stamp);
    if (known && w->looked_ms > 0)
        return 0;
    photo_list_group(name + relative, true, &w->judge->settings.pattern, &m);
    if (known) /* at the first look: from the journal */
        return watch_journal_note_group(&w->journal, m.group, w->e);
    struct watch_group *g = watch_groups_find(&w->groups, m.group, &is_new, w->e);
    if (!g)
        return FMT_MEMORY;
    int64_t i = 0;
    while (i < g->n && strcmp(g->photo[i].name, name) != 0)
        i++;
    if (!closed && i < g->n) /* it waits already: refresh looks at it */
        return 0;
    int status = watch_group_add(g, name, m.view, closed && stamp.size > 0, stamp, now_ms(), w->e);
    if (!status && is_new && closed && watch_journal_knows_group(&w->journal, m.group))
        status = add_siblings(w, name, relative, m.group);
    return status;
}

/* Photographs that were judged and belong to an installation that waits again. */
static int on_sibling(void *arg, const char *name, size_t relative, bool closed)
{
    struct watch *w = arg;
    struct watch_stamp stamp;
    struct group_match m;
    (void)closed;
    if (!watch_stamp_of(name, &stamp) || !watch_journal_knows(&w->journal, name, stamp))
        return 0;
    photo_list_group(name + relative, true, &w->judge->settings.pattern, &m);
    for (int64_t i = 0; i < w->groups.n; i++)
        if (strcmp(w->groups.item[i].name, m.group) == 0)
            return watch_group_add(&w->groups.item[i], name, m.view, true, stamp, now_ms(), w->e);
    return 0;
}

static int add_siblings(struct watch *w, const char *name, size_t relative, const char *group)
{
    char *folder = file_directory(name), **names;
    struct group_match m;
    int64_t n = 0;
    int status = folder ? 0 : fmt_no_memory(w->e);
    if (!status && file_list(folder, &names, &n, NULL) == 0) {
        for (int64_t i = 0; i < n && !status; i++) {
            char *path = photo_list_is_image(names[i]) ? file_join(folder, names[i]) : NULL;
            if (path) {
                photo_list_group(path + relative, true, &w->judge->settings.pattern, &m);
                if (strcmp(m.group, group) == 0)
                    status = on_sibling(w, path, relative, true);
            }
            free(path);
        }
        file_list_free(names, n);
    }
    free(folder);
    return status;
}

/* All of the folders: at the start, after lost events, and from time to time. */
static int look(struct watch *w)
{
    int n_unread = 0;
    int64_t n_groups = w->groups.n;
    int status = watch_folders_look(&w->folders, on_found, w, &n_unread, w->e);
    bool again = false;
    for (int64_t i = n_groups; i < w->groups.n; i++)
        again = again || watch_journal_knows_group(&w->journal, w->groups.item[i].name);
    if (!status && again)
        status = watch_folders_look(&w->folders, on_sibling, w, &n_unread, w->e);
    if (n_unread > 0 && !w->warned)
        w->how->warn("%s cannot be read", FMT_COUNT(n_unread, "folder", "folders"));
    w->warned = n_unread > 0;
    w->looked_ms = now_ms();
    return status;
}

static int add_named(void *arg, const char *name, const char *group, int32_t view)
{
    struct watch *w = arg;
    struct watch_stamp stamp = {-1, 0}; /* of a file that is not there: it will be unreadable */
    bool is_new;
    watch_stamp_of(name, &stamp);
    if (!*group) /* an installation of its own */
        group = name;
    struct watch_group *g = watch_groups_find(&w->groups, group, &is_new, w->e);
    return g ? watch_group_add(g, name, view, true, stamp, now_ms(), w->e) : FMT_MEMORY;
}

static int take_name(struct watch *w, char *line)
{
    struct group_match m;
    const char *name, *group;
    int32_t view;
    size_t n = strlen(line);
    if (w->how->separator && n > 0 && line[n - 1] == '\r')
        line[n - 1] = 0;
    if (!*line)
        return 0;
    if (photo_list_split_line(line, &name, &group, &view, w->e))
        return FMT_INVALID;
    if (!group) {
        photo_list_group(name, false, &w->judge->settings.pattern, &m);
        group = m.group;
        view = m.view;
    }
    int status = add_named(w, name, group, view);
    return status ? status : watch_journal_named(&w->journal, name, group, view, w->e);
}

/* What is there of standard input; names that are whole arrive. */
static int read_names(struct watch *w)
{
    struct fmt_buffer *b = &w->input;
    char piece[4096];
    ssize_t n = read(STDIN_FILENO, piece, sizeof piece);
    if (n < 0)
        return errno == EINTR || errno == EAGAIN ? 0 : fmt_fail(w->e, FMT_IO, "standard input: %s", strerror(errno));
    w->names_ended = n == 0;
    bool unended = n == 0 && b->bytes > 0;
    if (fmt_buffer_append(b, piece, (size_t)n) || (unended && fmt_buffer_append(b, &w->how->separator, 1)))
        return fmt_no_memory(w->e);
    if (b->bytes == 0)
        return 0;
    int status = 0;
    size_t at = 0;
    for (uint8_t *end; !status && (end = memchr(b->data + at, w->how->separator, b->bytes - at)) != NULL;) {
        *end = 0;
        status = take_name(w, (char *)b->data + at);
        at = (size_t)(end - b->data) + 1;
        if (at == b->bytes)
            break;
    }
    if (at > 0)
        memmove(b->data, b->data + at, b->bytes - at);
    b->bytes -= at;
    if (!status)
        status = watch_journal_sync(&w->journal, w->e);
    if (!status && b->bytes > PATH_LIST_NAME_MAX)
        status = fmt_fail(w->e, FMT_LIMIT, "standard input: a name is longer than %d bytes", PATH_LIST_NAME_MAX);
    return status;
}

/* ------------------------------------------------------------------ judging */
/* What one of verdict_lines_begin and verdict_lines_found writes. */
static int begin_lines(struct watch *w)
{
    free(w->written.text);
    w->written = (struct lines){NULL, 0};
    w->lines->out = open_memstream(&w->written.text, &w->written.n);
    return w->lines->out ? 0 : fmt_no_memory(w->e);
}

static int end_lines(struct watch *w, int status)
{
    if (fclose(w->lines->out) && !status)
        status = fmt_no_memory(w->e);
    return status;
}

/* Lines are made if every photograph still is what was judged. */
static int on_judged(void *arg, const struct judged_group *group, const struct judged_photo *photo)
{
    struct watch *w = arg;
    const struct watch_group *g = &w->groups.item[0];
    for (int64_t i = 0; i < g->n; i++) {
        struct watch_stamp now = {-1, 0};
        watch_stamp_of(g->photo[i].name, &now);
        w->changed = w->changed || !watch_stamp_same(now, g->photo[i].stamp);
    }
    int status = w->changed ? 0 : begin_lines(w);
    return status || w->changed ? status : end_lines(w, verdict_lines_found(w->lines, group, photo));
}

static int list_photos(const struct watch_group *g, const struct group_pattern *pattern, struct photo_list *l,
                       struct fmt_error *e)
{
    int status = 0;
    *l = (struct photo_list){.n = 0};
    for (int64_t i = 0; i < g->n && !status; i++)
        status = photo_list_add(l, g->photo[i].name, 0, false, g->name, g->photo[i].view, pattern, e);
    return status ? status : photo_list_sort(l, e);
}

/* The record is on the disk, with the lines, before the lines are in the output: who reads them may move the
 * photographs away at once. */
static int put_lines(struct watch *w)
{
    int64_t start = watch_output_size(&w->output);
    int status = watch_journal_judged(&w->journal, start, w->written.text, w->written.n, w->e);
    if (!status)
        status = watch_output_put(&w->output, w->written.text, w->written.n, w->e);
    return status ? status : watch_journal_written(&w->journal, w->e);
}

static int record(struct watch *w, const struct watch_group *g)
{
    int status = w->judge->has_reference ? gate_recent_sync(&w->judge->reference.recent, w->e) : 0;
    for (int64_t i = 0; i < g->n && !status; i++)
        status = watch_journal_add(&w->journal, g->photo[i].name, g->photo[i].stamp, w->e);
    if (!status)
        status = watch_journal_note_group(&w->journal, g->name, w->e);
    return status ? status : put_lines(w);
}

/* The first group, which is then gone, or waits again if it changed. */
static int judge_first(struct watch *w)
{
    struct photo_list l;
    struct judge_job job = {.found = on_judged, .arg = w};
    w->changed = false;
    int status = list_photos(&w->groups.item[0], &w->judge->settings.pattern, &l, w->e);
    if (!status)
        status = judge_run(w->judge, &l, &job, w->e);
    photo_list_close(&l);
    if (!status && w->changed) {
        for (int64_t i = 0; i < w->groups.item[0].n; i++)
            w->groups.item[0].photo[i].settled = false;
        return 0;
    }
    if (!status)
        status = record(w, &w->groups.item[0]);
    watch_groups_remove(&w->groups, 0);
    return status;
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
            free(p->name);
            *p = g->photo[--g->n];
            i--;
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
    bool last = w->names_ended && w->how->n_folders == 0;
    if (last || (expected > 0 && watch_group_views(g) >= expected))
        return 0;
    int64_t left = g->arrived_ms + w->how->wait_ms - now;
    return left > 0 ? left : 0;
}

/* Brings a group that is due to the front. *wait_ms: until the next one is, -1: there is none. */
static bool find_due(struct watch *w, int64_t *wait_ms)
{
    int64_t now = now_ms();
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
    int64_t look_in = w->looked_ms + w->how->look_ms - now_ms();
    if (folders && w->how->look_ms > 0 && (wait_ms < 0 || look_in < wait_ms))
        wait_ms = look_in > 0 ? look_in : 0;
    if (poll(p, 3, wait_ms < 0 ? -1 : (int)num_min(wait_ms, 1 << 20)) < 0 && errno != EINTR)
        return fmt_fail(w->e, FMT_IO, "poll: %s", strerror(errno));
    int status = p[1].revents ? watch_folders_read(&w->folders, on_found, w, w->e) : 0;
    if (!status && p[2].revents)
        status = read_names(w);
    bool due = folders && w->how->look_ms > 0 && now_ms() >= w->looked_ms + w->how->look_ms;
    return status || !(due || w->folders.lost) ? status : look(w);
}

static int run(struct watch *w)
{
    int status = w->how->n_folders > 0 ? look(w) : 0;
    while (!status && !atomic_load(&stopped)) {
        int64_t wait_ms;
        bool due = find_due(w, &wait_ms);
        if (!due && w->names_ended && w->how->n_folders == 0 && w->groups.n == 0)
            break;
        status = due ? judge_first(w) : 0;
        if (!status)
            status = wait_for(w, due ? 0 : wait_ms);
    }
    return status;
}

/* ------------------------------------------------------------------ beginning */
/* The first lines say by what is judged: in each pipe, in an empty file, and where another inspector goes on. */
static int put_header(struct watch *w)
{
    char inspector[DIGEST_HEX];
    digest_hex(w->judge->identity, inspector);
    bool other = strcmp(inspector, w->journal.inspector) != 0;
    if (other && *w->journal.inspector)
        w->how->warn("another inspector than before: what was judged by that one is not judged again");
    int status = begin_lines(w);
    if (!status) /* also where it is there: all lines have the columns that are set here */
        status = end_lines(w, verdict_lines_begin(w->lines, w->how->inspector, w->judge, w->e));
    if (status || (!other && watch_output_size(&w->output) > 0))
        return status;
    status = watch_journal_inspector(&w->journal, inspector, w->e);
    return status ? status : put_lines(w);
}

static int open_output(struct watch *w)
{
    struct watch_journal *j = &w->journal;
    int status = watch_output_open(&w->output, w->out, w->how->journal != NULL, w->e);
    if (!status && j->pending.bytes > 0) {
        status = watch_output_complete(&w->output, j->pending_start, (const char *)j->pending.data, j->pending.bytes,
                                       w->e);
        if (!status)
            status = watch_journal_written(j, w->e);
    }
    return status ? status : put_header(w);
}

int watch_run(struct judge *j, struct verdict_lines *lines, const struct watch_how *how, struct fmt_error *e)
{
    struct watch w = {.judge = j, .lines = lines, .out = lines->out, .how = how, .e = e, .folders = {.fd = -1},
                      .journal = {.fd = -1, .lock_fd = -1},
                      .output = {.look_fd = -1}};
    atomic_store(&wake_fd, eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
    int status = watch_folders_open(&w.folders, how->folder, how->n_folders, how->n_folders > 1 || how->names, e);
    if (!status) /* it forgets photographs that are gone: not those of a folder that is not there */
        status = watch_journal_open(&w.journal, how->journal, add_named, &w, e);
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
    watch_output_close(&w.output);
    watch_folders_close(&w.folders);
    watch_journal_close(&w.journal);
    watch_groups_release(&w.groups);
    fmt_buffer_release(&w.input);
    return status;
}
