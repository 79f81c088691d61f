/* groups.c - names are sorted once and numbered; everything else uses the numbers. */
#include "groups.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "disjoint-sets.h"
#include "rng.h"

static int no_memory(struct fmt_error *e)
{
    return fmt_fail(e, FMT_MEMORY, "out of memory for the groups");
}

/* ------------------------------------------------------------------ numbers */
struct name_position {
    const char *name;
    int64_t at; /* position over all sets */
};

static int by_name(const void *a, const void *b)
{
    const struct name_position *x = a, *y = b;
    int order = strcmp(x->name, y->name);
    return order ? order : (x->at > y->at) - (x->at < y->at);
}

/* Tiles follow one another: a photograph that has no group is one of its own, with all of them. */
static bool is_same_photograph(const struct rows *r, int64_t i)
{
    return i > 0 && r->key && r->content && !r->group_name[i][0] && !r->group_name[i - 1][0] &&
           strcmp(r->key[i], r->key[i - 1]) == 0 && memcmp(r->content[i], r->content[i - 1], DIGEST_BYTES) == 0;
}

/* first [n]: for each position the first one of its name, or of its photograph. */
static void find_first(struct rows *const *set, int n_sets, struct name_position *row, int64_t *first)
{
    int64_t at = 0, n_named = 0;
    for (int s = 0; s < n_sets; s++)
        for (int64_t i = 0; i < set[s]->n; i++, at++) {
            first[at] = is_same_photograph(set[s], i) ? first[at - 1] : at;
            if (set[s]->group_name[i][0])
                row[n_named++] = (struct name_position){set[s]->group_name[i], at};
        }
    qsort(row, (size_t)n_named, sizeof *row, by_name);
    for (int64_t i = 1; i < n_named; i++)
        if (strcmp(row[i].name, row[i - 1].name) == 0)
            first[row[i].at] = first[row[i - 1].at];
}

int groups_number(struct rows *const *set, int n_sets, struct fmt_error *e)
{
    int64_t n = 0, at = 0, next = 0;
    int status = 0;
    for (int s = 0; s < n_sets; s++)
        n += set[s]->n;
    struct name_position *row = malloc((size_t)(n + 1) * sizeof *row);
    int64_t *first = malloc((size_t)(n + 1) * sizeof *first);
    if (!row || !first)
        status = no_memory(e);
    for (int s = 0; s < n_sets && !status; s++)
        status = rows_reserve(set[s], ROWS_GROUP, set[s]->n, e);
    if (!status)
        find_first(set, n_sets, row, first);
    for (int s = 0; s < n_sets && !status; s++)
        for (int64_t i = 0; i < set[s]->n; i++, at++) {
            first[at] = first[at] == at ? -1 - next++ : first[first[at]]; /* the number, complemented: negative */
            set[s]->group[i] = -1 - first[at];
        }
    for (int s = 0; s < n_sets && !status; s++)
        set[s]->n_groups = next;
    free(row);
    free(first);
    return status;
}

int groups_compact(struct rows *r, struct fmt_error *e)
{
    int64_t *number = malloc((size_t)(r->n_groups + 1) * sizeof *number), next = 0;
    if (!number)
        return no_memory(e);
    for (int64_t g = 0; g < r->n_groups; g++)
        number[g] = -1;
    for (int64_t i = 0; i < r->n; i++) {
        if (number[r->group[i]] < 0)
            number[r->group[i]] = next++;
        r->group[i] = number[r->group[i]];
    }
    r->n_groups = next;
    free(number);
    return 0;
}

/* ------------------------------------------------------------------ groups that share an image */
struct content_row {
    const uint8_t *content;
    int64_t group;
};

static int by_content(const void *a, const void *b)
{
    const struct content_row *x = a, *y = b;
    int order = memcmp(x->content, y->content, DIGEST_BYTES);
    return order ? order : (x->group > y->group) - (x->group < y->group);
}

int groups_join(struct rows *r, struct fmt_error *e)
{
    struct content_row *row = malloc((size_t)(r->n + 1) * sizeof *row);
    int64_t *joined = malloc((size_t)(r->n_groups + 1) * sizeof *joined), n_known = 0;
    if (!row || !joined) {
        free(row);
        free(joined);
        return no_memory(e);
    }
    for (int64_t g = 0; g < r->n_groups; g++)
        joined[g] = g;
    for (int64_t i = 0; i < r->n; i++)
        if (digest_is_set(r->content[i]))
            row[n_known++] = (struct content_row){r->content[i], r->group[i]};
    qsort(row, (size_t)n_known, sizeof *row, by_content);
    for (int64_t i = 1; i < n_known; i++)
        if (memcmp(row[i].content, row[i - 1].content, DIGEST_BYTES) == 0)
            disjoint_join(joined, row[i].group, row[i - 1].group);
    for (int64_t i = 0; i < r->n; i++)
        r->group[i] = disjoint_of(joined, r->group[i]);
    free(row);
    free(joined);
    return groups_compact(r, e);
}

/* The same of groups that share a text. */
static int join_texts(struct rows *r, const char *const *text, struct fmt_error *e)
{
    struct name_position *row = malloc((size_t)(r->n + 1) * sizeof *row);
    int64_t *joined = malloc((size_t)(r->n_groups + 1) * sizeof *joined), n_known = 0;
    bool good = row && joined;
    for (int64_t g = 0; g < r->n_groups && good; g++)
        joined[g] = g;
    for (int64_t i = 0; i < r->n && good; i++)
        if (text[i][0])
            row[n_known++] = (struct name_position){text[i], i};
    if (good)
        qsort(row, (size_t)n_known, sizeof *row, by_name);
    for (int64_t i = 1; i < n_known; i++)
        if (strcmp(row[i].name, row[i - 1].name) == 0)
            disjoint_join(joined, r->group[row[i].at], r->group[row[i - 1].at]);
    for (int64_t i = 0; i < r->n && good; i++)
        r->group[i] = disjoint_of(joined, r->group[i]);
    free(row);
    free(joined);
    return good ? groups_compact(r, e) : no_memory(e);
}

/* ------------------------------------------------------------------ folds */
int32_t groups_labels(const struct rows *r, int32_t *label)
{
    int32_t highest = -1;
    for (int64_t g = 0; g < r->n_groups; g++)
        label[g] = -1;
    for (int64_t i = 0; i < r->n; i++) {
        int32_t *of = &label[r->group[i]];
        *of = r->label[i] > *of ? r->label[i] : *of;
        highest = *of > highest ? *of : highest;
    }
    return highest;
}

int groups_folds(struct rows *r, int n_folds, uint64_t seed, struct fmt_error *e)
{
    size_t n_groups = (size_t)r->n_groups + 1;
    int32_t *label = malloc(n_groups * sizeof *label);
    int64_t *order = malloc(n_groups * sizeof *order), dealt = 0;
    int *fold = calloc(n_groups, sizeof *fold);
    int status = label && order && fold ? rows_reserve(r, ROWS_FOLD, r->n, e) : no_memory(e);
    if (!status) {
        struct rng random = rng_stream(seed, 0, 0, RNG_SPLIT);
        rng_permutation(&random, r->n_groups, order);
        for (int32_t c = groups_labels(r, label); c >= -1; c--) /* highest first: rare positives are spread evenly */
            for (int64_t i = 0; i < r->n_groups; i++)
                if (label[order[i]] == c)
                    fold[order[i]] = (int)(dealt++ % n_folds);
        for (int64_t i = 0; i < r->n; i++)
            r->fold[i] = fold[r->group[i]];
    }
    free(label);
    free(order);
    free(fold);
    return status;
}

int groups_folds_apart(struct rows *r, const char *const *together, int n_folds, uint64_t seed, struct fmt_error *e)
{
    struct rows joined;
    int status = rows_select(&joined, r, NULL, r->n, e);
    if (!status)
        status = groups_join(&joined, e);
    if (!status && together)
        status = join_texts(&joined, together, e);
    if (!status && joined.n_groups < n_folds)
        status = fmt_fail(e, FMT_INVALID, "too few groups (%lld) for %d folds (--folds)", (long long)joined.n_groups,
                          n_folds);
    if (!status)
        status = groups_folds(&joined, n_folds, seed, e);
    if (!status) {
        free(r->fold);
        r->fold = joined.fold;
        joined.fold = NULL;
    }
    rows_release(&joined);
    return status;
}
