/* operating-points.c - one order, written and read here. */
#include "operating-points.h"

#include <stdlib.h>

static int make_room(struct threshold *given[2], int n, struct fmt_error *e)
{
    for (int level = 0; level < 2; level++)
        given[level] = calloc((size_t)n + 1, sizeof **given);
    return given[0] && given[1] ? 0 : fmt_no_memory(e);
}

int operating_points_choose(const struct scores_rows *rows, struct scores_plan *plan, struct thread_pool *pool,
                  struct threshold *given[2], struct linear *m, struct fmt_error *e)
{
    int n = scores_n_points(plan), status = make_room(given, n, e);
    m->point = calloc(2 * (size_t)n + 1, sizeof *m->point);
    if (!m->point && !status)
        status = fmt_no_memory(e);
    for (int level = 0; level < 2 && !status; level++) {
        status = scores_choose(plan, rows, level ? SCORES_GROUPS : SCORES_IMAGES, pool, given[level], e);
        for (int i = 0; i < n && !status; i++) {
            const struct threshold *t = &given[level][i];
            m->point[m->n_points++] = (struct linear_point){
                t->of_class, level ? LINEAR_GROUPS : LINEAR_IMAGES, t->at_recall, t->wanted, t->value, t->precision,
                t->recall};
        }
        plan->given[level] = given[level];
    }
    return status;
}

/* Those of the first class at the first level. */
static int take_wanted(const struct linear *m, struct score_options *o, struct scores_plan *plan, struct fmt_error *e)
{
    o->at_recall = o->at_precision = "";
    plan->n_at_recall = plan->n_at_precision = 0;
    for (int i = 0; i < m->n_points / 2 && m->point[i].of_class == m->point[0].of_class; i++) {
        const struct linear_point *p = &m->point[i];
        if (plan->n_at_recall == SCORE_OPTIONS_POINTS_MAX || plan->n_at_precision == SCORE_OPTIONS_POINTS_MAX)
            return fmt_fail(e, FMT_LIMIT, "too many thresholds");
        if (p->at_recall)
            o->recall[plan->n_at_recall++] = p->target;
        else
            o->precision[plan->n_at_precision++] = p->target;
    }
    return 0;
}

int operating_points_take(const struct linear *m, struct score_options *o, struct scores_plan *plan,
                          struct threshold *given[2], struct fmt_error *e)
{
    int n = m->n_points / 2, status = take_wanted(m, o, plan, e);
    if (!status && m->n_points != 2 * scores_n_points(plan))
        status = fmt_fail(e, FMT_INVALID, "thresholds that are not those of every class");
    if (!status)
        status = make_room(given, n, e);
    for (int level = 0; level < 2 && !status; level++) {
        for (int i = 0; i < n; i++) {
            const struct linear_point *p = &m->point[level * n + i];
            given[level][i] =
                (struct threshold){p->of_class, p->at_recall, p->target, p->threshold, p->precision, p->recall};
        }
        plan->given[level] = given[level];
    }
    return status;
}
