/* test-json-take.c - members of every type: taken where they are right, refused with place and key where they are not;
 * lines; the JSON of a promise. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "json-lines.h"
#include "json-scan.h"
#include "json-take.h"
#include "promise-outcome.h"
#include "tap.h"

static const char *const words[] = {"one", "two", "three"};

/* The first error of reading every type under the key "k". */
enum type { NUMBER, COUNT, TRUTH, TEXT, WORD, OBJECT, LIST, UNIQUE, NUMBER_OR, COUNT_OR, TEXT_OR };

static void take(struct json_take *t, const cJSON *o, enum type type)
{
    switch (type) {
    case NUMBER: json_take_number(t, o, "k", -1, 2); break;
    case COUNT: json_take_count(t, o, "k", 1, 9); break;
    case TRUTH: json_take_bool(t, o, "k"); break;
    case TEXT: json_take_text(t, o, "k"); break;
    case WORD: json_take_word(t, o, "k", words, 3); break;
    case OBJECT: json_take_object(t, o, "k"); break;
    case LIST: json_take_list(t, o, "k", 1, 2); break;
    case UNIQUE: json_take_unique(t, o); break;
    case NUMBER_OR: json_take_number_or(t, o, "k", -1, 2, 7); break;
    case COUNT_OR: json_take_count_or(t, o, "k", 1, 9, -1); break;
    case TEXT_OR: json_take_text_or(t, o, "k", NULL); break;
    }
}

static cJSON *parse(const char *text)
{
    struct json_span root;
    return json_check(text, strlen(text), 8, &root, NULL) ? NULL : json_parse(root);
}

static void test_refused(void)
{
    static const struct {
        enum type type;
        const char *text, *reason; /* "": taken */
    } c[] = {
        {NUMBER, "{\"k\":1.5}", ""}, {NUMBER, "{\"k\":-1}", ""}, {NUMBER, "{\"k\":2}", ""},
        {NUMBER, "{\"k\":1.99999999999999999999}", ""}, /* of many digits: kept as text by json_parse */
        {NUMBER, "{\"k\":2.01}", "here: k: not a number from -1 to 2"}, {NUMBER, "{}", "here: k: missing"},
        {NUMBER, "{\"k\":1e999}", "here: k: not a number from -1 to 2"},
        {NUMBER, "{\"k\":\"1\"}", "here: k: not a number from -1 to 2"},
        {NUMBER, "{\"k\":null}", "here: k: not a number from -1 to 2"},
        {NUMBER, "{\"k\":true}", "here: k: not a number from -1 to 2"},
        {NUMBER, "{\"K\":1}", "here: k: missing"}, {NUMBER, "[1]", "here: k: missing"},
        {COUNT, "{\"k\":1}", ""}, {COUNT, "{\"k\":9}", ""}, {COUNT, "{\"k\":3.0}", ""},
        {COUNT, "{\"k\":0}", "here: k: not a whole number from 1 to 9"},
        {COUNT, "{\"k\":10}", "here: k: not a whole number from 1 to 9"},
        {COUNT, "{\"k\":1.5}", "here: k: not a whole number from 1 to 9"},
        {COUNT, "{\"k\":1e999}", "here: k: not a whole number from 1 to 9"},
        {COUNT, "{\"k\":[1]}", "here: k: not a whole number from 1 to 9"},
        {TRUTH, "{\"k\":true}", ""}, {TRUTH, "{\"k\":false}", ""},
        {TRUTH, "{\"k\":1}", "here: k: neither true nor false"}, {TRUTH, "{}", "here: k: missing"},
        {TEXT, "{\"k\":\"\"}", ""}, {TEXT, "{\"k\":1}", "here: k: not a text"}, {TEXT, "{}", "here: k: missing"},
        {WORD, "{\"k\":\"three\"}", ""}, {WORD, "{\"k\":\"four\"}", "here: k: \"four\" is not one, two or three"},
        {WORD, "{\"k\":3}", "here: k: not a text"},
        {OBJECT, "{\"k\":{}}", ""}, {OBJECT, "{\"k\":[]}", "here: k: not an object"},
        {OBJECT, "{}", "here: k: missing"},
        {LIST, "{\"k\":[1]}", ""}, {LIST, "{\"k\":[1,2]}", ""}, {LIST, "{\"k\":[]}", "here: k: not a list of 1 to 2"},
        {LIST, "{\"k\":[1,2,3]}", "here: k: not a list of 1 to 2"},
        {LIST, "{\"k\":{\"a\":1}}", "here: k: not a list of 1 to 2"}, {LIST, "{}", "here: k: missing"},
        {UNIQUE, "{\"a\":1,\"b\":[{\"a\":1},{\"a\":1}]}", ""}, {UNIQUE, "[1,1]", ""},
        {UNIQUE, "{\"a\":1,\"b\":2,\"a\":1}", "here: a: is there twice"},
        {UNIQUE, "{\"a\":[[{\"k\":1,\"\\u006b\":2}]]}", "here: k: is there twice"},
        {NUMBER_OR, "{}", ""}, {NUMBER_OR, "{\"k\":null}", ""}, {NUMBER_OR, "{\"k\":1}", ""},
        {NUMBER_OR, "{\"k\":3}", "here: k: not a number from -1 to 2"},
        {COUNT_OR, "{}", ""}, {COUNT_OR, "{\"k\":null}", ""},
        {COUNT_OR, "{\"k\":-1}", "here: k: not a whole number from 1 to 9"},
        {TEXT_OR, "{}", ""}, {TEXT_OR, "{\"k\":null}", ""}, {TEXT_OR, "{\"k\":1}", "here: k: not a text"}};
    for (size_t i = 0; i < sizeof c / sizeof *c; i++) {
        struct fmt_error e = {0};
        struct json_take t = {.e = &e};
        cJSON *o = parse(c[i].text);
        json_take_at(&t, "%s: ", "here");
        take(&t, o, c[i].type);
        ok(o && t.status == (*c[i].reason ? FMT_INVALID : 0) && e.status == (enum fmt_status)t.status &&
               strcmp(e.text, c[i].reason) == 0,
           "%s: %s", c[i].text, e.text);
        cJSON_Delete(o);
    }
}

static void test_taken(void)
{
    struct fmt_error e = {0};
    struct json_take t = {.e = &e};
    cJSON *o = parse("{\"x\":0.1,\"x\":0.2,\"n\":1000000000000000,\"yes\":true,\"word\":\"two\",\"text\":\"t\","
                     "\"none\":null,\"list\":[{\"deep\":3}],\"raw\":0.10000000000000000001}");
    ok(json_take_number(&t, o, "x", 0, 1) == 0.2, "of two members the last");
    ok(json_take_count(&t, o, "n", 0, JSON_TAKE_COUNT_MAX) == JSON_TAKE_COUNT_MAX, "the largest count");
    ok(json_take_bool(&t, o, "yes") && json_take_word(&t, o, "word", words, 3) == 1, "true, a word");
    is_text(json_take_text(&t, o, "text"), "t", "a text");
    ok(json_take_number(&t, o, "raw", 0, 1) == 0.1 && isnan(json_number(NULL)), "a number of many digits");
    ok(json_take_has(o, "yes") && !json_take_has(o, "none") && !json_take_has(o, "other"), "null is not there");
    const cJSON *list = json_take_list(&t, o, "list", 1, 1);
    ok(list && json_take_count(&t, list->child, "deep", 0, 9) == 3 && t.status == 0, "an object in a list");
    ok(json_take_number_or(&t, o, "none", 0, 1, 7) == 7 && json_take_count_or(&t, o, "no", 0, 1, -1) == -1 &&
           json_take_text_or(&t, o, "none", NULL) == NULL && t.status == 0, "what stands for what is missing");
    ok(json_take_number(&t, o, "none", 0.25, 1) == 0.25 && json_take_count(&t, o, "text", 2, 3) == 2 &&
           *json_take_text(&t, o, "x") == 0 && !json_take_object(&t, o, "x"), "after an error all is valid");
    is_text(e.text, "none: not a number from 0.25 to 1", "the first error stays");
    cJSON_Delete(o);
}

/* Numbers of lines are added; 13 is refused. */
static int add(void *arg, const cJSON *o, int64_t line, struct fmt_error *e)
{
    struct json_take t = {.e = e};
    int64_t n = json_take_count(&t, o, "n", 0, 99);
    if (n == 13)
        json_take_fail(&t, "n", "%d is a bad number", (int)n);
    *(int64_t *)arg += 100 * line + n;
    return t.status;
}

static void test_lines(void)
{
    static const struct {
        const char *text, *error;
        int64_t sum;
    } c[] = {
        {"", "", 0}, {"{\"n\":1}", "", 101}, {"{\"n\":1}\n{\"n\":2}\n", "", 303}, {"{\"n\":1}\r\n{\"n\":2}", "", 303},
        {"{\"n\":1}\n{\"n\":01}\n", "line 2, column 6: broken JSON: a number with a leading zero", 101},
        {"{\"n\":1}\n\n{\"n\":1}\n", "line 2, column 1: broken JSON: it ends too soon", 101},
        {"{\"n\":13}", "line 1: n: 13 is a bad number", 113},
        {"{\"n\":1}\n{\"m\":1}", "line 2: n: missing", 301}};
    for (size_t i = 0; i < sizeof c / sizeof *c; i++) {
        struct fmt_error e = {0};
        int64_t sum = 0;
        int status = json_lines_read(c[i].text, strlen(c[i].text), 8, add, &sum, &e);
        ok(!status == !*c[i].error && strncmp(e.text, c[i].error, strlen(c[i].error)) == 0 && sum == c[i].sum,
           "lines %d: %s", (int)i, e.text);
    }
}

static void test_promise(void)
{
    struct promise missed = {PROMISE_MISSED, 0.05, 0.95}, alarms = {PROMISE_ALARMS, 0.01, 0};
    struct promise_outcome p[2] = {promise_outcome_unseen(&missed), promise_outcome_unseen(&alarms)}, again[2];
    struct fmt_error e = {0};
    struct json_take t = {.e = &e};
    p[0].chosen = promise_outcome_kept(&missed, 60, 1, 0.95);
    p[0].checked = promise_outcome_kept(&missed, 60, 60, 0.95);
    cJSON *list = promise_outcomes_json(p, 2, true);
    ok(promise_outcomes_take(&t, list, again) == 2 && t.status == 0, "two promises and back %s", e.text);
    ok(again[0].chosen.high == p[0].chosen.high && again[0].checked.state == PROMISE_BROKEN &&
           again[0].promise.confidence == 0.95 && again[1].promise.what == PROMISE_ALARMS &&
           again[1].chosen.state == PROMISE_UNSEEN && isnan(again[1].chosen.share), "to the bit");
    cJSON_Delete(list);
    list = promise_outcomes_json(p, 1, false);
    ok(!cJSON_HasObjectItem(list->child, "checked") && promise_outcomes_take(&t, list, again) == 1 &&
           again[0].checked.state == PROMISE_UNSEEN, "not checked");
    cJSON_Delete(list);
    char *text = cJSON_PrintUnformatted(list = promise_outcomes_json(p, 1, true));
    static const char *const change[][3] = {
        {"\"missed\"", "\"mist\"", "promise: \"mist\" is not missed or alarms"},
        {"0.05", "1", "share, confidence: a share of 0 or 1, or a confidence of 1, is no promise"},
        {"\"wrong\":1,", "\"wrong\":61,", "wrong: not a whole number from 0 to 60"},
        {"\"wrong\":1,", "\"wrong\":2,", "share: not that of its installations"},
        {"\"kept\"", "\"broken\"", "state: not that of its share and interval"},
        {"\"chosen\"", "\"Chosen\"", "chosen: missing"}};
    for (size_t i = 0; i < sizeof change / sizeof *change; i++) {
        char changed[1024];
        const char *at = strstr(text, change[i][0]);
        struct fmt_error why = {0};
        struct json_take broken = {.e = &why};
        snprintf(changed, sizeof changed, "%.*s%s%s", (int)(at - text), text, change[i][1], at + strlen(change[i][0]));
        cJSON *o = parse(changed);
        promise_outcomes_take(&broken, o, again);
        is_text(why.text, change[i][2], "refused");
        cJSON_Delete(o);
    }
    cJSON_free(text);
    cJSON_Delete(list);
}

int main(void)
{
    test_refused();
    test_taken();
    test_lines();
    test_promise();
    return tap_done();
}
