/* row-sample.c - see row-sample.h. */
#include "row-sample.h"

#include <math.h>
#include <stdlib.h>

#include "groups.h"
#include "num.h"
#include "rng.h"

static int by_row(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

int row_sample_per_class(struct rows *sample, const struct rows *r, int n_classes, int n_each, uint64_t seed,
                         int64_t draw, struct fmt_error *e)
{
    size_t bytes = ((size_t)r->n + 1) * sizeof(int64_t);
    int64_t *pick = malloc(bytes), *row = malloc(bytes), *order = malloc(bytes), n_picked = 0;
    struct rng random = rng_stream(seed, (uint64_t)draw, (uint64_t)n_each, RNG_SPLIT);
    int status = pick && row && order ? 0 : fmt_no_memory(e);
    for (int32_t c = 0; c < n_classes && !status; c++) {
        int64_t n = 0;
        for (int64_t i = 0; i < r->n; i++)
            if (r->label[i] == c)
                row[n++] = i;
        rng_permutation(&random, n, order);
        for (int64_t i = 0; i < num_min(n, n_each); i++)
            pick[n_picked++] = row[order[i]];
    }
    if (!status) {
        qsort(pick, (size_t)n_picked, sizeof *pick, by_row);
        status = rows_select(sample, r, pick, n_picked, e);
    }
    free(pick);
    free(row);
    free(order);
    return status;
}

/* ------------------------------------------------------------------ groups, evenly */
/* The groups of one class. */
struct stratum {
    int64_t n_rows, n_groups, n_selected, n_seen;
    bool settled;
};

/* Classes with fewer rows than their share are selected whole; the other classes share the rest. */
static void share_rows(struct stratum *s, int n, int64_t n_target)
{
    int64_t left = n_target, n_open = n, share = 0;
    for (bool more = true; more && n_open > 0;) {
        more = false;
        share = left > 0 ? left / n_open : 0;
        for (int c = 0; c < n; c++)
            if (!s[c].settled && s[c].n_rows <= share) {
                s[c].settled = more = true;
                s[c].n_selected = s[c].n_groups;
                left -= s[c].n_rows;
                n_open--;
            }
    }
    for (int c = 0; c < n; c++)
        if (!s[c].settled) {
            double part = (double)share / (double)s[c].n_rows;
            s[c].n_selected = (int64_t)fmax(1, ceil(part * (double)s[c].n_groups));
        }
}

/* Selects n_selected of a class's groups, evenly spread: those where a line of that slope reaches the next integer. */
static bool is_selected(struct stratum *s)
{
    int64_t before = s->n_seen++ * s->n_selected / s->n_groups;
    return s->n_seen * s->n_selected / s->n_groups > before;
}

/* weight [n_groups]: how many groups each represents; 0: not in the sample. */
static void weigh_groups(const struct rows *r, const int32_t *label, int n_classes, struct stratum *s, int64_t n_target,
                         double *weight)
{
    for (int64_t g = 0; g < r->n_groups; g++)
        if (label[g] >= 0)
            s[label[g]].n_groups++;
    for (int64_t i = 0; i < r->n; i++)
        if (r->label[i] >= 0)
            s[label[r->group[i]]].n_rows++;
    share_rows(s, n_classes, n_target);
    for (int64_t g = 0; g < r->n_groups; g++) {
        struct stratum *of = label[g] >= 0 ? &s[label[g]] : NULL;
        weight[g] = of && is_selected(of) ? (double)of->n_groups / (double)of->n_selected : 0;
    }
}

int row_sample_groups(struct rows *sample, const struct rows *r, int64_t n_target, struct fmt_error *e)
{
    int32_t *label = malloc((size_t)(r->n_groups + 1) * sizeof *label);
    double *weight = malloc((size_t)(r->n_groups + 1) * sizeof *weight);
    int64_t *pick = malloc((size_t)(r->n + 1) * sizeof *pick), n = 0;
    int n_classes = label ? groups_labels(r, label) + 1 : 0;
    struct stratum *s = calloc((size_t)n_classes + 1, sizeof *s);
    int status = label && weight && pick && s ? 0 : fmt_no_memory(e);
    if (!status) {
        weigh_groups(r, label, n_classes, s, n_target, weight);
        for (int64_t i = 0; i < r->n; i++)
            if (r->label[i] >= 0 && weight[r->group[i]] > 0)
                pick[n++] = i;
        status = rows_select(sample, r, pick, n, e);
    }
    if (!status)
        status = rows_reserve(sample, ROWS_WEIGHT, n, e);
    for (int64_t i = 0; i < n && !status; i++)
        sample->weight[i] = weight[sample->group[i]];
    free(label);
    free(weight);
    free(pick);
    free(s);
    return status;
}
