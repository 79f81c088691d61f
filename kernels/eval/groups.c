/* groups.c - names are numbered by sorting them once; everything else goes by number. */
#include "groups.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "rng.h"

static int no_memory(struct fmt_error *e)
{
    return fmt_fail(e, FMT_MEMORY, "out of memory for the groups");
}

/* ------------------------------------------------------------------ numbers */
struct named_row {
    const char *name;
    int64_t *group;
    int64_t at; /* position over all lists */
};

static int by_name(const void *a, const void *b)
{
    const struct named_row *x = a, *y = b;
    int order = strcmp(x->name, y->name);
    return order ? order : (x->at > y->at) - (x->at < y->at);
}

int groups_number(struct groups_names *list, int n_lists, int64_t *n_groups, struct fmt_error *e)
{
    int64_t n = 0, at = 0, n_named = 0;
    for (int l = 0; l < n_lists; l++)
        n += list[l].n;
    struct named_row *row = malloc((size_t)(n + 1) * sizeof *row);
    int64_t *first = malloc((size_t)(n + 1) * sizeof *first); /* [position] where the name stood first */
    if (!row || !first) {
        free(row);
        free(first);
        return no_memory(e);
    }
    for (int l = 0; l < n_lists; l++)
        for (int64_t i = 0; i < list[l].n; i++, at++) {
            first[at] = at;
            if (list[l].name[i][0])
                row[n_named++] = (struct named_row){list[l].name[i], NULL, at};
        }
    qsort(row, (size_t)n_named, sizeof *row, by_name);
    for (int64_t i = 1; i < n_named; i++)
        if (strcmp(row[i].name, row[i - 1].name) == 0)
            first[row[i].at] = first[row[i - 1].at];
    int64_t next = 0;
    at = 0;
    for (int l = 0; l < n_lists; l++)
        for (int64_t i = 0; i < list[l].n; i++, at++) {
            if (first[at] == at)
                first[at] = -1 - next++; /* numbered: negative */
            else
                first[at] = first[first[at]];
            list[l].group[i] = -1 - first[at];
        }
    *n_groups = next;
    free(row);
    free(first);
    return 0;
}

int groups_compact(int64_t *group, int64_t n, int64_t n_groups_before, int64_t *n_groups, struct fmt_error *e)
{
    int64_t *number = malloc((size_t)(n_groups_before + 1) * sizeof *number);
    if (!number)
        return no_memory(e);
    for (int64_t g = 0; g < n_groups_before; g++)
        number[g] = -1;
    *n_groups = 0;
    for (int64_t i = 0; i < n; i++) {
        if (number[group[i]] < 0)
            number[group[i]] = (*n_groups)++;
        group[i] = number[group[i]];
    }
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

/* The group that g was joined to, in the end; the way there is shortened. */
static int64_t root_of(int64_t *joined, int64_t g)
{
    while (joined[g] != g) {
        joined[g] = joined[joined[g]];
        g = joined[g];
    }
    return g;
}

int groups_join(int64_t *group, int64_t n, const uint8_t *const *content, int64_t *n_groups, struct fmt_error *e)
{
    struct content_row *row = malloc((size_t)(n + 1) * sizeof *row);
    int64_t *joined = malloc((size_t)(*n_groups + 1) * sizeof *joined), n_known = 0;
    if (!row || !joined) {
        free(row);
        free(joined);
        return no_memory(e);
    }
    for (int64_t g = 0; g < *n_groups; g++)
        joined[g] = g;
    for (int64_t i = 0; i < n; i++)
        if (digest_is_set(content[i]))
            row[n_known++] = (struct content_row){content[i], group[i]};
    qsort(row, (size_t)n_known, sizeof *row, by_content);
    for (int64_t i = 1; i < n_known; i++)
        if (memcmp(row[i].content, row[i - 1].content, DIGEST_BYTES) == 0) {
            int64_t a = root_of(joined, row[i].group), b = root_of(joined, row[i - 1].group);
            joined[a > b ? a : b] = a < b ? a : b;
        }
    for (int64_t i = 0; i < n; i++)
        group[i] = root_of(joined, group[i]);
    free(row);
    free(joined);
    return groups_compact(group, n, *n_groups, n_groups, e);
}

/* ------------------------------------------------------------------ folds */
int groups_folds(const int64_t *group, int64_t n_groups, const int32_t *label, int64_t n, int n_folds, uint64_t seed,
                 int *fold, struct fmt_error *e)
{
    int32_t *of_group = malloc((size_t)(n_groups + 1) * sizeof *of_group), top = -1;
    int64_t *order = malloc((size_t)(n_groups + 1) * sizeof *order);
    int *fold_of = calloc((size_t)n_groups + 1, sizeof *fold_of);
    if (!of_group || !order || !fold_of) {
        free(of_group);
        free(order);
        free(fold_of);
        return no_memory(e);
    }
    for (int64_t g = 0; g < n_groups; g++)
        of_group[g] = -1;
    for (int64_t i = 0; i < n; i++) {
        of_group[group[i]] = label[i] > of_group[group[i]] ? label[i] : of_group[group[i]];
        top = label[i] > top ? label[i] : top;
    }
    struct rng r = rng_stream(seed, 0, 0, RNG_SPLIT);
    rng_permutation(&r, n_groups, order);
    int64_t dealt = 0;
    for (int32_t c = top; c >= -1; c--) /* the highest class first: the rare positives are spread evenly */
        for (int64_t i = 0; i < n_groups; i++)
            if (of_group[order[i]] == c)
                fold_of[order[i]] = (int)(dealt++ % n_folds);
    for (int64_t i = 0; i < n; i++)
        fold[i] = fold_of[group[i]];
    free(of_group);
    free(order);
    free(fold_of);
    return 0;
}

/* ------------------------------------------------------------------ a sample */
/* The groups of one class. */
struct stratum {
    int64_t n_rows, n_groups, n_taken, seen;
    bool settled;
};

/* Classes with fewer rows than their share are taken whole, and leave the rest to the others. */
static void share_rows(struct stratum *s, int n, int64_t n_wanted)
{
    int64_t left = n_wanted, n_open = n, share = 0;
    for (bool more = true; more && n_open > 0;) {
        more = false;
        share = left > 0 ? left / n_open : 0;
        for (int c = 0; c < n; c++)
            if (!s[c].settled && s[c].n_rows <= share) {
                s[c].settled = more = true;
                s[c].n_taken = s[c].n_groups;
                left -= s[c].n_rows;
                n_open--;
            }
    }
    for (int c = 0; c < n; c++)
        if (!s[c].settled) {
            double part = (double)share / (double)s[c].n_rows;
            s[c].n_taken = (int64_t)fmax(1, ceil(part * (double)s[c].n_groups));
        }
}

/* Of each class n_taken of its groups, evenly spread: those where a line of that slope reaches the next number. */
static bool is_taken(struct stratum *s)
{
    int64_t before = s->seen++ * s->n_taken / s->n_groups;
    return s->seen * s->n_taken / s->n_groups > before;
}

int groups_sample(const int64_t *group, int64_t n_groups, const int32_t *label, int64_t n, int64_t n_wanted,
                  double *weight, struct fmt_error *e)
{
    int32_t *of_group = malloc((size_t)(n_groups + 1) * sizeof *of_group), top = -1;
    double *of_rows = calloc((size_t)n_groups + 1, sizeof *of_rows);
    for (int64_t i = 0; i < n; i++)
        top = label[i] > top ? label[i] : top;
    struct stratum *s = calloc((size_t)top + 2, sizeof *s);
    int status = of_group && of_rows && s ? 0 : no_memory(e);
    for (int64_t g = 0; !status && g < n_groups; g++)
        of_group[g] = -1;
    for (int64_t i = 0; !status && i < n; i++)
        of_group[group[i]] = label[i] > of_group[group[i]] ? label[i] : of_group[group[i]];
    for (int64_t g = 0; !status && g < n_groups; g++)
        s[of_group[g] < 0 ? top + 1 : of_group[g]].n_groups++; /* the last: groups without labels */
    for (int64_t i = 0; !status && i < n; i++)
        s[of_group[group[i]] < 0 ? top + 1 : of_group[group[i]]].n_rows += label[i] >= 0;
    if (!status)
        share_rows(s, top + 1, n_wanted);
    for (int64_t g = 0; !status && g < n_groups; g++) {
        struct stratum *of = &s[of_group[g] < 0 ? top + 1 : of_group[g]];
        of_rows[g] = of_group[g] >= 0 && is_taken(of) ? (double)of->n_groups / (double)of->n_taken : 0;
    }
    for (int64_t i = 0; !status && i < n; i++)
        weight[i] = label[i] < 0 ? 0 : of_rows[group[i]];
    free(of_group);
    free(of_rows);
    free(s);
    return status;
}

/* ------------------------------------------------------------------ scores */
struct summing {
    int64_t n_rows;
    int32_t low, high; /* labels */
};

static void finish_group(double *p, const struct summing *s, int n_classes, int positive, bool mean)
{
    double sum = 0;
    for (int c = 0; mean && c < n_classes; c++)
        p[c] /= (double)s->n_rows;
    if (n_classes == 2) {
        p[!positive] = 1 - p[positive];
        return;
    }
    for (int c = 0; c < n_classes; c++)
        sum += p[c];
    for (int c = 0; !mean && c < n_classes; c++)
        p[c] /= sum > 0 ? sum : 1;
}

static void sum_rows(const double *proba, const int32_t *label, const int64_t *group, int64_t n, int n_classes,
                     bool mean, struct summing *s, double *all)
{
    for (int64_t i = 0; i < n; i++) {
        struct summing *g = &s[group[i]];
        double *p = all + group[i] * n_classes;
        if (label[i] < 0)
            continue;
        for (int c = 0; c < n_classes; c++) {
            double v = proba[i * n_classes + c];
            p[c] = mean ? p[c] + v : g->n_rows ? fmax(p[c], v) : v;
        }
        g->low = !g->n_rows || label[i] < g->low ? label[i] : g->low;
        g->high = !g->n_rows || label[i] > g->high ? label[i] : g->high;
        g->n_rows++;
    }
}

int groups_score(const double *proba, const int32_t *label, const int64_t *group, int64_t n, int64_t n_groups,
                 int n_classes, int positive, bool mean, struct groups_scores *out, struct fmt_error *e)
{
    size_t G = (size_t)n_groups + 1;
    *out = (struct groups_scores){0};
    struct summing *s = calloc(G, sizeof *s);
    out->proba = calloc(G, (size_t)n_classes * sizeof(double));
    out->label = calloc(G, sizeof *out->label);
    out->origin = calloc(G, sizeof *out->origin);
    if (!s || !out->proba || !out->label || !out->origin) {
        free(s);
        groups_scores_release(out);
        return no_memory(e);
    }
    sum_rows(proba, label, group, n, n_classes, mean, s, out->proba);
    for (int64_t g = 0; g < n_groups; g++) {
        bool mixed = n_classes > 2 && s[g].n_rows && s[g].low != s[g].high;
        out->n_mixed += mixed;
        if (!s[g].n_rows || mixed)
            continue;
        double *p = out->proba + out->n * n_classes;
        memmove(p, out->proba + g * n_classes, (size_t)n_classes * sizeof *p);
        finish_group(p, &s[g], n_classes, positive, mean);
        bool has_positive = s[g].low == positive || s[g].high == positive;
        out->label[out->n] = n_classes > 2 ? s[g].low : has_positive ? positive : !positive;
        out->origin[out->n++] = g;
    }
    free(s);
    return 0;
}

void groups_scores_release(struct groups_scores *s)
{
    free(s->proba);
    free(s->label);
    free(s->origin);
    *s = (struct groups_scores){0};
}
