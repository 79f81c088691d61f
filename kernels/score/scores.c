/* scores.c - every level has its own struct rows and is scored in the same way. Its rows are ranked once, for operating
 * points, areas under curves and all resamples. Points are chosen once for images and once for groups; views use those
 * of the images. */
#include "scores.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "metrics.h"

enum { PARTS_MAX = 64 };

/* ------------------------------------------------------------------ levels */
/* The numbers of the parts, ascending, the first PARTS_MAX that occur; returns how many. */
static int list_parts(const struct rows *rows, const int32_t *of, int32_t part[PARTS_MAX])
{
    int n = 0;
    for (int64_t i = 0; of && i < rows->n; i++) {
        int at = 0;
        if (of[i] < 0 || rows->label[i] < 0)
            continue;
        while (at < n && part[at] < of[i])
            at++;
        if ((at < n && part[at] == of[i]) || n == PARTS_MAX)
            continue;
        memmove(part + at + 1, part + at, (size_t)(n - at) * sizeof *part);
        part[at] = of[i];
        n++;
    }
    return n;
}

/* ------------------------------------------------------------------ operating points */
int scores_n_points(const struct scores_plan *plan)
{
    return (plan->n_at_recall + plan->n_at_precision) * (plan->n_classes == 2 ? 1 : plan->n_classes);
}

/* The p-th point: class after class, target recalls before target precisions. */
static struct linear_point point_of(const struct scores_plan *plan, int p)
{
    int each = plan->n_at_recall + plan->n_at_precision, i = p % each;
    bool at_recall = i < plan->n_at_recall;
    return (struct linear_point){.class_index = plan->n_classes == 2 ? plan->positive : p / each,
                                 .at_recall = at_recall,
                                 .target = at_recall ? plan->at_recall[i] : plan->at_precision[i - plan->n_at_recall],
                                 .threshold = NAN,
                                 .precision = NAN,
                                 .recall = NAN};
}

/* point [scores_n_points] */
static void choose_all(const struct scores_plan *plan, const struct ranking *ranking, const struct rows *rows,
                       struct linear_point *point)
{
    int n = scores_n_points(plan), each = plan->n_at_recall + plan->n_at_precision;
    for (int p = 0; p < n; p++)
        point[p] = point_of(plan, p);
    for (int p = 0; p < n; p += each)
        threshold_choose(point + p, each, ranking, rows);
}

int scores_choose(const struct scores_plan *plan, const struct rows *rows, const struct scores_level *level,
                  struct thread_pool *pool, struct linear_point *point, struct fmt_error *e)
{
    struct scores_level_rows l;
    int status = scores_level_rows_open(&l, rows, level, -1, plan->positive, plan->group_mean, pool, e);
    if (!status)
        choose_all(plan, &l.ranking, &l.rows, point);
    scores_level_rows_close(&l);
    return status;
}

/* The points of a level, first those chosen on all rows; where they are chosen out of fold, then those chosen on all
 * rows but each fold's. A fold whose others have no rows has none. */
struct chosen {
    int n_folds;             /* 0: not out of fold */
    struct linear_point *point; /* [n_folds + 1,n_points]; NULL: none */
};

static int choose_level(const struct scores_plan *plan, const struct rows *choice, bool out_of_fold,
                        const struct scores_level *level, struct thread_pool *pool, struct chosen *c,
                        struct fmt_error *e)
{
    struct scores_level_rows l;
    int status = scores_level_rows_open(&l, choice, level, -1, plan->positive, plan->group_mean, pool, e);
    int n_points = scores_n_points(plan);
    for (int64_t i = 0; !status && out_of_fold && i < l.rows.n; i++)
        c->n_folds = l.rows.fold[i] >= c->n_folds ? l.rows.fold[i] + 1 : c->n_folds;
    struct rows others = l.rows; /* a fold's own rows lose their label */
    others.label = malloc((size_t)(others.n + 1) * sizeof *others.label);
    c->point = calloc((size_t)c->n_folds + 1, ((size_t)n_points + 1) * sizeof *c->point);
    if (!status && (!others.label || !c->point))
        status = fmt_fail(e, FMT_MEMORY, "out of memory for the scores");
    for (int fold = -1; !status && fold < c->n_folds; fold++) {
        for (int64_t i = 0; i < others.n; i++)
            others.label[i] = fold >= 0 && others.fold[i] == fold ? -1 : l.rows.label[i];
        choose_all(plan, &l.ranking, &others, c->point + (fold + 1) * n_points);
    }
    free(others.label);
    scores_level_rows_close(&l);
    return status;
}

/* The given points, those of the choice, or none. */
static int points_of_level(const struct scores_plan *plan, const struct rows *rows, const struct rows *choice,
                           const struct scores_level *level, struct thread_pool *pool, struct chosen *c,
                           struct fmt_error *e)
{
    size_t n_points = (size_t)scores_n_points(plan);
    if (choice)
        return choose_level(plan, choice, choice == rows, level, pool, c, e);
    if (!plan->given || level->stored == SCORES_NOT_STORED)
        return 0;
    c->point = calloc(n_points + 1, sizeof *c->point);
    if (!c->point)
        return fmt_fail(e, FMT_MEMORY, "out of memory for the scores");
    memcpy(c->point, plan->given + (size_t)level->stored * n_points, n_points * sizeof *c->point);
    return 0;
}

/* above [n_points,n]: whether a row reaches the threshold of each point. */
static void compare_rows(const struct scores_plan *plan, const struct rows *rows, const struct chosen *c,
                         uint8_t *above)
{
    int n_points = scores_n_points(plan);
    for (int p = 0; p < n_points; p++)
        for (int64_t i = 0; i < rows->n; i++) {
            const struct linear_point *t = &c->point[(c->n_folds ? rows->fold[i] + 1 : 0) * n_points + p];
            above[p * rows->n + i] = rows->proba[i * plan->n_classes + t->class_index] >= t->threshold;
        }
}

/* ------------------------------------------------------------------ one level */
static int scores_allocate(struct scores *s, int n_values, int n_classes, struct fmt_error *e)
{
    size_t n = (size_t)n_values, K = (size_t)n_classes;
    s->n_values = n_values;
    s->values = calloc(n, sizeof(double));
    s->low = calloc(n, sizeof(double));
    s->high = calloc(n, sizeof(double));
    s->confusion = calloc(K, K * sizeof *s->confusion);
    if (!s->values || !s->low || !s->high || !s->confusion)
        return fmt_fail(e, FMT_MEMORY, "out of memory for the scores");
    return 0;
}

static int compute(const struct scores_plan *plan, const struct scores_level_rows *l, const uint8_t *above,
                   struct thread_pool *pool, struct scores *s, struct fmt_error *e)
{
    int *point_class = calloc((size_t)s->n_points + 1, sizeof *point_class);
    if (!point_class)
        return fmt_fail(e, FMT_MEMORY, "out of memory for the scores");
    for (int p = 0; p < s->n_points; p++)
        point_class[p] = s->point[p].class_index;
    struct metrics_input in = {.rows = &l->rows, .positive = plan->positive, .ranking = &l->ranking,
                               .n_points = s->n_points, .point_class = point_class, .above = above};
    struct metrics m = {0};
    int status = metrics_open(&m, &in, pool, e);
    if (!status)
        status = scores_allocate(s, m.n_values, plan->n_classes, e);
    if (!status) {
        metrics_compute(&m, NULL, s->values, s->confusion);
        for (int i = 0; i < s->n_values; i++)
            s->low[i] = s->high[i] = NAN;
        if (plan->bootstrap.n_resamples > 0)
            status = bootstrap_run(&plan->bootstrap, &m, pool, s->low, s->high, e);
    }
    for (int p = 0; !status && p < s->n_points; p++)
        for (int i = 0; isnan(s->point[p].threshold) && i < METRICS_N_POINT; i++) {
            int at = metrics_at_point(plan->n_classes, (enum metrics_point)i, p);
            s->values[at] = s->low[at] = s->high[at] = NAN;
        }
    metrics_close(&m);
    free(point_class);
    return status;
}

static int score_rows(const struct scores_plan *plan, const struct scores_level_rows *l, const struct chosen *chosen,
                      struct thread_pool *pool, struct scores *s, struct fmt_error *e)
{
    s->n = l->rows.n;
    s->n_groups = l->rows.n_groups;
    s->n_mixed = l->n_mixed;
    s->n_tries = 1;
    s->n_points = chosen->point ? scores_n_points(plan) : 0;
    s->point = calloc((size_t)s->n_points + 1, sizeof *s->point);
    uint8_t *above = calloc((size_t)s->n_points + 1, (size_t)s->n);
    int status = s->point && above ? 0 : fmt_fail(e, FMT_MEMORY, "out of memory for the scores");
    if (!status && chosen->point) {
        memcpy(s->point, chosen->point, (size_t)s->n_points * sizeof *s->point);
        compare_rows(plan, &l->rows, chosen, above);
    }
    if (!status)
        status = compute(plan, l, above, pool, s, e);
    free(above);
    return status;
}

/* Nothing is added where the level has no rows. */
static int add_scores(const struct scores_plan *plan, const struct rows *rows, const struct chosen *chosen,
                      struct thread_pool *pool, const struct scores_level *level, int32_t part,
                      struct scores_list *list, struct fmt_error *e)
{
    struct scores_level_rows l;
    int status = scores_level_rows_open(&l, rows, level, part, plan->positive, plan->group_mean, pool, e);
    if (!status && l.rows.n > 0) {
        struct scores *s = &list->item[list->n++];
        *s = (struct scores){.level = level, .part = part};
        status = score_rows(plan, &l, chosen, pool, s, e);
    }
    scores_level_rows_close(&l);
    return status;
}

/* chosen [level index]: sets that of the level, if its points are its own. A level that joins rows is scored where it
 * has fewer than there are images. */
static int score_level(const struct scores_plan *plan, const struct rows *rows, const struct rows *choice, int index,
                       struct thread_pool *pool, struct chosen *chosen, struct scores_list *list, struct fmt_error *e)
{
    const struct scores_level *level = &plan->level[index];
    int32_t part[PARTS_MAX];
    int n_parts = level->part ? list_parts(rows, level->part(rows), part) : 1;
    bool scored = true;
    int status = level->unit ? scores_level_joins_rows(level, rows, &scored, e) : 0;
    if (status || !scored)
        return status;
    if (level->points == index)
        status = points_of_level(plan, rows, choice, level, pool, &chosen[index], e);
    struct scores *more = status ? NULL : realloc(list->item, (size_t)(list->n + n_parts + 1) * sizeof *more);
    if (!status && !more)
        status = fmt_fail(e, FMT_MEMORY, "out of memory for the scores");
    list->item = more ? more : list->item;
    for (int p = 0; p < n_parts && !status; p++)
        status = add_scores(plan, rows, &chosen[level->points], pool, level, level->part ? part[p] : -1, list, e);
    return status;
}

int scores_run(const struct scores_plan *plan, const struct rows *rows, const struct rows *choice,
               struct thread_pool *pool, struct scores_list *list, struct fmt_error *e)
{
    struct scores_plan p = *plan;
    if (!p.level) {
        p.level = scores_levels;
        p.n_levels = SCORES_LEVELS;
    }
    struct chosen *chosen = calloc((size_t)p.n_levels, sizeof *chosen);
    int status = chosen ? 0 : fmt_fail(e, FMT_MEMORY, "out of memory for the scores");
    *list = (struct scores_list){0};
    for (int i = 0; i < p.n_levels && !status; i++)
        status = score_level(&p, rows, choice, i, pool, chosen, list, e);
    for (int i = 0; chosen && i < p.n_levels; i++)
        free(chosen[i].point);
    free(chosen);
    if (status)
        scores_release(list);
    return status;
}

void scores_release(struct scores_list *list)
{
    for (int i = 0; i < list->n; i++) {
        free(list->item[i].point);
        free(list->item[i].values);
        free(list->item[i].low);
        free(list->item[i].high);
        free(list->item[i].confusion);
    }
    free(list->item);
    *list = (struct scores_list){0};
}

/* ------------------------------------------------------------------ tries */
static void add_try(struct scores *sum, const struct scores *next)
{
    for (int v = 0; v < sum->n_values; v++) {
        sum->values[v] += next->values[v];
        sum->low[v] = fmin(sum->low[v], next->values[v]);
        sum->high[v] = fmax(sum->high[v], next->values[v]);
    }
    sum->n_tries++;
}

int scores_add_try(struct scores_list *sum, struct scores_list *next, struct fmt_error *e)
{
    bool first = !sum->item;
    if (first) {
        *sum = *next;
        *next = (struct scores_list){0};
    }
    if (!first && sum->n != next->n)
        return fmt_fail(e, FMT_MISMATCH, "tries of different work");
    for (int i = 0; i < sum->n; i++) {
        size_t bytes = (size_t)sum->item[i].n_values * sizeof(double);
        if (first) {
            memcpy(sum->item[i].low, sum->item[i].values, bytes);
            memcpy(sum->item[i].high, sum->item[i].values, bytes);
        } else {
            add_try(&sum->item[i], &next->item[i]);
        }
    }
    scores_release(next);
    return 0;
}

void scores_average(struct scores_list *sum)
{
    for (int i = 0; i < sum->n; i++) {
        struct scores *s = &sum->item[i];
        for (int v = 0; v < s->n_values; v++) {
            double mean = s->values[v] / s->n_tries;
            s->values[v] = isnan(mean) ? mean : fmin(fmax(mean, s->low[v]), s->high[v]); /* despite rounding */
        }
    }
}
