/* dataset-walk.c - folders without lists: their names are all there is. A folder is listed in the order of bytes, and
 * sub-folders are entered where their name stands in that order. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "dataset.h"
#include "file.h"
#include "index.h"
#include "namelist.h"

enum { DEPTH_MAX = 64 };

struct walk {
    struct dataset *d;
    int (*found)(void *arg, const char *path);
    void *arg;
    struct fmt_error *e;
    dev_t device[DEPTH_MAX]; /* of the folders that we are in: a link back to one is a loop */
    ino_t inode[DEPTH_MAX];
};

static bool is_other_format(const char *name)
{
    static const char *const endings[] = {".png",  ".bmp", ".tif", ".tiff", ".gif", ".webp", ".heic",
                                          ".heif", ".jp2", ".dng", ".avif", ".ppm", ".pgm"};
    const char *dot = strrchr(name, '.');
    for (size_t i = 0; dot && i < sizeof endings / sizeof *endings; i++)
        if (strcasecmp(dot, endings[i]) == 0)
            return true;
    return false;
}

static bool enter(struct walk *w, int depth, const struct stat *st)
{
    for (int i = 0; i < depth; i++)
        if (w->device[i] == st->st_dev && w->inode[i] == st->st_ino)
            return false;
    w->device[depth] = st->st_dev;
    w->inode[depth] = st->st_ino;
    return true;
}

static int walk_folder(struct walk *w, const char *below, int depth);

static int walk_name(struct walk *w, const char *path, int depth)
{
    struct stat st;
    const char *name = strrchr(path, '/');
    char *whole = file_join(w->d->root, path);
    if (!whole)
        return fmt_no_memory(w->e);
    bool there = stat(whole, &st) == 0;
    free(whole);
    name = name ? name + 1 : path;
    if (there && S_ISDIR(st.st_mode)) {
        if (depth + 1 == DEPTH_MAX)
            return dataset_note(w->d, DATASET_UNREADABLE, path, w->e, "folders nested too deep");
        return enter(w, depth + 1, &st) ? walk_folder(w, path, depth + 1) : 0;
    }
    if (dataset_is_jpeg_name(name))
        return w->found(w->arg, path); /* a link to nothing too: it will be missed by name */
    if (is_other_format(name))
        return dataset_note(w->d, DATASET_OTHER_FORMAT, path, w->e, "not JPEG; left out");
    return 0;
}

static int walk_folder(struct walk *w, const char *below, int depth)
{
    char *whole = *below ? file_join(w->d->root, below) : strdup(w->d->root), **names;
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

int dataset_walk(struct dataset *d, const char *below, int (*found)(void *arg, const char *path), void *arg,
                 struct fmt_error *e)
{
    struct walk w = {.d = d, .found = found, .arg = arg, .e = e};
    struct stat st;
    char *whole = *below ? file_join(d->root, below) : strdup(d->root);
    if (!whole)
        return fmt_no_memory(e);
    if (stat(whole, &st) == 0)
        enter(&w, 0, &st);
    free(whole);
    return walk_folder(&w, below, 0);
}

/* ---------------------------------------------------------------- a plain folder */

struct adding {
    struct dataset *d;
    const char *split;
    bool classes; /* the first folder below the split is the class */
    struct fmt_error *e;
};

/* The folders between the first `skip` bytes and the name, as a text of the dataset; NULL: no memory. */
static const char *folders_of(struct dataset *d, const char *path, size_t skip)
{
    const char *slash = strrchr(path, '/');
    return slash && (size_t)(slash - path) > skip ? text_copy(&d->text, path + skip, (size_t)(slash - path) - skip)
                                                  : "";
}

static int class_of(const struct dataset *d, const char *name, size_t bytes)
{
    for (int i = 0; i < d->n_classes; i++)
        if (strncmp(d->class_name[i], name, bytes) == 0 && d->class_name[i][bytes] == 0)
            return i;
    return -1;
}

static int add_found(void *arg, const char *path)
{
    struct adding *a = arg;
    size_t skip = a->split && *a->split ? strlen(a->split) + 1 : 0;
    struct dataset_image im = {.path = path, .split = a->split, .label = -1};
    if (a->classes) {
        size_t n = strcspn(path + skip, "/");
        if (path[skip + n] == '/') {
            im.label = class_of(a->d, path + skip, n);
            skip += n + 1;
        }
    }
    if (strlen(path) > INDEX_TEXT_MAX)
        return dataset_note(a->d, DATASET_BAD_ENTRY, path, a->e, "the name is too long");
    im.group = folders_of(a->d, path, skip);
    if (!im.group)
        return fmt_no_memory(a->e);
    if (strlen(im.group) > INDEX_NAME_MAX)
        return dataset_note(a->d, DATASET_BAD_ENTRY, path, a->e, "its folder's name is too long for a group");
    im.shot = dataset_shot_of(path, im.group);
    return dataset_add(a->d, &im, a->e) ? 0 : (int)FMT_MEMORY;
}

/* ---------------------------------------------------------------- a folder per class */

static bool is_folder(const struct dataset *d, const char *below)
{
    char *whole = file_join(d->root, below);
    bool folder = whole && file_is_dir(whole);
    free(whole);
    return folder;
}

static int by_bytes(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The sub-folders of a split (or of the root) are classes. */
static int add_classes(struct dataset *d, const char *split, struct fmt_error *e)
{
    char *whole = *split ? file_join(d->root, split) : strdup(d->root), **names;
    int64_t n;
    if (!whole)
        return fmt_no_memory(e);
    int status = file_list(whole, &names, &n, e);
    free(whole);
    if (status)
        return status;
    for (int64_t i = 0; i < n && status == 0; i++) {
        char *below = *split ? file_join(split, names[i]) : strdup(names[i]);
        if (!below)
            status = fmt_no_memory(e);
        else if (names[i][0] != '.' && class_of(d, names[i], strlen(names[i])) < 0 && is_folder(d, below))
            status = dataset_add_class(d, names[i], e);
        free(below);
    }
    file_list_free(names, n);
    return status;
}

static int note_outside_splits(void *arg, const char *path)
{
    const struct adding *a = arg;
    size_t n = strcspn(path, "/");
    for (size_t i = 0; i < 3; i++)
        if (path[n] == '/' && strlen(dataset_splits[i]) == n && strncmp(path, dataset_splits[i], n) == 0)
            return 0;
    return dataset_note(a->d, DATASET_UNLISTED, path, a->e, "in no split's folder; left out");
}

static int find_classes(struct dataset *d, struct fmt_error *e)
{
    struct adding a = {.d = d, .classes = true, .e = e};
    bool split_there[3], any = false;
    int status = 0;
    for (int s = 0; s < 3; s++)
        any |= split_there[s] = is_folder(d, dataset_splits[s]);
    for (int s = 0; s < 3 && any && status == 0; s++)
        if (split_there[s])
            status = add_classes(d, dataset_splits[s], e);
    if (!any)
        status = add_classes(d, "", e);
    if (status == 0 && d->n_classes > 1)
        qsort(d->class_name, (size_t)d->n_classes, sizeof *d->class_name, by_bytes);
    for (int s = 0; s < 3 && any && status == 0; s++) {
        a.split = dataset_splits[s];
        if (split_there[s])
            status = dataset_walk(d, dataset_splits[s], add_found, &a, e);
    }
    a.split = "";
    if (status == 0)
        status = dataset_walk(d, "", any ? note_outside_splits : add_found, &a, e);
    return status;
}

int dataset_find(struct dataset *d, enum dataset_layout layout, struct fmt_error *e)
{
    struct adding a = {.d = d, .split = "", .e = e};
    if (layout == DATASET_AUTO)
        layout = is_folder(d, "annotations") ? DATASET_ANNOTATIONS : DATASET_FOLDER;
    switch (layout) {
    case DATASET_ANNOTATIONS: return dataset_find_lists(d, e);
    case DATASET_CLASSES: return find_classes(d, e);
    default: return dataset_walk(d, "", add_found, &a, e);
    }
}

static int add_name(void *arg, const char *name)
{
    while (name[0] == '.' && name[1] == '/')
        name += 2 + strspn(name + 2, "/");
    return *name ? add_found(arg, name) : 0;
}

int dataset_find_names(struct dataset *d, char end, struct fmt_error *e)
{
    struct adding a = {.d = d, .split = "", .e = e};
    int status = namelist_read(end, add_name, &a, e);
    return status ? status : dataset_check_names(d, e);
}
