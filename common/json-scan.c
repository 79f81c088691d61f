/* json-scan.c - the grammar of RFC 8259, a function for each symbol; the limit of depth bounds recursion. The walk
 * needs little care, since the text was checked: a value ends where its brackets end. */
#include "json-scan.h"

#include <ctype.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "num.h"
#include "utf8.h"

void json_position_find(struct json_position *p, const char *text, size_t offset)
{
    if (p->text != text || offset < p->at)
        *p = (struct json_position){text, 0, 1, 1};
    for (; p->at < offset; p->at++) {
        p->column++;
        if (text[p->at] == '\n')
            p->line++, p->column = 1;
    }
}

/* ---------------------------------------------------------------- the check */

struct scan {
    const char *text;
    size_t bytes, at;
    int depth, depth_max;
    struct fmt_error *e;
};

static int fail_at(const struct scan *s, enum fmt_status status, size_t at, const char *reason)
{
    struct json_position p = {0};
    json_position_find(&p, s->text, at);
    return fmt_fail(s->e, status, "line %d, column %d: broken JSON: %s", p.line, p.column,
                    at == s->bytes ? "it ends too soon" : reason);
}

static int fail(const struct scan *s, const char *reason)
{
    return fail_at(s, FMT_INVALID, s->at, reason);
}

static int next_byte(const struct scan *s) /* -1: the end */
{
    return s->at < s->bytes ? (uint8_t)s->text[s->at] : -1;
}

static bool take(struct scan *s, char c)
{
    bool there = s->at < s->bytes && s->text[s->at] == c;
    s->at += there;
    return there;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static void skip_space(struct scan *s)
{
    while (s->at < s->bytes && is_space(s->text[s->at]))
        s->at++;
}

static int check_word(struct scan *s, const char *word)
{
    size_t n = strlen(word);
    if (s->bytes - s->at < n || memcmp(s->text + s->at, word, n) != 0)
        return fail(s, "not a value of JSON");
    s->at += n;
    return 0;
}

#define NOT_THERE ", which JSON does not have: write null"

/* Words of Python, C and JavaScript that some programs write into JSON. */
static int refuse_value(struct scan *s)
{
    static const struct {
        const char *word, *reason;
    } known[] = {
        {"NaN", "NaN" NOT_THERE},
        {"nan", "nan" NOT_THERE},
        {"Infinity", "Infinity" NOT_THERE},
        {"inf", "inf" NOT_THERE},
        {"None", "None, which JSON writes as null"},
        {"undefined", "undefined" NOT_THERE},
        {"True", "True, which JSON writes as true"},
        {"False", "False, which JSON writes as false"},
        {"'", "a single quote; JSON has texts in double quotes"},
        {"//", "a comment; JSON has none"},
        {"/*", "a comment; JSON has none"},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        size_t n = strlen(known[i].word);
        if (s->bytes - s->at >= n && memcmp(s->text + s->at, known[i].word, n) == 0)
            return fail(s, known[i].reason);
    }
    return fail(s, "not a value of JSON");
}

static bool skip_digits(struct scan *s) /* false: there are none */
{
    size_t start = s->at;
    while (s->at < s->bytes && isdigit((uint8_t)s->text[s->at]))
        s->at++;
    return s->at > start;
}

static int check_number(struct scan *s)
{
    size_t start = s->at;
    if (take(s, '-') && !isdigit(next_byte(s)))
        return fail(s, next_byte(s) == 'I' ? "-Infinity" NOT_THERE : "a digit is missing");
    if (take(s, '0') ? skip_digits(s) : !skip_digits(s))
        return fail_at(s, FMT_INVALID, start, "a number with a leading zero");
    if (take(s, '.') && !skip_digits(s))
        return fail(s, "a digit is missing");
    if (take(s, 'e') || take(s, 'E')) {
        if (!take(s, '+'))
            take(s, '-');
        if (!skip_digits(s))
            return fail(s, "a digit is missing");
    }
    if (s->at - start <= JSON_NUMBER_MAX)
        return 0;
    char reason[60];
    snprintf(reason, sizeof reason, "a number of more than %d characters", JSON_NUMBER_MAX);
    return fail_at(s, FMT_LIMIT, start, reason);
}

/* The four digits after \u; -1: they are missing. */
static int hex_code(const struct scan *s, size_t at)
{
    int code = 0;
    if (s->bytes - at < 4)
        return -1;
    for (size_t i = at; i < at + 4; i++) {
        int c = (uint8_t)s->text[i];
        if (!isxdigit(c))
            return -1;
        code = 16 * code + (isdigit(c) ? c - '0' : (c | 0x20) - 'a' + 10);
    }
    return code;
}

static int check_unicode_escape(struct scan *s) /* at the backslash */
{
    int code = hex_code(s, s->at + 2);
    size_t n = 6;
    if (code < 0)
        return fail(s, "\\u without four hexadecimal digits");
    if (code == 0)
        return fail(s, "\\u0000 in a string");
    if (code >= 0xDC00 && code < 0xE000)
        return fail(s, "the second half of a surrogate pair without the first");
    if (code >= 0xD800 && code < 0xDC00) {
        bool more = s->bytes - s->at >= 12 && memcmp(s->text + s->at + 6, "\\u", 2) == 0;
        int low = more ? hex_code(s, s->at + 8) : -1;
        if (low < 0xDC00 || low >= 0xE000)
            return fail(s, "the first half of a surrogate pair without the second");
        n = 12;
    }
    s->at += n;
    return 0;
}

static int check_escape(struct scan *s)
{
    if (s->bytes - s->at < 2)
        return fail_at(s, FMT_INVALID, s->bytes, "a string without end");
    char c = s->text[s->at + 1];
    if (c == 'u')
        return check_unicode_escape(s);
    if (!c || !strchr("\"\\/bfnrt", c))
        return fail(s, "a backslash before a character that needs none");
    s->at += 2;
    return 0;
}

static int check_string(struct scan *s) /* at the opening quote */
{
    size_t start = s->at++;
    int status = 0;
    while (status == 0 && s->at < s->bytes) {
        uint32_t c;
        size_t n = utf8_decode(s->text + s->at, s->bytes - s->at, &c);
        if (n == 0)
            return fail(s, "bytes that are not UTF-8");
        if (c < 0x20)
            return fail(s, "control character in a string");
        if (c == '\\')
            status = check_escape(s);
        else
            s->at += n;
        if (c == '"')
            return 0;
    }
    return status ? status : fail_at(s, FMT_INVALID, start, "a string without end");
}

static int check_value(struct scan *s);

static int check_key(struct scan *s)
{
    if (next_byte(s) != '"')
        return fail(s, "a key in double quotes is missing");
    int status = check_string(s);
    skip_space(s);
    if (status == 0 && !take(s, ':'))
        status = fail(s, "':' is missing");
    skip_space(s);
    return status;
}

/* An object or an array, from its opening bracket to after the closing one. */
static int check_inside(struct scan *s, char end)
{
    if (++s->depth > s->depth_max)
        return fail_at(s, FMT_LIMIT, s->at, "nested too deep");
    s->at++;
    skip_space(s);
    bool more = !take(s, end);
    while (more) {
        skip_space(s);
        int status = end == '}' ? check_key(s) : 0;
        if (status == 0)
            status = check_value(s);
        if (status)
            return status;
        skip_space(s);
        more = take(s, ',');
        if (!more && !take(s, end))
            return fail(s, end == '}' ? "',' or '}' is missing" : "',' or ']' is missing");
    }
    s->depth--;
    return 0;
}

static int check_value(struct scan *s)
{
    int c = next_byte(s);
    switch (c) {
    case '{': return check_inside(s, '}');
    case '[': return check_inside(s, ']');
    case '"': return check_string(s);
    case 't': return check_word(s, "true");
    case 'f': return check_word(s, "false");
    case 'n': return check_word(s, "null");
    case ',':
    case ':':
    case ']':
    case '}': return fail(s, "a value is missing");
    default: return isdigit(c) || c == '-' ? check_number(s) : refuse_value(s);
    }
}

/* JSON begins with two ASCII characters: a zero byte there shows UTF-16 or UTF-32. */
static bool is_wide(const char *text, size_t bytes)
{
    return bytes >= 2 && (memcmp(text, "\xFF\xFE", 2) == 0 || memcmp(text, "\xFE\xFF", 2) == 0 || !text[0] || !text[1]);
}

int json_check(const char *text, size_t bytes, int depth_max, struct json_span *root, struct fmt_error *e)
{
    struct scan s = {.text = text, .bytes = bytes, .depth_max = depth_max, .e = e};
    if (is_wide(text, bytes))
        return fail(&s, "UTF-16 (or 32), where UTF-8 is needed");
    if (bytes >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0)
        s.at = 3;
    skip_space(&s);
    size_t start = s.at;
    int status = check_value(&s);
    if (status)
        return status;
    *root = (struct json_span){text + start, s.at - start};
    skip_space(&s);
    return s.at == bytes ? 0 : fail(&s, "something follows the end of the JSON");
}

/* ---------------------------------------------------------------- the walk */

static const char *after_space(const char *at)
{
    while (is_space(*at))
        at++;
    return at;
}

static const char *after_string(const char *at)
{
    for (at++; *at != '"'; at++)
        at += *at == '\\';
    return at + 1;
}

/* A number or a word ends before a separator, which exists since all values that are walked are inside brackets. */
static const char *after_value(const char *at)
{
    int depth = 0;
    do {
        if (*at == '"')
            at = after_string(at);
        else if (*at == '{' || *at == '[')
            depth++, at++;
        else if (*at == '}' || *at == ']')
            depth--, at++;
        else
            at += depth ? 1 : strcspn(at, " \t\n\r,]}");
    } while (depth > 0);
    return at;
}

struct json_walk json_enter(struct json_span value)
{
    bool object = *value.at == '{';
    return (struct json_walk){object || *value.at == '[' ? value.at + 1 : NULL, object};
}

bool json_next(struct json_walk *w, struct json_span *key, struct json_span *value)
{
    if (!w->at)
        return false;
    w->at = after_space(w->at);
    if (*w->at == ',')
        w->at = after_space(w->at + 1);
    if (*w->at == '}' || *w->at == ']') {
        w->at = NULL;
        return false;
    }
    if (w->object) {
        const char *end = after_string(w->at);
        *key = (struct json_span){w->at, (size_t)(end - w->at)};
        w->at = after_space(after_space(end) + 1); /* the colon */
    }
    const char *end = after_value(w->at);
    *value = (struct json_span){w->at, (size_t)(end - w->at)};
    w->at = end;
    return true;
}

bool json_text_is(struct json_span string, const char *text)
{
    size_t n = strlen(text), written = string.bytes - 2;
    if (!memchr(string.at, '\\', string.bytes))
        return written == n && memcmp(string.at + 1, text, n) == 0;
    if (written > 6 * n) /* longer than n escapes */
        return false;
    cJSON *decoded = cJSON_ParseWithLength(string.at, string.bytes);
    bool is = cJSON_IsString(decoded) && strcmp(decoded->valuestring, text) == 0;
    cJSON_Delete(decoded);
    return is;
}

/* ---------------------------------------------------------------- trees */

static bool is_zero(struct json_span number)
{
    for (size_t i = 0; i < number.bytes && number.at[i] != 'e' && number.at[i] != 'E'; i++)
        if (number.at[i] >= '1' && number.at[i] <= '9')
            return false;
    return true;
}

/* cJSON prints 15 digits if that is within the relative error of a double, which may lose the last ones. */
static bool is_exact(const cJSON *number, struct json_span text)
{
    double v = number->valuedouble;
    char digits[40];
    if (v == 0)
        return is_zero(text);
    snprintf(digits, sizeof digits, "%.15g", v);
    return fabs(v) < NUM_WHOLE_MAX && strtod(digits, NULL) == v;
}

/* Makes numbers raw that cJSON would change. False: out of memory. */
static bool preserve_numbers(cJSON *tree, struct json_span text)
{
    struct json_walk walk = json_enter(text);
    struct json_span key, value;
    for (cJSON *v = tree->child; v && json_next(&walk, &key, &value); v = v->next) {
        if (!preserve_numbers(v, value))
            return false;
        if (!cJSON_IsNumber(v) || is_exact(v, value))
            continue;
        v->valuestring = cJSON_malloc(value.bytes + 1);
        if (!v->valuestring)
            return false;
        memcpy(v->valuestring, value.at, value.bytes);
        v->valuestring[value.bytes] = 0;
        v->type = cJSON_Raw;
    }
    return true;
}

cJSON *json_parse(struct json_span value)
{
    cJSON *tree = cJSON_ParseWithLength(value.at, value.bytes);
    if (tree && preserve_numbers(tree, value))
        return tree;
    cJSON_Delete(tree);
    return NULL;
}

cJSON *json_member(const cJSON *object, const char *key)
{
    cJSON *last = NULL;
    for (cJSON *v = cJSON_IsObject(object) ? object->child : NULL; v; v = v->next)
        if (v->string && strcmp(v->string, key) == 0)
            last = v;
    return last;
}
