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
        int i_seen;
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
    struct thread_pool *pool;
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

/* Candidates are compared by all threads, each for itself. */
struct comparing {
    const struct gate_reference *r;
    const struct query *q;
    const struct gate_search *search; /* the photograph in all boxes of the grid */
    const struct gate_seen *seen;
    const struct gate_placed *placed; /* the photograph in the box of the most alike */
    struct candidate *item;
};

enum { NONE = -2, AT_ONCE = 32 }; /* a value below all; sketches that a thread takes */

static void search_some(void *arg, int64_t part, int worker)
{
    const struct comparing *c = arg;
    const struct gate_reference *r = c->r;
    int64_t end = num_min((part + 1) * AT_ONCE, r->n_good + r->recent.n);
    (void)worker;
    for (int64_t i = part * AT_ONCE; i < end; i++) {
        struct candidate *one = &c->item[i];
        int i_box = 0;
        *one = (struct candidate){.value = NONE, .i = i};
        if (!is_other(r, c->q, i) || (i >= r->n_good && !r->recent.item[i - r->n_good].name))
            continue;
        one->value = gate_search_compare(c->search, sketch_at(r, i), &i_box);
        one->box = gate_search_box(i_box);
    }
}

/* The grid is coarse: a better box shows more. */
static void approach_sketch(void *arg, int64_t i, int worker)
{
    const struct comparing *c = arg;
    struct candidate *one = &c->item[i];
    (void)worker;
    one->value = gate_sketch_approach(c->q->part, sketch_at(c->r, one->i), &one->box);
}

static void compare_roughly(void *arg, int64_t i, int worker)
{
    const struct comparing *c = arg;
    struct candidate *one = &c->item[i];
    (void)worker;
    one->value = gate_print_approach(c->q->part, &c->seen[one->i_seen].print, &one->box);
}

static void compare_in_place(void *arg, int64_t i, int worker)
{
    const struct comparing *c = arg;
    (void)worker;
    c->item[i].value = gate_placed_compare(c->placed, &c->seen[c->item[i].i_seen].print);
}

static void compare_exactly(void *arg, int64_t i, int worker)
{
    const struct comparing *c = arg;
    struct candidate *one = &c->item[i];
    (void)worker;
    one->value = gate_print_refine(c->q->part, &c->seen[one->i_seen].print, &one->box);
}

static void keep_all(struct nearest *t, const struct candidate *item, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        if (item[i].value > NONE)
            keep_nearest(t, item[i]);
}

/* All that are known, in all boxes of the grid. */
static int search_all(struct comparing *c, struct nearest *all, struct fmt_error *e)
{
    int64_t n = c->r->n_good + c->r->recent.n;
    struct gate_search *s = malloc(sizeof *s);
    struct candidate *item = malloc((size_t)num_max(1, n) * sizeof *item);
    int status = s && item ? 0 : fmt_no_memory(e);
    if (!status) {
        gate_search_set(s, c->q->print);
        c->search = s;
        c->item = item;
        thread_for(c->q->pool, (n + AT_ONCE - 1) / AT_ONCE, search_some, c);
        keep_all(all, item, n);
    }
    free(item);
    free(s);
    return status;
}

/* The pictures of the candidates. seen: for free() */
static int read_prints(const struct gate_reference *r, struct nearest *t, struct gate_seen **seen, struct fmt_error *e)
{
    int status = 0;
    *seen = malloc((size_t)num_max(1, t->n) * sizeof **seen);
    if (!*seen)
        return fmt_no_memory(e);
    for (int i = 0; i < t->n && !status; i++) {
        t->item[i].i_seen = i;
        status = read_print(r, t->item[i].i, &(*seen)[i], e);
    }
    return status;
}

/* The best of candidates, which are compared once more: each in its own box, or all in the same one. */
static void choose(struct comparing *c, const struct candidate *item, int n, const struct gate_box *same,
                   struct nearest *best)
{
    struct candidate copy[GATE_CANDIDATES];
    for (int i = 0; i < n; i++) {
        copy[i] = item[i];
        if (same)
            copy[i].box = *same;
    }
    c->item = copy;
    thread_for(c->q->pool, n, same ? compare_in_place : compare_roughly, c);
    keep_all(best, copy, n);
}

/* What is most alike of these and so far. */
static void decide(struct comparing *c, struct nearest *best, struct gate_values *v, struct gate_box *box)
{
    c->item = best->item;
    thread_for(c->q->pool, best->n, compare_exactly, c);
    for (int i = 0; i < best->n; i++) {
        const struct candidate *one = &best->item[i];
        const struct gate_seen *seen = &c->seen[one->i_seen];
        if (v->value[GATE_SIMILARITY] >= one->value) /* NAN: the first one */
            continue;
        v->value[GATE_SIMILARITY] = one->value;
        *box = one->box;
        memcpy(v->similar_key, seen->key, sizeof seen->key);
        memcpy(v->similar_group, seen->group, sizeof seen->group);
    }
}

static int find_copy(const struct gate_reference *r, const struct query *q, struct gate_values *v, struct fmt_error *e)
{
    enum { NEAR = 96, APPROACHED = 48, FINALISTS = 3 };
    struct nearest all = {.most = GATE_CANDIDATES}, near = {.most = NEAR};
    struct nearest rough = {.most = FINALISTS}, fine = {.most = FINALISTS};
    struct comparing c = {.r = r, .q = q};
    struct gate_placed placed;
    struct gate_box box = {{0}};
    struct gate_seen *seen = NULL;
    int status = search_all(&c, &all, e);
    if (status || all.n == 0)
        return status;
    c.item = all.item;
    thread_for(q->pool, all.n, approach_sketch, &c);
    keep_all(&near, all.item, all.n);
    status = read_prints(r, &near, &seen, e);
    if (!status) {
        c.seen = seen;
        choose(&c, near.item, (int)num_min(near.n, APPROACHED), NULL, &rough);
        decide(&c, &rough, v, &box);
        gate_placed_set(&placed, q->part, &box);
        c.placed = &placed;
        choose(&c, near.item, near.n, &box, &fine);
        decide(&c, &fine, v, &box);
    }
    free(seen);
    return status;
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

int gate_reference_look(const struct gate_reference *r, struct thread_pool *pool, const float *feature,
                        const struct gate_print *print, const char *group, struct gate_values *v, struct fmt_error *e)
{
    struct query q = {.print = print, .group = group, .row = -1, .pool = pool};
    int status = find_distance(r, feature, &v->value[GATE_DISTANCE], e);
    return status ? status : look(r, q, v, e);
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
    struct query q = {.print = &known->print, .group = known->group, .row = i};
    (void)worker;
    if (look(a->r, q, &a->v[i], NULL))
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
