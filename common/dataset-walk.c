/* dataset-walk.c - the names of images below a folder, in the order of bytes; a sub-folder is entered where its name
 * comes in that order. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "dataset-internal.h"
#include "file.h"
#include "image-file.h"

enum { DEPTH_MAX = 64 };

const struct dataset_system_folder dataset_system_folders[DATASET_SYSTEM_FOLDERS] = {
    {"@eaDir", "a Synology storage"},        {"#recycle", "a Synology storage"},
    {"#snapshot", "a Synology storage"},     {"@tmp", "a Synology storage"},
    {"@SynoResource", "a Synology storage"}, {"@Recycle", "a QNAP storage"},
    {"@Recently-Snapshot", "a QNAP storage"}, {"@__thumb", "a QNAP storage"},
    {"~snapshot", "a NetApp storage"},       {"$RECYCLE.BIN", "Windows"},
    {"RECYCLER", "Windows"},                 {"System Volume Information", "Windows"},
    {"found.000", "Windows"},                {"__MACOSX", "macOS"},
    {"Network Trash Folder", "macOS"},       {"Temporary Items", "macOS"},
    {"lost+found", "the file system"},
};

struct walk {
    struct dataset *d;
    const char *const *skip;
    bool (*listed)(void *arg, const char *folder);
    char *system_path[DATASET_SYSTEM_FOLDERS][2]; /* the first of each name; [1]: of those with files of a list */
    int64_t n_system[DATASET_SYSTEM_FOLDERS][2];
    int (*found)(void *arg, const char *path);
    void *arg;
    struct fmt_error *e;
    dev_t device[DEPTH_MAX]; /* of the folders above: a link back to one of them is a loop */
    ino_t inode[DEPTH_MAX];
};

static bool is_name(const char *name, size_t bytes, const char *pattern)
{
    size_t i = 0;
    while (i < bytes && pattern[i] &&
           (pattern[i] == '0' ? isdigit((unsigned char)name[i]) : strncasecmp(name + i, pattern + i, 1) == 0))
        i++;
    return i == bytes && !pattern[i];
}

int dataset_system_folder(const char *name, size_t bytes)
{
    for (int i = 0; i < DATASET_SYSTEM_FOLDERS; i++)
        if (is_name(name, bytes, dataset_system_folders[i].name))
            return i;
    return -1;
}

static bool is_skipped(const struct walk *w, const char *name)
{
    for (const char *const *s = w->skip; s && *s; s++)
        if (strcmp(*s, name) == 0)
            return true;
    return false;
}

static bool enter(struct walk *w, int depth, const struct stat *st) /* false: a loop */
{
    for (int i = 0; i < depth; i++)
        if (w->device[i] == st->st_dev && w->inode[i] == st->st_ino)
            return false;
    w->device[depth] = st->st_dev;
    w->inode[depth] = st->st_ino;
    return true;
}

static int walk_folder(struct walk *w, const char *below, int depth);

/* System folders are not entered: a snapshot may hold as much as everything else. */
static int skip_system_folder(struct walk *w, int i, const char *path)
{
    bool listed = w->listed && w->listed(w->arg, path);
    if (w->n_system[i][listed]++ == 0 && !(w->system_path[i][listed] = strdup(path)))
        return fmt_no_memory(w->e);
    return 0;
}

static int walk_name(struct walk *w, const char *path, int depth)
{
    struct stat st;
    const char *name = strrchr(path, '/');
    char *whole = dataset_path(w->d, path);
    if (!whole)
        return fmt_no_memory(w->e);
    bool there = stat(whole, &st) == 0;
    free(whole);
    name = name ? name + 1 : path;
    if (depth == 0 && is_skipped(w, name))
        return 0;
    if (there && S_ISDIR(st.st_mode)) {
        int system = dataset_system_folder(name, strlen(name));
        if (system >= 0)
            return skip_system_folder(w, system, path);
        if (depth + 1 == DEPTH_MAX)
            return dataset_note(w->d, DATASET_UNREADABLE, path, w->e, "folders nested too deep");
        return enter(w, depth + 1, &st) ? walk_folder(w, path, depth + 1) : 0;
    }
    /* Also a dangling link, which dataset_read reports as missing. */
    return image_file_is_name(name) ? w->found(w->arg, path) : 0;
}

static int walk_folder(struct walk *w, const char *below, int depth)
{
    char *whole = dataset_path(w->d, below), **names;
    int64_t n;
    struct fmt_error e = {0};
    if (!whole)
        return fmt_no_memory(w->e);
    int status = file_list(whole, &names, &n, &e);
    free(whole);
    if (status)
        return depth == 0 ? fmt_fail(w->e, e.status, "%s", e.text)
                          : dataset_note(w->d, DATASET_UNREADABLE, below, w->e, "%s", strerror(errno));
    for (int64_t i = 0; i < n && status == 0; i++) {
        if (names[i][0] == '.')
            continue;
        char *path = *below ? file_join(below, names[i]) : strdup(names[i]);
        status = path ? walk_name(w, path, depth) : fmt_no_memory(w->e);
        free(path);
    }
    file_list_free(names, n);
    return status;
}

static int note_system_folders(struct walk *w)
{
    int status = 0;
    for (int i = 0; i < 2 * DATASET_SYSTEM_FOLDERS; i++) {
        const char *owner = dataset_system_folders[i / 2].owner;
        char more[64] = "", *path = w->system_path[i / 2][i % 2];
        int64_t n = w->n_system[i / 2][i % 2];
        if (n > 1)
            snprintf(more, sizeof more, ", with %lld more of this name", (long long)n - 1);
        if (n && status == 0)
            status = dataset_note(w->d, DATASET_SYSTEM_FOLDER, path, w->e, "a folder of %s, not of photographs; %s%s",
                                  owner, i % 2 ? "only files that a list names are taken" : "left out", more);
        free(path);
    }
    return status;
}

int dataset_walk(struct dataset *d, const char *below, const char *const *skip,
                 bool (*listed)(void *arg, const char *folder), int (*found)(void *arg, const char *path), void *arg,
                 struct fmt_error *e)
{
    struct walk w = {.d = d, .skip = skip, .listed = listed, .found = found, .arg = arg, .e = e};
    struct stat st;
    char *whole = dataset_path(d, below);
    if (!whole)
        return fmt_no_memory(e);
    if (stat(whole, &st) == 0)
        enter(&w, 0, &st);
    free(whole);
    int status = walk_folder(&w, below, 0), noted = note_system_folders(&w);
    return status ? status : noted;
}

