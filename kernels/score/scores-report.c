/* scores-report.c - scores as a report. Names and titles come from the tables in metrics.h and from the levels. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "metrics.h"
#include "scores.h"

#define KEY(name, text) #name,
#define TITLE(name, text) text,
static const char *const whole_key[] = {METRICS_WHOLE(KEY)}, *const whole_title[] = {METRICS_WHOLE(TITLE)};
static const char *const class_key[] = {METRICS_CLASS(KEY)}, *const class_title[] = {METRICS_CLASS(TITLE)};
static const char *const point_key[] = {METRICS_POINT(KEY)}, *const point_title[] = {METRICS_POINT(TITLE)};
enum { CONFUSION_MAX = 12, CLASSES_SHOWN = 40 };

bool scores_reported(const struct scores_plan *plan, enum metrics_whole what)
{
    if (plan->distances)
        return what == METRICS_auroc || what == METRICS_average_precision;
    return what != METRICS_top5 || plan->n_classes > 5;
}

void scores_classes_note(struct report_node *report, const struct scores_plan *plan)
{
    struct report_node *note;
    bool two = plan->n_classes == 2;
    if (two)
        note = report_note(report, "positive class: %s (of ", plan->class_name[plan->positive]);
    else
        note = report_note(report, "classes: ");
    for (int c = 0; c < plan->n_classes && c < CLASSES_SHOWN; c++)
        report_extend(note, "%s%s", c ? ", " : "", plan->class_name[c]);
    if (plan->n_classes > CLASSES_SHOWN)
        report_extend(note, ", ...");
    if (two)
        report_extend(note, "); a group is positive if one of its images is");
}

/* Keys of classes and points lose their prefix: "class_auroc" becomes "auroc", "point_recall" becomes "recall". */
static void add_measure(struct report_node *to, const char *key, const char *title, const struct scores *s, int at)
{
    bool prefixed = strncmp(key, "class_", 6) == 0 || strncmp(key, "point_", 6) == 0;
    report_title(report_put(to, (struct report_node){.kind = REPORT_MEASURE, .name = prefixed ? key + 6 : key,
                                                     .number = s->values[at], .low = s->low[at], .high = s->high[at]}),
                 "%s", title);
}

static void add_classes(struct report_node *record, const struct scores_plan *plan, const struct scores *s)
{
    struct report_node *all = report_add(record, REPORT_LIST, "per_class");
    for (int c = 0; c < plan->n_classes; c++) {
        struct report_node *one = report_add(all, REPORT_OBJECT, NULL);
        int64_t support = 0;
        for (int b = 0; b < plan->n_classes; b++)
            support += s->confusion[c * plan->n_classes + b];
        if (c < CLASSES_SHOWN)
            report_title(one, "class %s", plan->class_name[c]);
        report_text(one, "class", plan->class_name[c]);
        report_count(one, "support", support);
        for (int what = 0; what < METRICS_N_CLASS; what++)
            add_measure(one, class_key[what], class_title[what], s, metrics_at_class((enum metrics_class)what, c));
    }
}

static void add_point(struct report_node *all, const struct scores_plan *plan, const struct scores *s, int p)
{
    const struct linear_point *t = &s->point[p];
    const char *at = t->at_recall ? "recall" : "precision", *class_name = plan->class_name[t->class_index];
    struct report_node *one = report_add(all, REPORT_OBJECT, NULL);
    report_title(one, "%s %s at %s >= %g:", class_name, t->at_recall ? "precision" : "recall", at, t->target);
    report_text(one, "class", class_name);
    report_text(one, "at", at);
    report_number(one, "wanted", t->target);
    struct report_node *threshold = report_number(one, "threshold", t->threshold);
    report_title(threshold, "threshold");
    if (s->n_tries > 1 || isnan(t->threshold))
        report_shown(threshold, s->n_tries > 1 ? "differs" : "cannot be had");
    else
        report_shown(threshold, "%.6g", t->threshold);
    report_number(one, "chosen_precision", t->precision);
    report_number(one, "chosen_recall", t->recall);
    for (int what = 0; what < METRICS_N_POINT; what++)
        add_measure(one, point_key[what], point_title[what], s,
                    metrics_at_point(plan->n_classes, (enum metrics_point)what, p));
}

/* What follows from the class of the highest probability. */
static void add_predicted(struct report_node *record, const struct scores_plan *plan, const struct scores *s,
                          const char *title)
{
    struct report_node *confusion = report_put(record, (struct report_node){
        .kind = REPORT_MATRIX, .name = "confusion", .cell = s->confusion, .label = plan->class_name,
        .n = plan->n_classes});
    if (plan->n_classes <= CONFUSION_MAX)
        report_title(confusion, "confusion of %s%s", title, s->n_tries > 1 ? ", first try" : "");
    add_classes(record, plan, s);
}

static void add_record(struct report_node *records, const struct scores_plan *plan, const struct scores *s)
{
    struct report_node *r = report_add(records, REPORT_OBJECT, NULL);
    const char *heading = s->level->heading;
    char title[64];
    if (s->part >= 0)
        snprintf(title, sizeof title, "%s %d (%lld)", heading, s->part, (long long)s->n);
    else
        snprintf(title, sizeof title, "%s (%lld)", heading, (long long)s->n);
    report_title(r, "%s", title);
    report_text(r, "level", s->level->name);
    if (s->part >= 0)
        report_count(r, s->level->name, s->part);
    report_count(r, "rows", s->n);
    report_count(r, "groups", s->n_groups);
    report_count(r, "mixed_groups_left_out", s->n_mixed);
    if (plan->n_classes == 2)
        report_text(r, "positive", plan->class_name[plan->positive]);
    report_count(r, "tries", s->n_tries);
    for (int what = 0; what < METRICS_N_WHOLE; what++)
        if (scores_reported(plan, (enum metrics_whole)what))
            add_measure(r, whole_key[what], whole_title[what], s, what);
    if (!plan->distances)
        add_predicted(r, plan, s, title);
    struct report_node *points = report_add(r, REPORT_LIST, "points");
    for (int p = 0; p < s->n_points; p++)
        add_point(points, plan, s, p);
}

static void add_notes(struct report_node *report, const struct scores_plan *plan, const struct scores_list *list)
{
    const struct scores *images = &list->item[0];
    bool grouped = images->n_groups < images->n; /* else each image is a group of its own */
    if (images->n_tries > 1)
        report_note(report, "means of %d tries, in brackets the least and the most of them", images->n_tries);
    else if (plan->bootstrap.n_resamples > 0)
        report_note(report, "in brackets: %g %% intervals from %s of %s", 100 * plan->bootstrap.level,
                    FMT_COUNT(plan->bootstrap.n_resamples, "resample", "resamples"),
                    FMT_COUNT(images->n_groups, grouped ? "group" : "image", grouped ? "groups" : "images"));
    for (const struct scores *s = list->item; s < list->item + list->n; s++)
        if (s->n_mixed)
            report_note(report, "%s of mixed labels %s left out of the scores of %s",
                        FMT_COUNT(s->n_mixed, s->level->name, s->level->heading), s->n_mixed == 1 ? "is" : "are",
                        s->level->heading);
}

void scores_report(struct report_node *report, const struct scores_plan *plan, const struct scores_list *list)
{
    if (list->n)
        add_notes(report, plan, list);
    struct report_node *whole = report_add(report, REPORT_RECORDS, NULL);
    struct report_node *parts = report_add(report, REPORT_RECORDS, NULL); /* a table of their own */
    for (int i = 0; i < list->n; i++)
        add_record(list->item[i].part < 0 ? whole : parts, plan, &list->item[i]);
}
