/* differences.c - each level is scored three times: a, b, and the difference in the same resamples. */
#include "differences.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEY(name, text) #name,
#define TITLE(name, text) text,
static const char *const key[] = {METRICS_WHOLE(KEY)}, *const title[] = {METRICS_WHOLE(TITLE)};

/* Scores of m, or m - other; their intervals. */
static int score_side(const struct bootstrap *b, const struct metrics *m, const struct metrics *other,
                      struct thread_pool *pool, struct differences_scores *out, struct fmt_error *e)
{
    size_t n = (size_t)m->n_values;
    double *values = calloc(n, 4 * sizeof *values), *subtracted = values + n, *low = values + 2 * n;
    if (!values)
        return fmt_no_memory(e);
    metrics_compute(m, NULL, values, NULL);
    if (other)
        metrics_compute(other, NULL, subtracted, NULL);
    for (size_t v = 0; v < n; v++)
        low[v] = low[n + v] = NAN;
    int status = b->n_resamples > 0 ? bootstrap_difference(b, m, other, pool, low, low + n, e) : 0;
    for (int v = 0; v < METRICS_N_WHOLE; v++) {
        out->value[v] = values[v] - (other ? subtracted[v] : 0);
        out->low[v] = low[v];
        out->high[v] = low[n + (size_t)v];
    }
    free(values);
    return status;
}

static int score_sides(const struct scores_plan *plan, const struct scores_level_rows *a,
                       const struct scores_level_rows *b, struct thread_pool *pool, struct differences_level *out,
                       struct fmt_error *e)
{
    struct metrics_input in_a = {.rows = &a->rows, .positive = plan->positive, .ranking = &a->ranking};
    struct metrics_input in_b = {.rows = &b->rows, .positive = plan->positive, .ranking = &b->ranking};
    struct metrics of_a = {.n_values = 0}, of_b = of_a;
    int status = metrics_open(&of_a, &in_a, pool, e);
    if (!status)
        status = metrics_open(&of_b, &in_b, pool, e);
    if (!status)
        status = score_side(&plan->bootstrap, &of_a, NULL, pool, &out->of[DIFFERENCES_A], e);
    if (!status)
        status = score_side(&plan->bootstrap, &of_b, NULL, pool, &out->of[DIFFERENCES_B], e);
    if (!status)
        status = score_side(&plan->bootstrap, &of_b, &of_a, pool, &out->of[DIFFERENCES_B_MINUS_A], e);
    metrics_close(&of_a);
    metrics_close(&of_b);
    return status;
}

static int score_level(const struct scores_plan *plan, const struct scores_level *level, const struct rows *a,
                       const struct rows *b, struct thread_pool *pool, struct differences *d, struct fmt_error *e)
{
    struct differences_level *out = &d->level[d->n_levels];
    struct scores_level_rows of_a = {.n_mixed = 0}, of_b = of_a;
    int status = scores_level_rows_open(&of_a, a, level, -1, plan->positive, plan->group_mean, pool, e);
    if (!status)
        status = scores_level_rows_open(&of_b, b, level, -1, plan->positive, plan->group_mean, pool, e);
    if (!status && of_a.rows.n > 0) {
        *out = (struct differences_level){.level = level, .n = of_a.rows.n, .n_groups = of_a.rows.n_groups,
                                          .n_mixed = of_a.n_mixed};
        status = score_sides(plan, &of_a, &of_b, pool, out, e);
        d->n_levels++;
    }
    scores_level_rows_close(&of_a);
    scores_level_rows_close(&of_b);
    return status;
}

int differences_run(const struct scores_plan *plan, const struct rows *a, const struct rows *b,
                    struct thread_pool *pool, struct differences *d, struct fmt_error *e)
{
    bool joins = false;
    *d = (struct differences){.n_levels = 0};
    if (rows_n_labelled(a) == 0)
        return fmt_fail(e, FMT_INVALID, "no labels, no scores");
    int status = score_level(plan, &scores_levels[SCORES_IMAGES], a, b, pool, d, e);
    if (!status)
        status = scores_level_joins_rows(&scores_levels[SCORES_GROUPS], a, &joins, e);
    return status || !joins ? status : score_level(plan, &scores_levels[SCORES_GROUPS], a, b, pool, d, e);
}

enum differences_verdict differences_judge(const struct differences_level *l, enum metrics_whole score, double margin)
{
    const struct differences_scores *d = &l->of[DIFFERENCES_B_MINUS_A];
    bool less_is_better = score == METRICS_log_loss || score == METRICS_brier || score == METRICS_false_alarms;
    if (isnan(d->low[score]) || isnan(d->high[score]))
        return DIFFERENCES_UNDEFINED;
    double worst = less_is_better ? -d->high[score] : d->low[score];
    double best = less_is_better ? -d->low[score] : d->high[score];
    if (best < -margin)
        return DIFFERENCES_WORSE;
    return worst >= -margin ? DIFFERENCES_NOT_WORSE : DIFFERENCES_UNDECIDED;
}

/* ------------------------------------------------------------------ the report */
static void add_side(struct report_node *records, const struct scores_plan *plan, const struct differences_level *l,
                     enum differences_side side)
{
    static const char *const name[DIFFERENCES_SIDES] = {"a", "b", "difference"};
    static const char *const heading[DIFFERENCES_SIDES] = {"A", "B", "B - A"};
    const struct differences_scores *of = &l->of[side];
    struct report_node *r = report_add(records, REPORT_OBJECT, NULL);
    report_title(r, "%s (%lld): %s", l->level->heading, (long long)l->n, heading[side]);
    report_text(r, "of", name[side]);
    report_text(r, "level", l->level->name);
    report_count(r, "rows", l->n);
    report_count(r, "groups", l->n_groups);
    report_count(r, "mixed_groups_left_out", l->n_mixed);
    for (int v = 0; v < METRICS_N_WHOLE; v++)
        if (scores_reported(plan, (enum metrics_whole)v))
            report_title(report_put(r, (struct report_node){.kind = REPORT_MEASURE, .name = key[v],
                                                            .number = of->value[v], .low = of->low[v],
                                                            .high = of->high[v]}),
                         "%s", title[v]);
}

void differences_report(struct report_node *report, const struct scores_plan *plan, const struct differences *d)
{
    struct report_node *records = report_add(report, REPORT_RECORDS, NULL);
    for (int i = 0; i < d->n_levels; i++)
        for (int side = 0; side < DIFFERENCES_SIDES; side++)
            add_side(records, plan, &d->level[i], side);
}
