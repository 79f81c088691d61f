/* A report that is built once and printed by three printers: text, JSON, and a tiny one of this test's own. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report-print.h"
#include "tap.h"

/* The third printer: a line for each number, with the names on the way to it. */
static void print_paths(FILE *out, const struct report_node *node, const char *path)
{
    char below[200];
    int i = 0;
    for (const struct report_node *child = node->first; child; child = child->next, i++) {
        if (child->name)
            snprintf(below, sizeof below, "%s/%s", path, child->name);
        else
            snprintf(below, sizeof below, "%s/%d", path, i);
        if (child->kind == REPORT_MEASURE || child->kind == REPORT_NUMBER)
            fprintf(out, "%s=%g\n", below, child->number);
        print_paths(out, child, below);
    }
}

static int print_third(FILE *out, const struct report_node *report, struct fmt_error *e)
{
    if (!report_complete(report))
        return fmt_fail(e, FMT_MEMORY, "out of memory for the report");
    print_paths(out, report, "");
    return 0;
}

static const int64_t counts[] = {3, 1, 0, 12};
static char *const names[] = {"good", "a class with a long name"};

static void add_measure(struct report_node *to, const char *name, const char *title, double value, double low,
                        double high)
{
    struct report_node *m = report_put(to, (struct report_node){.kind = REPORT_MEASURE, .name = name, .number = value,
                                                                .low = low, .high = high});
    if (title)
        report_title(m, "%s", title);
}

static void add_record(struct report_node *records, const char *level, double accuracy)
{
    struct report_node *r = report_add(records, REPORT_OBJECT, NULL);
    report_title(r, "%s (%d)", level, 16);
    report_text(r, "level", level);
    report_count(r, "rows", 4000000000);
    add_measure(r, "accuracy", "accuracy", accuracy, accuracy - 0.125, 1);
    add_measure(r, "loss", "log loss", 12.3456, NAN, NAN);
    struct report_node *confusion = report_put(r, (struct report_node){
        .kind = REPORT_MATRIX, .name = "confusion", .cell = counts, .label = names, .n = 2});
    report_title(confusion, "confusion of %s", level);
    struct report_node *points = report_add(r, REPORT_LIST, "points"), *one = report_add(points, REPORT_OBJECT, NULL);
    report_title(one, "good at recall >= %g:", 0.9);
    struct report_node *threshold = report_number(one, "threshold", NAN);
    report_title(threshold, "threshold");
    report_shown(threshold, "cannot be had");
    add_measure(one, "recall", "recall", 123.456, NAN, NAN);
    add_measure(one, "only_for_programs", NULL, NAN, NAN, NAN);
}

static struct report_node build(int n_records)
{
    struct report_node report = {.kind = REPORT_OBJECT};
    report_text(&report, "tool", "test \xff");
    report_note(&report, "a sentence with %d words", 5);
    report_put(&report, (struct report_node){.kind = REPORT_BOOL, .name = "converged", .count = true});
    struct report_node *list = report_add(&report, REPORT_LIST, "grid");
    report_number(list, NULL, 0.1);
    report_number(list, NULL, NAN);
    report_text(list, NULL, "word");
    report_count(list, NULL, 7);
    struct report_node *records = report_add(&report, REPORT_RECORDS, NULL);
    for (int i = 0; i < n_records; i++)
        add_record(records, i ? "groups" : "images", 0.75);
    return report;
}

static void check_print(const char *what, report_printer *print, const struct report_node *report, const char *expected)
{
    char *text;
    size_t bytes;
    FILE *out = open_memstream(&text, &bytes);
    struct fmt_error e = {0};
    int status = print(out, report, &e);
    fclose(out);
    ok(status == 0 && strcmp(text, expected) == 0, "%s %s", what, e.text);
    if (strcmp(text, expected) != 0)
        printf("# got:\n%s# expected:\n%s", text, expected);
    free(text);
}

#define HEAD "{\"tool\":\"test \xEF\xBF\xBD" "ff\",\"converged\":true,\"grid\":[0.1,null,\"word\",7]"
#define RECORD(level) \
    HEAD ",\"level\":\"" level "\",\"rows\":4000000000,\"accuracy\":0.75,\"loss\":12.3456," \
    "\"intervals\":{\"accuracy\":[0.625,1],\"loss\":null},\"confusion\":[[3,1],[0,12]]," \
    "\"points\":[{\"threshold\":null,\"recall\":123.456,\"only_for_programs\":null," \
    "\"intervals\":{\"recall\":null,\"only_for_programs\":null}}]}\n"
#define CONFUSION(level) \
    "confusion of " level "\n  is \\ called                good a class with\n" \
    "  good                          3            1\n  a class with a lon            0           12\n"

static void test_printers(void)
{
    struct report_node two = build(2), one = build(1), none = build(0);
    check_print("JSON: a line for each record, begun with what the report has beside them", report_print_json, &two,
                RECORD("images") RECORD("groups"));
    check_print("text: records are columns, matrices follow", report_print_text, &two,
                "a sentence with 5 words\n"
                "                                    images (16)                groups (16)              \n"
                "accuracy                            0.7500 [0.6250, 1.0000]    0.7500 [0.6250, 1.0000]  \n"
                "log loss                            12.35                      12.35                    \n"
                "good at recall >= 0.9:\n"
                "  threshold                         cannot be had              cannot be had            \n"
                "  recall                            123.5                      123.5                    \n"
                CONFUSION("images") CONFUSION("groups"));
    check_print("a third printer", print_third, &one,
                "/grid/0=0.1\n/grid/1=nan\n/4/0/accuracy=0.75\n/4/0/loss=12.3456\n/4/0/points/0/threshold=nan\n"
                "/4/0/points/0/recall=123.456\n/4/0/points/0/only_for_programs=nan\n");
    check_print("no records, no lines of JSON", report_print_json, &none, "");
    report_release(&two);
    report_release(&one);
    report_release(&none);
    struct report_node plain = {.kind = REPORT_OBJECT};
    report_count(&plain, "rows", 3);
    check_print("a report without records is one line", report_print_json, &plain, "{\"rows\":3}\n");
    report_release(&plain);
}

/* A table of four records: three, then one. */
static void test_wide(void)
{
    struct report_node report = {.kind = REPORT_OBJECT}, *records = report_add(&report, REPORT_RECORDS, NULL);
    for (int i = 0; i < 4; i++) {
        struct report_node *r = report_add(records, REPORT_OBJECT, NULL);
        report_title(r, "%d", i);
        report_title(report_count(r, "n", i), "n");
    }
    check_print("three columns at a time", report_print_text, &report,
                "                                    0                          1                          "
                "2                        \n"
                "n                                   0                          1                          "
                "2                        \n\n"
                "                                    3                        \n"
                "n                                   3                        \n");
    report_release(&report);
}

/* What only people read. */
static void test_notes(void)
{
    struct report_node report = {.kind = REPORT_OBJECT};
    report_extend(report_note(&report, "a name: %s", "bell\a"), ", and %d more", 2);
    report_add(&report, REPORT_BREAK, NULL);
    report_note(&report, "the end");
    check_print("text: a break is a blank line, control characters are replaced", report_printer_of("text"), &report,
                "a name: bell?, and 2 more\n\nthe end\n");
    check_print("comments", report_print_comments, &report, "# a name: bell?, and 2 more\n# the end\n");
    check_print("JSON: no names, no line", report_printer_of("json"), &report, "");
    ok(!report_printer_of("xml"), "no printer of that name");
    report_release(&report);
}

static void test_incomplete(void)
{
    struct report_node report = build(1);
    struct fmt_error e = {0};
    ok(!report_add(NULL, REPORT_OBJECT, "x") && !report_number(NULL, "x", 1), "adding to nothing adds nothing");
    report.last->first->incomplete = true;
    ok(report_print_json(stdout, &report, &e) == FMT_MEMORY && report_print_text(stdout, &report, &e) == FMT_MEMORY,
       "an incomplete tree is not printed: %s", e.text);
    report_release(&report);
}

int main(void)
{
    test_printers();
    test_wide();
    test_notes();
    test_incomplete();
    return tap_done();
}
