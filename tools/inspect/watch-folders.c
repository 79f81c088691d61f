/* watch-folders.c - a new folder is watched before it is looked into, so that no file is missed in between. */
#include "watch-folders.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file.h"
#include "photo-list.h"

enum { DEPTH_MAX = 32, EVENTS_BYTES = 1 << 16 };
enum { MASK = IN_CLOSE_WRITE | IN_MOVED_TO | IN_CREATE | IN_DELETE_SELF | IN_ONLYDIR };

/* ------------------------------------------------------------------ the list */
static struct watched *find(struct watch_folders *f, int number)
{
    for (int64_t i = 0; i < f->n; i++)
        if (f->item[i].number == number)
            return &f->item[i];
    return NULL;
}

/* inotify gives the same number again for a folder that it watches already. */
static int watch(struct watch_folders *f, const char *path, size_t relative, struct fmt_error *e)
{
    int number = inotify_add_watch(f->fd, path, MASK);
    if (number < 0)
        return errno == ENOSPC ? FMT_LIMIT : file_fail(path, e);
    struct watched *known = find(f, number);
    if (known && strcmp(known->path, path) == 0)
        return 0;
    if (!known && fmt_grow(&f->item, f->n, &f->capacity, sizeof *f->item, e))
        return FMT_MEMORY;
    char *copy = strdup(path);
    if (!copy)
        return fmt_no_memory(e);
    if (known) /* it was renamed */
        free(known->path);
    else
        known = &f->item[f->n++];
    *known = (struct watched){number, copy, relative};
    return 0;
}

static void forget(struct watch_folders *f, int number)
{
    struct watched *w = find(f, number);
    if (!w)
        return;
    free(w->path);
    *w = f->item[--f->n];
}

/* ------------------------------------------------------------------ looking */
struct looking {
    struct watch_folders *f;
    watch_found *found;
    void *arg;
    struct fmt_error *e;
};

struct level { /* a folder that is being looked into, and those around it */
    struct stat st;
    const struct level *up;
};

static bool same_folder(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

/* By a link a folder can be within itself; its photographs are those that are found already. */
static bool is_within_itself(const struct watch_folders *f, const struct level *here)
{
    struct stat st;
    for (const struct level *up = here->up; up; up = up->up)
        if (same_folder(&here->st, &up->st))
            return true;
    for (int i = 0; i < f->n_folders; i++)
        if (stat(f->folder[i], &st) == 0 && same_folder(&here->st, &st))
            return true;
    return false;
}

static int look(struct looking *l, const char *path, size_t relative, int depth, const struct level *up)
{
    char **name;
    int64_t n;
    struct fmt_error why = {0};
    struct level here = {.up = up};
    int status = 0;
    if (depth > 0 && stat(path, &here.st) == 0 && is_within_itself(l->f, &here))
        return 0;
    int watched = depth == DEPTH_MAX ? FMT_UNSUPPORTED : watch(l->f, path, relative, &why);
    l->f->n_unwatched += watched == FMT_LIMIT;
    if ((watched && watched != FMT_LIMIT) || file_list(path, &name, &n, &why)) {
        l->f->n_unread++;
        return why.status == FMT_MEMORY ? fmt_no_memory(l->e) : 0;
    }
    for (int64_t i = 0; i < n && !status; i++) {
        char *whole = strchr(".@#$~", *name[i]) ? NULL : file_join(path, name[i]);
        if (whole && file_is_dir(whole))
            status = look(l, whole, relative, depth + 1, &here);
        else if (whole && photo_list_is_image(name[i]))
            status = l->found(l->arg, whole, relative, false);
        free(whole);
    }
    file_list_free(name, n);
    return status;
}

static size_t relative_from(const struct watch_folders *f, int i)
{
    size_t n = strlen(f->folder[i]);
    return f->whole ? 0 : n + (f->folder[i][n - 1] != '/');
}

int watch_folders_look(struct watch_folders *f, watch_found *found, void *arg, struct fmt_error *e)
{
    struct looking l = {f, found, arg, e};
    int status = 0;
    f->lost = false;
    f->n_unread = f->n_unwatched = 0;
    for (int i = 0; i < f->n_folders && !status; i++)
        status = look(&l, f->folder[i], relative_from(f, i), 0, NULL);
    return status;
}

/* ------------------------------------------------------------------ events */
static int take_event(struct looking *l, const struct inotify_event *event)
{
    struct watch_folders *f = l->f;
    if (event->mask & IN_Q_OVERFLOW)
        f->lost = true;
    if (event->mask & (IN_IGNORED | IN_DELETE_SELF))
        forget(f, event->wd);
    const struct watched *w = find(f, event->wd);
    if (!w || event->len == 0 || strchr(".@#$~", event->name[0]))
        return 0;
    size_t relative = w->relative;
    char *whole = file_join(w->path, event->name);
    int status = whole ? 0 : fmt_no_memory(l->e);
    if (!status && event->mask & IN_ISDIR)
        status = look(l, whole, relative, 1, NULL);
    else if (!status && event->mask & (IN_CLOSE_WRITE | IN_MOVED_TO) && photo_list_is_image(event->name))
        status = l->found(l->arg, whole, relative, true);
    free(whole);
    return status;
}

int watch_folders_read(struct watch_folders *f, watch_found *found, void *arg, struct fmt_error *e)
{
    _Alignas(struct inotify_event) char events[EVENTS_BYTES];
    struct looking l = {f, found, arg, e};
    ssize_t n;
    int status = 0;
    while (!status && (n = read(f->fd, events, sizeof events)) > 0)
        for (char *at = events; at < events + n && !status;) {
            const struct inotify_event *event = (const struct inotify_event *)(const void *)at;
            status = take_event(&l, event);
            at += sizeof *event + event->len;
        }
    return status;
}

/* ------------------------------------------------------------------ opening */
int watch_folders_open(struct watch_folders *f, const char *const *folder, int n, bool whole, struct fmt_error *e)
{
    *f = (struct watch_folders){.folder = folder, .n_folders = n, .whole = whole};
    f->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    int status = f->fd < 0 ? fmt_fail(e, FMT_IO, "inotify: %s", strerror(errno)) : 0;
    for (int i = 0; i < n && !status; i++) {
        status = watch(f, folder[i], relative_from(f, i), e);
        if (status == FMT_LIMIT) /* looks find what arrives */
            status = 0;
    }
    if (status)
        watch_folders_close(f);
    return status;
}

void watch_folders_close(struct watch_folders *f)
{
    for (int64_t i = 0; i < f->n; i++)
        free(f->item[i].path);
    free(f->item);
    if (f->fd >= 0)
        close(f->fd);
    *f = (struct watch_folders){.fd = -1};
}
