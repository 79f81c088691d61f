/* dataset-groups.c - which photographs are of one installation, where no list and no table says it: those of one
 * folder, or those whose names say so by a pattern. And what speaks against it: names that look like views although
 * nobody gave a pattern, so that a split by lot would put views of one installation into train and test. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dataset-internal.h"
#include "index.h"

/* ---------------------------------------------------------------- the group of an image */

/* The folders between the first `skip` bytes and the name, as a text of the dataset; NULL: no memory. */
static const char *folders_of(struct dataset *d, const char *path, size_t skip)
{
    const char *slash = strrchr(path, '/');
    return slash && (size_t)(slash - path) > skip ? text_copy(&d->text, path + skip, (size_t)(slash - path) - skip)
                                                  : "";
}

int dataset_place(struct dataset *d, size_t skip, struct dataset_image *im, struct fmt_error *e)
{
    struct group_match m;
    im->group_said = d->pattern && group_pattern_match(d->pattern, im->path + skip, &m);
    im->group = im->group_said ? text_copy(&d->text, m.group, strlen(m.group)) : folders_of(d, im->path, skip);
    if (!im->group)
        return fmt_no_memory(e);
    im->group_view = im->group_said && m.view >= 0 ? m.view : dataset_group_view_of(im->path, im->group);
    return 0;
}

/* ---------------------------------------------------------------- names that look like views */

enum { LOOK_VIEWS_MAX = 16 }; /* a group of more is no installation but a series: IMG-1, IMG-2 ... */

static const char *const looks[] = {"{group}-{view}",  "{group}_{view}", "{group} ({view})", "{group} {view}",
                                    "{group}.{view}", GROUP_PATTERN_DEFAULT};

struct look { /* an image as a pattern sees it */
    const struct dataset_image *image;
    const char *group;
    int32_t view;
};

struct looking {
    struct look *look;           /* [n_images] room */
    int64_t n;
    int64_t n_covered, n_groups; /* images that the pattern puts together anew, in so many groups */
    const struct dataset_image *first, *second; /* two of a group */
    struct text_pool text;
};

static int by_look(const void *a, const void *b)
{
    const struct look *x = a, *y = b;
    int c = strcmp(x->image->group, y->image->group);
    c = c ? c : strcmp(x->group, y->group);
    return c ? c : (x->view > y->view) - (x->view < y->view);
}

static bool in_question(const struct dataset_image *im)
{
    return !im->group_said && !im->duplicate;
}

static int take_looks(const struct dataset *d, const struct group_pattern *p, struct looking *l, struct fmt_error *e)
{
    struct group_match m;
    l->n = l->n_covered = l->n_groups = 0;
    for (int64_t i = 0; i < d->n_images; i++) {
        if (!in_question(&d->image[i]) || !group_pattern_match(p, d->image[i].path, &m))
            continue;
        struct look *to = &l->look[l->n++];
        *to = (struct look){&d->image[i], text_copy(&l->text, m.group, strlen(m.group)), m.view};
        if (!to->group)
            return fmt_no_memory(e);
    }
    if (l->n > 1)
        qsort(l->look, (size_t)l->n, sizeof *l->look, by_look);
    return 0;
}

static bool is_one(const struct look *a, const struct look *b)
{
    return strcmp(a->group, b->group) == 0 && strcmp(a->image->group, b->image->group) == 0;
}

/* n looks of one group: a few views with different numbers, and not what the folder says already? */
static bool is_new_group(const struct looking *l, int64_t first, int64_t n)
{
    const struct look *a = &l->look[first];
    bool more_before = first > 0 && strcmp(a[-1].image->group, a->image->group) == 0;
    bool more_after = first + n < l->n && strcmp(a[n].image->group, a->image->group) == 0;
    if (n < 2 || n > LOOK_VIEWS_MAX || (*a->image->group && !more_before && !more_after))
        return false;
    for (int64_t i = 1; i < n; i++)
        if (a[i].view == a[i - 1].view)
            return false;
    return true;
}

static void count_looks(struct looking *l)
{
    for (int64_t i = 0, k; i < l->n; i = k) {
        for (k = i + 1; k < l->n && is_one(&l->look[i], &l->look[k]);)
            k++;
        if (!is_new_group(l, i, k - i))
            continue;
        if (l->n_groups++ == 0)
            l->first = l->look[i].image, l->second = l->look[i + 1].image;
        l->n_covered += k - i;
    }
}

/* The pattern that puts most images together, with what it found in *best; NULL: the names of fewer than half of those
 * in question look so. */
static const char *find_look(const struct dataset *d, struct looking *l, struct looking *best, struct fmt_error *e)
{
    const char *found = NULL;
    int64_t n_asked = 0;
    for (int64_t i = 0; i < d->n_images; i++)
        n_asked += in_question(&d->image[i]);
    for (size_t i = 0; i < sizeof looks / sizeof *looks; i++) {
        struct group_pattern p;
        if (group_pattern_parse(&p, looks[i], e) || take_looks(d, &p, l, e))
            return NULL;
        count_looks(l);
        if (l->n_covered > best->n_covered)
            *best = *l, found = looks[i];
    }
    return best->n_groups > 1 && 2 * best->n_covered >= n_asked ? found : NULL;
}

static const char *last_part(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static const char *thing_of(const struct dataset *d)
{
    return *d->root ? d->root : "names";
}

static int note_look(struct dataset *d, const struct looking *l, const char *pattern, struct fmt_error *e)
{
    const char *group = l->first->group;
    return dataset_note_counted(d, DATASET_VIEW_NAMES, thing_of(d), l->n_covered, e,
                                "names look as if %.80s and %.80s were views of one installation, but %s%.100s%s: "
                                "--group-pattern '%s' takes it from the names", last_part(l->first->path),
                                last_part(l->second->path), *group ? "all of " : "each counts as one of its own", group,
                                *group ? "/ counts as one" : "", pattern);
}

/* Nothing tells photographs of one installation from others, and somebody relies on it. */
static int note_no_groups(struct dataset *d, bool divided, struct fmt_error *e)
{
    for (int64_t i = 0; i < d->n_images; i++)
        if (*d->image[i].group)
            return 0;
    if (d->n_images < 2 || !(d->has_class_folders || divided))
        return 0;
    return dataset_note(d, DATASET_NO_GROUPS, thing_of(d), e,
                        "no groups%s: photographs of one installation belong in a folder%s, or --group-pattern says "
                        "how names tell it, or a table", divided ? ", each photograph is divided by itself" : "",
                        d->has_class_folders ? " below the class" : "");
}

static int note_other_names(struct dataset *d, struct fmt_error *e)
{
    int64_t n = 0, first = 0;
    for (int64_t i = d->n_images; i-- > 0 && d->pattern;)
        if (in_question(&d->image[i]))
            n++, first = i;
    return n == 0 ? 0
                  : dataset_note_counted(d, DATASET_OTHER_NAME, "--group-pattern", n, e,
                                         "%s not fit: %.250s%s; where they lie in a folder it is their group",
                                         FMT_COUNT(n, "name does", "names do"), d->image[first].path,
                                         n > 1 ? ", ..." : "");
}

int dataset_note_groups(struct dataset *d, bool divided, struct fmt_error *e)
{
    struct looking l = {.look = calloc((size_t)d->n_images + 1, sizeof *l.look)}, best = {.n_covered = 0};
    if (!l.look)
        return fmt_no_memory(e);
    struct fmt_error why = {0};
    const char *pattern = d->pattern || d->has_lists ? NULL : find_look(d, &l, &best, &why);
    int status = why.status          ? fmt_fail(e, why.status, "%s", why.text)
                 : pattern           ? note_look(d, &best, pattern, e)
                                     : note_no_groups(d, divided, e);
    text_release(&l.text);
    free(l.look);
    return status ? status : note_other_names(d, e);
}

/* ---------------------------------------------------------------- folders that are called as splits are */

/* How many images below the folder are in no split, and whether they all have labels. */
static int64_t count_without_split(const struct dataset *d, const char *folder, bool *labelled)
{
    size_t n = strlen(folder);
    int64_t found = 0;
    *labelled = true;
    for (int64_t i = 0; i < d->n_images; i++) {
        const struct dataset_image *im = &d->image[i];
        if (*im->split || strncmp(im->path, folder, n) != 0 || im->path[n] != '/')
            continue;
        *labelled = *labelled && im->label >= 0;
        found++;
    }
    return found;
}

int dataset_note_split_folders(struct dataset *d, bool divided, struct fmt_error *e)
{
    char folder[8];
    bool labelled;
    int status = 0;
    for (int s = 0; s < 3 && !status; s++) {
        int64_t n = count_without_split(d, dataset_splits[s], &labelled);
        const char *reason =
            divided    ? "divided like any other folder; --layout classes takes it for the split"
            : labelled ? "its name makes no split: a column \"split\" of the table does"
                       : "taken for a folder without labels; --layout classes takes its sub-folders for classes";
        snprintf(folder, sizeof folder, "%s/", dataset_splits[s]);
        if (n > 0 && !d->has_lists && !d->has_class_folders)
            status = dataset_note_counted(d, DATASET_SPLIT_FOLDER, folder, n, e, "%s", reason);
    }
    return status;
}
