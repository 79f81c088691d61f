/* test-json.c - strict JSON: what the grammar of RFC 8259 allows is accepted, all else refused with its position; walk;
 * output. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "feature-export.h"
#include "json-scan.h"
#include "tap.h"
#include "utf8.h"

enum { DEPTH = 4 };

static int check(const char *text, size_t n, struct json_span *root, struct fmt_error *e)
{
    char *copy = malloc(n ? n : 1); /* exactly as long: no zero byte after it */
    if (!copy)
        abort();
    memcpy(copy, text, n);
    int status = json_check(copy, n, DEPTH, root, e);
    if (status == 0)
        *root = (struct json_span){text + (root->at - copy), root->bytes};
    free(copy);
    return status;
}

static void passes(const char *text)
{
    struct json_span root = {0};
    struct fmt_error e = {0};
    ok(check(text, strlen(text), &root, &e) == 0, "passes: %s%s", text, e.text);
    cJSON *tree = cJSON_ParseWithLength(text, strlen(text));
    ok(tree, "cJSON takes it too");
    cJSON_Delete(tree);
}

static void refused(const char *text, size_t n, int column, const char *reason)
{
    struct json_span root;
    struct fmt_error e = {0};
    char place[40];
    snprintf(place, sizeof place, "line 1, column %d: broken JSON: ", column);
    ok(check(text, n, &root, &e) && strncmp(e.text, place, strlen(place)) == 0 && strstr(e.text, reason),
       "refused: column %d, %s: %s", column, reason, e.text);
}
#define REFUSED(text, column, reason) refused(text, sizeof(text) - 1, column, reason)

static void test_passes(void)
{
    static const char *const good[] = {
        "0", "-0", "10", "-1.50", "1e5", "1E+5", "0.1e-05", "true", "false", "null", "\"\"", "[]", "{}", " [ ] ",
        "\t\r\n{ }\n", "[1,2]", "[ 1 , 2 ]", "{\"a\":1}", "{ \"a\" : [ ] , \"\" : { } }", "[[[[]]]]",
        "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\u00e5\\uD83D\\uDE00\"",
        "\"\x7F\xC3\xA5\xE2\x82\xAC\xF0\x9F\x98\x80\xF4\x8F\xBF\xBF\"", "\xEF\xBB\xBF[1]",
        "123456789012345678901234567890123456789012345678901234567890123"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        passes(good[i]);
}

static void test_numbers(void)
{
    REFUSED("01", 1, "a leading zero");
    REFUSED("[-012.5]", 2, "a leading zero");
    REFUSED("[1.]", 4, "a digit is missing");
    REFUSED("[.5]", 2, "not a value");
    REFUSED("[+1]", 2, "not a value");
    REFUSED("[-]", 3, "a digit is missing");
    REFUSED("[1e]", 4, "a digit is missing");
    REFUSED("[1e+]", 5, "a digit is missing");
    REFUSED("[0x10]", 3, "is missing");
    REFUSED("[1 2]", 4, "',' or ']' is missing");
    REFUSED("[NaN]", 2, "NaN, which JSON does not have");
    REFUSED("[Infinity]", 2, "Infinity, which JSON does not have");
    REFUSED("[-Infinity]", 3, "-Infinity, which JSON does not have");
    REFUSED("[N]", 2, "not a value");
    REFUSED("-", 2, "it ends too soon");
    REFUSED("[1234567890123456789012345678901234567890123456789012345678901234]", 2, "more than 63 characters");
}

static void test_strings(void)
{
    REFUSED("\"a", 1, "a string without end");
    REFUSED("\"a\\", 4, "it ends too soon");
    REFUSED("\"a\\\"", 1, "a string without end");
    REFUSED("\"a\tb\"", 3, "control character");
    REFUSED("\"a\0b\"", 3, "control character");
    REFUSED("\"\\x41\"", 2, "a backslash before");
    REFUSED("\"\\\0\"", 2, "a backslash before");
    REFUSED("\"\\u12g4\"", 2, "four hexadecimal digits");
    REFUSED("\"\\u12", 2, "four hexadecimal digits");
    REFUSED("\"\\u0000\"", 2, "\\u0000");
    REFUSED("\"\\ud800\"", 2, "the first half of a surrogate pair");
    REFUSED("\"\\ud800\\u0041\"", 2, "the first half of a surrogate pair");
    REFUSED("\"\\ude00\"", 2, "the second half of a surrogate pair");
    REFUSED("\"\xE5\"", 2, "not UTF-8");                 /* Latin 1 */
    REFUSED("\"ab\xC0\xAF\"", 4, "not UTF-8");           /* too long a form */
    REFUSED("\"\xE0\x80\x80\"", 2, "not UTF-8");
    REFUSED("\"\xED\xA0\x80\"", 2, "not UTF-8");         /* a surrogate */
    REFUSED("\"\xF4\x90\x80\x80\"", 2, "not UTF-8");     /* beyond the last character */
    REFUSED("\"\x80\"", 2, "not UTF-8");
    REFUSED("\"\xE2\x82", 2, "not UTF-8");
    REFUSED("'a'", 1, "a single quote");
}

static void test_structure(void)
{
    REFUSED("", 1, "it ends too soon");
    REFUSED("  ", 3, "it ends too soon");
    REFUSED("[1,]", 4, "a value is missing");
    REFUSED("[,1]", 2, "a value is missing");
    REFUSED("[1", 3, "it ends too soon");
    REFUSED("[1}", 3, "',' or ']' is missing");
    REFUSED("{\"a\":1,}", 8, "a key in double quotes is missing");
    REFUSED("{a:1}", 2, "a key in double quotes is missing");
    REFUSED("{\"a\" 1}", 6, "':' is missing");
    REFUSED("{\"a\":}", 6, "a value is missing");
    REFUSED("{\"a\":1]", 7, "',' or '}' is missing");
    REFUSED("{\"a\":1", 7, "it ends too soon");
    REFUSED("tru", 1, "not a value");
    REFUSED("[None]", 2, "None, which JSON writes as null");
    REFUSED("[False]", 2, "False, which JSON writes as false");
    REFUSED("[/* note */ 1]", 2, "a comment");
    REFUSED("nulll", 5, "something follows the end");
    REFUSED("[] []", 4, "something follows the end");
    REFUSED("[]\0", 3, "something follows the end");
    REFUSED("[1] // note", 5, "something follows the end");
    REFUSED("[\xC2\xA0]", 2, "not a value"); /* a space, but none of JSON's */
    REFUSED("\xFF\xFE[\0]\0", 1, "UTF-16");
    REFUSED("\xFE\xFF\0[\0]", 1, "UTF-16");
    REFUSED("[\0]\0", 1, "UTF-16");
    REFUSED("\0[\0]", 1, "UTF-16");
    REFUSED("\xFF\xFE\0\0[\0\0\0", 1, "UTF-16 (or 32)");
    REFUSED("[[[[[]]]]]", 5, "nested too deep");
    struct json_span root;
    struct fmt_error e = {0};
    ok(check("[1,\r\n  2,\n\n 3 4]", 16, &root, &e) && strncmp(e.text, "line 4, column 4:", 17) == 0, "%s", e.text);
}

static void test_walk(void)
{
    static const char text[] = " {\"a\":[1,\"]\\\"\",{\"b\":[]}, -2e5 ,true],\"\\u0062\" : {\"x\":null} , \"c\":\"}\"}";
    struct json_span root, key[3], value[3], element, none = {NULL, 0};
    struct fmt_error e = {0};
    if (check(text, sizeof text - 1, &root, &e)) {
        ok(false, "%s", e.text);
        return;
    }
    struct json_walk walk = json_enter(root);
    int n = 0;
    while (n < 3 && json_next(&walk, &key[n], &value[n]))
        n++;
    is_int(n, 3, "three members");
    ok(!json_next(&walk, &none, &none), "and no more");
    ok(json_text_is(key[0], "a") && json_text_is(key[1], "b") && !json_text_is(key[1], "a"), "keys, one in an escape");
    is_int((long)value[1].bytes, 10, "the bytes of an object");
    ok(value[2].bytes == 3 && memcmp(value[2].at, "\"}\"", 3) == 0, "a text with a bracket");
    static const char *const want[] = {"1", "\"]\\\"\"", "{\"b\":[]}", "-2e5", "true"};
    n = 0;
    for (walk = json_enter(value[0]); json_next(&walk, NULL, &element); n++)
        ok(n < 5 && element.bytes == strlen(want[n]) && memcmp(element.at, want[n], element.bytes) == 0,
           "element %d is %.*s", n, (int)element.bytes, element.at);
    is_int(n, 5, "five elements");
    walk = json_enter(value[2]);
    ok(!json_next(&walk, NULL, &element), "nothing is in a text");
}

static void test_trees(void)
{
    static const char text[] = "[1, 9007199254740991, -9007199254740992, {\"a\":[1e400]}, 0.000e9, 1e-999, 0.1]";
    struct json_span root;
    struct fmt_error e = {0};
    cJSON *tree = json_check(text, sizeof text - 1, DEPTH, &root, &e) ? NULL : json_parse(root);
    char *again = tree ? cJSON_PrintUnformatted(tree) : NULL;
    is_text(again ? again : "", "[1,9007199254740991,-9007199254740992,{\"a\":[1e400]},0,1e-999,0.1]",
            "numbers beyond a double keep their text");
    ok(tree && cJSON_IsRaw(cJSON_GetArrayItem(tree, 2)) && cJSON_IsNumber(cJSON_GetArrayItem(tree, 0)),
       "those within stay numbers");
    cJSON_free(again);
    cJSON_Delete(tree);
}

static void test_members(void)
{
    cJSON *o = cJSON_Parse("{\"a\":1,\"b\":2,\"A\":3,\"a\":4}");
    ok(json_member(o, "a") && json_member(o, "a")->valueint == 4, "the last of two members with one key");
    ok(json_member(o, "b")->valueint == 2 && json_member(o, "A")->valueint == 3, "keys are case-sensitive");
    ok(!json_member(o, "c") && !json_member(json_member(o, "b"), "a") && !json_member(NULL, "a"),
       "no such member, no object, nothing");
    cJSON_Delete(o);
}

static void test_repair(void)
{
    static const struct {
        const char *text, *valid;
    } cases[] = {{"", ""},
                 {"plain \xC3\xA5 \xF0\x9F\x98\x80", "plain \xC3\xA5 \xF0\x9F\x98\x80"},
                 {"\xFF", "\xEF\xBF\xBD" "ff"},
                 {"a\xC3", "a\xEF\xBF\xBD" "c3"},
                 {"\xE2\x82z", "\xEF\xBF\xBD" "e2\xEF\xBF\xBD" "82z"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *valid = utf8_repair(cases[i].text);
        is_text(valid ? valid : "no memory", cases[i].valid, "valid UTF-8, case %d", (int)i);
        free(valid);
    }
}

/* Further keys of an entry as feat-cat writes them. */
static void test_features(void)
{
    struct feat_header h = {.kind = FEAT_CLS, .dim = 1, .n_tokens = 1};
    struct feat_row row = {.labels = {.key = "k", .split = "", .group = "", .label = -1, .group_view = -1,
                                      .extra = "{\"id\":12345678901234567890}"}};
    struct fmt_buffer out = {0};
    bool made = feature_export_json(&h, &row, &out) == 0 && fmt_buffer_append(&out, "", 1) == 0;
    ok(made && strstr((char *)out.data, "\"extra\":{\"id\":12345678901234567890}"), "large numbers as they were");
    out.bytes = 0;
    row.labels.extra = "{\"by\xFFte\":\"\xC3\"}";
    made = feature_export_json(&h, &row, &out) == 0 && fmt_buffer_append(&out, "", 1) == 0;
    ok(made && strstr((char *)out.data, "\"extra\":{\"by\xEF\xBF\xBD" "ffte\":\"\xEF\xBF\xBD" "c3\"}"),
       "bytes that are not UTF-8 are replaced");
    fmt_buffer_release(&out);
}

int main(void)
{
    test_passes();
    test_numbers();
    test_strings();
    test_structure();
    test_walk();
    test_trees();
    test_members();
    test_repair();
    test_features();
    return tap_done();
}
