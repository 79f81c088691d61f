/* operating-points.c - the order in the file is written and read here. */
#include "operating-points.h"

#include <stdlib.h>

/* The levels that have thresholds of their own, in the order of the file. */
static const struct {
    enum scores_level level;
    enum linear_level stored;
} stored[] = {{SCORES_IMAGES, LINEAR_IMAGES}, {SCORES_GROUPS, LINEAR_GROUPS}};
enum { N_STORED = sizeof stored / sizeof *stored };

static int reserve(struct threshold *given[SCORES_LEVELS], int n, struct fmt_error *e)
{
    for (int i = 0; i < N_STORED; i++)
        if (!(given[stored[i].level] = calloc((size_t)n + 1, sizeof **given)))
            return fmt_no_memory(e);
    return 0;
}

int operating_points_choose(const struct rows *rows, struct scores_plan *plan, struct thread_pool *pool,
                            struct threshold *given[SCORES_LEVELS], struct linear *m, struct fmt_error *e)
{
    int n = scores_n_points(plan), status = reserve(given, n, e);
    m->point = calloc(N_STORED * (size_t)n + 1, sizeof *m->point);
    if (!m->point && !status)
        status = fmt_no_memory(e);
    for (int s = 0; s < N_STORED && !status; s++) {
        enum scores_level level = stored[s].level;
        status = scores_choose(plan, rows, level, pool, given[level], e);
        for (int i = 0; i < n && !status; i++) {
            const struct threshold *t = &given[level][i];
            m->point[m->n_points++] = (struct linear_point){
                t->of_class, stored[s].stored, t->at_recall, t->target, t->value, t->precision, t->recall};
        }
        plan->given[level] = given[level];
    }
    return status;
}

/* Those of the first class at the first level. */
static int take_targets(const struct linear *m, struct score_options *o, struct scores_plan *plan, struct fmt_error *e)
{
    o->at_recall = o->at_precision = "";
    plan->n_at_recall = plan->n_at_precision = 0;
    for (int i = 0; i < m->n_points / N_STORED && m->point[i].of_class == m->point[0].of_class; i++) {
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
                          struct threshold *given[SCORES_LEVELS], struct fmt_error *e)
{
    int n = m->n_points / N_STORED, status = take_targets(m, o, plan, e);
    if (!status && m->n_points != N_STORED * scores_n_points(plan))
        status = fmt_fail(e, FMT_INVALID, "thresholds that are not those of every class");
    if (!status)
        status = reserve(given, n, e);
    for (int s = 0; s < N_STORED && !status; s++) {
        struct threshold *to = given[stored[s].level];
        for (int i = 0; i < n; i++) {
            const struct linear_point *p = &m->point[s * n + i];
            to[i] = (struct threshold){p->of_class, p->at_recall, p->target, p->threshold, p->precision, p->recall};
        }
        plan->given[stored[s].level] = to;
    }
    return status;
}
