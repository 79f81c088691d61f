/* dataset-walk.c - folders without lists: their names are all there is. A folder is listed in the order of bytes, and
 * sub-folders are entered where their name stands in that order. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "dataset.h"
#include "file.h"
#include "index.h"
#include "path-list.h"

enum { DEPTH_MAX = 64 };

/* Thumbnails, waste and old versions of photographs lie in them, beside each folder or in the topmost one. A 0 stands
 * for any digit. */
static const struct {
    const char *name, *whose;
} system_folders[] = {
    {"@eaDir", "a Synology storage"},       {"#recycle", "a Synology storage"},
    {"#snapshot", "a Synology storage"},    {"@tmp", "a Synology storage"},
    {"@SynoResource", "a Synology storage"}, {"@Recycle", "a QNAP storage"},
    {"@Recently-Snapshot", "a QNAP storage"}, {"@__thumb", "a QNAP storage"},
    {"~snapshot", "a NetApp storage"},      {"$RECYCLE.BIN", "Windows"},
    {"RECYCLER", "Windows"},                {"System Volume Information", "Windows"},
    {"found.000", "Windows"},               {"__MACOSX", "macOS"},
    {"Network Trash Folder", "macOS"},      {"Temporary Items", "macOS"},
    {"lost+found", "the file system"},
};
enum { SYSTEM_FOLDERS = sizeof system_folders / sizeof *system_folders };

struct walk {
    struct dataset *d;
    const char *const *skip;
    bool (*listed)(void *arg, const char *folder);
    char *system_path[SYSTEM_FOLDERS][2]; /* the first of each name; [1]: of those that hold files of a list */
    int64_t n_system[SYSTEM_FOLDERS][2];
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

static bool is_name(const char *name, size_t bytes, const char *wanted)
{
    size_t i = 0;
    while (i < bytes && wanted[i] &&
           (wanted[i] == '0' ? isdigit((unsigned char)name[i]) : strncasecmp(name + i, wanted + i, 1) == 0))
        i++;
    return i == bytes && !wanted[i];
}

/* Its place in the table, or -1. */
static int system_folder(const char *name, size_t bytes)
{
    for (int i = 0; i < SYSTEM_FOLDERS; i++)
        if (is_name(name, bytes, system_folders[i].name))
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

/* They are not entered: a snapshot may hold as much as all the rest. */
static int pass_over(struct walk *w, int i, const char *path)
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
    char *whole = file_join(w->d->root, path);
    if (!whole)
        return fmt_no_memory(w->e);
    bool there = stat(whole, &st) == 0;
    free(whole);
    name = name ? name + 1 : path;
    if (depth == 0 && is_skipped(w, name))
        return 0;
    if (there && S_ISDIR(st.st_mode)) {
        int system = system_folder(name, strlen(name));
        if (system >= 0)
            return pass_over(w, system, path);
        if (depth + 1 == DEPTH_MAX)
            return dataset_note(w->d, DATASET_UNREADABLE, path, w->e, "folders nested too deep");
        return enter(w, depth + 1, &st) ? walk_folder(w, path, depth + 1) : 0;
    }
    /* A link to nothing too: it will be missed by name. */
    return dataset_is_jpeg_name(name) || is_other_format(name) ? w->found(w->arg, path) : 0;
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

static int note_system_folders(struct walk *w)
{
    int status = 0;
    for (int i = 0; i < 2 * SYSTEM_FOLDERS; i++) {
        const char *whose = system_folders[i / 2].whose;
        char more[64] = "", *path = w->system_path[i / 2][i % 2];
        int64_t n = w->n_system[i / 2][i % 2];
        if (n > 1)
            snprintf(more, sizeof more, ", with %lld more of this name", (long long)n - 1);
        if (n && status == 0)
            status = dataset_note(w->d, DATASET_SYSTEM_FOLDER, path, w->e, "a folder of %s, not of photographs; %s%s",
                                  whose, i % 2 ? "only files that a list names are taken" : "left out", more);
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
    char *whole = *below ? file_join(d->root, below) : strdup(d->root);
    if (!whole)
        return fmt_no_memory(e);
    if (stat(whole, &st) == 0)
        enter(&w, 0, &st);
    free(whole);
    int status = walk_folder(&w, below, 0), noted = note_system_folders(&w);
    return status ? status : noted;
}

int dataset_note_format(struct dataset *d, const char *path, struct fmt_error *e)
{
    return dataset_note(d, DATASET_OTHER_FORMAT, path, e, "not JPEG; left out");
}

/* ---------------------------------------------------------------- a plain folder */

struct adding {
    struct dataset *d;
    const char *split;
    bool classes; /* the first folder below the split is the class */
    bool system_told[SYSTEM_FOLDERS];
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
    im.group_view = dataset_group_view_of(path, im.group);
    return dataset_add(a->d, &im, a->e) ? 0 : (int)FMT_MEMORY;
}

static int add_walked(void *arg, const char *path)
{
    struct adding *a = arg;
    return dataset_is_jpeg_name(path) ? add_found(a, path) : dataset_note_format(a->d, path, a->e);
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

static bool is_class_name(const char *folder)
{
    return folder[0] != '.' && system_folder(folder, strlen(folder)) < 0;
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
        else if (is_class_name(names[i]) && class_of(d, names[i], strlen(names[i])) < 0 && is_folder(d, below))
            status = dataset_add_class(d, names[i], e);
        free(below);
    }
    file_list_free(names, n);
    return status;
}

static int note_outside_splits(void *arg, const char *path)
{
    const struct adding *a = arg;
    return dataset_is_jpeg_name(path)
               ? dataset_note(a->d, DATASET_UNLISTED, path, a->e, "in no split's folder; left out")
               : dataset_note_format(a->d, path, a->e);
}

/* Photographs of one thing that are no group fall into training and test alike. */
static int note_no_groups(struct dataset *d, struct fmt_error *e)
{
    for (int64_t i = 0; i < d->n_images; i++)
        if (*d->image[i].group)
            return 0;
    return d->n_images < 2 ? 0
                           : dataset_note(d, DATASET_NO_GROUPS, d->root, e,
                                          "no groups: photographs of one installation belong into a folder below the "
                                          "class");
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
            status = dataset_walk(d, dataset_splits[s], NULL, NULL, add_walked, &a, e);
    }
    a.split = "";
    if (status == 0 && any)
        status = dataset_walk(d, "", dataset_splits, NULL, note_outside_splits, &a, e);
    else if (status == 0)
        status = dataset_walk(d, "", NULL, NULL, add_walked, &a, e);
    return status ? status : note_no_groups(d, e);
}

int dataset_find(struct dataset *d, enum dataset_layout layout, struct fmt_error *e)
{
    struct adding a = {.d = d, .split = "", .e = e};
    if (layout == DATASET_AUTO)
        layout = is_folder(d, "annotations") ? DATASET_ANNOTATIONS : DATASET_FOLDER;
    switch (layout) {
    case DATASET_ANNOTATIONS: return dataset_find_lists(d, e);
    case DATASET_CLASSES: return find_classes(d, e);
    default: return dataset_walk(d, "", NULL, NULL, add_walked, &a, e);
    }
}

/* Who lets find(1) name the files is told once of each kind of folder. */
static int note_named_folder(struct adding *a, const char *name)
{
    for (const char *slash; (slash = strchr(name, '/')); name = slash + 1) {
        int i = system_folder(name, (size_t)(slash - name));
        if (i < 0 || a->system_told[i])
            continue;
        a->system_told[i] = true;
        return dataset_note(a->d, DATASET_SYSTEM_FOLDER, system_folders[i].name, a->e,
                            "a folder of %s, not of photographs; files in it are named, and taken",
                            system_folders[i].whose);
    }
    return 0;
}

static int add_name(void *arg, const char *name)
{
    struct adding *a = arg;
    while (name[0] == '.' && name[1] == '/')
        name += 2 + strspn(name + 2, "/");
    int status = note_named_folder(a, name);
    return status || !*name ? status : add_found(a, name);
}

int dataset_find_names(struct dataset *d, char end, struct fmt_error *e)
{
    struct adding a = {.d = d, .split = "", .e = e};
    int status = path_list_read(end, add_name, &a, e);
    return status ? status : dataset_check_names(d, e);
}
