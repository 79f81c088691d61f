/* operating-points.c - the order in the file is written and read here. */
#include "operating-points.h"

#include <stdlib.h>

int operating_points_choose(const struct rows *rows, struct scores_plan *plan, struct thread_pool *pool,
                            struct linear *m, struct fmt_error *e)
{
    int n = scores_n_points(plan), status = 0;
    m->n_points = LINEAR_LEVELS * n;
    m->point = calloc((size_t)m->n_points + 1, sizeof *m->point);
    if (!m->point)
        return fmt_no_memory(e);
    for (int l = 0; l < SCORES_LEVELS && !status; l++) {
        const struct scores_level *level = &scores_levels[l];
        if (level->stored == SCORES_NOT_STORED)
            continue;
        struct linear_point *point = m->point + level->stored * n;
        status = scores_choose(plan, rows, level, pool, point, e);
        for (int i = 0; i < n; i++)
            point[i].level = (enum linear_level)level->stored;
    }
    plan->given = m->point;
    return status;
}

int operating_points_restore(const struct linear *m, struct score_options *o, struct scores_plan *plan,
                             struct fmt_error *e)
{
    o->at_recall = o->at_precision = "";
    plan->n_at_recall = plan->n_at_precision = 0;
    for (int i = 0; i < m->n_points / LINEAR_LEVELS && m->point[i].class_index == m->point[0].class_index; i++) {
        const struct linear_point *p = &m->point[i]; /* the targets are those of the first class at the first level */
        if (plan->n_at_recall == SCORE_OPTIONS_POINTS_MAX || plan->n_at_precision == SCORE_OPTIONS_POINTS_MAX)
            return fmt_fail(e, FMT_LIMIT, "too many thresholds");
        if (p->at_recall)
            o->recall[plan->n_at_recall++] = p->target;
        else
            o->precision[plan->n_at_precision++] = p->target;
    }
    if (m->n_points != LINEAR_LEVELS * scores_n_points(plan))
        return fmt_fail(e, FMT_INVALID, "thresholds that are not those of every class");
    plan->given = m->point;
    return 0;
}
