/* gate-calibrate.c - limits as order statistics. */
#include "gate-calibrate.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "binomial.h"
#include "num.h"
#include "promise.h"

struct calibrating {
    const struct gate_values *v;
    const int64_t *group;
    int64_t n, n_groups;
    double *worst; /* [n_groups] of an installation the value that is stopped first; NAN: none is there */
    bool *stopped; /* [n_groups] */
};

static void find_worst(struct calibrating *c, enum gate_limit l)
{
    bool least = gate_limit_is_least(l);
    for (int64_t g = 0; g < c->n_groups; g++)
        c->worst[g] = NAN;
    for (int64_t i = 0; i < c->n; i++) {
        double *worst = &c->worst[c->group[i]], value = c->v[i].value[gate_measure_of_limit(l)];
        *worst = least ? fmin(*worst, value) : fmax(*worst, value); /* the one that is not NAN */
    }
}

/* Moves the values that are there to the front, ascending; returns how many. */
static int64_t sort_values(double *value, int64_t n)
{
    int64_t found = 0;
    for (int64_t i = 0; i < n; i++)
        if (!isnan(value[i]))
            value[found++] = value[i];
    qsort(value, (size_t)found, sizeof *value, num_order_f64);
    return found;
}

/* Photographs that only look alike are not stopped, however different the good ones are. */
static double at_least_alike(enum gate_limit l, double limit)
{
    return l == GATE_SIMILARITY_MOST ? fmax(limit, GATE_ALIKE) : limit;
}

/* l GATE_LIMITS: by any gate. */
static bool is_stopped(const struct gate_limits *limits, int l, const struct gate_values *v)
{
    return l < GATE_LIMITS ? gate_stops(limits, (enum gate_limit)l, v) : gate_check(limits, v, NULL) != GATE_NONE;
}

static void count_stopped(struct calibrating *c, const struct gate_limits *limits, int l,
                          struct gate_count *photographs, struct gate_count *installations)
{
    for (int64_t g = 0; g < c->n_groups; g++)
        c->stopped[g] = false;
    for (int64_t i = 0; i < c->n; i++)
        if (is_stopped(limits, l, &c->v[i])) {
            photographs->stopped++;
            c->stopped[c->group[i]] = true;
        }
    for (int64_t g = 0; g < c->n_groups; g++)
        installations->stopped += c->stopped[g];
}

static void set_limit(struct calibrating *c, enum gate_limit l, struct gate_limits *limits)
{
    find_worst(c, l);
    int64_t found = sort_values(c->worst, c->n_groups);
    if (found == 0)
        return;
    const struct promise promise = {PROMISE_ALARMS, limits->share, limits->confidence};
    int64_t rank = num_max(1, promise_rank(&promise, found));
    limits->limit[l] = at_least_alike(l, gate_limit_is_least(l) ? c->worst[rank - 1] : c->worst[found - rank]);
    limits->bound[l] = limits->confidence > 0 ? binomial_upper(rank - 1, found, limits->confidence)
                                              : (double)rank / ((double)found + 1);
    limits->installations[l].n = found;
    for (int64_t i = 0; i < c->n; i++)
        limits->photographs[l].n += !isnan(c->v[i].value[gate_measure_of_limit(l)]);
    count_stopped(c, limits, (int)l, &limits->photographs[l], &limits->installations[l]);
}

static void set_limits(struct calibrating *c, struct gate_limits *limits)
{
    for (int l = 0; l < GATE_LIMITS; l++)
        set_limit(c, (enum gate_limit)l, limits);
    limits->all_photographs.n = c->n;
    limits->all_installations.n = c->n_groups;
    count_stopped(c, limits, GATE_LIMITS, &limits->all_photographs, &limits->all_installations);
}

int gate_calibrate(const struct gate_values *v, const int64_t *group, int64_t n, double share, double confidence,
                   struct gate_limits *limits, struct fmt_error *e)
{
    struct gate_limits l = gate_no_limits();
    struct calibrating c = {.v = v, .group = group, .n = n};
    if (n < 1)
        return fmt_fail(e, FMT_INVALID, "gates: there are no good photographs");
    for (int64_t i = 0; i < n; i++)
        c.n_groups = num_max(c.n_groups, group[i] + 1);
    c.worst = malloc((size_t)c.n_groups * sizeof *c.worst);
    c.stopped = malloc((size_t)c.n_groups * sizeof *c.stopped);
    int status = c.worst && c.stopped ? 0 : fmt_no_memory(e);
    if (!status) {
        l.share = share;
        l.confidence = confidence;
        set_limits(&c, &l);
        *limits = l;
    }
    free(c.worst);
    free(c.stopped);
    return status;
}

/* ------------------------------------------------------------------ odd photographs */
struct far { /* the farthest photograph of an installation */
    double distance;
    int64_t row;
};

static int by_distance(const void *a, const void *b) /* descending */
{
    const struct far *x = a, *y = b;
    return x->distance != y->distance ? (x->distance < y->distance) - (x->distance > y->distance)
                                      : (x->row > y->row) - (x->row < y->row);
}

/* far [installations], descending: those beyond the limit are stopped, and decide nothing. */
static void find_gap(const struct far *far, int64_t n, double limit, struct gate_odd *odd)
{
    int64_t first = 0;
    double most = GATE_ODD_GAP;
    while (first < n && far[first].distance > limit)
        first++;
    for (int64_t k = 1; k <= GATE_ODD_MAX && first + k < n; k++) {
        double next = far[first + k].distance, gap = far[first + k - 1].distance / next;
        if (gap < most)
            continue;
        most = gap;
        odd->n = (int)k;
        odd->next = next;
    }
    for (int i = 0; i < odd->n; i++)
        odd->row[i] = far[first + i].row;
}

int gate_find_odd(const struct gate_values *v, const int64_t *group, int64_t n, const struct gate_limits *limits,
                  struct gate_odd *odd, struct fmt_error *e)
{
    int64_t n_groups = 0, found = 0;
    *odd = (struct gate_odd){.n = 0};
    for (int64_t i = 0; i < n; i++)
        n_groups = num_max(n_groups, group[i] + 1);
    struct far *far = malloc((size_t)num_max(1, n_groups) * sizeof *far);
    if (!far)
        return fmt_no_memory(e);
    for (int64_t g = 0; g < n_groups; g++)
        far[g] = (struct far){-1, -1};
    for (int64_t i = 0; i < n; i++)
        if (v[i].value[GATE_DISTANCE] > far[group[i]].distance) /* NAN: never */
            far[group[i]] = (struct far){v[i].value[GATE_DISTANCE], i};
    for (int64_t g = 0; g < n_groups; g++)
        if (far[g].row >= 0)
            far[found++] = far[g];
    qsort(far, (size_t)found, sizeof *far, by_distance);
    find_gap(far, found, limits->limit[GATE_DISTANCE_MOST], odd);
    free(far);
    return 0;
}

/* ------------------------------------------------------------------ texts */
void gate_limit_text(const struct gate_limits *limits, enum gate_limit l, char text[GATE_LINE_MAX])
{
    const struct gate_count *photographs = &limits->photographs[l], *installations = &limits->installations[l];
    char sure[40] = "on average";
    *text = 0;
    if (limits->confidence > 0)
        snprintf(sure, sizeof sure, "with %.4g %% confidence at most", 100 * limits->confidence);
    if (isnan(limits->limit[l]))
        return;
    snprintf(text, GATE_LINE_MAX,
             "%s: %s at %s %.5g stops %lld of %s, %lld of %s; %s %.2g %% of all installations",
             gate_name(gate_of_limit(l)), gate_measure_name(gate_measure_of_limit(l)),
             gate_limit_is_least(l) ? "least" : "most", limits->limit[l], (long long)photographs->stopped,
             FMT_COUNT(photographs->n, "good photograph", "good photographs"), (long long)installations->stopped,
             FMT_COUNT(installations->n, "installation", "installations"), sure,
             100 * limits->bound[l]);
}
