/* make-gates.c - see make-gates.h. */
#include "make-gates.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gate-calibrate.h"
#include "progress.h"

enum { NAMED_MAX = 3 };
struct naming {
    int64_t n;
    char text[NAMED_MAX * 300];
};

struct gathering {
    struct gate_reference reference;
    struct gate_values *values; /* [n] */
    int64_t n, capacity;
    int64_t n_judged;
    struct naming left_out; /* damaged, or unreadable */
    struct progress progress;
    struct fmt_error *e;
};

/* Before any is read: on a catalogue of a whole site they would be judged for nothing. */
static void leave_out_faulty(struct photo_list *list, const char *positive)
{
    int64_t n = 0;
    for (int64_t i = 0; i < list->n; i++) {
        int32_t label = list->photo[i].label;
        if (!positive || label < 0 || strcmp(list->class_name[label], positive) != 0)
            list->photo[n++] = list->photo[i];
    }
    list->n = n;
}

static int gather(void *arg, const struct judged_photo *photo, const float *feature, const struct gate_print *print)
{
    struct gathering *g = arg;
    if (photo->damaged)
        return 0;
    if (fmt_grow(&g->values, g->n, &g->capacity, sizeof *g->values, g->e))
        return FMT_MEMORY;
    g->values[g->n++] = photo->values;
    return gate_reference_add(&g->reference, photo->photo->name, photo->photo->group, feature, print, g->e);
}

/* Adds to a text of names, at most three of which are told. */
__attribute__((format(printf, 2, 3))) static void add_name(struct naming *t, const char *format, ...)
{
    size_t used = strlen(t->text);
    va_list args;
    if (t->n++ >= NAMED_MAX)
        return;
    used += (size_t)snprintf(t->text + used, sizeof t->text - used, "%s", t->n > 1 ? ", " : "");
    va_start(args, format);
    vsnprintf(t->text + used, sizeof t->text - used, format, args);
    va_end(args);
}

/* Scores do not matter here. */
static int count(void *arg, const struct judged_group *group, const struct judged_photo *photo)
{
    struct gathering *g = arg;
    for (int i = 0; i < group->n_photographs; i++)
        if (photo[i].failure || photo[i].damaged)
            add_name(&g->left_out, "%.200s", photo[i].photo->name);
    g->n_judged += group->n_photographs;
    progress_step(&g->progress, g->n_judged);
    return 0;
}

static int gather_all(struct gathering *g, const struct photo_list *list, struct judge *j)
{
    struct judge_job job = {.found = count, .arg = g, .look = gather};
    progress_begin(&g->progress, "reference", "photograph", "photographs", list->n);
    int status = judge_run(j, list, &job, g->e);
    (status ? progress_abandon : progress_end)(&g->progress);
    return status;
}

static void warn_left_out(const struct gathering *g, void (*warn)(const char *format, ...))
{
    if (g->left_out.n > 0)
        warn("reference: %s damaged or unreadable, left out: %s%s",
             FMT_COUNT(g->left_out.n, "photograph", "photographs"), g->left_out.text,
             g->left_out.n > NAMED_MAX ? ", ..." : "");
}

/* The limit of the distance is then no limit of good photographs. */
static void warn_odd(const struct gathering *g, const struct gate_odd *odd, void (*warn)(const char *format, ...))
{
    struct naming names = {.n = 0};
    for (int i = 0; i < odd->n; i++)
        add_name(&names, "%.200s (%.3g)", gate_reference_row(&g->reference, odd->row[i]).key,
                 g->values[odd->row[i]].value[GATE_DISTANCE]);
    if (odd->n > 0)
        warn("reference: %s far from all others, the next at %.3g, and decide%s what subject stops: %s",
             odd->n == 1 ? "one photograph is" : "photographs are", odd->next, odd->n == 1 ? "s" : "", names.text);
}

/* What good photographs show of themselves, each against those of other installations, and limits that few exceed. */
static int set_limits(struct gathering *g, const struct judge *j, const struct make_gates *m,
                      struct gate_limits *limits)
{
    struct gate_odd odd;
    int64_t n_groups, *group = malloc((size_t)g->n * sizeof *group);
    int status = group ? gate_reference_groups(&g->reference, group, &n_groups, g->e) : fmt_no_memory(g->e);
    if (!status)
        status = gate_reference_fit(&g->reference, group, &j->device, g->values, g->e);
    if (!status)
        status = gate_reference_look_all(&g->reference, j->device.pool, g->values, g->e);
    if (!status)
        status = gate_calibrate(g->values, group, g->n, m->share, m->confidence, limits, g->e);
    if (!status)
        status = gate_find_odd(g->values, group, g->n, limits, &odd, g->e);
    if (!status)
        warn_odd(g, &odd, m->warn);
    free(group);
    return status;
}

int make_gates(struct photo_list *list, struct judge *j, const struct make_gates *m, struct fmt_error *e)
{
    struct gathering g = {.e = e};
    struct gate_limits limits;
    leave_out_faulty(list, j->settings.positive);
    int status = gate_reference_init(&g.reference, j->extract.dim, JUDGE_RECENT_MOST, e);
    if (!status && list->n > 0)
        status = gather_all(&g, list, j);
    if (!status)
        warn_left_out(&g, m->warn);
    if (!status && g.n == 0)
        status = fmt_fail(e, FMT_INVALID, "no good photographs that can be read");
    if (!status)
        status = set_limits(&g, j, m, &limits);
    if (!status)
        judge_set_gates(j, &limits, &g.reference);
    gate_reference_release(&g.reference);
    free(g.values);
    return status;
}
