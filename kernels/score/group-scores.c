/* group-scores.c - see group-scores.h. */
#include "group-scores.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "groups.h"
#include "metrics.h"

struct group {
    int64_t n_rows, last; /* labelled rows; the last row of all */
    int32_t low, high;    /* labels */
};

static void join_rows(const struct rows *rows, const int64_t *unit, bool mean, struct group *group, double *all)
{
    int K = rows->n_classes;
    for (int64_t i = 0; i < rows->n; i++) {
        struct group *g = &group[unit[i]];
        double *p = all + unit[i] * K;
        int32_t label = rows->label[i];
        g->last = i;
        if (label < 0)
            continue;
        for (int c = 0; c < K; c++) {
            double v = rows->proba[i * K + c];
            p[c] = mean ? p[c] + v : g->n_rows ? fmax(p[c], v) : v;
        }
        g->low = !g->n_rows || label < g->low ? label : g->low;
        g->high = !g->n_rows || label > g->high ? label : g->high;
        g->n_rows++;
    }
}

static void finish_probabilities(double *p, const struct group *g, int n_classes, int positive, bool mean)
{
    double sum = 0;
    for (int c = 0; mean && c < n_classes; c++)
        p[c] /= (double)g->n_rows;
    if (n_classes == 2) {
        p[!positive] = 1 - p[positive];
        return;
    }
    for (int c = 0; c < n_classes; c++)
        sum += p[c];
    for (int c = 0; !mean && c < n_classes; c++)
        p[c] /= sum > 0 ? sum : 1;
}

static int32_t label_of(const struct group *g, int n_classes, int positive)
{
    bool has_positive = g->low == positive || g->high == positive;
    return n_classes > 2 ? g->low : has_positive ? positive : !positive;
}

int group_scores(struct rows *out, int64_t *n_mixed, const struct rows *rows, const int64_t *unit, int64_t n_units,
                 int positive, bool mean, struct fmt_error *e)
{
    int K = rows->n_classes;
    struct group *group = calloc((size_t)n_units + 1, sizeof *group);
    *out = (struct rows){.n_classes = K};
    *n_mixed = 0;
    int status = group ? 0 : fmt_fail(e, FMT_MEMORY, "out of memory for the groups");
    if (!status)
        status = rows_reserve(out, ROWS_PROBA | ROWS_LABEL | ROWS_GROUP | (rows->fold ? ROWS_FOLD : 0) |
                                       (rows->weight ? ROWS_WEIGHT : 0), n_units, e);
    if (!status) {
        memset(out->proba, 0, (size_t)n_units * (size_t)K * sizeof *out->proba);
        join_rows(rows, unit, mean, group, out->proba);
    }
    for (int64_t u = 0; u < n_units && !status; u++) {
        const struct group *g = &group[u];
        bool mixed = K > 2 && g->n_rows && g->low != g->high;
        *n_mixed += mixed;
        if (!g->n_rows || mixed)
            continue;
        double *p = out->proba + out->n * K;
        memmove(p, out->proba + u * K, (size_t)K * sizeof *p);
        finish_probabilities(p, g, K, positive, mean);
        out->label[out->n] = label_of(g, K, positive);
        out->group[out->n] = out->n;
        if (rows->fold)
            out->fold[out->n] = rows->fold[g->last];
        if (rows->weight)
            out->weight[out->n] = rows->weight[g->last];
        out->n++;
    }
    out->n_groups = out->n;
    free(group);
    if (status)
        rows_release(out);
    return status;
}

/* ------------------------------------------------------------------ all rows of a group */
enum { GROUP_COLUMNS = ROWS_KEY | ROWS_GROUP_NAME | ROWS_EXTRA | ROWS_GROUP_VIEW | ROWS_WEIGHT };

/* The label that the group has with one more row; `positive` is -1 unless there are two classes. */
static int32_t joined_label(int32_t label, int32_t next, int positive, bool *mixed)
{
    if (next < 0 || *mixed)
        return label;
    if (label < 0 || label == next)
        return next;
    *mixed = positive < 0;
    return *mixed ? -1 : positive;
}

/* Row i of `rows`, the first of its group or a more decisive one. */
static void take_names(struct rows *out, int64_t g, const struct rows *rows, int64_t i)
{
    out->key[g] = rows->key[i];
    out->group_name[g] = rows->group_name[i];
    out->extra[g] = rows->extra ? rows->extra[i] : "";
    out->group_view[g] = rows->group_view[i];
}

/* decisive [out->n] is overwritten: the largest probability so far. */
static void join_names(struct rows *out, const struct rows *rows, int positive, double *decisive, bool *mixed)
{
    int K = rows->n_classes;
    for (int64_t g = 0; g < out->n; g++) {
        out->weight[g] = 0;
        out->label[g] = -1;
        decisive[g] = -INFINITY;
    }
    for (int64_t i = 0; i < rows->n; i++) {
        int64_t g = rows->group[i];
        double p = rows->proba[i * K + (K == 2 ? positive : metrics_best_class(out->proba + g * K, K))];
        if (p > decisive[g]) {
            decisive[g] = p;
            take_names(out, g, rows, i);
        }
        out->weight[g]++;
        out->label[g] = joined_label(out->label[g], rows->label[i], K == 2 ? positive : -1, &mixed[g]);
    }
}

int group_rows(struct rows *out, const struct rows *rows, int positive, bool mean, struct fmt_error *e)
{
    struct rows all, *numbered = &all;
    int64_t n_mixed;
    *out = (struct rows){.n = 0};
    int status = rows_select(&all, rows, NULL, rows->n, e);
    if (!status)
        status = groups_number(&numbered, 1, e);
    for (int64_t i = 0; !status && i < all.n; i++)
        all.label[i] = 0; /* group_scores passes over rows without a label */
    if (!status)
        status = group_scores(out, &n_mixed, &all, all.group, all.n_groups, positive, mean, e);
    if (!status)
        status = rows_reserve(out, GROUP_COLUMNS, out->n, e);
    double *decisive = malloc(((size_t)out->n + 1) * sizeof *decisive);
    bool *mixed = calloc((size_t)out->n + 1, sizeof *mixed);
    if (!status && (!decisive || !mixed))
        status = fmt_fail(e, FMT_MEMORY, "out of memory for the groups");
    for (int64_t i = 0; !status && i < all.n; i++)
        all.label[i] = rows->label[i];
    if (!status)
        join_names(out, &all, positive, decisive, mixed);
    free(decisive);
    free(mixed);
    rows_release(&all);
    if (status)
        rows_release(out);
    return status;
}
