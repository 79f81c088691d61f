/* watch.c - one loop: judge what is due, wait for whatever comes first, take it in. */
#include "watch.h"

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
    struct watch_keys keys;
    struct lines {
        char *text; /* for free() */
        size_t n;
    } written, /* about the installation that was judged */
        head;  /* of a new output */
    int64_t n_known; /* photographs that the first look has found and that were judged */
    bool names_ended;
    bool changed;      /* a photograph changed while it was judged */
    int n_warned_unread, n_warned_unwatched; /* folders of which a warning has told */
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

static int wait_for_it(struct watch *w, const struct watch_arrival *a, size_t relative, bool closed)
{
    struct group_match m;
    bool is_new;
    photo_list_group(a->name + relative, true, &w->judge->settings.pattern, &m);
    struct watch_group *g = watch_groups_find(&w->groups, m.group, &is_new, w->e);
    if (!g)
        return FMT_MEMORY;
    if (!closed && watch_group_photo(g, a->name)) /* it waits already: refresh looks at it */
        return 0;
    struct watch_arrival arrival = *a;
    arrival.view = m.view;
    arrival.settled = closed && a->stamp.size > 0;
    int status = watch_group_add(g, &arrival, now_ms(), w->e);
    if (!status && is_new && closed && watch_journal_knows_group(&w->journal, m.group))
        status = add_siblings(w, a->name, relative, m.group);
    return status;
}

/* At the first look the journal tells which installations were judged. */
static int note_known(struct watch *w, const char *relative)
{
    struct group_match m;
    if (w->looked_ms > 0)
        return 0;
    w->n_known++;
    photo_list_group(relative, true, &w->judge->settings.pattern, &m);
    return watch_journal_note_group(&w->journal, m.group, w->e);
}

/* A photograph in a folder: new, written again, or only seen again. */
static int on_found(void *arg, const char *name, size_t relative, bool closed)
{
    struct watch *w = arg;
    struct watch_arrival a = {.name = name};
    if (!watch_stamp_of(name, &a.stamp))
        return 0;
    char *key = watch_key(&w->keys, name);
    if (!key)
        return fmt_no_memory(w->e);
    a.key = key;
    int status = watch_journal_knows(&w->journal, key, a.stamp) ? note_known(w, name + relative)
                                                                : wait_for_it(w, &a, relative, closed);
    free(key);
    return status;
}

static int add_sibling(struct watch *w, const struct watch_arrival *a, size_t relative)
{
    struct group_match m;
    struct watch_arrival sibling = *a;
    photo_list_group(a->name + relative, true, &w->judge->settings.pattern, &m);
    sibling.view = m.view;
    sibling.settled = true;
    for (int64_t i = 0; i < w->groups.n; i++)
        if (strcmp(w->groups.item[i].name, m.group) == 0)
            return watch_group_add(&w->groups.item[i], &sibling, now_ms(), w->e);
    return 0;
}

/* Photographs that were judged and belong to an installation that waits again. */
static int on_sibling(void *arg, const char *name, size_t relative, bool closed)
{
    struct watch *w = arg;
    struct watch_arrival a = {.name = name};
    (void)closed;
    if (!watch_stamp_of(name, &a.stamp))
        return 0;
    char *key = watch_key(&w->keys, name);
    if (!key)
        return fmt_no_memory(w->e);
    a.key = key;
    int status = watch_journal_knows(&w->journal, key, a.stamp) ? add_sibling(w, &a, relative) : 0;
    free(key);
    return status;
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

/* Once for as many as there are. */
static void warn_of_folders(struct watch *w)
{
    const struct watch_folders *f = &w->folders;
    if (f->n_unread > w->n_warned_unread)
        w->how->warn("%s cannot be read", FMT_COUNT(f->n_unread, "folder", "folders"));
    if (f->n_unwatched > w->n_warned_unwatched)
        w->how->warn("%s cannot be watched (sysctl fs.inotify.max_user_watches): %s",
                     FMT_COUNT(f->n_unwatched, "folder", "folders"),
                     w->how->look_ms > 0 ? "photographs are found by looking" : "--look would find photographs there");
    w->n_warned_unread = f->n_unread;
    w->n_warned_unwatched = f->n_unwatched;
}

/* All of the folders: at the start, after lost events, and from time to time. */
static int look(struct watch *w)
{
    int64_t n_groups = w->groups.n;
    watch_keys_release(&w->keys); /* links may have changed */
    int status = watch_folders_look(&w->folders, on_found, w, w->e);
    bool again = false;
    for (int64_t i = n_groups; i < w->groups.n; i++)
        again = again || watch_journal_knows_group(&w->journal, w->groups.item[i].name);
    warn_of_folders(w);
    if (!status && again)
        status = watch_folders_look(&w->folders, on_sibling, w, w->e);
    w->looked_ms = now_ms();
    return status;
}

/* A name of standard input. Its file may be missing: it will be unreadable. */
static int add_named(void *arg, const char *name, const char *key, const char *group, int32_t view)
{
    struct watch *w = arg;
    struct watch_arrival a = {.name = name, .key = key, .view = view, .settled = true, .asked = true,
                              .stamp = WATCH_NO_STAMP};
    bool is_new;
    watch_stamp_of(name, &a.stamp);
    if (!*group) /* an installation of its own */
        group = name;
    struct watch_group *g = watch_groups_find(&w->groups, group, &is_new, w->e);
    return g ? watch_group_add(g, &a, now_ms(), w->e) : FMT_MEMORY;
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
    char *key = watch_key(&w->keys, name);
    int status = key ? add_named(w, name, key, group, view) : fmt_no_memory(w->e);
    if (!status)
        status = watch_journal_named(&w->journal, name, key, group, view, w->e);
    free(key);
    return status;
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
    watch_keys_release(&w->keys);
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
static int begin_lines(struct watch *w, struct lines *to)
{
    free(to->text);
    *to = (struct lines){NULL, 0};
    w->lines->out = open_memstream(&to->text, &to->n);
    return w->lines->out ? 0 : fmt_no_memory(w->e);
}

static int end_lines(struct watch *w, int status)
{
    if (fclose(w->lines->out) && !status)
        status = fmt_no_memory(w->e);
    return status;
}

/* What the photographs that were judged hold, so that a copy of one is known. Of one that cannot be decoded only the
 * file tells, if that can be read. */
static void note_contents(struct watch_group *g, const struct judged_photo *photo, int n)
{
    for (int i = 0; i < n; i++) {
        struct watch_photo *p = watch_group_photo(g, photo[i].photo->name);
        if (p && photo[i].read)
            memcpy(p->content, photo[i].content, DIGEST_BYTES);
        else if (p)
            watch_content_of(p->name, p->content);
    }
}

/* Lines are made if every photograph still is what was judged. */
static int on_judged(void *arg, const struct judged_group *group, const struct judged_photo *photo)
{
    struct watch *w = arg;
    struct watch_group *g = &w->groups.item[0];
    note_contents(g, photo, group->n_photographs);
    for (int64_t i = 0; i < g->n; i++) {
        struct watch_stamp now = WATCH_NO_STAMP;
        watch_stamp_of(g->photo[i].name, &now);
        w->changed = w->changed || !watch_stamp_same(now, g->photo[i].stamp);
    }
    if (w->changed)
        return 0;
    int status = begin_lines(w, &w->written);
    return status ? status : end_lines(w, verdict_lines_found(w->lines, group, photo));
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
static int put_record(struct watch *w, const struct fmt_buffer *text)
{
    const char *lines = (const char *)text->data;
    int status = watch_journal_judged(&w->journal, watch_output_size(&w->output), lines, text->bytes, w->e);
    if (!status)
        status = watch_output_put(&w->output, lines, text->bytes, w->e);
    return status ? status : watch_journal_written(&w->journal, w->e);
}

/* What was written, to the file that has the name of the output now; the first lines before, where it is empty. Once
 * more if the file was removed meanwhile. */
static int put_lines(struct watch *w, bool head)
{
    int status;
    do {
        struct fmt_buffer text = {0};
        status = watch_output_follow(&w->output, w->e);
        if (!status && (head || watch_output_size(&w->output) == 0) &&
            fmt_buffer_append(&text, w->head.text, w->head.n))
            status = fmt_no_memory(w->e);
        if (!status && w->written.n > 0 && fmt_buffer_append(&text, w->written.text, w->written.n))
            status = fmt_no_memory(w->e);
        if (!status)
            status = put_record(w, &text);
        fmt_buffer_release(&text);
    } while (!status && watch_output_is_lost(&w->output));
    return status;
}

static int record(struct watch *w, const struct watch_group *g)
{
    int status = w->judge->has_reference ? gate_recent_sync(&w->judge->reference.recent, w->e) : 0;
    for (int64_t i = 0; i < g->n && !status; i++)
        status = watch_journal_add(&w->journal, g->photo[i].key, g->photo[i].stamp, g->photo[i].content, w->e);
    if (!status)
        status = watch_journal_note_group(&w->journal, g->name, w->e);
    return status ? status : put_lines(w, false);
}

/* Do all photographs hold what they held when they were judged? That they were copied again, or got another mode, is
 * no news. */
static bool is_known(const struct watch *w, struct watch_group *g)
{
    for (int64_t i = 0; i < g->n; i++) {
        struct watch_photo *p = &g->photo[i];
        if (p->asked || !watch_journal_knows_key(&w->journal, p->key))
            return false;
        if (watch_journal_knows(&w->journal, p->key, p->stamp))
            continue;
        watch_content_of(p->name, p->content);
        if (!watch_journal_knows_content(&w->journal, p->key, p->content))
            return false;
    }
    return true;
}

/* From now on they are known as they are. */
static int record_known(struct watch *w, const struct watch_group *g)
{
    int status = 0;
    for (int64_t i = 0; i < g->n && !status; i++) {
        const struct watch_photo *p = &g->photo[i];
        if (!watch_journal_knows(&w->journal, p->key, p->stamp))
            status = watch_journal_add(&w->journal, p->key, p->stamp, p->content, w->e);
    }
    if (!status)
        status = watch_journal_note_group(&w->journal, g->name, w->e);
    if (!status)
        status = watch_journal_judged(&w->journal, -1, "", 0, w->e);
    return status ? status : watch_journal_written(&w->journal, w->e);
}

/* The first group, which is then gone, or waits again if it changed. */
static int judge_first(struct watch *w)
{
    struct photo_list l;
    struct judge_job job = {.found = on_judged, .arg = w};
    w->changed = false;
    if (is_known(w, &w->groups.item[0])) {
        int known = record_known(w, &w->groups.item[0]);
        watch_groups_remove(&w->groups, 0);
        return known;
    }
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
    int status = w->how->n_folders > 0 ? look(w) : 0;
    if (!status)
        note_begin(w);
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
    int status = begin_lines(w, &w->head);
    if (!status) /* also where it is there: all lines have the columns that are set here */
        status = end_lines(w, verdict_lines_begin(w->lines, w->how->inspector, w->judge, w->e));
    if (status || (!other && watch_output_size(&w->output) > 0))
        return status;
    status = watch_journal_inspector(&w->journal, inspector, w->e);
    return status ? status : put_lines(w, true);
}

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
    return status ? status : put_header(w);
}

int watch_run(struct judge *j, struct verdict_lines *lines, const struct watch_how *how, struct fmt_error *e)
{
    struct watch w = {.judge = j, .lines = lines, .out = lines->out, .how = how, .e = e, .folders = {.fd = -1},
                      .journal = {.fd = -1, .lock_fd = -1},
                      .output = {.look_fd = -1}};
    atomic_store(&wake_fd, eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
    int status = watch_folders_open(&w.folders, how->folder, how->n_folders, how->n_folders > 1 || how->names, e);
    if (!status)
        status = watch_journal_open(&w.journal, how->journal, add_named, &w, how->warn, e);
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
    fmt_buffer_release(&w.input);
    return status;
}
