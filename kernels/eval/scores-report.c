/* scores-report.c - the scores as a person reads them, and as JSON lines. The names of both come from the tables in
 * metrics.h. */
#include <cjson/cJSON.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "printable.h"
#include "scores.h"
#include "json-report.h"

#define KEY(name, text) #name,
#define TEXT(name, text) text,
static const char *const whole_key[] = {METRICS_WHOLE(KEY)}, *const whole_text[] = {METRICS_WHOLE(TEXT)};
static const char *const class_key[] = {METRICS_CLASS(KEY)}, *const class_text[] = {METRICS_CLASS(TEXT)};
static const char *const point_key[] = {METRICS_POINT(KEY)};
enum { COLUMNS = 3, CONFUSION_MAX = 12, CLASSES_SHOWN = 40 };

/* "class_auroc" and "point_recall" are the auroc and recall of where they stand. */
static const char *short_key(const char *key)
{
    if (strncmp(key, "class_", 6) == 0 || strncmp(key, "point_", 6) == 0)
        return key + 6;
    return key;
}

static int at_class(enum metrics_class what, int c)
{
    return metrics_at_class(what, c);
}

static int at_point(const struct scores_plan *plan, int what, int p)
{
    return METRICS_N_WHOLE + plan->n_classes * METRICS_N_CLASS + p * METRICS_N_POINT + what;
}

/* ------------------------------------------------------------------ text */
static void number(char *out, size_t room, double v)
{
    if (isnan(v))
        snprintf(out, room, "-");
    else
        snprintf(out, room, fabs(v) >= 100 ? "%.1f" : fabs(v) >= 10 ? "%.2f" : "%.4f", v);
}

static void cell(FILE *out, const struct scores *s, int at)
{
    char v[32], low[32], high[32], whole[112];
    number(v, sizeof v, s->values[at]);
    number(low, sizeof low, s->low[at]);
    number(high, sizeof high, s->high[at]);
    if (isnan(s->low[at]))
        snprintf(whole, sizeof whole, "%s", v);
    else
        snprintf(whole, sizeof whole, "%s [%s, %s]", v, low, high);
    fprintf(out, "  %-25s", whole);
}

static void level_name(const struct scores *s, char *out, size_t room)
{
    if (s->level == SCORES_SHOT)
        snprintf(out, room, "shot %d (%lld)", s->shot, (long long)s->n);
    else
        snprintf(out, room, "%s (%lld)", s->level == SCORES_GROUPS ? "groups" : "images", (long long)s->n);
}

static void head_line(FILE *out, const char *first, const struct scores *s, int n)
{
    fprintf(out, "%-34s", first);
    for (int i = 0; i < n; i++) {
        char name[48];
        level_name(&s[i], name, sizeof name);
        fprintf(out, "  %-25s", name);
    }
    fputc('\n', out);
}

static void line(FILE *out, const char *name, const struct scores *s, int n, int at)
{
    fprintf(out, "%-34s", name);
    for (int i = 0; i < n; i++)
        cell(out, &s[i], at);
    fputc('\n', out);
}

static void class_lines(FILE *out, const struct scores_plan *plan, const struct scores *s, int n)
{
    for (int c = 0; c < plan->n_classes && c < CLASSES_SHOWN; c++) {
        fprintf(out, "class %s\n", plan->class_name[c]);
        for (int what = 0; what < METRICS_N_CLASS; what++) {
            char name[64];
            snprintf(name, sizeof name, "  %s", class_text[what]);
            line(out, name, s, n, at_class((enum metrics_class)what, c));
        }
    }
}

static void point_name(const struct scores_plan *plan, const struct threshold *t, char *out, size_t room)
{
    snprintf(out, room, "%s %s at %s >= %g:", plan->class_name[t->of_class], t->at_recall ? "precision" : "recall",
             t->at_recall ? "recall" : "precision", t->wanted);
}

static void point_lines(FILE *out, const struct scores_plan *plan, const struct scores *s, int n)
{
    for (int p = 0; p < s->n_points; p++) {
        char name[256];
        point_name(plan, &s->point[p], name, sizeof name);
        fprintf(out, "%s\n", name);
        fprintf(out, "%-34s", "  threshold");
        for (int i = 0; i < n; i++) {
            char v[32];
            if (isnan(s[i].point[p].value))
                snprintf(v, sizeof v, "cannot be had");
            else
                snprintf(v, sizeof v, "%.6g", s[i].point[p].value);
            fprintf(out, "  %-25s", s[i].n_tries > 1 ? "differs" : v);
        }
        fputc('\n', out);
        line(out, "  precision", s, n, at_point(plan, METRICS_point_precision, p));
        line(out, "  recall", s, n, at_point(plan, METRICS_point_recall, p));
        line(out, "  false alarms per 1,000 negatives", s, n, at_point(plan, METRICS_point_false_alarms, p));
    }
}

static void confusion(FILE *out, const struct scores_plan *plan, const struct scores *s)
{
    char name[48];
    level_name(s, name, sizeof name);
    fprintf(out, "confusion of %s%s\n%-20s", name, s->n_tries > 1 ? ", first try" : "", "  is \\ called");
    for (int b = 0; b < plan->n_classes; b++)
        fprintf(out, " %12.12s", plan->class_name[b]);
    fputc('\n', out);
    for (int a = 0; a < plan->n_classes; a++) {
        fprintf(out, "  %-18.18s", plan->class_name[a]);
        for (int b = 0; b < plan->n_classes; b++)
            fprintf(out, " %12lld", (long long)s->confusion[a * plan->n_classes + b]);
        fputc('\n', out);
    }
}

void scores_classes_text(FILE *out, const char *before, const struct scores_plan *plan)
{
    bool two = plan->n_classes == 2;
    fprintf(out, "%s", before);
    if (two) {
        fputs("positive class: ", out);
        printable_put(out, plan->class_name[plan->positive]);
    }
    fputs(two ? " (of " : "classes: ", out);
    for (int c = 0; c < plan->n_classes && c < CLASSES_SHOWN; c++) {
        fputs(c ? ", " : "", out);
        printable_put(out, plan->class_name[c]);
    }
    fputs(plan->n_classes > CLASSES_SHOWN ? ", ..." : "", out);
    fputs(two ? "); a group is positive if one of its images is\n" : "\n", out);
}

static void table(FILE *out, const struct scores_plan *plan, const struct scores *s, int n)
{
    head_line(out, "", s, n);
    for (int what = 0; what < METRICS_N_WHOLE; what++)
        if (what != METRICS_top5 || plan->n_classes > 5)
            line(out, whole_text[what], s, n, what);
    class_lines(out, plan, s, n);
    point_lines(out, plan, s, n);
    for (int i = 0; i < n && plan->n_classes <= CONFUSION_MAX; i++)
        confusion(out, plan, &s[i]);
}

void scores_text(FILE *out, const struct scores_plan *plan, const struct scores_list *list)
{
    if (list->n == 0)
        return;
    if (list->item[0].n_tries > 1)
        fprintf(out, "means of %d tries, in brackets the least and the most of them\n", list->item[0].n_tries);
    else if (plan->bootstrap.n_resamples > 0) {
        bool grouped = list->item[0].n_groups < list->item[0].n; /* else each image is a group of its own */
        fprintf(out, "in brackets: %g %% intervals from %s of %s\n", 100 * plan->bootstrap.level,
                FMT_COUNT(plan->bootstrap.n_resamples, "resample", "resamples"),
                FMT_COUNT(list->item[0].n_groups, grouped ? "group" : "image", grouped ? "groups" : "images"));
    }
    for (int i = 0; i < list->n; i++)
        if (list->item[i].n_mixed)
            fprintf(out, "%s left out of the scores of groups\n",
                    FMT_COUNT(list->item[i].n_mixed, "group of mixed labels is", "groups of mixed labels are"));
    for (int first = 0; first < list->n;) { /* images and groups together, then shots */
        int n = 1;
        bool shot = list->item[first].level == SCORES_SHOT;
        while (first + n < list->n && n < COLUMNS && (list->item[first + n].level == SCORES_SHOT) == shot)
            n++;
        if (first)
            fputc('\n', out);
        table(out, plan, list->item + first, n);
        first += n;
    }
}

/* ------------------------------------------------------------------ JSON */
static void add_number(cJSON *o, const char *key, double v)
{
    if (isnan(v))
        cJSON_AddNullToObject(o, key);
    else
        cJSON_AddNumberToObject(o, key, v);
}

/* "key":value here and "key":[low,high] among the intervals. */
static void add_value(cJSON *o, cJSON *intervals, const char *key, const struct scores *s, int at)
{
    add_number(o, key, s->values[at]);
    double both[2] = {s->low[at], s->high[at]};
    cJSON_AddItemToObject(intervals, key, isnan(both[0]) ? cJSON_CreateNull() : cJSON_CreateDoubleArray(both, 2));
}

static void add_confusion(cJSON *o, const struct scores_plan *plan, const struct scores *s)
{
    cJSON *rows = cJSON_AddArrayToObject(o, "confusion");
    for (int a = 0; a < plan->n_classes; a++) {
        cJSON *row = cJSON_CreateArray();
        for (int b = 0; b < plan->n_classes; b++)
            cJSON_AddItemToArray(row, cJSON_CreateNumber((double)s->confusion[a * plan->n_classes + b]));
        cJSON_AddItemToArray(rows, row);
    }
}

static void add_classes(cJSON *o, const struct scores_plan *plan, const struct scores *s)
{
    cJSON *all = cJSON_AddArrayToObject(o, "per_class");
    for (int c = 0; c < plan->n_classes; c++) {
        cJSON *one = cJSON_CreateObject(), *intervals = cJSON_CreateObject();
        int64_t support = 0;
        for (int b = 0; b < plan->n_classes; b++)
            support += s->confusion[c * plan->n_classes + b];
        json_report_text(one, "class", plan->class_name[c]);
        cJSON_AddNumberToObject(one, "support", (double)support);
        for (int what = 0; what < METRICS_N_CLASS; what++)
            add_value(one, intervals, short_key(class_key[what]), s, at_class((enum metrics_class)what, c));
        cJSON_AddItemToObject(one, "intervals", intervals);
        cJSON_AddItemToArray(all, one);
    }
}

static void add_points(cJSON *o, const struct scores_plan *plan, const struct scores *s)
{
    cJSON *all = cJSON_AddArrayToObject(o, "points");
    for (int p = 0; p < s->n_points; p++) {
        const struct threshold *t = &s->point[p];
        cJSON *one = cJSON_CreateObject(), *intervals = cJSON_CreateObject();
        json_report_text(one, "class", plan->class_name[t->of_class]);
        cJSON_AddStringToObject(one, "at", t->at_recall ? "recall" : "precision");
        cJSON_AddNumberToObject(one, "wanted", t->wanted);
        add_number(one, "threshold", t->value);
        add_number(one, "chosen_precision", t->precision);
        add_number(one, "chosen_recall", t->recall);
        for (int what = 0; what < METRICS_N_POINT; what++)
            add_value(one, intervals, short_key(point_key[what]), s, at_point(plan, what, p));
        cJSON_AddItemToObject(one, "intervals", intervals);
        cJSON_AddItemToArray(all, one);
    }
}

static int json_line(FILE *out, const struct scores_plan *plan, const struct scores *s, const cJSON *head)
{
    static const char *const levels[] = {"image", "group", "shot"};
    cJSON *o = head ? cJSON_Duplicate(head, true) : cJSON_CreateObject();
    cJSON *intervals = cJSON_CreateObject();
    cJSON_AddStringToObject(o, "level", levels[s->level]);
    if (s->level == SCORES_SHOT)
        cJSON_AddNumberToObject(o, "shot", s->shot);
    cJSON_AddNumberToObject(o, "rows", (double)s->n);
    cJSON_AddNumberToObject(o, "groups", (double)s->n_groups);
    cJSON_AddNumberToObject(o, "mixed_groups_left_out", (double)s->n_mixed);
    if (plan->n_classes == 2)
        json_report_text(o, "positive", plan->class_name[plan->positive]);
    cJSON_AddNumberToObject(o, "tries", s->n_tries);
    for (int what = 0; what < METRICS_N_WHOLE; what++)
        if (what != METRICS_top5 || plan->n_classes > 5)
            add_value(o, intervals, whole_key[what], s, what);
    cJSON_AddItemToObject(o, "intervals", intervals);
    add_confusion(o, plan, s);
    add_classes(o, plan, s);
    add_points(o, plan, s);
    char *text = cJSON_PrintUnformatted(o);
    if (text)
        fprintf(out, "%s\n", text);
    cJSON_free(text);
    cJSON_Delete(o);
    return text ? 0 : -1;
}

int scores_json(FILE *out, const struct scores_plan *plan, const struct scores_list *list, const struct cJSON *head)
{
    int status = 0;
    for (int i = 0; !status && i < list->n; i++)
        status = json_line(out, plan, &list->item[i], head);
    return status;
}
