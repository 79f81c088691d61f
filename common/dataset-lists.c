/* dataset-lists.c - the layout with lists: annotations/SPLIT.json names the images, folders hold them. Both are
 * compared: what a list names must be inside the dataset, and what is in the folders should be in a list. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "annotations.h"
#include "dataset-internal.h"
#include "file.h"
#include "index.h"
#include "text.h"
#include "unicode-form.h"

enum list_state { LIST_READ, LIST_BROKEN, LIST_NONE };

struct lists {
    struct dataset *d;
    char *real_root; /* without links, to compare with */
    enum list_state state[3];
    int64_t n_left[3]; /* images in the folder of a split that has no list */
    const char **path; /* of all images in lists, sorted */
    int64_t n_paths;
    struct dataset_image **by_look; /* sorted by unicode_form_compare_loosely; NULL: not needed yet */
    struct fmt_error *e;
};

/* Is the path below the root if its links are followed? True if it does not exist. */
static bool is_inside(const struct lists *l, const char *path)
{
    char real[PATH_MAX];
    char *whole = dataset_path(l->d, path);
    bool inside = true;
    if (whole && realpath(whole, real)) {
        size_t n = strlen(l->real_root);
        inside = strncmp(real, l->real_root, n) == 0 && (real[n] == '/' || l->real_root[n - 1] == '/');
    }
    free(whole);
    return inside;
}

/* SPLIT/GROUP/NAME: are the folders those of the entry? */
static int compare_folders(struct lists *l, const struct dataset_image *im)
{
    const char *slash = strchr(im->path, '/'), *second = slash ? strchr(slash + 1, '/') : NULL;
    size_t n = slash ? (size_t)(slash - im->path) : 0;
    for (int s = 0; s < 3; s++)
        if (strlen(dataset_splits[s]) == n && strncmp(im->path, dataset_splits[s], n) == 0 &&
            strcmp(im->split, dataset_splits[s]) != 0)
            return dataset_note(l->d, DATASET_OTHER_FOLDER, im->path, l->e, "is listed in %s", im->split);
    if (!second || strchr(second + 1, '/'))
        return 0;
    n = (size_t)(second - slash - 1);
    if (strlen(im->group) != n || strncmp(slash + 1, im->group, n) != 0)
        return dataset_note(l->d, DATASET_OTHER_FOLDER, im->path, l->e, "belongs to group %s", im->group);
    return 0;
}

/* The folder of the image, for an entry that names no group. */
static const char *folder_group(struct dataset *d, const char *path)
{
    const char *end = strrchr(path, '/'), *start = end;
    while (start && start > path && start[-1] != '/')
        start--;
    return end && start > path ? text_copy(&d->text, start, (size_t)(end - start)) : "";
}

static int add_item(struct lists *l, const char *split, const struct annotation *item)
{
    struct dataset *d = l->d;
    char path[INDEX_TEXT_MAX + 1];
    if (!dataset_normal_path(item->path, path))
        return dataset_note(d, DATASET_OUTSIDE, item->path, l->e, "leaves the dataset (%s.json, line %d)", split,
                            item->line);
    struct dataset_image im = {.path = path, .split = split, .group = item->group, .extra = item->extra,
                               .group_said = true};
    if (!*im.group)
        im.group = folder_group(d, path);
    if (!im.group)
        return fmt_no_memory(l->e);
    bool known = item->labelled && item->label >= 0 && item->label < d->n_classes;
    im.label = known ? (int32_t)item->label : -1;
    im.group_view = item->group_view >= 0 ? item->group_view : dataset_group_view_of(path, im.group);
    struct dataset_image *added = dataset_add(d, &im, l->e);
    if (!added)
        return FMT_MEMORY;
    int status = 0;
    if (item->labelled && !known) {
        added->at_fault = true;
        status =
            dataset_note(d, DATASET_BAD_LABEL, path, l->e, "label %lld is outside the %s (%s.json, line %d)",
                         (long long)item->label, FMT_COUNT(d->n_classes, "class", "classes"), split, item->line);
    }
    if (status == 0 && !is_inside(l, path)) {
        added->at_fault = true;
        status = dataset_note(d, DATASET_OUTSIDE, path, l->e, "is a link that leaves the dataset");
    }
    return status ? status : compare_folders(l, added);
}

/* The first list sets the classes; *same: those of a later list are equal. */
static int take_classes(struct dataset *d, const struct annotations *a, bool *same, struct fmt_error *e)
{
    int status = 0;
    *same = true;
    if (d->n_classes == 0) {
        for (int i = 0; i < a->n_classes && status == 0; i++)
            status = dataset_add_class(d, a->class_name[i], e);
        return status;
    }
    *same = d->n_classes == a->n_classes;
    for (int i = 0; i < a->n_classes && *same; i++)
        *same = strcmp(d->class_name[i], a->class_name[i]) == 0;
    return 0;
}

static int add_list(struct lists *l, const char *name, const char *split, const struct annotations *a, bool *used)
{
    int status = take_classes(l->d, a, used, l->e);
    if (status == 0 && !*used)
        return dataset_note(l->d, DATASET_BAD_LIST, name, l->e, "its classes are not those of the list before");
    for (int64_t i = 0; i < a->n_problems && status == 0; i++)
        status = dataset_note(l->d, DATASET_BAD_ENTRY, name, l->e, "line %d, column %d: %s", a->problem[i].line,
                              a->problem[i].column, a->problem[i].text);
    for (int64_t i = 0; i < a->n_items && status == 0; i++)
        status = add_item(l, split, &a->item[i]);
    return status;
}

static int read_list(struct lists *l, int s)
{
    char name[32];
    struct fmt_error e = {0};
    struct annotations a;
    uint8_t *text = NULL;
    size_t bytes;
    bool used = false;
    snprintf(name, sizeof name, DATASET_LISTS_FOLDER "/%s.json", dataset_splits[s]);
    char *whole = dataset_path(l->d, name);
    if (!whole)
        return fmt_no_memory(l->e);
    bool there = file_exists(whole);
    l->state[s] = there ? LIST_BROKEN : LIST_NONE;
    int status = 0, failed = there ? file_load_regular(whole, ANNOTATIONS_BYTES_MAX, &text, &bytes, &e) : 0;
    if (failed) /* "FOLDER/NAME: reason" */
        status = dataset_note(l->d, DATASET_BAD_LIST, name, l->e, "%s",
                              strncmp(e.text, whole, strlen(whole)) == 0 ? e.text + strlen(whole) + 2 : e.text);
    else if (there && annotations_parse((char *)text, bytes, &a, &e)) {
        status = dataset_note(l->d, DATASET_BAD_LIST, name, l->e, "%s", e.text);
    } else if (there) {
        status = add_list(l, name, dataset_splits[s], &a, &used);
        annotations_release(&a);
    }
    if (used)
        l->state[s] = LIST_READ;
    free(text);
    free(whole);
    return status;
}

static int by_look(const void *a, const void *b)
{
    const struct dataset_image *x = *(struct dataset_image *const *)a, *y = *(struct dataset_image *const *)b;
    return unicode_form_compare_loosely(x->path, y->path);
}

/* The listed image whose path looks like this one; NULL: none. */
static struct dataset_image *find_near(struct lists *l, const char *path)
{
    struct dataset_image key = {.path = path}, *like = &key, **found = NULL;
    if (l->n_paths == 0)
        return NULL;
    if (!l->by_look && (l->by_look = calloc((size_t)l->n_paths, sizeof *l->by_look))) {
        for (int64_t i = 0; i < l->n_paths; i++)
            l->by_look[i] = &l->d->image[i];
        qsort(l->by_look, (size_t)l->n_paths, sizeof *l->by_look, by_look);
    }
    if (l->by_look)
        found = bsearch(&like, l->by_look, (size_t)l->n_paths, sizeof *l->by_look, by_look);
    return found ? *found : NULL;
}

/* Looks for an image of the folders in the lists. */
static int look_up(void *arg, const char *path)
{
    struct lists *l = arg;
    size_t n = strcspn(path, "/");
    if (l->n_paths && bsearch(&path, l->path, (size_t)l->n_paths, sizeof *l->path, text_order))
        return 0;
    if (!dataset_is_photograph(l->d, path))
        return dataset_count_format(l->d, path, l->e);
    for (int s = 0; s < 3; s++)
        if (strlen(dataset_splits[s]) == n && strncmp(path, dataset_splits[s], n) == 0 && l->state[s] != LIST_READ) {
            l->n_left[s]++;
            return 0;
        }
    struct dataset_image *listed = find_near(l, path);
    if (listed) {
        if (!(listed->near = text_copy(&l->d->text, path, strlen(path))))
            return fmt_no_memory(l->e);
        return dataset_note(l->d, DATASET_UNLISTED, path, l->e, "in no list, but for a name that differs %s; left out",
                            dataset_difference(listed->path, path));
    }
    return dataset_note(l->d, DATASET_UNLISTED, path, l->e, "in no list%s; left out",
                        l->d->n_of_kind[DATASET_BAD_ENTRY] ? ", or in an entry that is wrong" : "");
}

/* For bsearch: the files of a folder are consecutive. */
static int by_folder(const void *folder, const void *path)
{
    const char *p = *(const char *const *)path;
    size_t n = strlen(folder);
    int c = strncmp(folder, p, n);
    return c ? c : '/' - (int)(unsigned char)p[n];
}

static bool names_files_of(void *arg, const char *folder)
{
    const struct lists *l = arg;
    return l->n_paths && bsearch(folder, l->path, (size_t)l->n_paths, sizeof *l->path, by_folder);
}

static int find_unlisted(struct lists *l)
{
    static const char *const skip[] = {DATASET_LISTS_FOLDER, NULL};
    struct dataset *d = l->d;
    l->path = calloc((size_t)d->n_images + 1, sizeof *l->path);
    if (!l->path)
        return fmt_no_memory(l->e);
    l->n_paths = d->n_images;
    for (int64_t i = 0; i < d->n_images; i++)
        l->path[i] = d->image[i].path;
    if (l->n_paths > 1)
        qsort(l->path, (size_t)l->n_paths, sizeof *l->path, text_order);
    int status = dataset_walk(d, "", skip, names_files_of, look_up, l, l->e);
    for (int s = 0; s < 3 && status == 0; s++) {
        char *whole = file_join(d->root, dataset_splits[s]);
        if (!whole)
            return fmt_no_memory(l->e);
        if (l->state[s] == LIST_NONE && file_is_dir(whole))
            status = dataset_note(d, DATASET_NO_LIST, dataset_splits[s], l->e, "there is no " DATASET_LISTS_FOLDER
                                  "/%s.json; %s left out", dataset_splits[s],
                                  FMT_COUNT(l->n_left[s], "image", "images"));
        free(whole);
    }
    return status;
}

int dataset_find_lists(struct dataset *d, struct fmt_error *e)
{
    struct lists l = {.d = d, .e = e};
    l.real_root = realpath(d->root, NULL);
    if (!l.real_root)
        return fmt_fail(e, FMT_IO, "%.250s: cannot be resolved", d->root);
    d->has_lists = true;
    int status = 0;
    for (int s = 0; s < 3 && status == 0; s++)
        status = read_list(&l, s);
    if (status == 0 && l.state[0] == LIST_NONE && l.state[1] == LIST_NONE && l.state[2] == LIST_NONE)
        status = dataset_note(d, DATASET_BAD_LIST, DATASET_LISTS_FOLDER, e,
                              "has none of train.json, val.json, test.json");
    if (status == 0)
        status = find_unlisted(&l);
    free(l.path);
    free(l.by_look);
    free(l.real_root);
    return status ? status : dataset_check_names(d, e);
}
