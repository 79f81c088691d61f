/* gate-reference.c - the nearest photographs by one pass over all features: a product of 384 values takes less than a
 * tenth of a microsecond, and there are as many as a site has photographs. */
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
    struct gate_half half;
};

/* ------------------------------------------------------------------ what is known */
int gate_reference_init(struct gate_reference *r, int64_t dim, int64_t recent_most, struct fmt_error *e)
{
    *r = (struct gate_reference){.dim = dim, .recent_most = recent_most};
    if (dim < 1 || dim > GATE_DIM_MAX || recent_most < 0)
        return fmt_fail(e, FMT_LIMIT, "features of known photographs have 1 to %d values, not %lld", GATE_DIM_MAX,
                        (long long)dim);
    r->recent = calloc((size_t)num_max(1, recent_most), (size_t)dim * sizeof *r->recent);
    r->recent_known = calloc((size_t)num_max(1, recent_most), sizeof *r->recent_known);
    if (r->recent && r->recent_known)
        return 0;
    gate_reference_release(r);
    return fmt_no_memory(e);
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
    for (int64_t i = 0; i < r->n_recent; i++)
        forget(&r->recent_known[i]);
    free(r->good);
    free(r->recent);
    free(r->good_known);
    free(r->recent_known);
    *r = (struct gate_reference){0};
}

/* to = the feature at unit length; zeros stay. */
static void set_unit(float *to, const float *feature, int64_t dim)
{
    double squares = 0;
    for (int64_t k = 0; k < dim; k++)
        squares += (double)feature[k] * (double)feature[k];
    double factor = squares > 0 ? 1 / sqrt(squares) : 0;
    for (int64_t k = 0; k < dim; k++)
        to[k] = (float)((double)feature[k] * factor);
}

/* Puts a photograph at a place that holds another one, or none. */
static int put(const struct gate_reference *r, float *to, struct gate_known *known, const char *key, const char *group,
               const float *feature, const struct gate_print *print, struct fmt_error *e)
{
    if (!finite_all(feature, r->dim))
        return fmt_fail(e, FMT_NONFINITE, "%s: its feature is not finite", key);
    struct gate_known k = {.key = strdup(key), .group = strdup(group), .print = *print};
    if (!k.key || !k.group) {
        forget(&k);
        return fmt_no_memory(e);
    }
    gate_half_make(print, &k.half);
    forget(known);
    *known = k;
    set_unit(to, feature, r->dim);
    return 0;
}

int gate_reference_add(struct gate_reference *r, const char *key, const char *group, const float *feature,
                       const struct gate_print *print, struct fmt_error *e)
{
    int64_t capacity = r->capacity, same = r->capacity;
    int status = fmt_grow(&r->good, r->n_good, &capacity, (size_t)r->dim * sizeof *r->good, e);
    if (!status)
        status = fmt_grow(&r->good_known, r->n_good, &same, sizeof *r->good_known, e);
    if (status)
        return status;
    r->capacity = capacity;
    r->good_known[r->n_good] = (struct gate_known){0};
    status = put(r, r->good + r->n_good * r->dim, &r->good_known[r->n_good], key, group, feature, print, e);
    r->n_good += status == 0;
    return status;
}

int gate_reference_recent(struct gate_reference *r, const char *key, const char *group, const float *feature,
                          const struct gate_print *print, struct fmt_error *e)
{
    if (r->recent_most == 0)
        return 0;
    int64_t at = r->next_recent;
    int status = put(r, r->recent + at * r->dim, &r->recent_known[at], key, group, feature, print, e);
    if (status)
        return status;
    r->next_recent = (at + 1) % r->recent_most;
    r->n_recent = num_max(r->n_recent, at + 1);
    return 0;
}

/* ------------------------------------------------------------------ the nearest ones */
struct nearest {
    double value[GATE_CANDIDATES]; /* descending */
    const struct gate_known *known[GATE_CANDIDATES];
    int n, most;
};

static void keep_nearest(struct nearest *t, double value, const struct gate_known *known)
{
    if (t->n == t->most && value <= t->value[t->n - 1])
        return;
    int at = t->n < t->most ? t->n++ : t->n - 1;
    for (; at > 0 && t->value[at - 1] < value; at--) {
        t->value[at] = t->value[at - 1];
        t->known[at] = t->known[at - 1];
    }
    t->value[at] = value;
    t->known[at] = known;
}

/* In LANES sums, whose order is the same on every processor. */
static double dot(const float *a, const float *b, int64_t n)
{
    enum { LANES = 16 };
    float sum[LANES] = {0}, all = 0;
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES)
        for (int k = 0; k < LANES; k++)
            sum[k] += a[i + k] * b[i + k];
    for (; i < n; i++)
        sum[0] += a[i] * b[i];
    for (int k = 0; k < LANES; k++)
        all += sum[k];
    return (double)all;
}

/* Whose photograph is looked up. Its own row and those of its installation are left out. */
struct query {
    const float *unit; /* [dim] */
    const struct gate_print *print;
    const char *group;
    int64_t row; /* of the good photographs; -1: none of them */
};

static bool is_other(const struct query *q, const struct gate_known *known, int64_t row)
{
    return row != q->row && (*q->group == 0 || strcmp(known->group, q->group) != 0);
}

static const struct gate_known *known_at(const struct gate_reference *r, int64_t i)
{
    return i < r->n_good ? &r->good_known[i] : &r->recent_known[i - r->n_good];
}

static const float *feature_at(const struct gate_reference *r, int64_t i)
{
    return i < r->n_good ? r->good + i * r->dim : r->recent + (i - r->n_good) * r->dim;
}

/* By feature: for the distance, and as candidates for a copy. */
static void find_nearest(const struct gate_reference *r, const struct query *q, struct nearest *subject,
                         struct nearest *candidate)
{
    for (int64_t i = 0; i < r->n_good + r->n_recent; i++) {
        const struct gate_known *known = known_at(r, i);
        if (!is_other(q, known, i))
            continue;
        double c = dot(q->unit, feature_at(r, i), r->dim);
        keep_nearest(candidate, c, known);
        if (i < r->n_good)
            keep_nearest(subject, c, known);
    }
}

/* By pixels, were the photograph this box of each. */
static void find_alike(const struct gate_reference *r, const struct query *q, const struct gate_box *box,
                       struct nearest *candidate)
{
    struct gate_overlay over;
    gate_overlay_set(&over, q->print, box);
    for (int64_t i = 0; i < r->n_good + r->n_recent; i++) {
        const struct gate_known *known = known_at(r, i);
        if (is_other(q, known, i))
            keep_nearest(candidate, gate_overlay_compare(&over, &known->half), known);
    }
}

/* The most alike so far, and the box of it that the photograph is. */
struct match {
    double alike;
    const struct gate_known *known;
    struct gate_box box;
};

static void keep_match(struct match *m, double alike, const struct gate_known *known, const struct gate_box *box)
{
    if (!m->known || alike > m->alike)
        *m = (struct match){alike, known, *box};
}

/* Photographs of one place are framed alike: the box of the most alike candidate by feature is about right for a copy,
 * too, which is hardly ever among these candidates once it was cropped, but is by pixels in that box. */
static struct match find_match(const struct gate_reference *r, const struct query *q, const struct nearest *by_feature)
{
    struct match m = {.alike = NAN};
    struct gate_box whole = {{0}};
    for (int i = 0; i < by_feature->n; i++) {
        struct gate_box box = whole;
        double alike = gate_print_align(q->print, &by_feature->known[i]->print, &box);
        keep_match(&m, alike, by_feature->known[i], &box);
    }
    for (int pass = 0; m.known && pass < 2; pass++) {
        const struct gate_box first = pass == 0 ? whole : m.box;
        struct nearest by_pixels = {.most = GATE_CANDIDATES};
        find_alike(r, q, &first, &by_pixels);
        for (int i = 0; i < by_pixels.n; i++) {
            struct gate_box box = first;
            double alike = gate_print_refine(q->print, &by_pixels.known[i]->print, &box);
            keep_match(&m, alike, by_pixels.known[i], &box);
        }
    }
    return m;
}

static void look(const struct gate_reference *r, const struct query *q, struct gate_values *v)
{
    struct nearest subject = {.most = GATE_NEIGHBOURS}, candidate = {.most = GATE_CANDIDATES};
    find_nearest(r, q, &subject, &candidate);
    struct match m = find_match(r, q, &candidate);
    v->value[GATE_DISTANCE] = subject.n > 0 ? 1 - subject.value[subject.n - 1] : NAN;
    v->value[GATE_SIMILARITY] = m.alike;
    snprintf(v->similar_key, sizeof v->similar_key, "%s", m.known ? m.known->key : "");
    snprintf(v->similar_group, sizeof v->similar_group, "%s", m.known ? m.known->group : "");
}

int gate_reference_look(const struct gate_reference *r, const float *feature, const struct gate_print *print,
                        const char *group, struct gate_values *v, struct fmt_error *e)
{
    float *unit = malloc((size_t)r->dim * sizeof *unit);
    if (!unit)
        return fmt_no_memory(e);
    set_unit(unit, feature, r->dim);
    look(r, &(struct query){unit, print, group, -1}, v);
    free(unit);
    return 0;
}

struct look_all {
    const struct gate_reference *r;
    struct gate_values *v;
};

static void look_at_row(void *arg, int64_t i, int worker)
{
    const struct look_all *a = arg;
    const struct gate_known *known = &a->r->good_known[i];
    (void)worker;
    look(a->r, &(struct query){a->r->good + i * a->r->dim, &known->print, known->group, i}, &a->v[i]);
}

void gate_reference_look_all(const struct gate_reference *r, struct thread_pool *pool, struct gate_values *v)
{
    struct look_all all = {r, v};
    thread_for(pool, r->n_good, look_at_row, &all);
}

struct gate_row gate_reference_row(const struct gate_reference *r, int64_t i)
{
    const struct gate_known *k = &r->good_known[i];
    return (struct gate_row){k->key, k->group, r->good + i * r->dim, &k->print};
}
