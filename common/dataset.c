/* dataset.c - the memory of a dataset: images, findings, texts; its classes; rules for names. */
#include "dataset-internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "file.h"
#include "index.h"
#include "unicode-form.h"

const char *const dataset_splits[4] = {"train", "val", "test", NULL};

static const struct {
    bool error;
    const char *key, *counted[2]; /* of one; of more, where that is another word */
} kinds[DATASET_FINDING_KINDS] = {
#define X(name, is_error, report_key, ...) {is_error, report_key, {__VA_ARGS__}},
    DATASET_FINDINGS(X)
#undef X
};

bool dataset_finding_is_error(enum dataset_finding_kind kind)
{
    return kinds[kind].error;
}

const char *dataset_finding_key(enum dataset_finding_kind kind)
{
    return kinds[kind].key;
}

bool dataset_finding_of_key(const char *key, enum dataset_finding_kind *kind)
{
    for (int k = 0; k < DATASET_FINDING_KINDS; k++)
        if (strcmp(key, kinds[k].key) == 0) {
            *kind = (enum dataset_finding_kind)k;
            return true;
        }
    return false;
}

const char *dataset_finding_counted(enum dataset_finding_kind kind, int64_t n)
{
    const char *const *counted = kinds[kind].counted;
    return n != 1 && counted[1] ? counted[1] : counted[0];
}

int dataset_init(struct dataset *d, const char *root, struct fmt_error *e)
{
    *d = (struct dataset){.root = strdup(root)};
    return d->root ? 0 : fmt_no_memory(e);
}

void dataset_release(struct dataset *d)
{
    for (int i = 0; i < d->n_classes; i++)
        free(d->class_name[i]);
    for (int64_t i = 0; i < d->n_findings; i++)
        free(d->finding[i].reason);
    text_release(&d->text);
    free(d->class_name);
    free(d->image);
    free(d->finding);
    free(d->format);
    free(d->root);
    *d = (struct dataset){0};
}

/* Consecutive images often have the same split and group: they share the memory of the text. */
static const char *shared_text(struct dataset *d, const char *text, const char *before)
{
    if (!text)
        return "";
    return before && strcmp(before, text) == 0 ? before : text_copy(&d->text, text, strlen(text));
}

struct dataset_image *dataset_add(struct dataset *d, const struct dataset_image *im, struct fmt_error *e)
{
    if (d->n_images >= INDEX_ENTRIES_MAX)
        fmt_fail(e, FMT_LIMIT, "more than %d images", (int)INDEX_ENTRIES_MAX);
    if (d->n_images >= INDEX_ENTRIES_MAX || fmt_grow(&d->image, d->n_images, &d->image_capacity, sizeof *d->image, e))
        return NULL;
    struct dataset_image *to = &d->image[d->n_images];
    const struct dataset_image *before = d->n_images ? to - 1 : NULL;
    *to = *im;
    to->path = text_copy(&d->text, im->path, strlen(im->path));
    to->split = shared_text(d, im->split, before ? before->split : NULL);
    to->group = shared_text(d, im->group, before ? before->group : NULL);
    to->installation = to->group;
    to->extra = shared_text(d, im->extra, before ? before->extra : NULL);
    if (!to->path || !to->split || !to->group || !to->extra) {
        fmt_no_memory(e);
        return NULL;
    }
    d->n_images++;
    return to;
}

int dataset_add_class(struct dataset *d, const char *name, struct fmt_error *e)
{
    if (d->n_classes >= INDEX_CLASSES_MAX)
        return fmt_fail(e, FMT_LIMIT, "more than %d classes", INDEX_CLASSES_MAX);
    char **grown = realloc(d->class_name, ((size_t)d->n_classes + 1) * sizeof *grown);
    if (!grown)
        return fmt_no_memory(e);
    d->class_name = grown;
    d->class_name[d->n_classes] = strdup(name);
    if (!d->class_name[d->n_classes])
        return fmt_no_memory(e);
    d->n_classes++;
    return 0;
}

int dataset_find_class(const struct dataset *d, const char *name)
{
    int other = -1;
    for (int i = 0; i < d->n_classes; i++) {
        if (strcmp(d->class_name[i], name) == 0)
            return i;
        if (unicode_form_compare(d->class_name[i], name) == 0)
            other = i;
    }
    return other;
}

/* The names of "a,b,c" become the classes of an empty dataset, which the caller releases. */
static int read_names(struct dataset *of_names, const char *names, struct fmt_error *e)
{
    char *copy = strdup(names), *at = copy, *name;
    int status = copy ? 0 : fmt_no_memory(e);
    *of_names = (struct dataset){0};
    while (!status && (name = strsep(&at, ",")))
        status = !*name                           ? fmt_fail(e, FMT_INVALID, "an empty name")
                 : dataset_find_class(of_names, name) >= 0 ? fmt_fail(e, FMT_INVALID, "\"%.100s\" appears twice", name)
                                                   : dataset_add_class(of_names, name, e);
    free(copy);
    return status;
}

int dataset_check_order(const char *names, struct fmt_error *e)
{
    struct dataset of_names;
    int status = read_names(&of_names, names, e);
    dataset_release(&of_names);
    return status;
}

/* Class i goes to position[i]; labels follow. */
static int reorder(struct dataset *d, const int *position, struct fmt_error *e)
{
    size_t n = (size_t)d->n_classes;
    char **ordered = malloc((n + 1) * sizeof *ordered);
    if (!ordered)
        return fmt_no_memory(e);
    for (size_t i = 0; i < n; i++)
        ordered[position[i]] = d->class_name[i];
    memcpy(d->class_name, ordered, n * sizeof *ordered);
    for (int64_t i = 0; i < d->n_images; i++)
        if (d->image[i].label >= 0)
            d->image[i].label = position[d->image[i].label];
    free(ordered);
    return 0;
}

/* Every class must be among the names. A wrong spelling is one name too many and one too few: the first is told. */
static int check_complete(const struct dataset *d, const struct dataset *of_names, struct fmt_error *e)
{
    for (int i = 0; i < d->n_classes; i++) {
        if (dataset_find_class(of_names, d->class_name[i]) >= 0)
            continue;
        for (int k = 0; k < of_names->n_classes; k++)
            if (dataset_find_class(d, of_names->class_name[k]) < 0)
                return fmt_fail(e, FMT_INVALID, "\"%.100s\" is no class", of_names->class_name[k]);
        return fmt_fail(e, FMT_INVALID, "\"%.100s\" is missing", d->class_name[i]);
    }
    return 0;
}

static int add_missing(struct dataset *d, const struct dataset *of_names, struct fmt_error *e)
{
    int status = 0;
    for (int k = 0; k < of_names->n_classes && !status; k++)
        if (dataset_find_class(d, of_names->class_name[k]) < 0)
            status = dataset_add_class(d, of_names->class_name[k], e);
    return status;
}

int dataset_order_classes(struct dataset *d, const char *names, struct fmt_error *e)
{
    struct dataset of_names = {0};
    int *position = NULL, status = read_names(&of_names, names, e);
    if (!status)
        status = check_complete(d, &of_names, e);
    if (!status)
        status = add_missing(d, &of_names, e);
    if (!status && !(position = malloc((size_t)d->n_classes * sizeof *position)))
        status = fmt_no_memory(e);
    for (int i = 0; i < d->n_classes && !status; i++)
        position[i] = dataset_find_class(&of_names, d->class_name[i]);
    if (!status)
        status = reorder(d, position, e);
    free(position);
    dataset_release(&of_names);
    return status;
}

int dataset_note_empty_classes(struct dataset *d, struct fmt_error *e)
{
    int64_t *n = calloc((size_t)d->n_classes + 1, sizeof *n);
    int status = n ? 0 : fmt_no_memory(e);
    for (int64_t i = 0; i < d->n_images && n; i++)
        if (d->image[i].label >= 0)
            n[d->image[i].label]++;
    for (int c = 0; c < d->n_classes && !status; c++)
        if (n[c] == 0)
            status = dataset_note(d, DATASET_EMPTY_CLASS, d->class_name[c], e, "no image is of this class");
    free(n);
    return status;
}

int dataset_set_positive(struct dataset *d, const char *name, struct fmt_error *e)
{
    if (d->n_classes != 2)
        return fmt_fail(e, FMT_INVALID, "of two classes one is the positive; here %s %s",
                        d->n_classes == 1 ? "is" : "are", FMT_COUNT(d->n_classes, "class", "classes"));
    int i = dataset_find_class(d, name);
    if (i < 0)
        return fmt_fail(e, FMT_INVALID, "\"%.100s\" is no class", name);
    return i == 1 ? 0 : reorder(d, (const int[]){1, 0}, e);
}

int dataset_group_by_label(struct dataset *d, struct fmt_error *e)
{
    char name[2 * INDEX_NAME_MAX + 2];
    for (int64_t i = 0; i < d->n_images; i++) {
        struct dataset_image *im = &d->image[i];
        if (!*im->group || im->label < 0)
            continue;
        int n = snprintf(name, sizeof name, "%s:%s", im->group, d->class_name[im->label]), status = 0;
        if (n > INDEX_NAME_MAX) {
            im->at_fault = true;
            status = dataset_note(d, DATASET_BAD_ENTRY, im->path, e, "group and class are too long for one name");
        } else if (!(im->group = shared_text(d, name, i ? d->image[i - 1].group : NULL))) {
            status = fmt_no_memory(e);
        }
        if (status)
            return status;
    }
    return 0;
}

static int add_finding(struct dataset *d, enum dataset_finding_kind kind, const char *thing, int64_t n,
                       struct fmt_error *e, const char *reason, va_list ap)
{
    char text[512];
    vsnprintf(text, sizeof text, reason, ap);
    if (fmt_grow(&d->finding, d->n_findings, &d->finding_capacity, sizeof *d->finding, e))
        return FMT_MEMORY;
    struct dataset_finding *f = &d->finding[d->n_findings];
    *f = (struct dataset_finding){kind, text_copy(&d->text, thing, strlen(thing)), strdup(text), n};
    if (!f->thing || !f->reason) {
        free(f->reason);
        return fmt_no_memory(e);
    }
    d->n_findings++;
    d->n_of_kind[kind] += n;
    return 0;
}

int dataset_note(struct dataset *d, enum dataset_finding_kind kind, const char *thing, struct fmt_error *e,
                 const char *reason, ...)
{
    va_list ap;
    va_start(ap, reason);
    int status = add_finding(d, kind, thing, 1, e, reason, ap);
    va_end(ap);
    return status;
}

int dataset_note_counted(struct dataset *d, enum dataset_finding_kind kind, const char *thing, int64_t n,
                         struct fmt_error *e, const char *reason, ...)
{
    va_list ap;
    va_start(ap, reason);
    int status = add_finding(d, kind, thing, n, e, reason, ap);
    va_end(ap);
    return status;
}

int64_t dataset_count(const struct dataset *d, bool errors)
{
    int64_t n = 0;
    for (int k = 0; k < DATASET_FINDING_KINDS; k++)
        if (kinds[k].error == errors)
            n += d->n_of_kind[k];
    return n;
}

char *dataset_path(const struct dataset *d, const char *below)
{
    return *below ? file_join(d->root, below) : strdup(d->root);
}

bool dataset_has_folder(const struct dataset *d, const char *below)
{
    char *whole = dataset_path(d, below);
    bool folder = whole && file_is_dir(whole);
    free(whole);
    return folder;
}

bool dataset_normal_path(const char *path, char *out)
{
    char *to = out;
    if (*path == '/')
        return false;
    while (*path) {
        size_t n = strcspn(path, "/");
        bool dot = n == 1 && path[0] == '.';
        if (n == 2 && path[0] == '.' && path[1] == '.')
            return false;
        if (n && !dot) {
            if (to > out)
                *to++ = '/';
            memmove(to, path, n);
            to += n;
        }
        path += n;
        while (*path == '/')
            path++;
    }
    *to = 0;
    return to > out;
}

const char *dataset_difference(const char *path, const char *there)
{
    return strchr(path, '\\') && !strchr(there, '\\') ? "in its backslashes, which are slashes there"
           : unicode_form_compare(path, there) == 0    ? "only in its Unicode form"
                                                       : "in the case of letters";
}

int32_t dataset_group_view_of(const char *path, const char *group)
{
    const char *name = strrchr(path, '/'), *last = strrchr(group, '/');
    name = name ? name + 1 : path;
    last = last ? last + 1 : group;
    size_t n = strlen(last);
    if (n == 0 || strncmp(name, last, n) != 0 || name[n] != '-')
        return -1;
    const char *digit = name + n + 1;
    int32_t number = 0;
    size_t n_digits = strspn(digit, "0123456789");
    if (n_digits == 0 || n_digits > 9 || (digit[n_digits] != '.' && digit[n_digits] != 0))
        return -1;
    for (size_t i = 0; i < n_digits; i++)
        number = 10 * number + (digit[i] - '0');
    return number;
}
