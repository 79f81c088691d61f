/* make-gates.c - see make-gates.h. */
#include "make-gates.h"

#include <stdlib.h>
#include <string.h>

#include "gate-calibrate.h"
#include "progress.h"

struct gathering {
    struct gate_reference reference;
    struct gate_values *values; /* [n] */
    int64_t n, capacity;
    int64_t n_judged;
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

static int gather(void *arg, const struct photo *photo, const float *feature, const struct gate_print *print,
                  const struct gate_values *values)
{
    struct gathering *g = arg;
    if (fmt_grow(&g->values, g->n, &g->capacity, sizeof *g->values, g->e))
        return FMT_MEMORY;
    g->values[g->n++] = *values;
    return gate_reference_add(&g->reference, photo->name, photo->group, feature, print, g->e);
}

/* Scores do not matter here. */
static int count(void *arg, const struct judged_group *group, const struct judged_photo *photo)
{
    struct gathering *g = arg;
    (void)photo;
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

/* What good photographs show of themselves, each against those of other installations, and limits that few exceed. */
static int set_limits(struct gathering *g, const struct judge *j, double share, double confidence,
                      struct gate_limits *limits)
{
    int64_t n_groups, *group = malloc((size_t)g->n * sizeof *group);
    int status = group ? gate_reference_groups(&g->reference, group, &n_groups, g->e) : fmt_no_memory(g->e);
    if (!status)
        status = gate_reference_fit(&g->reference, group, &j->device, g->values, g->e);
    if (!status)
        status = gate_reference_look_all(&g->reference, j->device.pool, g->values, g->e);
    if (!status)
        status = gate_calibrate(g->values, group, g->n, share, confidence, limits, g->e);
    free(group);
    return status;
}

int make_gates(struct photo_list *list, struct judge *j, double share, double confidence, struct fmt_error *e)
{
    struct gathering g = {.e = e};
    struct gate_limits limits;
    leave_out_faulty(list, j->settings.positive);
    int status = gate_reference_init(&g.reference, j->extract.dim, JUDGE_RECENT_MOST, e);
    if (!status && list->n > 0)
        status = gather_all(&g, list, j);
    if (!status && g.n == 0)
        status = fmt_fail(e, FMT_INVALID, "no good photographs that can be read");
    if (!status)
        status = set_limits(&g, j, share, confidence, &limits);
    if (!status)
        judge_set_gates(j, &limits, &g.reference);
    gate_reference_release(&g.reference);
    free(g.values);
    return status;
}
