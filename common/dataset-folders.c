/* dataset-folders.c - the layouts without lists: folders of classes, plain folders, and names that somebody else found.
 * The names of folders and files are all there is; what they say of groups: dataset-groups.c. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dataset-internal.h"
#include "file.h"
#include "index.h"
#include "path-list.h"

struct adding {
    struct dataset *d;
    const char *split;
    bool classes; /* the first folder below the split is the class */
    bool system_noted[DATASET_SYSTEM_FOLDERS];
    struct fmt_error *e;
};

static int class_of(const struct dataset *d, const char *name, size_t bytes)
{
    for (int i = 0; i < d->n_classes; i++)
        if (strncmp(d->class_name[i], name, bytes) == 0 && d->class_name[i][bytes] == 0)
            return i;
    return -1;
}

static int add_image(void *arg, const char *path)
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
    int status = dataset_place(a->d, skip, &im, a->e);
    if (status)
        return status;
    if (strlen(im.group) > INDEX_NAME_MAX)
        return dataset_note(a->d, DATASET_BAD_ENTRY, path, a->e, "its folder's name is too long for a group");
    return dataset_add(a->d, &im, a->e) ? 0 : (int)FMT_MEMORY;
}

static int add_walked(void *arg, const char *path)
{
    struct adding *a = arg;
    return dataset_is_photograph(a->d, path) ? add_image(a, path) : dataset_count_format(a->d, path, a->e);
}

int dataset_find_plain(struct dataset *d, struct fmt_error *e)
{
    struct adding a = {.d = d, .split = "", .e = e};
    return dataset_walk(d, "", NULL, NULL, add_walked, &a, e);
}

/* ---------------------------------------------------------------- a folder per class */

static int by_bytes(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool is_class_name(const char *folder)
{
    return folder[0] != '.' && dataset_system_folder(folder, strlen(folder)) < 0;
}

/* The sub-folders of a split (or of the root) are classes. */
static int add_classes(struct dataset *d, const char *split, struct fmt_error *e)
{
    char *whole = dataset_path(d, split), **names;
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
        else if (is_class_name(names[i]) && class_of(d, names[i], strlen(names[i])) < 0 &&
                 dataset_has_folder(d, below))
            status = dataset_add_class(d, names[i], e);
        free(below);
    }
    file_list_free(names, n);
    return status;
}

static int note_outside_splits(void *arg, const char *path)
{
    const struct adding *a = arg;
    return dataset_is_photograph(a->d, path)
               ? dataset_note(a->d, DATASET_UNLISTED, path, a->e, "in no split's folder; left out")
               : dataset_count_format(a->d, path, a->e);
}

/* Which splits have a folder, and all classes in the order of bytes. */
static int find_splits_and_classes(struct dataset *d, bool split_there[3], bool *any, struct fmt_error *e)
{
    int status = 0;
    *any = false;
    for (int s = 0; s < 3; s++)
        *any |= split_there[s] = dataset_has_folder(d, dataset_splits[s]);
    for (int s = 0; s < 3 && *any && status == 0; s++)
        if (split_there[s])
            status = add_classes(d, dataset_splits[s], e);
    if (!*any)
        status = add_classes(d, "", e);
    if (status == 0 && d->n_classes > 1)
        qsort(d->class_name, (size_t)d->n_classes, sizeof *d->class_name, by_bytes);
    return status;
}

int dataset_find_classes(struct dataset *d, struct fmt_error *e)
{
    struct adding a = {.d = d, .classes = true, .e = e};
    bool split_there[3], any;
    int status = find_splits_and_classes(d, split_there, &any, e);
    for (int s = 0; s < 3 && any && status == 0; s++) {
        a.split = dataset_splits[s];
        if (split_there[s])
            status = dataset_walk(d, dataset_splits[s], NULL, NULL, add_walked, &a, e);
    }
    a.split = "";
    if (status == 0)
        status = any ? dataset_walk(d, "", dataset_splits, NULL, note_outside_splits, &a, e)
                     : dataset_walk(d, "", NULL, NULL, add_walked, &a, e);
    d->has_class_folders = true;
    return status;
}

/* ---------------------------------------------------------------- names that somebody else found */

/* Who lets find(1) name the files is warned once of each kind of system folder. */
static int note_named_folder(struct adding *a, const char *name)
{
    for (const char *slash; (slash = strchr(name, '/')); name = slash + 1) {
        int i = dataset_system_folder(name, (size_t)(slash - name));
        if (i < 0 || a->system_noted[i])
            continue;
        a->system_noted[i] = true;
        return dataset_note(a->d, DATASET_SYSTEM_FOLDER, dataset_system_folders[i].name, a->e,
                            "a folder of %s, not of photographs; files in it are named, and taken",
                            dataset_system_folders[i].owner);
    }
    return 0;
}

static int add_name(void *arg, const char *name)
{
    struct adding *a = arg;
    while (name[0] == '.' && name[1] == '/')
        name += 2 + strspn(name + 2, "/");
    int status = note_named_folder(a, name);
    return status || !*name ? status : add_image(a, name);
}

int dataset_find_names(struct dataset *d, char end, struct fmt_error *e)
{
    struct adding a = {.d = d, .split = "", .e = e};
    int status = path_list_read(end, add_name, &a, e);
    return status ? status : dataset_check_names(d, e);
}
