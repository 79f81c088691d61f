/* dataset-labels.c - labels from a table. Rows are matched with the images that were found, and what a row says
 * replaces what folders and lists say; an empty field replaces nothing.
 *
 * Path. Relative to the dataset; or as the dataset was named, with its folder before it; or a name without folder, if
 * one image only has it. What is not found so is compared loosely, as Windows and Macs would: backslashes, the case of
 * letters, Unicode forms. One image that looks the same is taken, and a finding counts the rows.
 * Label. The name of a class, or its number if no class has this name. If there are no classes yet, neither from
 * folders or lists nor by --classes, the labels of the table are the classes: in the order of their values if they are
 * whole numbers, else of their bytes.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cjson/cJSON.h>

#include "dataset-internal.h"
#include "file.h"
#include "index.h"
#include "json-scan.h"
#include "label-table.h"
#include "num.h"
#include "unicode-form.h"

struct named { /* an image under its path, or under the last part of it */
    const char *name;
    int64_t i_image;
};

typedef int compare_fn(const void *, const void *);

struct labelling {
    struct dataset *d;
    const char *path;         /* of the table */
    struct label_table table;
    struct named *by_path, *by_name, *by_look; /* sorted; the last two where they are needed, else NULL */
    int64_t *row_of;          /* [n_images] the row that was taken for it; -1: none */
    int64_t n_relabelled, n_respelled;
    bool no_memory;
    char first_relabelled[512], first_respelled[512];
    struct fmt_error *e;
};

/* "labels.csv:12" as the thing of findings. */
static const char *place(const struct labelling *l, int line, char out[256])
{
    snprintf(out, 256, "%.230s:%d", l->path, line);
    return out;
}

/* ---------------------------------------------------------------- images by name */

static int by_bytes(const void *a, const void *b)
{
    return strcmp(((const struct named *)a)->name, ((const struct named *)b)->name);
}

static int by_look(const void *a, const void *b)
{
    return unicode_form_compare_loosely(((const struct named *)a)->name, ((const struct named *)b)->name);
}

static const char *last_part(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static struct named *sort_names(const struct dataset *d, bool whole, compare_fn *compare)
{
    struct named *list = malloc(((size_t)d->n_images + 1) * sizeof *list);
    for (int64_t i = 0; list && i < d->n_images; i++)
        list[i] = (struct named){whole ? d->image[i].path : last_part(d->image[i].path), i};
    if (list && d->n_images > 1)
        qsort(list, (size_t)d->n_images, sizeof *list, compare);
    return list;
}

/* *found: the image of that name, -1 none. Returns how many have it, two for more. The list is made if it is NULL. */
static int find(struct labelling *l, struct named **list, bool whole, compare_fn *compare, const char *name,
                int64_t *found)
{
    const struct named key = {name, 0}, *end, *at;
    *found = -1;
    if (!*list && !(*list = sort_names(l->d, whole, compare))) {
        l->no_memory = true;
        return 0;
    }
    end = *list + l->d->n_images;
    at = l->d->n_images ? bsearch(&key, *list, (size_t)l->d->n_images, sizeof key, compare) : NULL;
    if (!at)
        return 0;
    *found = at->i_image;
    bool more = (at > *list && compare(at - 1, &key) == 0) || (at + 1 < end && compare(at + 1, &key) == 0);
    return 1 + more;
}

/* The path as seen from the dataset, where it begins with the dataset's own folder. */
static const char *below_root(const struct dataset *d, const char *path)
{
    size_t n = strlen(d->root);
    while (n > 0 && d->root[n - 1] == '/')
        n--;
    return n > 0 && strncmp(path, d->root, n) == 0 && path[n] == '/' ? path + n + 1 : path;
}

/* ---------------------------------------------------------------- what is not found */

/* An image of the path's folder and name with another ending, ".jpg" for ".HEIC"; -1: none. */
static int64_t find_other_ending(const struct labelling *l, const char *path)
{
    const char *dot = strrchr(last_part(path), '.');
    size_t n = dot ? (size_t)(dot - path) + 1 : 0;
    int64_t low = 0, high = n ? l->d->n_images : 0;
    while (low < high) {
        int64_t middle = low + (high - low) / 2;
        if (strncmp(l->by_path[middle].name, path, n) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return n && low < l->d->n_images && strncmp(l->by_path[low].name, path, n) == 0 ? l->by_path[low].i_image : -1;
}

/* The path's last part, after slashes or backslashes: of one image only? Then it may be a path of another machine. */
static int64_t find_elsewhere(struct labelling *l, const char *path)
{
    int64_t found;
    const char *backslash = strrchr(last_part(path), '\\');
    return find(l, &l->by_name, false, by_bytes, backslash ? backslash + 1 : last_part(path), &found) == 1 ? found : -1;
}

static int note_missing(struct labelling *l, const struct label_row *row)
{
    char hint[400] = "", where[256];
    int64_t other;
    const char *below = below_root(l->d, row->path);
    int n_names = strchr(row->path, '/') ? 0 : find(l, &l->by_name, false, by_bytes, row->path, &other);
    if (n_names > 1)
        snprintf(hint, sizeof hint, "; several folders have a file of this name: write the folder, too");
    else if (find(l, &l->by_look, true, by_look, below, &other))
        snprintf(hint, sizeof hint, "; %.250s and others look the same", l->d->image[other].path);
    else if ((other = find_other_ending(l, below)) >= 0)
        snprintf(hint, sizeof hint, "; %.250s is there, which ends otherwise", l->d->image[other].path);
    else if ((other = find_elsewhere(l, row->path)) >= 0)
        snprintf(hint, sizeof hint, "; %.250s is there: paths are relative to the dataset", l->d->image[other].path);
    else
        dataset_tell_format(l->d, below, hint, sizeof hint);
    return dataset_note(l->d, DATASET_MISSING, place(l, row->line, where), l->e, "%.250s: no such photograph%s",
                        row->path, hint);
}

/* ---------------------------------------------------------------- the image of a row */

/* The one that looks like it; -1: none, or several do. */
static int64_t find_alike(struct labelling *l, const struct label_row *row, const char *path)
{
    int64_t found;
    if (find(l, &l->by_look, true, by_look, path, &found) != 1)
        return -1;
    if (l->n_respelled++ == 0)
        snprintf(l->first_respelled, sizeof l->first_respelled, "in line %d %.200s is %.200s, which differs %s",
                 row->line, path, l->d->image[found].path, dataset_difference(path, l->d->image[found].path));
    return found;
}

/* What comes after the dataset's own folder in a path that another machine wrote: "C:\\data\\photos\\a.jpg" with
 * photos; NULL: it is not in the path. */
static const char *after_folder(const struct dataset *d, const char *path)
{
    size_t n = strlen(d->root);
    while (n > 0 && d->root[n - 1] == '/')
        n--;
    const char *name = d->root + n;
    while (name > d->root && name[-1] != '/')
        name--;
    n -= (size_t)(name - d->root);
    if (n == 0 || *name == '.')
        return NULL;
    for (const char *s = path; *s; s += strcspn(s, "/\\"), s += *s != 0)
        if (strncmp(s, name, n) == 0 && (s[n] == '/' || s[n] == '\\'))
            return s + n + 1;
    return NULL;
}

/* Only whole paths begin elsewhere: with a slash, a backslash or the letter of a drive. */
static int64_t find_of_other_machine(struct labelling *l, const struct label_row *row)
{
    bool whole = *row->path == '/' || *row->path == '\\' || (*row->path && row->path[1] == ':');
    const char *path = whole ? after_folder(l->d, row->path) : NULL;
    int64_t found;
    if (!path || find(l, &l->by_look, true, by_look, path, &found) != 1)
        return -1;
    if (l->n_respelled++ == 0)
        snprintf(l->first_respelled, sizeof l->first_respelled,
                 "in line %d %.200s is %.200s, by what follows the name of the dataset's folder", row->line, row->path,
                 l->d->image[found].path);
    return found;
}

/* -1: none. */
static int64_t find_image(struct labelling *l, const struct label_row *row)
{
    int64_t found;
    char *normal = malloc(strlen(row->path) + 1);
    if (!normal) {
        l->no_memory = true;
        return -1;
    }
    const char *below = below_root(l->d, row->path);
    bool inside = dataset_normal_path(below, normal);
    if (!find(l, &l->by_path, true, by_bytes, row->path, &found) && inside)
        find(l, &l->by_path, true, by_bytes, normal, &found);
    if (found < 0 && !strchr(row->path, '/') && find(l, &l->by_name, false, by_bytes, row->path, &found) > 1)
        found = -1;
    if (found < 0)
        found = find_alike(l, row, inside ? normal : below);
    if (found < 0 && !l->no_memory)
        found = find_of_other_machine(l, row);
    free(normal);
    return found;
}

/* ---------------------------------------------------------------- classes */

static bool is_number(const char *text, int64_t *v)
{
    return *text && !text[strspn(text, "0123456789")] && num_i64(text, v);
}

/* Whole numbers by their value, before all that are none. */
static int by_value(const void *a, const void *b)
{
    const char *x = *(const char *const *)a, *y = *(const char *const *)b;
    int64_t v, w;
    bool v_number = is_number(x, &v), w_number = is_number(y, &w);
    if (v_number != w_number)
        return v_number ? -1 : 1;
    if (v_number && v != w)
        return v < w ? -1 : 1;
    return strcmp(x, y);
}

static int by_look_of_label(const void *a, const void *b)
{
    const char *x = *(const char *const *)a, *y = *(const char *const *)b;
    int order = unicode_form_compare_loosely(x, y);
    return order ? order : strcmp(x, y);
}

/* Labels that differ only in the case of letters are one class for people and two for us. */
static int check_looks(struct labelling *l, const char **label, int64_t n)
{
    int status = 0;
    qsort(label, (size_t)n, sizeof *label, by_look_of_label);
    for (int64_t i = 1; i < n && !status; i++)
        if (strcmp(label[i], label[i - 1]) != 0 && unicode_form_compare_loosely(label[i], label[i - 1]) == 0)
            status = dataset_note(l->d, DATASET_BAD_LABEL, l->path, l->e,
                                  "the labels \"%.100s\" and \"%.100s\" look the same; --classes with one of them "
                                  "takes both for it", label[i - 1], label[i]);
    return status;
}

/* The labels of the table become the classes. */
static int take_classes(struct labelling *l)
{
    const char **label = malloc(((size_t)l->table.n_rows + 1) * sizeof *label);
    int64_t n = 0;
    if (!label)
        return fmt_no_memory(l->e);
    for (int64_t i = 0; i < l->table.n_rows; i++)
        if (*l->table.row[i].label)
            label[n++] = l->table.row[i].label;
    int status = check_looks(l, label, n);
    qsort(label, (size_t)n, sizeof *label, by_value);
    for (int64_t i = 0; i < n && !status; i++)
        if (i == 0 || strcmp(label[i], label[i - 1]) != 0)
            status = dataset_add_class(l->d, label[i], l->e);
    free(label);
    return status;
}

/* By name, to the letter or loosely if one class only looks like it; else by number. -1: none. */
static int class_of(const struct dataset *d, const char *label)
{
    int found = dataset_find_class(d, label), n_alike = 0;
    int64_t number;
    for (int i = 0; i < d->n_classes && found < 0; i++)
        n_alike += unicode_form_compare_loosely(d->class_name[i], label) == 0;
    for (int i = 0; i < d->n_classes && n_alike == 1 && found < 0; i++)
        if (unicode_form_compare_loosely(d->class_name[i], label) == 0)
            found = i;
    return found < 0 && is_number(label, &number) && number < d->n_classes ? (int)number : found;
}

static int note_label(struct labelling *l, struct dataset_image *im, const struct label_row *row)
{
    char known[200] = "", where[256];
    for (int i = 0; i < l->d->n_classes && strlen(known) < 100; i++)
        snprintf(known + strlen(known), 64, "%s\"%.50s\"", i ? ", " : "", l->d->class_name[i]);
    im->at_fault = true;
    return dataset_note(l->d, DATASET_BAD_LABEL, place(l, row->line, where), l->e,
                        "label \"%.100s\" is none of the classes %s", row->label, known);
}

/* ---------------------------------------------------------------- rows */

static bool same_row(const struct label_row *a, const struct label_row *b)
{
    return strcmp(a->label, b->label) == 0 && strcmp(a->group, b->group) == 0 && strcmp(a->split, b->split) == 0 &&
           strcmp(a->extra, b->extra) == 0 && a->group_view == b->group_view;
}

static int note_twice(struct labelling *l, struct dataset_image *im, const struct label_row *first,
                      const struct label_row *row)
{
    char where[256];
    place(l, row->line, where);
    if (same_row(first, row))
        return dataset_note(l->d, DATASET_ENTRY_TWICE, where, l->e, "%.250s is in line %d already", im->path,
                            first->line);
    im->at_fault = true;
    if (strcmp(first->label, row->label) != 0)
        return dataset_note(l->d, DATASET_NAME_CONFLICT, where, l->e, "%.250s is labelled \"%.60s\" here, \"%.60s\" in "
                            "line %d", im->path, row->label, first->label, first->line);
    return dataset_note(l->d, DATASET_BAD_ENTRY, where, l->e, "%.250s is in line %d already, with other fields",
                        im->path, first->line);
}

static int take_label(struct labelling *l, struct dataset_image *im, const struct label_row *row)
{
    int label = class_of(l->d, row->label);
    if (label < 0)
        return note_label(l, im, row);
    if (im->label >= 0 && im->label != label && l->n_relabelled++ == 0)
        snprintf(l->first_relabelled, sizeof l->first_relabelled, "%.250s is %.60s, not %.60s", im->path,
                 l->d->class_name[label], l->d->class_name[im->label]);
    im->label = label;
    return 0;
}

/* The keys of the row go over those of a list. NULL: out of memory. */
static const char *merge_extra(struct dataset *d, const char *old, const char *new)
{
    if (!*new || !*old)
        return *new ? text_copy(&d->text, new, strlen(new)) : old;
    cJSON *to = json_parse((struct json_span){old, strlen(old)}), *from = cJSON_Parse(new), *item;
    while (to && from && (item = cJSON_DetachItemFromArray(from, 0))) {
        cJSON_DeleteItemFromObjectCaseSensitive(to, item->string);
        cJSON_AddItemToObject(to, item->string, item);
    }
    char *text = to && from ? cJSON_PrintUnformatted(to) : NULL;
    const char *copy = text ? text_copy(&d->text, text, strlen(text)) : NULL;
    cJSON_Delete(to);
    cJSON_Delete(from);
    free(text);
    return copy;
}

static int take_group(struct labelling *l, struct dataset_image *im, const struct label_row *row)
{
    if (!(im->group = text_copy(&l->d->text, row->group, strlen(row->group))))
        return fmt_no_memory(l->e);
    im->installation = im->group;
    im->group_said = true;
    if (im->group_view < 0)
        im->group_view = dataset_group_view_of(im->path, im->group);
    return 0;
}

static int take_row(struct labelling *l, struct dataset_image *im, const struct label_row *row)
{
    int status = *row->label ? take_label(l, im, row) : 0;
    for (int s = 0; s < 3; s++)
        if (strcmp(row->split, dataset_splits[s]) == 0)
            im->split = dataset_splits[s];
    if (!status && *row->group)
        status = take_group(l, im, row);
    if (row->group_view >= 0)
        im->group_view = row->group_view;
    if (!status && !(im->extra = merge_extra(l->d, im->extra, row->extra)))
        status = fmt_no_memory(l->e);
    return status;
}

static int take_rows(struct labelling *l)
{
    char where[256];
    int status = 0;
    for (int64_t i = 0; i < l->table.n_problems && !status; i++)
        status = dataset_note(l->d, DATASET_BAD_ENTRY, place(l, l->table.problem[i].line, where), l->e, "%s",
                              l->table.problem[i].text);
    for (int64_t i = 0; i < l->table.n_rows && !status; i++) {
        const struct label_row *row = &l->table.row[i];
        int64_t found = find_image(l, row);
        struct dataset_image *im = found >= 0 ? &l->d->image[found] : NULL;
        status = !im                     ? note_missing(l, row)
                 : l->row_of[found] >= 0 ? note_twice(l, im, &l->table.row[l->row_of[found]], row)
                                         : take_row(l, im, row);
        if (im && l->row_of[found] < 0)
            l->row_of[found] = i;
        if (l->no_memory)
            return fmt_no_memory(l->e);
    }
    return status;
}

/* What the table changed, and what it does not name: counted. */
static int note_totals(struct labelling *l)
{
    int64_t n = 0, first = 0;
    for (int64_t i = l->d->n_images; i-- > 0;)
        if (l->row_of[i] < 0 && !l->d->image[i].duplicate)
            n++, first = i;
    int status = 0;
    if (l->n_respelled)
        status = dataset_note_counted(l->d, DATASET_RESPELLED, l->path, l->n_respelled, l->e,
                                      "%s otherwise than the file: %s", FMT_COUNT(l->n_respelled, "path is written",
                                                                                  "paths are written"),
                                      l->first_respelled);
    if (l->n_relabelled && !status)
        status = dataset_note_counted(l->d, DATASET_RELABELLED, l->path, l->n_relabelled, l->e, "changes %s: %s",
                                      FMT_COUNT(l->n_relabelled, "label", "labels"), l->first_relabelled);
    if (n && !status)
        status = dataset_note_counted(l->d, DATASET_UNLABELLED, l->path, n, l->e, "has no row for %s: %.250s%s",
                                      FMT_COUNT(n, "image", "images"), l->d->image[first].path, n > 1 ? ", ..." : "");
    return status;
}

static int load(struct labelling *l)
{
    uint8_t *text;
    size_t bytes;
    int status = file_load(l->path, LABEL_TABLE_BYTES_MAX, &text, &bytes, l->e);
    if (status)
        return status;
    status = label_table_parse((const char *)text, bytes, &l->table, l->e);
    free(text);
    if (status)
        fmt_prefix(l->e, l->path);
    return status;
}

int dataset_take_labels(struct dataset *d, const char *path, struct fmt_error *e)
{
    struct labelling l = {.d = d, .path = path, .e = e};
    int status = load(&l);
    if (status)
        return status;
    l.row_of = malloc(((size_t)d->n_images + 1) * sizeof *l.row_of);
    status = l.row_of ? 0 : fmt_no_memory(e);
    for (int64_t i = 0; i < d->n_images && !status; i++)
        l.row_of[i] = -1;
    if (!status && d->n_classes == 0)
        status = take_classes(&l);
    if (!status)
        status = take_rows(&l);
    if (!status)
        status = note_totals(&l);
    free(l.by_path);
    free(l.by_name);
    free(l.by_look);
    free(l.row_of);
    label_table_release(&l.table);
    return status;
}
