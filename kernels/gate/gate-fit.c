/* gate-fit.c - what is learned of the good photographs of a reference (gate-reference.h). */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "gate-reference.h"
#include "num.h"

enum { FOLDS = 10 };

/* ------------------------------------------------------------------ installations */
struct named {
    const char *group;
    int64_t i;
};

static int by_group(const void *a, const void *b)
{
    const struct named *x = a, *y = b;
    int order = strcmp(x->group, y->group);
    return order ? order : x->i < y->i ? -1 : x->i > y->i;
}

/* first [n]: of each photograph the first one of its installation. */
static void find_first(const struct named *sorted, int64_t n, int64_t *first)
{
    for (int64_t s = 0; s < n; s++) {
        bool same = s > 0 && *sorted[s].group && strcmp(sorted[s].group, sorted[s - 1].group) == 0;
        first[sorted[s].i] = same ? first[sorted[s - 1].i] : sorted[s].i;
    }
}

int gate_reference_groups(const struct gate_reference *r, int64_t *group, int64_t *n_groups, struct fmt_error *e)
{
    struct named *sorted = malloc((size_t)num_max(1, r->n_good) * sizeof *sorted);
    if (!sorted)
        return fmt_no_memory(e);
    for (int64_t i = 0; i < r->n_good; i++)
        sorted[i] = (struct named){gate_reference_row(r, i).group, i};
    qsort(sorted, (size_t)r->n_good, sizeof *sorted, by_group);
    find_first(sorted, r->n_good, group);
    *n_groups = 0;
    for (int64_t i = 0; i < r->n_good; i++) /* the first one of a group has its number by then */
        group[i] = group[i] == i ? (*n_groups)++ : group[group[i]];
    free(sorted);
    return 0;
}

/* ------------------------------------------------------------------ out of fold */
struct folding {
    const struct gate_reference *r;
    const int64_t *group;
    const struct device *device;
    struct gate_values *v;
    int64_t n_folds;
    int64_t *row; /* [n_good] of the fit */
    double *z;    /* [k] */
    struct fmt_error *e;
};

static bool is_of_fold(const struct folding *f, int64_t i, int64_t fold)
{
    return f->group[i] % f->n_folds == fold;
}

static int fit_without(struct folding *f, int64_t fold, struct gate_whitening *w)
{
    int64_t n = 0;
    for (int64_t i = 0; i < f->r->n_good; i++)
        if (!is_of_fold(f, i, fold))
            f->row[n++] = i;
    return gate_whitening_fit(w, f->r->good, gate_folded(f->r->dim), f->row, n, f->device, f->e);
}

static int measure_fold(struct folding *f, int64_t fold)
{
    struct gate_whitening w;
    int64_t k = gate_folded(f->r->dim);
    int status = fit_without(f, fold, &w);
    for (int64_t i = 0; i < f->r->n_good && !status; i++)
        if (is_of_fold(f, i, fold))
            f->v[i].value[GATE_DISTANCE] = gate_whitening_distance(&w, f->r->good + i * k, f->z);
    gate_whitening_release(&w);
    return status;
}

int gate_reference_fit(struct gate_reference *r, const int64_t *group, const struct device *device,
                       struct gate_values *v, struct fmt_error *e)
{
    int64_t n_groups = 0;
    for (int64_t i = 0; i < r->n_good; i++) {
        v[i].value[GATE_DISTANCE] = NAN;
        n_groups = num_max(n_groups, group[i] + 1);
    }
    gate_whitening_release(&r->whitening);
    if (n_groups < 2)
        return 0;
    struct folding f = {.r = r, .group = group, .device = device, .v = v, .n_folds = num_min(FOLDS, n_groups), .e = e,
                        .row = malloc((size_t)r->n_good * sizeof *f.row),
                        .z = malloc((size_t)gate_folded(r->dim) * sizeof *f.z)};
    int status = f.row && f.z ? 0 : fmt_no_memory(e);
    for (int64_t fold = 0; fold < f.n_folds && !status; fold++)
        status = measure_fold(&f, fold);
    if (!status)
        status = fit_without(&f, -1, &r->whitening); /* of none: all */
    free(f.row);
    free(f.z);
    return status;
}
