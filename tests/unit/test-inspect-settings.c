/* test-inspect-settings.c - the settings of an inspector: written and read again to the bit; what breaks a rule is
 * refused. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "inspect-settings.h"
#include "tap.h"

/* Everything that settings can hold, and back again. */
static void test_settings(void)
{
    struct inspect_settings s = inspect_settings_default(), again;
    struct fmt_error e = {0};
    char *text, *twice;
    group_pattern_parse(&s.pattern, "{group}/*|{group}", NULL);
    s.positive = strdup("b\xc3\xa4" "d");
    s.rule = (struct verdict_rule){.how = RULE_LEARNED, .k = 1, .n_views = 3, .log_odds = true, .base = 0.1,
                                   .pass_below = 1.0 / 3, .fail_from = nextafter(2.0 / 3, 1)};
    s.rule.view_known[31] = true; /* centre 0 */
    s.rule.view_weight[31][1] = 1e-17 / 3;
    s.n_promises = 2;
    s.promise[0] = (struct promise_outcome){{PROMISE_ALARMS, 0.01, 0}, {10, 1, 0.1, 0, 0.5, PROMISE_OPEN},
                                             {0, 0, NAN, NAN, NAN, PROMISE_UNSEEN}};
    s.promise[1] = (struct promise_outcome){{PROMISE_MISSED, 0.05, 0.95}, {3, 0, 0, 0, 0.7, PROMISE_KEPT},
                                             {3, 3, 1, 0.3, 1, PROMISE_BROKEN}};
    s.is_checked = true;
    s.checked.n[VERDICT_ALL][VERDICT_REVIEW] = 17;
    ok(calibration_fit(&s.calibration, &(struct judged_groups){(double[]){0.1, 0.2, 1.0 / 3, 0.4},
                                                               (int8_t[]){0, 1, 0, 1}, 4}, &e) == 0, "a calibration");
    ok(inspect_settings_text(&s, &text, &e) == 0, "settings as text %s", e.text);
    ok(inspect_settings_parse(&again, text, strlen(text), &e) == 0, "and back %s", e.text);
    ok(again.rule.fail_from == s.rule.fail_from && again.rule.view_weight[31][1] == s.rule.view_weight[31][1] &&
           again.rule.view_known[31] && !again.rule.view_known[30] &&
           again.checked.n[VERDICT_ALL][VERDICT_REVIEW] == 17 && again.promise[0].checked.state == PROMISE_UNSEEN &&
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
        {"\"version\":\t3", "\"version\":\t4"},
        {"\"version\":\t3", "\"version\":\t2"},
        {"\"f32\"", "\"f64\""}, {"{group}-{view}", "{group}-{vier}"},
        {"\"promises\":\t[]", "\"promises\":\t{}"}, {"\"good\"", "\"gold\""}, {"\"classifier\"", "7"},
        {"\"views\":\t0", "\"views\":\t0, \"views\":\t0"}, {"\"version\":\t3", "\"gates\":\t{}, \"version\":\t3"},
        {"\"version\":\t3", "\"version\":\t3, \"other\":\t[{\"a\":\t1, \"b\":\t2, \"a\":\t1}]"},
        {"\"version\":\t3", "\"version\":\t3, \"calibration\":\t[]"}};
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

static void test_bad_learned(void)
{
    struct inspect_settings s = inspect_settings_default(), again;
    static const char *const change[][2] = {{"false", "1"}, {"[0, 0]", "[0, -1]"}, {"[0, 0]", "[1e999, 0]"}};
    struct fmt_error e = {0};
    char *text, changed[8192];
    s.rule = (struct verdict_rule){.how = RULE_LEARNED, .k = 1, .pass_below = 1, .fail_from = 2};
    s.rule.view_known[0] = true;
    ok(inspect_settings_text(&s, &text, &e) == 0 && inspect_settings_parse(&again, text, strlen(text), &e) == 0,
       "a learned rule %s", e.text);
    for (size_t i = 0; i < sizeof change / sizeof *change; i++) {
        const char *at = strstr(text, change[i][0]);
        snprintf(changed, sizeof changed, "%.*s%s%s", at ? (int)(at - text) : 0, text, change[i][1],
                 at ? at + strlen(change[i][0]) : "");
        ok(at && inspect_settings_parse(&again, changed, strlen(changed), &e) == FMT_INVALID, "%s: %s", change[i][1],
           e.text);
    }
    free(text);
}

int main(void)
{
    test_settings();
    test_bad_settings();
    test_bad_learned();
    return tap_done();
}
