/* scores.c - every level is made into the same view (probabilities, labels, groups, folds) and goes one way. A view is
 * ranked once; operating points, areas and resamples all walk along that. Points are chosen once for images and once
 * for groups: shots have those of the images. */
#include "scores.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "groups.h"

enum { SHOTS_MAX = 64 };

/* Labelled rows of one level; all arrays are its own. */
struct view {
    int64_t n, n_groups, n_mixed;
    double *proba;
    int32_t *label;
    int64_t *group;
    int *fold;      /* NULL: none */
    double *weight; /* NULL: all 1 */
    struct ranking ranking;
};

static void view_release(struct view *v)
{
    free(v->proba);
    free(v->label);
    free(v->group);
    free(v->fold);
    free(v->weight);
    ranking_release(&v->ranking);
    *v = (struct view){0};
}

static int view_allocate(struct view *v, int64_t n, int n_classes, const struct scores_rows *rows, struct fmt_error *e)
{
    bool folds = rows->fold != NULL, weights = rows->weight != NULL;
    *v = (struct view){0};
    v->proba = calloc((size_t)n + 1, (size_t)n_classes * sizeof(double));
    v->label = calloc((size_t)n + 1, sizeof *v->label);
    v->group = calloc((size_t)n + 1, sizeof *v->group);
    v->fold = folds ? calloc((size_t)n + 1, sizeof *v->fold) : NULL;
    v->weight = weights ? calloc((size_t)n + 1, sizeof *v->weight) : NULL;
    if (v->proba && v->label && v->group && (v->fold || !folds) && (v->weight || !weights))
        return 0;
    view_release(v);
    return fmt_fail(e, FMT_MEMORY, "out of memory for the scores");
}

/* Images, all or of one shot number. */
static int view_images(struct view *v, const struct scores_plan *plan, const struct scores_rows *rows, int32_t shot,
                       struct fmt_error *e)
{
    size_t K = (size_t)plan->n_classes;
    int status = view_allocate(v, rows->n, plan->n_classes, rows, e);
    for (int64_t i = 0; !status && i < rows->n; i++) {
        if (rows->label[i] < 0 || (shot >= 0 && rows->shot[i] != shot))
            continue;
        memcpy(v->proba + (size_t)v->n * K, rows->proba + (size_t)i * K, K * sizeof(double));
        v->label[v->n] = rows->label[i];
        v->group[v->n] = rows->group[i];
        if (v->fold)
            v->fold[v->n] = rows->fold[i];
        if (v->weight)
            v->weight[v->n] = rows->weight[i];
        v->n++;
    }
    if (!status)
        status = groups_compact(v->group, v->n, rows->n_groups, &v->n_groups, e);
    return status;
}

static int view_groups(struct view *v, const struct scores_plan *plan, const struct scores_rows *rows,
                       struct fmt_error *e)
{
    struct groups_scores g;
    size_t K = (size_t)plan->n_classes;
    int status = groups_score(rows->proba, rows->label, rows->group, rows->n, rows->n_groups, plan->n_classes,
                              plan->positive, plan->group_mean, &g, e);
    if (status)
        return status;
    status = view_allocate(v, rows->n_groups, plan->n_classes, rows, e);
    int64_t *row_of = calloc((size_t)rows->n_groups + 1, sizeof *row_of); /* fold and weight are those of any row */
    if (!status && !row_of)
        status = fmt_fail(e, FMT_MEMORY, "out of memory for the scores");
    for (int64_t i = 0; !status && i < rows->n; i++)
        row_of[rows->group[i]] = i;
    if (!status) {
        memcpy(v->proba, g.proba, (size_t)g.n * K * sizeof(double));
        memcpy(v->label, g.label, (size_t)g.n * sizeof *v->label);
        v->n = v->n_groups = g.n;
        v->n_mixed = g.n_mixed;
    }
    for (int64_t i = 0; !status && i < g.n; i++) {
        v->group[i] = i;
        if (v->fold)
            v->fold[i] = rows->fold[row_of[g.origin[i]]];
        if (v->weight)
            v->weight[i] = rows->weight[row_of[g.origin[i]]];
    }
    free(row_of);
    groups_scores_release(&g);
    return status;
}

static int view_of(struct view *v, const struct scores_plan *plan, const struct scores_rows *rows,
                   enum scores_level level, int32_t shot, struct thread_pool *pool, struct fmt_error *e)
{
    *v = (struct view){0};
    int status = level == SCORES_GROUPS ? view_groups(v, plan, rows, e) : view_images(v, plan, rows, shot, e);
    if (!status)
        status = ranking_make(&v->ranking, v->proba, v->n, plan->n_classes, pool, e);
    if (status)
        view_release(v);
    return status;
}

/* ------------------------------------------------------------------ operating points */
int scores_n_points(const struct scores_plan *plan)
{
    return (plan->n_at_recall + plan->n_at_precision) * (plan->n_classes == 2 ? 1 : plan->n_classes);
}

/* The p-th point: classes one after the other, wanted recalls before wanted precisions. */
static struct threshold point_of(const struct scores_plan *plan, int p)
{
    int each = plan->n_at_recall + plan->n_at_precision, i = p % each;
    bool at_recall = i < plan->n_at_recall;
    return (struct threshold){.of_class = plan->n_classes == 2 ? plan->positive : p / each,
                              .at_recall = at_recall,
                              .wanted = at_recall ? plan->at_recall[i] : plan->at_precision[i - plan->n_at_recall],
                              .value = NAN,
                              .precision = NAN,
                              .recall = NAN};
}

/* point [scores_n_points]. Rows with label < 0 do not count. */
static void choose_all(const struct scores_plan *plan, const struct view *v, const int32_t *label,
                       struct threshold *point)
{
    int n = scores_n_points(plan), each = plan->n_at_recall + plan->n_at_precision;
    for (int p = 0; p < n; p++)
        point[p] = point_of(plan, p);
    for (int p = 0; p < n; p += each)
        threshold_choose(point + p, each, &v->ranking, v->proba, label, v->weight);
}

int scores_choose(const struct scores_plan *plan, const struct scores_rows *rows, enum scores_level level,
                  struct thread_pool *pool, struct threshold *point, struct fmt_error *e)
{
    struct view v;
    int status = view_of(&v, plan, rows, level, -1, pool, e);
    if (!status)
        choose_all(plan, &v, v.label, point);
    view_release(&v);
    return status;
}

/* The points of a level, first those of all rows of the choice; where it is made out of fold, then those of all rows
 * but each fold's. A fold whose others have no rows has none. */
struct chosen {
    int n_folds;             /* 0: not out of fold */
    struct threshold *point; /* [n_folds + 1,n_points] */
};

static int choose_level(const struct scores_plan *plan, const struct scores_rows *choice, bool out_of_fold,
                        enum scores_level level, struct thread_pool *pool, struct chosen *c, struct fmt_error *e)
{
    struct view v;
    int status = view_of(&v, plan, choice, level, -1, pool, e), n_points = scores_n_points(plan);
    for (int64_t i = 0; !status && out_of_fold && i < v.n; i++)
        c->n_folds = v.fold[i] >= c->n_folds ? v.fold[i] + 1 : c->n_folds;
    int32_t *label = malloc((size_t)(v.n + 1) * sizeof *label);
    c->point = calloc((size_t)c->n_folds + 1, ((size_t)n_points + 1) * sizeof *c->point);
    if (!status && (!label || !c->point))
        status = fmt_fail(e, FMT_MEMORY, "out of memory for the scores");
    for (int fold = -1; !status && fold < c->n_folds; fold++) {
        for (int64_t i = 0; i < v.n; i++)
            label[i] = fold >= 0 && v.fold[i] == fold ? -1 : v.label[i];
        choose_all(plan, &v, label, c->point + (fold + 1) * n_points);
    }
    free(label);
    view_release(&v);
    return status;
}

static void call_rows(const struct scores_plan *plan, const struct view *v, const struct chosen *c, uint8_t *called)
{
    int n_points = scores_n_points(plan);
    for (int p = 0; p < n_points; p++)
        for (int64_t i = 0; i < v->n; i++) {
            const struct threshold *t = &c->point[(c->n_folds ? v->fold[i] + 1 : 0) * n_points + p];
            called[p * v->n + i] = v->proba[i * plan->n_classes + t->of_class] >= t->value;
        }
}

/* ------------------------------------------------------------------ one level */
static int scores_allocate(struct scores *s, const struct metrics *m, struct fmt_error *e)
{
    size_t n = (size_t)m->n_values, K = (size_t)m->rows.n_classes;
    s->n_values = m->n_values;
    s->values = calloc(n, sizeof(double));
    s->low = calloc(n, sizeof(double));
    s->high = calloc(n, sizeof(double));
    s->confusion = calloc(K, K * sizeof *s->confusion);
    if (!s->values || !s->low || !s->high || !s->confusion)
        return fmt_fail(e, FMT_MEMORY, "out of memory for the scores");
    return 0;
}

static int compute(const struct scores_plan *plan, const struct view *v, const uint8_t *called,
                   struct thread_pool *pool, struct scores *s, struct fmt_error *e)
{
    int *point_class = calloc((size_t)s->n_points + 1, sizeof *point_class);
    if (!point_class)
        return fmt_fail(e, FMT_MEMORY, "out of memory for the scores");
    for (int p = 0; p < s->n_points; p++)
        point_class[p] = s->point[p].of_class;
    struct metrics_rows rows = {v->n,     plan->n_classes, plan->positive, v->proba,
                                 v->label, s->n_points,     point_class,    called,
                                 &v->ranking, false};
    struct metrics m = {0};
    int status = metrics_open(&m, &rows, pool, e);
    if (!status)
        status = scores_allocate(s, &m, e);
    if (!status) {
        metrics_compute(&m, NULL, s->values, s->confusion);
        for (int i = 0; i < s->n_values; i++)
            s->low[i] = s->high[i] = NAN;
        if (plan->bootstrap.n_resamples > 0)
            status = bootstrap_run(&plan->bootstrap, &m, v->group, v->n_groups, pool, s->low, s->high, e);
    }
    for (int p = 0; !status && p < s->n_points; p++)
        for (int i = 0; isnan(s->point[p].value) && i < METRICS_N_POINT; i++) {
            int at = metrics_at_point(&m, (enum metrics_point)i, p);
            s->values[at] = s->low[at] = s->high[at] = NAN;
        }
    metrics_close(&m);
    free(point_class);
    return status;
}

static int run_level(const struct scores_plan *plan, const struct scores_rows *rows, const struct chosen *chosen,
                     struct thread_pool *pool, struct scores *s, struct fmt_error *e)
{
    struct view v;
    int status = view_of(&v, plan, rows, s->level, s->shot, pool, e);
    if (status || v.n == 0) {
        view_release(&v);
        return status;
    }
    s->n = v.n;
    s->n_groups = v.n_groups;
    s->n_mixed = v.n_mixed;
    s->n_tries = 1;
    s->n_points = chosen->point ? scores_n_points(plan) : 0;
    s->point = calloc((size_t)s->n_points + 1, sizeof *s->point);
    uint8_t *called = calloc((size_t)s->n_points + 1, (size_t)v.n);
    if (!s->point || !called)
        status = fmt_fail(e, FMT_MEMORY, "out of memory for the scores");
    if (!status && chosen->point) {
        memcpy(s->point, chosen->point, (size_t)s->n_points * sizeof *s->point);
        call_rows(plan, &v, chosen, called);
    }
    if (!status)
        status = compute(plan, &v, called, pool, s, e);
    free(called);
    view_release(&v);
    return status;
}

static int add_level(const struct scores_plan *plan, const struct scores_rows *rows, const struct chosen *chosen,
                     struct thread_pool *pool, enum scores_level level, int32_t shot, struct scores_list *list,
                     struct fmt_error *e)
{
    struct scores *s = &list->item[list->n];
    *s = (struct scores){.level = level, .shot = shot};
    list->n++;
    int status = run_level(plan, rows, chosen, pool, s, e);
    if (!status && s->n == 0)
        list->n--;
    return status;
}

static int shots_of(const struct scores_rows *rows, int32_t shots[SHOTS_MAX])
{
    int n = 0;
    for (int64_t i = 0; rows->shot && i < rows->n; i++) {
        int at = 0;
        if (rows->shot[i] < 0 || rows->label[i] < 0)
            continue;
        while (at < n && shots[at] < rows->shot[i])
            at++;
        if ((at < n && shots[at] == rows->shot[i]) || n == SHOTS_MAX)
            continue;
        memmove(shots + at + 1, shots + at, (size_t)(n - at) * sizeof *shots);
        shots[at] = rows->shot[i];
        n++;
    }
    return n;
}

/* The given points, those of the choice, or none. */
static int points_of_level(const struct scores_plan *plan, const struct scores_rows *rows,
                           const struct scores_rows *choice, enum scores_level level, struct thread_pool *pool,
                           struct chosen *c, struct fmt_error *e)
{
    const struct threshold *given = plan->given[level == SCORES_GROUPS];
    size_t n_points = (size_t)scores_n_points(plan);
    *c = (struct chosen){0};
    if (choice)
        return choose_level(plan, choice, choice == rows, level, pool, c, e);
    if (!given)
        return 0;
    c->point = calloc(n_points + 1, sizeof *c->point);
    if (!c->point)
        return fmt_fail(e, FMT_MEMORY, "out of memory for the scores");
    memcpy(c->point, given, n_points * sizeof *given);
    return 0;
}

int scores_run(const struct scores_plan *plan, const struct scores_rows *rows, const struct scores_rows *choice,
               struct thread_pool *pool, struct scores_list *list, struct fmt_error *e)
{
    int32_t shots[SHOTS_MAX];
    int n_shots = shots_of(rows, shots);
    struct chosen of_images = {0}, of_groups = {0};
    *list = (struct scores_list){.room = n_shots + 2};
    list->item = calloc((size_t)list->room, sizeof *list->item);
    if (!list->item)
        return fmt_fail(e, FMT_MEMORY, "out of memory for the scores");
    int status = points_of_level(plan, rows, choice, SCORES_IMAGES, pool, &of_images, e);
    if (!status)
        status = add_level(plan, rows, &of_images, pool, SCORES_IMAGES, -1, list, e);
    if (!status && list->n && list->item[0].n_groups < list->item[0].n) {
        status = points_of_level(plan, rows, choice, SCORES_GROUPS, pool, &of_groups, e);
        if (!status)
            status = add_level(plan, rows, &of_groups, pool, SCORES_GROUPS, -1, list, e);
    }
    for (int i = 0; !status && i < n_shots; i++)
        status = add_level(plan, rows, &of_images, pool, SCORES_SHOT, shots[i], list, e);
    free(of_images.point);
    free(of_groups.point);
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
int scores_add_try(struct scores_list *sum, struct scores_list *next, struct fmt_error *e)
{
    if (!sum->item) {
        *sum = *next;
        *next = (struct scores_list){0};
        for (int i = 0; i < sum->n; i++) {
            memcpy(sum->item[i].low, sum->item[i].values, (size_t)sum->item[i].n_values * sizeof(double));
            memcpy(sum->item[i].high, sum->item[i].values, (size_t)sum->item[i].n_values * sizeof(double));
        }
        return 0;
    }
    if (sum->n != next->n)
        return fmt_fail(e, FMT_MISMATCH, "tries of different work");
    for (int i = 0; i < sum->n; i++) {
        struct scores *a = &sum->item[i], *b = &next->item[i];
        for (int v = 0; v < a->n_values; v++) {
            a->values[v] += b->values[v];
            a->low[v] = fmin(a->low[v], b->values[v]);
            a->high[v] = fmax(a->high[v], b->values[v]);
        }
        a->n_tries++;
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
            s->values[v] = isnan(mean) ? mean : fmin(fmax(mean, s->low[v]), s->high[v]); /* whatever rounding says */
        }
    }
}
