/* watch-arrivals.c - photographs arrive: in folders, by events and by looking, and by their names on standard input. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "file.h"
#include "path-list.h"
#include "watch-internal.h"

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
    int status = watch_group_add(g, &arrival, clock_now_ms(), w->e);
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

/* Its stamp and its key, for free(); NULL: there is no file of this name. */
static int identify(struct watch *w, struct watch_arrival *a, char **key)
{
    *key = NULL;
    if (!watch_stamp_of(a->name, &a->stamp))
        return 0;
    a->key = *key = watch_key(&w->keys, a->name);
    return *key ? 0 : fmt_no_memory(w->e);
}

/* A photograph in a folder: new, written again, or only seen again. */
int watch_on_found(void *arg, const char *name, size_t relative, bool closed)
{
    struct watch *w = arg;
    struct watch_arrival a = {.name = name};
    char *key;
    int status = identify(w, &a, &key);
    if (key)
        status = watch_journal_knows(&w->journal, key, a.stamp) ? note_known(w, name + relative)
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
        if (strcmp(w->groups.item[i].name, m.group) == 0 && !watch_group_has_key(&w->groups.item[i], a->key))
            return watch_group_add(&w->groups.item[i], &sibling, clock_now_ms(), w->e);
    return 0;
}

/* Photographs that were judged and belong to an installation that waits again. */
static int on_sibling(void *arg, const char *name, size_t relative, bool closed)
{
    struct watch *w = arg;
    struct watch_arrival a = {.name = name};
    (void)closed;
    char *key;
    int status = identify(w, &a, &key);
    if (key && watch_journal_knows(&w->journal, key, a.stamp))
        status = add_sibling(w, &a, relative);
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
            bool below = strchr(name, '/') != NULL;
            char *path = !photo_list_is_image(names[i]) ? NULL : below ? file_join(folder, names[i]) : strdup(names[i]);
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
int watch_look(struct watch *w)
{
    int64_t n_groups = w->groups.n;
    watch_keys_release(&w->keys); /* links may have changed */
    int status = watch_folders_look(&w->folders, watch_on_found, w, w->e);
    bool again = false;
    for (int64_t i = n_groups; i < w->groups.n; i++)
        again = again || watch_journal_knows_group(&w->journal, w->groups.item[i].name);
    warn_of_folders(w);
    if (!status && again)
        status = watch_folders_look(&w->folders, on_sibling, w, w->e);
    w->looked_ms = clock_now_ms();
    return status;
}

/* The other photographs of an installation that was judged by their names; false: it is not among the last ones. */
static bool add_recent(struct watch *w, struct watch_group *g, int *status)
{
    const struct watch_group *judged = NULL;
    for (int64_t i = 0; i < w->recent.n; i++)
        if (strcmp(w->recent.item[i].name, g->name) == 0)
            judged = &w->recent.item[i];
    for (int64_t i = 0; judged && i < judged->n && !*status; i++) {
        const struct watch_photo *p = &judged->photo[i];
        struct watch_arrival a = {.name = p->name, .key = p->key, .view = p->view, .settled = true};
        if (!watch_group_has_key(g, p->key) && watch_stamp_of(p->name, &a.stamp))
            *status = watch_group_add(g, &a, clock_now_ms(), w->e);
    }
    return judged;
}

/* The same of one that is not remembered: those of the folder whose names give the same installation. */
static int add_judged(struct watch *w, struct watch_group *g, const char *name)
{
    struct group_match m;
    int status = 0;
    if (add_recent(w, g, &status) || !(w->resumed || watch_journal_knows_group(&w->journal, g->name)))
        return status;
    photo_list_group(name, false, &w->judge->settings.pattern, &m);
    return strcmp(m.group, g->name) == 0 ? add_siblings(w, name, 0, g->name) : 0;
}

/* A name of standard input. Its file may be missing: it will be unreadable. */
int watch_add_named(void *arg, const char *name, const char *key, const char *group, int32_t view)
{
    struct watch *w = arg;
    struct watch_arrival a = {.name = name, .key = key, .view = view, .settled = true, .asked = true,
                              .stamp = WATCH_NO_STAMP};
    bool is_new;
    watch_stamp_of(name, &a.stamp);
    if (!*group) /* an installation of its own */
        group = name;
    struct watch_group *g = watch_groups_find(&w->groups, group, &is_new, w->e);
    int status = g ? watch_group_add(g, &a, clock_now_ms(), w->e) : FMT_MEMORY;
    return status || !is_new ? status : add_judged(w, g, name);
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
    int status = key ? watch_add_named(w, name, key, group, view) : fmt_no_memory(w->e);
    if (!status)
        status = watch_journal_named(&w->journal, name, key, group, view, w->e);
    free(key);
    return status;
}

/* What is there of standard input; names that are whole arrive. */
int watch_read_names(struct watch *w)
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
