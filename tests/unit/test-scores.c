/* Scores of all levels: groups from their rows, thresholds of other rows and out of fold, resamples, means of tries. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bootstrap.h"
#include "group-scores.h"
#include "metrics.h"
#include "report-print.h"
#include "rng.h"
#include "scores.h"
#include "tap.h"

static void test_group_scores(void)
{
    double proba[] = {.5, .3, .2, .1, .8, .1, .2, .2, .6, .6, .2, .2}, weight[] = {1, 1, 2, 2};
    int32_t label[] = {0, 0, 2, 1};
    int64_t group[] = {0, 0, 1, 1}, n_mixed;
    struct rows rows = {.n = 4, .n_classes = 3, .proba = proba, .label = label, .group = group, .n_groups = 2}, s;
    group_scores(&s, &n_mixed, &rows, group, 2, 1, false, NULL);
    ok(s.n == 1 && n_mixed == 1 && s.label[0] == 0 && s.n_groups == 1 && fabs(s.proba[1] - .8 / 1.5) < 1e-15,
       "three classes: a group of mixed labels is left out, the largest values over their sum");
    rows_release(&s);
    label[3] = 2;
    rows.weight = weight;
    group_scores(&s, &n_mixed, &rows, group, 2, 1, true, NULL);
    ok(fabs(s.proba[0] - .3) < 1e-15 && fabs(s.proba[1] - .55) < 1e-15, "or the means");
    ok(s.n == 2 && n_mixed == 0 && s.label[1] == 2 && s.weight[0] == 1 && s.weight[1] == 2, "weights go along");
    rows_release(&s);
}

/* Four rows of group a (one without a label), one of b without, one without a group; two of c, which differ. */
static void test_group_rows(bool mean)
{
    const char *key[] = {"a0", "a1", "b0", "a2", "x", "c0", "c1", "a3"}, *extra[] = {"", "", "", "", "", "", "", ""};
    const char *name[] = {"a", "a", "b", "a", "", "c", "c", "a"};
    int32_t label[] = {0, 0, -1, -1, 1, 1, 0, 0}, view[] = {0, 1, 0, 2, -1, 0, 1, 3};
    double proba[] = {.8, .2, .5, .5, .9, .1, .1, .9, .3, .7, .75, .25, .4, .6, .1, .9};
    struct rows rows = {.n = 8, .n_classes = 2, .label = label, .group_view = view, .key = key, .group_name = name,
                        .extra = extra, .proba = proba}, g;
    ok(group_rows(&g, &rows, 1, mean, NULL) == 0 && g.n == 4, "four groups, in order of appearance");
    static const char *const group_name[] = {"a", "b", "", "c"}, *const decides[] = {"a2", "b0", "x", "c1"};
    static const double want[2][4] = {{.9, .1, .7, .6}, {(.2 + .5 + .9 + .9) / 4, .1, .7, .425}};
    static const int32_t of_label[] = {0, -1, 1, 1}, of_view[] = {2, 0, -1, 1}, n_rows[] = {4, 1, 1, 2};
    for (int i = 0; i < 4; i++) {
        ok(fabs(g.proba[2 * i + 1] - want[mean][i]) < 1e-12 && fabs(g.proba[2 * i] + g.proba[2 * i + 1] - 1) < 1e-12,
           "group %d: the score is over all its rows, labelled or not: %g", i, g.proba[2 * i + 1]);
        is_text(g.group_name[i], group_name[i], "its name");
        is_text(g.key[i], decides[i], "the row with the largest score, the first of equal ones, decides");
        ok(g.label[i] == of_label[i] && g.group_view[i] == of_view[i] && g.weight[i] == n_rows[i],
           "label, view, count");
    }
    rows_release(&g);
    ok(label[0] == 0 && label[2] == -1, "the rows keep their labels");
}

/* Three classes: mixed labels are none; the row with the largest of the group's best class decides. */
static void test_group_rows_of_classes(void)
{
    const char *key[] = {"a0", "a1", "b0", "b1"}, *name[] = {"a", "a", "b", "b"};
    int32_t label[] = {0, 2, 1, 1}, view[] = {0, 1, 0, 1};
    double proba[] = {.6, .4, 0, .2, .3, .5, .1, .8, .1, .5, .2, .3};
    struct rows rows = {.n = 4, .n_classes = 3, .label = label, .group_view = view, .key = key, .group_name = name,
                        .proba = proba}, g;
    ok(group_rows(&g, &rows, 0, true, NULL) == 0 && g.n == 2, "two groups of three classes");
    ok(fabs(g.proba[0] - .4) < 1e-12 && fabs(g.proba[2] - .25) < 1e-12, "means");
    ok(g.label[0] == -1 && g.label[1] == 1, "labels that differ are none, equal ones are the group's");
    is_text(g.key[0], "a0", "the largest of class 0 decides");
    is_text(g.key[1], "b0", "the largest of class 1 decides");
    rows_release(&g);
}

enum { GROUPS = 40, ROWS = 120 };

struct drawn {
    double proba[2 * ROWS];
    int32_t label[ROWS], view[ROWS];
    int64_t group[ROWS];
    int fold[ROWS];
};

static struct rows draw(struct drawn *d, uint64_t stream)
{
    struct rng r = rng_stream(4, stream, 0, RNG_TEST);
    for (int i = 0; i < ROWS; i++) {
        d->group[i] = i / 3;
        d->view[i] = i % 3;
        d->label[i] = i / 3 % 4 == 0;
        d->fold[i] = i / 3 % 5;
        d->proba[2 * i + 1] = 1 / (1 + exp(-rng_normal(&r) - d->label[i]));
        d->proba[2 * i] = 1 - d->proba[2 * i + 1];
    }
    return (struct rows){.n = ROWS, .n_classes = 2, .proba = d->proba, .label = d->label, .group = d->group,
                         .n_groups = GROUPS, .group_view = d->view};
}

static void test_bootstrap(void)
{
    static struct drawn d;
    static double low[2][100], high[2][100];
    struct rows rows = draw(&d, 0);
    struct metrics_input in = {.rows = &rows, .positive = 1};
    struct metrics m;
    struct bootstrap b = {400, 0.95, 7};
    double values[100];
    int64_t confusion[4];
    metrics_open(&m, &in, NULL, NULL);
    metrics_compute(&m, NULL, values, confusion);
    for (int threads = 0; threads < 2; threads++) {
        struct thread_pool *pool = thread_open(1 + 4 * threads, NULL);
        bootstrap_run(&b, &m, pool, low[threads], high[threads], NULL);
        thread_close(pool);
    }
    ok(memcmp(low[0], low[1], sizeof *low) == 0 && memcmp(high[0], high[1], sizeof *high) == 0,
       "the same intervals on 1 and 5 threads");
    double width = high[0][METRICS_auroc] - low[0][METRICS_auroc];
    ok(low[0][METRICS_auroc] < values[METRICS_auroc] && values[METRICS_auroc] < high[0][METRICS_auroc] &&
           width > 0.05 && width < 0.5,
       "AUROC %.3f lies in [%.3f, %.3f]", values[METRICS_auroc], low[0][METRICS_auroc], high[0][METRICS_auroc]);
    int64_t one_group[ROWS] = {0};
    rows.group = one_group;
    rows.n_groups = 1;
    bootstrap_run(&b, &m, NULL, low[1], high[1], NULL);
    ok(low[1][METRICS_auroc] == high[1][METRICS_auroc], "a single group has nothing to resample");
    metrics_close(&m);
}

static void choose_one(struct linear_point *t, const struct rows *rows)
{
    struct ranking r;
    ranking_make(&r, rows, NULL, NULL);
    threshold_choose(t, 1, &r, rows);
    ranking_release(&r);
}

static double recall_at(const struct scores *s)
{
    return s->values[metrics_at_point(2, METRICS_point_recall, 0)];
}

static void test_points(void)
{
    static struct drawn d, v;
    static const double target[] = {0.9};
    char *const names[] = {"negative", "positive"};
    struct scores_plan plan = {
        .n_classes = 2, .class_name = names, .positive = 1, .at_recall = target, .n_at_recall = 1};
    struct rows rows = draw(&d, 0), val = draw(&v, 1), others;
    struct scores_list list;
    scores_run(&plan, &rows, &val, NULL, &list, NULL);
    ok(list.n == 5 && list.item[1].level == &scores_levels[SCORES_GROUPS] && list.item[1].n == GROUPS &&
           list.item[list.n - 1].part == 2 && list.item[list.n - 1].n == GROUPS,
       "images, groups and three views");
    struct linear_point t = {.class_index = 1, .at_recall = true, .target = 0.9};
    choose_one(&t, &val);
    int64_t tp = 0, positives = 0;
    for (int i = 0; i < ROWS; i++) {
        positives += d.label[i];
        tp += d.label[i] && d.proba[2 * i + 1] >= t.threshold;
    }
    ok(list.item[0].point[0].threshold == t.threshold && recall_at(&list.item[0]) == (double)tp / (double)positives &&
           t.recall >= 0.9,
       "the threshold comes from the validation rows, the recall from the scored rows");
    scores_release(&list);

    rows.fold = d.fold;
    scores_run(&plan, &rows, &rows, NULL, &list, NULL);
    tp = 0;
    for (int fold = 0; fold < 5; fold++) {
        int32_t other[ROWS];
        for (int i = 0; i < ROWS; i++)
            other[i] = d.fold[i] == fold ? -1 : d.label[i];
        others = rows;
        others.label = other;
        choose_one(&t, &others);
        for (int i = 0; i < ROWS; i++)
            tp += d.fold[i] == fold && d.label[i] && d.proba[2 * i + 1] >= t.threshold;
    }
    ok(recall_at(&list.item[0]) == (double)tp / (double)positives,
       "out of fold: the rows of a fold by the threshold of the others");
    scores_release(&list);
}

static void test_mean_of_tries(void)
{
    static struct drawn d;
    char *const names[] = {"negative", "positive"};
    struct scores_plan plan = {.n_classes = 2, .class_name = names, .positive = 1};
    struct scores_list sum = {0};
    bool within = true;
    enum { TRIES = 10 };
    for (int try = 0; try < TRIES; try++) {
        struct scores_list list;
        struct rows rows = draw(&d, 0); /* the same each time */
        scores_run(&plan, &rows, NULL, NULL, &list, NULL);
        scores_add_try(&sum, &list, NULL);
    }
    scores_average(&sum);
    for (int i = 0; i < sum.n; i++)
        for (int v = 0; v < sum.item[i].n_values; v++)
            within = within && !(sum.item[i].values[v] < sum.item[i].low[v]) &&
                     !(sum.item[i].values[v] > sum.item[i].high[v]);
    ok(within, "a mean of tries lies between the least and the most of them");
    scores_release(&sum);
}

/* ------------------------------------------------------------------ a level more */
enum { SITES = 10 };

static const int64_t *site_of(const struct rows *r, int64_t *n_units)
{
    static int64_t site[ROWS];
    for (int64_t i = 0; i < r->n; i++)
        site[i] = i * SITES / ROWS;
    *n_units = SITES;
    return site;
}

static const int64_t *number_of(const struct rows *r, int64_t *n_units)
{
    static int64_t number[ROWS];
    for (int64_t i = 0; i < r->n; i++)
        number[i] = i;
    *n_units = r->n;
    return number;
}

static const struct scores *level_of(const struct scores_list *list, const char *name)
{
    const struct scores *found = NULL;
    for (const struct scores *s = list->item; s < list->item + list->n && !found; s++)
        found = strcmp(s->level->name, name) == 0 ? s : NULL;
    return found;
}

/* The report of the scores as text, for free(). */
static char *printed(const char *printer, const struct scores_plan *plan, const struct scores_list *list)
{
    char *text = NULL;
    size_t bytes;
    FILE *out = open_memstream(&text, &bytes);
    struct report_node report = {.kind = REPORT_OBJECT};
    scores_report(&report, plan, list);
    report_printer_of(printer)(out, &report, NULL);
    report_release(&report);
    fclose(out);
    return text;
}

/* A level more than scores_levels, with points of its own that no classifier stores: it has none where points are
 * given. */
static void test_third_level(void)
{
    static struct drawn d, v;
    static const double target[] = {0.9};
    static const struct linear_point given[LINEAR_LEVELS] = {{1, LINEAR_IMAGES, true, 0.9, 0.25, 0.5, 0.9},
                                                             {1, LINEAR_GROUPS, true, 0.9, 0.5, 0.5, 0.9}};
    char *const names[] = {"negative", "positive"};
    const struct scores_level levels[] = {scores_levels[SCORES_IMAGES], scores_levels[SCORES_GROUPS],
                                          {"site", "sites", site_of, NULL, 2, SCORES_NOT_STORED},
                                          {"file", "files", number_of, NULL, 3, SCORES_NOT_STORED}};
    struct scores_plan plan = {.n_classes = 2, .class_name = names, .positive = 1, .at_recall = target,
                               .n_at_recall = 1, .level = levels, .n_levels = 4};
    struct rows rows = draw(&d, 0), val = draw(&v, 1);
    struct scores_list list;
    scores_run(&plan, &rows, &val, NULL, &list, NULL);
    const struct scores *sites = level_of(&list, "site");
    ok(sites && sites->n == SITES && sites->n_points == 1 && !level_of(&list, "file"),
       "a level of the plan has points of its own; one that joins no images is not scored");
    list.item[sites - list.item].n_mixed = 2;
    char *text = printed("text", &plan, &list), *json = printed("json", &plan, &list);
    ok(strstr(text, "2 sites of mixed labels are left out of the scores of sites\n") &&
           strstr(text, "  images (120)               groups (40)                sites (10)") &&
           strstr(json, "{\"level\":\"site\",\"rows\":10,"),
       "it is a column of the text and a line of the JSON");
    scores_release(&list);
    free(text);
    free(json);

    plan.given = given;
    scores_run(&plan, &rows, NULL, NULL, &list, NULL);
    sites = level_of(&list, "site");
    text = printed("text", &plan, &list);
    json = printed("json", &plan, &list);
    ok(level_of(&list, "group")->point[0].threshold == 0.5 && sites && sites->n_points == 0 &&
           strstr(text, "  groups (40)              \n") && strstr(text, "  sites (10)               \n") &&
           strstr(json, "{\"level\":\"site\",\"rows\":10,"),
       "without points among levels that have some it is a table of its own");
    scores_release(&list);
    free(text);
    free(json);

    rows.group = (int64_t *)number_of(&rows, &rows.n_groups);
    scores_run(&plan, &rows, NULL, NULL, &list, NULL);
    ok(!level_of(&list, "group") && level_of(&list, "site"), "each level is compared by its own number of units");
    scores_release(&list);
}

int main(void)
{
    test_group_scores();
    test_group_rows(false);
    test_group_rows(true);
    test_group_rows_of_classes();
    test_bootstrap();
    test_points();
    test_mean_of_tries();
    test_third_level();
    return tap_done();
}
