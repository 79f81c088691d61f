/* operating-points.c - the order in the file is written and read here. */
#include "operating-points.h"

#include <stdlib.h>

/* The levels that have thresholds of their own, in the order of the file. */
static const struct {
    enum scores_level level;
    enum linear_level stored;
} stored[] = {{SCORES_IMAGES, LINEAR_IMAGES}, {SCORES_GROUPS, LINEAR_GROUPS}};
enum { N_STORED = sizeof stored / sizeof *stored };

/* The points of m [N_STORED,n] are those of the plan. */
static void give(const struct linear *m, struct scores_plan *plan)
{
    for (int s = 0; s < N_STORED; s++)
        plan->given[stored[s].level] = m->point + s * (m->n_points / N_STORED);
}

int operating_points_choose(const struct rows *rows, struct scores_plan *plan, struct thread_pool *pool,
                            struct linear *m, struct fmt_error *e)
{
    int n = scores_n_points(plan), status = 0;
    m->n_points = N_STORED * n;
    m->point = calloc((size_t)m->n_points + 1, sizeof *m->point);
    if (!m->point)
        return fmt_no_memory(e);
    for (int s = 0; s < N_STORED && !status; s++) {
        status = scores_choose(plan, rows, stored[s].level, pool, m->point + s * n, e);
        for (int i = 0; i < n; i++)
            m->point[s * n + i].level = stored[s].stored;
    }
    give(m, plan);
    return status;
}

int operating_points_restore(const struct linear *m, struct score_options *o, struct scores_plan *plan,
                          struct fmt_error *e)
{
    o->at_recall = o->at_precision = "";
    plan->n_at_recall = plan->n_at_precision = 0;
    for (int i = 0; i < m->n_points / N_STORED && m->point[i].class_index == m->point[0].class_index; i++) {
        const struct linear_point *p = &m->point[i]; /* the targets are those of the first class at the first level */
        if (plan->n_at_recall == SCORE_OPTIONS_POINTS_MAX || plan->n_at_precision == SCORE_OPTIONS_POINTS_MAX)
            return fmt_fail(e, FMT_LIMIT, "too many thresholds");
        if (p->at_recall)
            o->recall[plan->n_at_recall++] = p->target;
        else
            o->precision[plan->n_at_precision++] = p->target;
    }
    if (m->n_points != N_STORED * scores_n_points(plan))
        return fmt_fail(e, FMT_INVALID, "thresholds that are not those of every class");
    give(m, plan);
    return 0;
}
