/* make-gates.c - see make-gates.h. */
#include "make-gates.h"

#include <stdlib.h>
#include <string.h>

#include "gate-calibrate.h"

struct gathering {
    struct gate_reference reference;
    struct gate_values *values; /* [n] */
    int64_t n, capacity;
    int32_t positive; /* of the list's classes; -1: all are good */
    struct fmt_error *e;
};

static int gather(void *arg, const struct photo *photo, const float *feature, const struct gate_print *print,
                  const struct gate_values *values)
{
    struct gathering *g = arg;
    if (g->positive >= 0 && photo->label == g->positive)
        return 0;
    if (fmt_grow(&g->values, g->n, &g->capacity, sizeof *g->values, g->e))
        return FMT_MEMORY;
    g->values[g->n++] = *values;
    return gate_reference_add(&g->reference, photo->name, photo->group, feature, print, g->e);
}

/* Scores do not matter here. */
static int pass_over(void *arg, const struct judged_group *group, const struct judged_photo *photo)
{
    (void)arg;
    (void)group;
    (void)photo;
    return 0;
}

int make_gates(const struct photo_list *list, struct judge *j, double share, double confidence, struct fmt_error *e)
{
    struct gathering g = {.positive = -1, .e = e};
    struct judge_job job = {.found = pass_over, .arg = &g, .look = gather};
    struct gate_limits limits;
    for (int c = 0; c < list->n_classes && j->settings.positive; c++)
        if (strcmp(list->class_name[c], j->settings.positive) == 0)
            g.positive = c;
    int status = gate_reference_init(&g.reference, j->extract.dim, JUDGE_RECENT_MOST, e);
    if (!status)
        status = judge_run(j, list, &job, e);
    if (!status && g.n == 0)
        status = fmt_fail(e, FMT_INVALID, "no good photographs that can be read");
    if (!status)
        status = gate_reference_look_all(&g.reference, j->device.pool, g.values, e);
    if (!status)
        status = gate_calibrate(g.values, g.n, share, confidence, &limits, e);
    if (!status)
        judge_set_gates(j, &limits, &g.reference);
    gate_reference_release(&g.reference);
    free(g.values);
    return status;
}
