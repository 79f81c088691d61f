/* gate-reference.c - passes over all that is known: the search of a sketch takes a few microseconds, and there are as
 * many as a site has photographs. The distance takes as long however many there were. */
#include "gate-reference.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "finite.h"
#include "num.h"

struct gate_known {
    char *key, *group;
    struct gate_print print;
    struct gate_sketch sketch;
};

/* ------------------------------------------------------------------ what is known */
int gate_reference_init(struct gate_reference *r, int64_t dim, int64_t recent_most, struct fmt_error *e)
{
    *r = (struct gate_reference){.dim = dim, .recent.fd = -1};
    if (dim < 1 || dim > GATE_DIM_MAX)
        return fmt_fail(e, FMT_LIMIT, "features of known photographs have 1 to %d values, not %lld", GATE_DIM_MAX,
                        (long long)dim);
    return gate_recent_open(&r->recent, NULL, recent_most, e);
}

int gate_reference_remember(struct gate_reference *r, const char *path, int64_t most, struct fmt_error *e)
{
    struct gate_recent recent;
    int status = gate_recent_open(&recent, path, most, e);
    if (status)
        return status;
    gate_recent_close(&r->recent);
    r->recent = recent;
    return 0;
}

static void forget(struct gate_known *k)
{
    free(k->key);
    free(k->group);
    *k = (struct gate_known){0};
}

void gate_reference_release(struct gate_reference *r)
{
    for (int64_t i = 0; i < r->n_good; i++)
        forget(&r->good_known[i]);
    free(r->good);
    free(r->good_known);
    gate_whitening_release(&r->whitening);
    if (r->dim > 0)
        gate_recent_close(&r->recent);
    *r = (struct gate_reference){0};
}

/* Puts a photograph at a place that holds another one, or none. */
static int put(const struct gate_reference *r, float *to, struct gate_known *known, const char *key, const char *group,
               const float *feature, const struct gate_print *print, struct fmt_error *e)
{
    if (feature && !finite_all(feature, r->dim))
        return fmt_fail(e, FMT_NONFINITE, "%s: its feature is not finite", key);
    struct gate_known k = {.key = strdup(key), .group = strdup(group), .print = *print};
    if (!k.key || !k.group) {
        forget(&k);
        return fmt_no_memory(e);
    }
    gate_sketch_make(print, &k.sketch);
    forget(known);
    *known = k;
    if (feature)
        gate_fold(feature, r->dim, to, gate_folded(r->dim));
    return 0;
}

int gate_reference_add(struct gate_reference *r, const char *key, const char *group, const float *feature,
                       const struct gate_print *print, struct fmt_error *e)
{
    int64_t capacity = r->capacity, same = r->capacity, k = gate_folded(r->dim);
    int status = feature ? fmt_grow(&r->good, r->n_good, &capacity, (size_t)k * sizeof *r->good, e) : 0;
    if (!status)
        status = fmt_grow(&r->good_known, r->n_good, &same, sizeof *r->good_known, e);
    if (status)
        return status;
    r->capacity = same;
    r->good_known[r->n_good] = (struct gate_known){0};
    status = put(r, feature ? r->good + r->n_good * k : NULL, &r->good_known[r->n_good], key, group, feature, print, e);
    r->n_good += status == 0;
    return status;
}

/* ------------------------------------------------------------------ the nearest ones */
struct nearest {
    struct candidate {
        double value;
        int64_t i; /* known: of the good ones, then the recent ones */
        struct gate_box box;
    } item[GATE_CANDIDATES]; /* descending */
    int n, most;
};

static void keep_nearest(struct nearest *t, struct candidate c)
{
    if (t->n == t->most && c.value <= t->item[t->n - 1].value)
        return;
    int at = t->n < t->most ? t->n++ : t->n - 1;
    for (; at > 0 && t->item[at - 1].value < c.value; at--)
        t->item[at] = t->item[at - 1];
    t->item[at] = c;
}

/* Whose photograph is looked up. Its own row and those of its installation are left out. */
struct query {
    const struct gate_print *print;
    const struct gate_part *part; /* of it */
    const char *group;
    int64_t row; /* of the good photographs; -1: none of them */
};

static bool is_other(const struct gate_reference *r, const struct query *q, int64_t i)
{
    if (*q->group == 0 || i == q->row)
        return i != q->row;
    return i < r->n_good ? strcmp(r->good_known[i].group, q->group) != 0
                         : r->recent.item[i - r->n_good].group != gate_recent_hash(q->group);
}

/* ------------------------------------------------------------------ copies */
static int read_print(const struct gate_reference *r, int64_t i, struct gate_seen *seen, struct fmt_error *e)
{
    if (i >= r->n_good)
        return gate_recent_read(&r->recent, i - r->n_good, seen, e);
    const struct gate_known *k = &r->good_known[i];
    snprintf(seen->key, sizeof seen->key, "%s", k->key);
    snprintf(seen->group, sizeof seen->group, "%s", k->group);
    seen->print = k->print;
    return 0;
}

static const struct gate_sketch *sketch_at(const struct gate_reference *r, int64_t i)
{
    return i < r->n_good ? &r->good_known[i].sketch : &r->recent.item[i - r->n_good].sketch;
}

/* All that are known, in all boxes of the grid. */
static int search_all(const struct gate_reference *r, const struct query *q, struct nearest *t, struct fmt_error *e)
{
    struct gate_search *s = malloc(sizeof *s);
    if (!s)
        return fmt_no_memory(e);
    gate_search_set(s, q->print);
    for (int64_t i = 0; i < r->n_good + r->recent.n; i++) {
        int i_box = 0;
        if (!is_other(r, q, i) || (i >= r->n_good && !r->recent.item[i - r->n_good].name))
            continue;
        double c = gate_search_compare(s, sketch_at(r, i), &i_box);
        keep_nearest(t, (struct candidate){c, i, gate_search_box(i_box)});
    }
    free(s);
    return 0;
}

/* The grid is coarse: a better box shows more. */
static void approach_sketches(const struct gate_reference *r, const struct query *q, const struct nearest *from,
                              struct nearest *to)
{
    for (int i = 0; i < from->n; i++) {
        struct candidate c = from->item[i];
        c.value = gate_sketch_approach(q->part, sketch_at(r, c.i), &c.box);
        keep_nearest(to, c);
    }
}

/* What is known of a copy: the most alike so far. */
struct copy {
    const struct gate_reference *r;
    const struct query *q;
    struct gate_values *v;
    struct gate_box box; /* the part of it that the photograph is */
    struct gate_seen seen;
    struct fmt_error *e;
};

enum how { ROUGHLY, IN_THAT_BOX };

/* The best of the candidates: each in its own box, or all in the box of the most alike so far. */
static int choose(struct copy *c, const struct candidate *item, int n, enum how how, struct nearest *best)
{
    struct gate_placed placed;
    if (how == IN_THAT_BOX)
        gate_placed_set(&placed, c->q->part, &c->box);
    for (int i = 0; i < n; i++) {
        struct candidate one = item[i];
        int status = read_print(c->r, one.i, &c->seen, c->e);
        if (status)
            return status;
        if (how == IN_THAT_BOX) {
            one.box = c->box;
            one.value = gate_placed_compare(&placed, &c->seen.print);
        } else {
            one.value = gate_print_approach(c->q->part, &c->seen.print, &one.box);
        }
        keep_nearest(best, one);
    }
    return 0;
}

static int compare_exactly(struct copy *c, const struct nearest *best)
{
    for (int i = 0; i < best->n; i++) {
        struct gate_box box = best->item[i].box;
        int status = read_print(c->r, best->item[i].i, &c->seen, c->e);
        if (status)
            return status;
        double alike = gate_print_refine(c->q->part, &c->seen.print, &box);
        if (c->v->value[GATE_SIMILARITY] >= alike) /* NAN: the first one */
            continue;
        c->v->value[GATE_SIMILARITY] = alike;
        c->box = box;
        memcpy(c->v->similar_key, c->seen.key, sizeof c->seen.key);
        memcpy(c->v->similar_group, c->seen.group, sizeof c->seen.group);
    }
    return 0;
}

static int find_copy(const struct gate_reference *r, const struct query *q, struct gate_values *v, struct fmt_error *e)
{
    enum { NEAR = 96, APPROACHED = 48, FINALISTS = 3 };
    struct nearest all = {.most = GATE_CANDIDATES}, near = {.most = NEAR};
    struct nearest rough = {.most = FINALISTS}, fine = {.most = FINALISTS};
    struct copy c = {.r = r, .q = q, .v = v, .e = e};
    int status = search_all(r, q, &all, e);
    if (!status) {
        approach_sketches(r, q, &all, &near);
        status = choose(&c, near.item, (int)num_min(near.n, APPROACHED), ROUGHLY, &rough);
    }
    if (!status)
        status = compare_exactly(&c, &rough);
    if (!status && near.n > 0)
        status = choose(&c, near.item, near.n, IN_THAT_BOX, &fine);
    return status ? status : compare_exactly(&c, &fine);
}

/* By feature. */
static int find_distance(const struct gate_reference *r, const float *feature, double *distance, struct fmt_error *e)
{
    int64_t k = gate_folded(r->dim);
    *distance = NAN;
    if (r->whitening.k == 0)
        return 0;
    float *x = malloc((size_t)k * sizeof *x);
    double *z = malloc((size_t)k * sizeof *z);
    int status = x && z ? 0 : fmt_no_memory(e);
    if (!status) {
        gate_fold(feature, r->dim, x, k);
        *distance = gate_whitening_distance(&r->whitening, x, z);
    }
    free(x);
    free(z);
    return status;
}

static int look(const struct gate_reference *r, struct query q, struct gate_values *v, struct fmt_error *e)
{
    struct gate_part part;
    gate_part_set(&part, q.print);
    q.part = &part;
    v->value[GATE_SIMILARITY] = NAN;
    v->similar_key[0] = v->similar_group[0] = 0;
    return find_copy(r, &q, v, e);
}

int gate_reference_look(const struct gate_reference *r, const float *feature, const struct gate_print *print,
                        const char *group, struct gate_values *v, struct fmt_error *e)
{
    int status = find_distance(r, feature, &v->value[GATE_DISTANCE], e);
    return status ? status : look(r, (struct query){.print = print, .group = group, .row = -1}, v, e);
}

struct look_all {
    const struct gate_reference *r;
    struct gate_values *v;
    _Atomic bool failed;
};

static void look_at_row(void *arg, int64_t i, int worker)
{
    struct look_all *a = arg;
    const struct gate_known *known = &a->r->good_known[i];
    (void)worker;
    if (look(a->r, (struct query){.print = &known->print, .group = known->group, .row = i}, &a->v[i], NULL))
        a->failed = true;
}

int gate_reference_look_all(const struct gate_reference *r, struct thread_pool *pool, struct gate_values *v,
                            struct fmt_error *e)
{
    struct look_all all = {.r = r, .v = v};
    thread_for(pool, r->n_good, look_at_row, &all);
    return all.failed ? fmt_no_memory(e) : 0;
}

struct gate_row gate_reference_row(const struct gate_reference *r, int64_t i)
{
    const struct gate_known *k = &r->good_known[i];
    return (struct gate_row){k->key, k->group, &k->print};
}
