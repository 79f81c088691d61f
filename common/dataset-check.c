/* dataset-check.c - checks that concern several images: sorting makes images that belong together consecutive, and each
 * run of equal ones is checked. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dataset-internal.h"
#include "unicode-form.h"

typedef int order_fn(const void *, const void *, void *);

struct check {
    struct dataset *d;
    int64_t *order, n; /* indices of images, sorted; their number */
    struct fmt_error *e;
};

static int compare_numbers(int64_t a, int64_t b)
{
    return (a > b) - (a < b);
}

/* Equal images are ordered by their index, so that the order is stable. */
static int by_path(const void *a, const void *b, void *images)
{
    const struct dataset_image *im = images;
    int64_t i = *(const int64_t *)a, j = *(const int64_t *)b;
    int c = strcmp(im[i].path, im[j].path);
    return c ? c : compare_numbers(i, j);
}

static int by_group(const void *a, const void *b, void *images)
{
    const struct dataset_image *im = images;
    int64_t i = *(const int64_t *)a, j = *(const int64_t *)b;
    int c = strcmp(im[i].group, im[j].group);
    return c ? c : compare_numbers(i, j);
}

static int by_group_form(const void *a, const void *b, void *images)
{
    const struct dataset_image *im = images;
    int64_t i = *(const int64_t *)a, j = *(const int64_t *)b;
    int c = unicode_form_compare(im[i].group, im[j].group);
    return c ? c : compare_numbers(i, j);
}

static int by_content(const void *a, const void *b, void *images)
{
    const struct dataset_image *im = images;
    int64_t i = *(const int64_t *)a, j = *(const int64_t *)b;
    int c = memcmp(im[i].sha256, im[j].sha256, DIGEST_BYTES);
    c = c ? c : strcmp(im[i].group, im[j].group);
    c = c ? c : strcmp(im[i].split, im[j].split);
    return c ? c : compare_numbers(i, j);
}

static bool same_path(const struct dataset_image *a, const struct dataset_image *b)
{
    return strcmp(a->path, b->path) == 0;
}

static bool same_group(const struct dataset_image *a, const struct dataset_image *b)
{
    return strcmp(a->group, b->group) == 0;
}

static bool same_group_form(const struct dataset_image *a, const struct dataset_image *b)
{
    return unicode_form_compare(a->group, b->group) == 0;
}

static bool same_content(const struct dataset_image *a, const struct dataset_image *b)
{
    return memcmp(a->sha256, b->sha256, DIGEST_BYTES) == 0;
}

static const char *label_name(const struct dataset *d, int32_t label)
{
    return label < 0 ? "nothing" : d->class_name[label];
}

/* Sorts the images that `selected` accepts and calls `check` for each run of equal ones: order[first .. first+n-1]. */
static int for_runs(struct check *c, bool (*selected)(const struct dataset_image *), order_fn *order,
                    bool (*same)(const struct dataset_image *, const struct dataset_image *),
                    int (*check)(struct check *c, int64_t first, int64_t n))
{
    struct dataset *d = c->d;
    c->order = calloc((size_t)d->n_images + 1, sizeof *c->order);
    if (!c->order)
        return fmt_no_memory(c->e);
    c->n = 0;
    for (int64_t i = 0; i < d->n_images; i++)
        if (selected(&d->image[i]))
            c->order[c->n++] = i;
    if (c->n > 1)
        qsort_r(c->order, (size_t)c->n, sizeof *c->order, order, d->image);
    int status = 0;
    for (int64_t i = 0, j; i < c->n && status == 0; i = j) {
        for (j = i + 1; j < c->n && same(&d->image[c->order[i]], &d->image[c->order[j]]);)
            j++;
        status = check(c, i, j - i);
    }
    free(c->order);
    c->order = NULL;
    return status;
}

static struct dataset_image *run_image(const struct check *c, int64_t i)
{
    return &c->d->image[c->order[i]];
}

static void mark_at_fault(const struct check *c, int64_t first, int64_t n)
{
    for (int64_t i = first; i < first + n; i++)
        run_image(c, i)->at_fault = true;
}

/* ---------------------------------------------------------------- one name, several entries */

static bool every_image(const struct dataset_image *im)
{
    (void)im;
    return true;
}

static int check_name(struct check *c, int64_t first, int64_t n)
{
    const struct dataset_image *a = run_image(c, first);
    for (int64_t i = first + 1; i < first + n; i++) {
        const struct dataset_image *b = run_image(c, i);
        if (a->label == b->label && strcmp(a->split, b->split) == 0 && strcmp(a->group, b->group) == 0)
            continue;
        mark_at_fault(c, first, n);
        if (a->label != b->label)
            return dataset_note(c->d, DATASET_NAME_CONFLICT, a->path, c->e, "is labelled %s and %s",
                                label_name(c->d, a->label), label_name(c->d, b->label));
        if (strcmp(a->split, b->split) != 0)
            return dataset_note(c->d, DATASET_LEAK, a->path, c->e, "the image is in %s and in %s", a->split, b->split);
        return dataset_note(c->d, DATASET_BAD_ENTRY, a->path, c->e, "is in group %s and in group %s", a->group,
                            b->group);
    }
    for (int64_t i = first + 1; i < first + n; i++)
        run_image(c, i)->duplicate = true;
    return n == 1
               ? 0
               : dataset_note(c->d, DATASET_ENTRY_TWICE, a->path, c->e, "listed %lld times; used once", (long long)n);
}

int dataset_check_names(struct dataset *d, struct fmt_error *e)
{
    struct check c = {.d = d, .e = e};
    return for_runs(&c, every_image, by_path, same_path, check_name);
}

/* ---------------------------------------------------------------- groups in two splits */

static bool has_split_and_group(const struct dataset_image *im)
{
    return *im->split && *im->group && !im->duplicate;
}

/* Is each label of the group in one split only? Then it may be two installations for those who want that. */
static bool is_parted_by_label(const struct check *c, int64_t first, int64_t n)
{
    for (int64_t i = first; i < first + n; i++) {
        const struct dataset_image *im = run_image(c, i);
        int64_t k = first;
        while (run_image(c, k)->label != im->label)
            k++;
        if (im->label < 0 || strcmp(run_image(c, k)->split, im->split) != 0)
            return false;
    }
    return true;
}

/* The first image of a run with another label than `not`, and not without; NULL: none. */
static const struct dataset_image *first_labelled(const struct check *c, int64_t first, int64_t n, int32_t not)
{
    for (int64_t i = first; i < first + n; i++)
        if (run_image(c, i)->label >= 0 && run_image(c, i)->label != not)
            return run_image(c, i);
    return NULL;
}

enum { HINT_MAX = 256 };

/* Where a group of several labels is in several splits: what helps if they are two installations in truth. */
static void ticket_hint(const struct check *c, int64_t first, int64_t n, char hint[HINT_MAX])
{
    const struct dataset_image *a = first_labelled(c, first, n, -1);
    const struct dataset_image *b = a ? first_labelled(c, first, n, a->label) : NULL;
    *hint = 0;
    if (b && is_parted_by_label(c, first, n))
        snprintf(hint, HINT_MAX,
                 "; photographed again after repair? --ticket takes each label for a group of its own");
    else if (b)
        snprintf(hint, HINT_MAX, "; it has %.80s and %.80s (--ticket takes them for two groups)",
                 label_name(c->d, a->label), label_name(c->d, b->label));
}

static int check_leak(struct check *c, int64_t first, int64_t n)
{
    int64_t count[3] = {0};
    for (int64_t i = first; i < first + n; i++)
        for (int s = 0; s < 3; s++)
            count[s] += strcmp(run_image(c, i)->split, dataset_splits[s]) == 0;
    if ((count[0] > 0) + (count[1] > 0) + (count[2] > 0) < 2)
        return 0;
    char where[96] = "";
    for (int s = 0; s < 3; s++) {
        size_t used = strlen(where);
        if (count[s])
            snprintf(where + used, sizeof where - used, "%s%s (%lld)", used ? ", " : "", dataset_splits[s],
                     (long long)count[s]);
    }
    char hint[HINT_MAX];
    ticket_hint(c, first, n, hint);
    mark_at_fault(c, first, n);
    return dataset_note(c->d, DATASET_LEAK, run_image(c, first)->group, c->e, "the group is in %s%s", where,
                        hint);
}

/* ---------------------------------------------------------------- one content, several names */

static bool was_read(const struct dataset_image *im)
{
    return im->read;
}

static int note_conflict(struct check *c, const struct dataset_image *b, const struct dataset_image *against)
{
    return dataset_note(c->d, DATASET_CONTENT_CONFLICT, b->path, c->e,
                        "is labelled %s; the same content, %.200s, is labelled %s", label_name(c->d, b->label),
                        against->path, label_name(c->d, against->label));
}

/* The same bytes as `a`: within a group it is no second view and is left out; across groups or splits one of the two is
 * where it does not belong. */
static int note_twice(struct check *c, struct dataset_image *b, const struct dataset_image *a)
{
    struct dataset *d = c->d;
    bool same = same_group(a, b);
    if (strcmp(a->split, b->split) != 0 && *a->split && *b->split)
        return dataset_note(d, DATASET_CONTENT_LEAK, b->path, c->e,
                            "is in %s, its content in %s, too, as %.250s: a leak", b->split, a->split, a->path);
    if (!same && *a->group && *b->group)
        return dataset_note(d, DATASET_CONTENT_GROUPS, b->path, c->e,
                            "is of group %.100s, its content of group %.100s, too, as %.200s: one of the two is wrong",
                            b->group, a->group, a->path);
    b->duplicate = same && *b->group;
    return dataset_note(d, DATASET_CONTENT_TWICE, b->path, c->e, "the same content as %.250s%s", a->path,
                        b->duplicate ? ", of the same group: no view of its own, used once" : "");
}

/* Those of one group and split follow one another, and each is compared with the first of them; that one with the first
 * of all. */
static int check_copies(struct check *c, int64_t first, int64_t n)
{
    int status = 0;
    for (int64_t i = first + 1, twin = first; i < first + n && status == 0; i++) {
        struct dataset_image *b = run_image(c, i);
        const struct dataset_image *a = run_image(c, twin);
        bool together = same_group(a, b) && strcmp(a->split, b->split) == 0;
        status = note_twice(c, b, together ? a : run_image(c, first));
        twin = together ? twin : i;
    }
    return status;
}

/* Each image is compared with the first one of another label, which is one of two, so that a run of n takes n steps. */
static int check_content(struct check *c, int64_t first, int64_t n)
{
    const struct dataset_image *a = first_labelled(c, first, n, -1);
    const struct dataset_image *other = a ? first_labelled(c, first, n, a->label) : NULL;
    if (!other)
        return check_copies(c, first, n);
    mark_at_fault(c, first, n);
    int status = 0;
    for (int64_t i = first + 1; i < first + n && status == 0; i++) {
        const struct dataset_image *b = run_image(c, i);
        status = note_conflict(c, b, b->label == a->label ? other : a);
    }
    return status;
}

/* ---------------------------------------------------------------- one name in two Unicode forms */

static int note_forms(struct check *c, const char *name, const char *what)
{
    return dataset_note(c->d, DATASET_NAME_FORMS, name, c->e, "another %s's name differs only in its Unicode form",
                        what);
}

static int check_group_forms(struct check *c, int64_t first, int64_t n)
{
    const char *group = run_image(c, first)->group;
    for (int64_t i = first + 1; i < first + n; i++)
        if (strcmp(run_image(c, i)->group, group) != 0)
            return note_forms(c, group, "group");
    return 0;
}

static int by_form(const void *a, const void *b)
{
    return unicode_form_compare(*(char *const *)a, *(char *const *)b);
}

static int check_class_forms(struct check *c)
{
    size_t n = (size_t)c->d->n_classes;
    char **sorted = calloc(n + 1, sizeof *sorted);
    if (!sorted)
        return fmt_no_memory(c->e);
    memcpy(sorted, c->d->class_name, n * sizeof *sorted);
    qsort(sorted, n, sizeof *sorted, by_form);
    int status = 0;
    for (size_t i = 1; i < n && status == 0; i++)
        if (by_form(&sorted[i - 1], &sorted[i]) == 0)
            status = note_forms(c, sorted[i], "class");
    free(sorted);
    return status;
}

/* ---------------------------------------------------------------- labels and views of a group */

static bool is_usable_in_group(const struct dataset_image *im)
{
    return dataset_usable(im) && *im->group;
}

static int check_mixed(struct check *c, int64_t first, int64_t n)
{
    const struct dataset_image *a = run_image(c, first);
    for (int64_t i = first + 1; i < first + n; i++) {
        int32_t label = run_image(c, i)->label;
        if (label != a->label)
            return dataset_note(c->d, DATASET_MIXED_GROUP, a->group, c->e, "the group has %s and %s%s",
                                label_name(c->d, a->label), label_name(c->d, label),
                                a->label >= 0 && label >= 0 ? " (--ticket takes them for two groups)" : "");
    }
    return 0;
}

/* Views are counted if groups are meant to be alike: there are lists, or all names are GROUP-N. */
static bool has_counted_views(const struct check *c, int64_t first, int64_t n)
{
    for (int64_t i = first; i < first + n; i++)
        if (!c->d->has_lists && run_image(c, i)->group_view < 0)
            return false;
    return true;
}

enum { VIEWS_MAX = 4096 };

struct views_check {
    struct check check; /* first: for_runs passes this one */
    int64_t n_groups[VIEWS_MAX], usual; /* groups by their number of views; the most frequent number */
};

static int count_views(struct check *c, int64_t first, int64_t n)
{
    struct views_check *v = (struct views_check *)c;
    if (has_counted_views(c, first, n))
        v->n_groups[n < VIEWS_MAX ? n : VIEWS_MAX - 1]++;
    return 0;
}

static int compare_views(struct check *c, int64_t first, int64_t n)
{
    const struct views_check *v = (const struct views_check *)c;
    if (n == v->usual || !has_counted_views(c, first, n))
        return 0;
    const char *group = run_image(c, first)->group;
    if (n > v->usual)
        return dataset_note(c->d, DATASET_GROUP_SIZE, group, c->e, "the group has %lld photographs, %lld %s usual",
                            (long long)n, (long long)v->usual, v->usual == 1 ? "is" : "are");
    return dataset_note(c->d, DATASET_GROUP_SIZE, group, c->e, "the group has %lld of the usual %lld photographs",
                        (long long)n, (long long)v->usual);
}

static int check_views(struct dataset *d, struct fmt_error *e)
{
    struct views_check v = {.check = {.d = d, .e = e}};
    int status = for_runs(&v.check, is_usable_in_group, by_group, same_group, count_views);
    for (int64_t n = 1; n < VIEWS_MAX; n++)
        if (v.n_groups[n] && v.n_groups[n] >= v.n_groups[v.usual])
            v.usual = n;
    return status || v.usual == VIEWS_MAX - 1
               ? status
               : for_runs(&v.check, is_usable_in_group, by_group, same_group, compare_views);
}

int dataset_check(struct dataset *d, struct fmt_error *e)
{
    struct check c = {.d = d, .e = e};
    int status = for_runs(&c, has_split_and_group, by_group_form, same_group_form, check_leak);
    if (status == 0 && d->n_classes)
        status = check_class_forms(&c);
    if (status == 0)
        status = for_runs(&c, is_usable_in_group, by_group_form, same_group_form, check_group_forms);
    if (status == 0)
        status = for_runs(&c, was_read, by_content, same_content, check_content);
    if (status == 0)
        status = for_runs(&c, is_usable_in_group, by_group, same_group, check_mixed);
    return status ? status : check_views(d, e);
}

int dataset_check_bits(struct dataset *d, struct fmt_error *e)
{
    const char *first = NULL;
    int64_t n = 0;
    int largest = 0, bits = INDEX_BITS_MIN;
    for (int64_t i = 0; i < d->n_images; i++) {
        const struct dataset_image *im = &d->image[i];
        if (!dataset_usable(im) || !im->decoding.bits)
            continue;
        first = first ? first : im->path;
        largest = im->sample_max > largest ? im->sample_max : largest;
        n++;
    }
    while (largest >> bits > 0)
        bits++;
    if (n == 0 || bits > INDEX_BITS_MAX - 2)
        return 0;
    return dataset_note(d, DATASET_FEWER_BITS, first, e,
                        "the largest sample of %s of 16 bits is %d: of %d bits it seems, and almost black with 16; "
                        "say --bits %d, or --bits 16", FMT_COUNT(n, "image", "images"), largest, bits, bits);
}
