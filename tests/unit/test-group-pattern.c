/* test-group-pattern.c - installations and views from names; how a list of photographs is put into order; the settings
 * of an inspector, to the bit. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "inspect-settings.h"
#include "photo-list.h"
#include "tap.h"

static void matches(const char *pattern, const char *name, const char *group, int view)
{
    struct group_pattern p;
    struct group_match m = {.view = -2};
    struct fmt_error e = {0};
    bool good = group_pattern_parse(&p, pattern, &e) == 0 && group_pattern_match(&p, name, &m) == (group != NULL) &&
                (!group || (strcmp(m.group, group) == 0 && m.view == view));
    ok(good, "%s of %s: %s %d %s", pattern, name, group ? group : "none", view, e.text);
}

static void test_patterns(void)
{
    matches(GROUP_PATTERN_DEFAULT, "A17-0.jpg", "A17", 0);
    matches(GROUP_PATTERN_DEFAULT, "A17_12.jpeg", "A17", 12);
    matches(GROUP_PATTERN_DEFAULT, "line 3/A-17-2.jpg", "line 3/A-17", 2);
    matches(GROUP_PATTERN_DEFAULT, "a-1.b/c.jpg", NULL, 0);
    matches(GROUP_PATTERN_DEFAULT, "IMG_1234.jpg", NULL, 0);
    matches(GROUP_PATTERN_DEFAULT, "-1.jpg", NULL, 0);
    matches(GROUP_PATTERN_DEFAULT, "A-1.tar.jpg", NULL, 0);
    matches(GROUP_PATTERN_DEFAULT, "A-1", "A", 1);
    matches(GROUP_PATTERN_DEFAULT, ".A-1", ".A", 1);
    matches("{group}/*", "x/A17/IMG_1234.jpg", "x/A17", -1);
    matches("{group}/*", "IMG_1234.jpg", NULL, 0);
    matches("{group}/cam{view}", "A17/cam2.jpg", "A17", 2);
    matches("cam{view}/{group}", "x/cam2/A17.jpg", "x/A17", 2);
    matches("*_{group}_v{view}*", "2026-11-30_A17_v2_left.jpg", "A17", 2);
    matches("{view}{group}", "12A.jpg", "A", 12);
    matches("{group}.{view}|{group}", "A17.3.jpg", "A17", 3);
    matches("{group}.{view}|{group}", "A17.jpg", "A17", -1);
    matches("{group}", "a/b", "a/b", -1);
}

static void refuses(const char *pattern, int status)
{
    struct group_pattern p;
    struct fmt_error e = {0};
    is_int(group_pattern_parse(&p, pattern, &e), status, "%s", e.text);
}

static void test_rules(void)
{
    char many[GROUP_PATTERN_MAX + 2];
    memset(many, 'a', sizeof many - 1);
    many[sizeof many - 1] = 0;
    refuses("", FMT_INVALID);
    refuses("{view}", FMT_INVALID);
    refuses("{group}{group}", FMT_INVALID);
    refuses("{group}{view}{view}", FMT_INVALID);
    refuses("{group}{x}", FMT_INVALID);
    refuses("{group}|", FMT_INVALID);
    refuses("{group}|{group}|{group}|{group}|{group}|{group}|{group}|{group}|{group}", FMT_LIMIT);
    refuses(many, FMT_LIMIT);
}

static void is_group(const char *relative, bool in_folder, const char *group)
{
    struct group_pattern p;
    struct group_match m;
    group_pattern_parse(&p, GROUP_PATTERN_DEFAULT, NULL);
    photo_list_group(relative, in_folder, &p, &m);
    ok(strcmp(m.group, group) == 0, "%s%s belongs to %s", relative, in_folder ? " in a folder" : "", m.group);
}

static void test_lists(void)
{
    struct photo_list l = {.n = 0};
    struct group_pattern p;
    struct fmt_error e = {0};
    static const char *const name[] = {"b-1.jpg", "x.jpg", "a-1.jpg", "b-0.jpg", "y.jpg", "a-0.jpg"};
    static const char *const want[] = {"b-0.jpg", "b-1.jpg", "x.jpg", "a-0.jpg", "a-1.jpg", "y.jpg"};
    is_group("A17-0.jpg", true, "A17");
    is_group("A17/IMG_1234.jpg", true, "A17");
    is_group("A17/IMG_1234.jpg", false, "A17/IMG_1234");
    is_group("IMG_1234.jpg", true, "IMG_1234");
    group_pattern_parse(&p, GROUP_PATTERN_DEFAULT, NULL);
    for (int i = 0; i < 6; i++)
        ok(photo_list_add(&l, name[i], 0, false, NULL, -1, &p, &e) == 0, "%s is added %s", name[i], e.text);
    ok(photo_list_sort(&l, &e) == 0 && l.n_groups == 4, "four installations %s", e.text);
    for (int i = 0; i < 6; i++)
        ok(strcmp(l.photo[i].name, want[i]) == 0, "photograph %d: %s", i, l.photo[i].name);
    ok(l.photo[1].i_group == 0 && l.photo[2].i_group == 1 && l.photo[5].i_group == 3, "numbers of installations");
    photo_list_close(&l);
    ok(photo_list_add(&l, "a", 0, false, "", 0, &p, &e) == 0 && photo_list_add(&l, "b", 0, false, "", 0, &p, &e) == 0 &&
           photo_list_sort(&l, &e) == 0 && l.n_groups == 2, "without a name each is one of its own %s", e.text);
    photo_list_close(&l);
    ok(photo_list_is_image("a.JPG") && photo_list_is_image("a.heic") && !photo_list_is_image(".a.jpg") &&
           !photo_list_is_image("a.txt") && !photo_list_is_image("@a.jpg"), "endings of images");
}

/* Everything that a settings can hold, and back again. */
static void test_settings(void)
{
    struct inspect_settings s = inspect_settings_default(), again;
    struct fmt_error e = {0};
    char *text, *twice;
    group_pattern_parse(&s.pattern, "{group}/*|{group}", NULL);
    s.positive = strdup("b\xc3\xa4" "d");
    s.rule = (struct verdict_rule){.how = RULE_LEARNED, .k = 1, .n_views = 3, .log_odds = true, .base = 0.1,
                                   .pass_below = 1.0 / 3, .fail_from = nextafter(2.0 / 3, 1)};
    s.rule.view_weight[31][1] = 1e-17 / 3;
    s.n_promises = 2;
    s.promise[0] = (struct promise_outcome){{PROMISE_ALARMS, 0.01, 0}, {10, 1, 0.1, 0, 0.5, PROMISE_OPEN},
                                             {0, 0, NAN, NAN, NAN, PROMISE_UNSEEN}};
    s.promise[1] = (struct promise_outcome){{PROMISE_MISSED, 0.05, 0.95}, {3, 0, 0, 0, 0.7, PROMISE_KEPT},
                                             {3, 3, 1, 0.3, 1, PROMISE_BROKEN}};
    s.is_checked = true;
    s.checked.n[2][VERDICT_REVIEW] = 17;
    ok(calibration_fit(&s.calibration, &(struct judged_groups){(double[]){0.1, 0.2, 1.0 / 3, 0.4},
                                                               (int8_t[]){0, 1, 0, 1}, 4}, &e) == 0, "a calibration");
    ok(inspect_settings_text(&s, &text, &e) == 0, "settings as text %s", e.text);
    ok(inspect_settings_parse(&again, text, strlen(text), &e) == 0, "and back %s", e.text);
    ok(again.rule.fail_from == s.rule.fail_from && again.rule.view_weight[31][1] == s.rule.view_weight[31][1] &&
           again.checked.n[2][VERDICT_REVIEW] == 17 && again.promise[0].checked.state == PROMISE_UNSEEN &&
           strcmp(again.positive, s.positive) == 0 && again.calibration.n == s.calibration.n &&
           calibration_at(&again.calibration, 1.0 / 3) == calibration_at(&s.calibration, 1.0 / 3), "to the bit");
    ok(inspect_settings_text(&again, &twice, &e) == 0 && strcmp(text, twice) == 0, "the same text again %s", e.text);
    for (size_t n = 0; n < strlen(text) - 1; n += 7) { /* cut anywhere it is refused and leaks nothing */
        struct inspect_settings cut;
        if (inspect_settings_parse(&cut, text, n, NULL) == 0)
            ok(false, "settings cut at %zu", n);
    }
    inspect_settings_release(&s);
    inspect_settings_release(&again);
    free(text);
    free(twice);
}

static void test_bad_settings(void)
{
    struct inspect_settings s = inspect_settings_default(), again;
    static const char *const change[][2] = {
        {"\"max\"", "\"min\""}, {"\"views\":\t0", "\"views\":\t-1"},
        {"\"pass_below\":\t1", "\"pass_below\":\t3"},
        {"\"version\":\t1", "\"version\":\t2"}, {"\"f32\"", "\"f64\""}, {"{group}-{view}", "{group}-{vier}"},
        {"\"promises\":\t[]", "\"promises\":\t{}"}, {"\"good\"", "\"gold\""}, {"\"classifier\"", "7"},
        {"\"views\":\t0", "\"views\":\t0, \"views\":\t0"}, {"\"version\":\t1", "\"gates\":\t{}, \"version\":\t1"},
        {"\"version\":\t1", "\"version\":\t1, \"other\":\t[{\"a\":\t1, \"b\":\t2, \"a\":\t1}]"},
        {"\"version\":\t1", "\"version\":\t1, \"calibration\":\t[]"}};
    struct fmt_error e = {0};
    char *text, changed[4096];
    s.rule.pass_below = 1, s.rule.fail_from = 2;
    ok(inspect_settings_text(&s, &text, &e) == 0 && inspect_settings_parse(&again, text, strlen(text), &e) == 0,
       "the defaults %s", e.text);
    for (size_t i = 0; i < sizeof change / sizeof *change; i++) {
        const char *at = strstr(text, change[i][0]);
        e = (struct fmt_error){0};
        snprintf(changed, sizeof changed, "%.*s%s%s", at ? (int)(at - text) : 0, text, change[i][1],
                 at ? at + strlen(change[i][0]) : "");
        ok(at && inspect_settings_parse(&again, changed, strlen(changed), &e) == FMT_INVALID, "%s: %s", change[i][1],
           e.text);
    }
    free(text);
}

int main(void)
{
    test_patterns();
    test_rules();
    test_lists();
    test_settings();
    test_bad_settings();
    return tap_done();
}
