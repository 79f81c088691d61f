/* test-annotations.c - lists that are accepted, problems of single entries, lists that are refused; rules for names. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "annotations.h"
#include "dataset-internal.h"
#include "tap.h"

#define HEAD "{\"metainfo\": {\"classes\": [\"negative\", \"positive\"]},\n \"data_list\": [\n"
#define GOOD "{\"img_path\": \"train/7/7-0.jpeg\", \"gt_label\": 0, \"group_id\": \"7\"}"

static void broken(const char *text, const char *reason)
{
    struct annotations a;
    struct fmt_error e = {0};
    int status = annotations_parse(text, strlen(text), &a, &e);
    ok(status != 0 && strstr(e.text, reason), "refused: %s (%s)", reason, e.text);
    if (status == 0)
        annotations_release(&a);
}

static void problem(const char *entry, const char *reason)
{
    char text[4096];
    struct annotations a;
    struct fmt_error e = {0};
    snprintf(text, sizeof text, HEAD GOOD ",\n  %s,\n" GOOD "]}", entry);
    if (annotations_parse(text, strlen(text), &a, &e)) {
        ok(false, "%s: %s", entry, e.text);
        return;
    }
    ok(a.n_items == 2 && a.n_problems == 1 && a.problem[0].line == 4 && a.problem[0].column == 3 &&
           strstr(a.problem[0].text, reason), "a problem of line 4: %s", a.n_problems ? a.problem[0].text : "none");
    annotations_release(&a);
}

static void good_list(void)
{
    static const char text[] = "\xEF\xBB\xBF" HEAD GOOD ",\n"
                               "{\"group_id\": 12345678901, \"gt_label\": null, \"img_path\": \"a.jpg\", \"shot\": 4,"
                               " \"site\": \"\\u00e5\", \"n\": 1.5, \"tags\": [1, {\"x\": null}]}]}\n\t ";
    struct annotations a;
    struct fmt_error e = {0};
    if (annotations_parse(text, sizeof text - 1, &a, &e)) {
        ok(false, "%s", e.text);
        return;
    }
    is_int(a.n_items, 2, "two entries");
    is_int(a.n_problems, 0, "no problem");
    is_int(a.n_classes, 2, "two classes");
    is_text(a.class_name[1], "positive", "the second class");
    is_text(a.item[0].path, "train/7/7-0.jpeg", "path");
    ok(a.item[0].labelled && a.item[0].label == 0 && a.item[0].group_view == -1, "label, no shot");
    is_text(a.item[0].extra, "", "no further keys");
    is_text(a.item[1].group, "12345678901", "a group that is a number");
    ok(!a.item[1].labelled && a.item[1].group_view == 4 && a.item[1].line == 4, "no label, a shot, its line");
    is_text(a.item[1].extra, "{\"site\":\"\xC3\xA5\",\"n\":1.5,\"tags\":[1,{\"x\":null}]}", "further keys");
    annotations_release(&a);
}

/* Keys of databases have 64 bits and more: group names and further keys have all their digits. */
static void large_numbers(void)
{
    static const char text[] = HEAD GOOD ",{\"img_path\": \"a\", \"gt_label\": 1, \"group_id\": 9007199254740993,"
                               " \"id\": 12345678901234567890, \"deep\": [{\"x\": -9007199254740993}, 1e400, 1e-400,"
                               " 0.0e5, 1.50, 1234567890123457, 0.12345678901234567]},"
                               "{\"img_path\": \"b\", \"gt_label\": 1, \"group_id\": -18446744073709551617,"
                               " \"n\": 9007199254740992}]}";
    struct annotations a;
    struct fmt_error e = {0};
    if (annotations_parse(text, sizeof text - 1, &a, &e)) {
        ok(false, "%s", e.text);
        return;
    }
    is_int(a.n_problems, 0, "large numbers are no problem%s%s", a.n_problems ? ": " : "",
           a.n_problems ? a.problem[0].text : "");
    if (a.n_items == 3) {
        is_text(a.item[1].group, "9007199254740993", "a group beyond 2^53");
        is_text(a.item[2].group, "-18446744073709551617", "and one beyond 64 bits");
        is_text(a.item[1].extra, "{\"id\":12345678901234567890,\"deep\":[{\"x\":-9007199254740993},"
                "1e400,1e-400,0,1.5,1234567890123457,0.12345678901234567]}",
                "in further keys what a double does not hold stands as it was written");
        is_text(a.item[2].extra, "{\"n\":9007199254740992}", "from 2^53 on");
    }
    annotations_release(&a);
}

/* HEAD, n times the entry, a good one and the end; for free(). */
static char *list_of(const char *entry, int n)
{
    size_t each = strlen(entry) + 1;
    char *text = malloc(sizeof HEAD GOOD "]}" + each * (size_t)n), *to = text;
    if (!text)
        abort();
    to = stpcpy(to, HEAD);
    for (int i = 0; i < n; i++)
        to = stpcpy(stpcpy(to, entry), ",");
    strcpy(to, GOOD "]}");
    return text;
}

static void limits(void)
{
    struct annotations a;
    struct fmt_error e = {0};
    char *text = list_of("7", ANNOTATIONS_PROBLEMS_MAX);
    is_int(annotations_parse(text, strlen(text), &a, &e), 0, "as many wrong entries as are told one by one");
    is_int(a.n_problems, ANNOTATIONS_PROBLEMS_MAX, "are all told");
    annotations_release(&a);
    free(text);
    text = list_of("7", ANNOTATIONS_PROBLEMS_MAX + 1);
    broken(text, "more than 10000 entries are wrong; data_list[10000]: not an object");
    free(text);

    static char entry[ANNOTATIONS_ENTRY_BYTES_MAX + 64];
    for (int over = 0; over < 2; over++) {
        int n = sprintf(entry, "%s", "{\"img_path\": \"x\", \"gt_label\": 1, \"spaces\":");
        memset(entry + n, ' ', sizeof entry - (size_t)n);
        strcpy(entry + ANNOTATIONS_ENTRY_BYTES_MAX + over - 2, "1}");
        text = list_of(entry, 1);
        int status = annotations_parse(text, strlen(text), &a, &e);
        ok(status == 0 && a.n_problems == over && a.n_items == 2 - over, "an entry of %zu bytes is %s", strlen(entry),
           over ? "too long" : "not");
        annotations_release(&a);
        free(text);
    }
}

static void paths(void)
{
    char out[64];
    ok(dataset_normal_path("./a//b/./c", out), "dots and doubled slashes");
    is_text(out, "a/b/c", "go");
    ok(!dataset_normal_path("/a", out) && !dataset_normal_path("a/../b", out) && !dataset_normal_path("..", out) &&
           !dataset_normal_path("", out) && !dataset_normal_path("./", out), "absolute, .., empty are refused");
    ok(dataset_normal_path("..a/b..", out), "dots in names are fine");
    is_int(dataset_group_view_of("train/7/7-12.jpeg", "7"), 12, "the view of GROUP-N");
    is_int(dataset_group_view_of("x-1/x-1-0.jpg", "y/x-1"), 0, "the last folder counts");
    is_int(dataset_group_view_of("7/8-1.jpeg", "7"), -1, "not of another group's name");
    is_int(dataset_group_view_of("7/7-1b.jpeg", "7"), -1, "not a number");
    is_int(dataset_group_view_of("7/7-12345678901.jpeg", "7"), -1, "too large a number");
}

int main(void)
{
    good_list();
    large_numbers();
    problem("7", "not an object");
    problem("{\"gt_label\": 0}", "img_path is not a text");
    problem("{\"img_path\": \"x\", \"gt_label\": 0.5}", "gt_label is not a whole number");
    problem("{\"img_path\": \"x\", \"gt_label\": true}", "gt_label is not a whole number");
    problem("{\"img_path\": \"x\"}", "gt_label is missing");
    problem("{\"img_path\": \"x\", \"gt_label\": 1, \"group_id\": []}", "group_id is neither");
    problem("{\"img_path\": \"x\", \"gt_label\": 1, \"shot\": -2}", "shot is not");
    problem("{\"img_path\": \"x\", \"gt_label\": 1, \"gt_label\": 1}", "appears twice");
    problem("{\"img_path\": \"x\", \"gt_label\": 1, \"shot\": 0.5}", "shot is not a whole number from 0");
    problem("{\"img_path\": \"x\", \"gt_label\": 1, \"shot\": -9007199254740993}",
            "shot is not a whole number from 0");
    problem("{\"img_path\": \"x\", \"gt_label\": 1, \"shot\": 1099511627776}", "shot is more than 2147483647");
    problem("{\"img_path\": \"x\", \"gt_label\": 1, \"shot\": 9007199254740993}", "shot is more than 2147483647");
    problem("{\"img_path\": \"x\", \"gt_label\": 1, \"shot\": 1e400}", "shot is more than 2147483647");
    problem("{\"img_path\": \"x\", \"gt_label\": 1e20}", "gt_label is too large for a class");
    problem("{\"img_path\": \"x\", \"gt_label\": 9007199254740993}", "gt_label is too large for a class");
    problem("{\"img_path\": \"x\", \"gt_label\": 1, \"group_id\": 1e20}", "write it in plain digits or as a text");
    problem("{\"img_path\": \"x\", \"gt_label\": 1, \"tags\": [{\"a\": 1, \"b\": 2, \"\\u0061\": 1}]}",
            "the key a appears twice");
    broken("", "broken JSON");
    broken("[]", "not an object");
    broken("{\"data_list\": []}", "metainfo.classes");
    broken("{\"metainfo\": {\"classes\": [\"a\", \"a\"]}, \"data_list\": []}", "twice");
    broken("{\"metainfo\": {\"classes\": []}, \"data_list\": []}", "no names");
    broken("{\"metainfo\": {\"classes\": [\"a\"]}}", "data_list is not there");
    broken("{\"data_list\": [], \"data_list\": []}", "appears twice");
    broken("{\"metainfo\": {\"classes\": [\"a\"], \"classes\": [\"a\"]}, \"data_list\": []}", "appears twice");
    broken("{\"metainfo\": {\"classes\": [\"a\", 7]},\n\"data_list\": []}", "classes[1] is not a name");
    broken(HEAD GOOD ",\n]}", "line 4, column 1: broken JSON: a value is missing");
    broken(HEAD GOOD "\n" GOOD "]}", "line 4, column 1: broken JSON: ',' or ']' is missing");
    broken(HEAD GOOD "]} x", "line 3, column 68: broken JSON: something follows the end");
    broken(HEAD "{\"img_path\": \"a\nb\"}]}", "line 3, column 16: broken JSON: control character");
    broken(HEAD "{\"img_path\": \"a\\u0000b\"}]}", "\\u0000");
    broken(HEAD "{\"img_path\": \"a", "a string without end");
    broken(HEAD "{\"img_path\": \"a\", \"score\": NaN}]}",
           "line 3, column 28: broken JSON: NaN, which JSON does not have");
    broken("[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[", "nested too deep");
    limits();
    paths();
    return tap_done();
}
