/* json-take.c - see json-take.h. */
#include "json-take.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json-scan.h"
#include "text.h"

/* ------------------------------------------------------------------ errors */
void json_take_at(struct json_take *t, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(t->at, sizeof t->at, format, args);
    va_end(args);
}

void json_take_fail(struct json_take *t, const char *key, const char *format, ...)
{
    char reason[240];
    va_list args;
    if (t->status)
        return;
    va_start(args, format);
    vsnprintf(reason, sizeof reason, format, args);
    va_end(args);
    t->status = fmt_fail(t->e, FMT_INVALID, "%s%.60s: %s", t->at, key, reason);
}

void json_take_unique(struct json_take *t, const cJSON *o)
{
    int n = 0, size = cJSON_GetArraySize(o);
    const char **key = cJSON_IsObject(o) && size > 1 ? malloc((size_t)size * sizeof *key) : NULL;
    const cJSON *member;
    if (!key && cJSON_IsObject(o) && size > 1 && !t->status)
        t->status = fmt_no_memory(t->e);
    cJSON_ArrayForEach(member, o)
    {
        json_take_unique(t, member);
        if (key)
            key[n++] = member->string;
    }
    if (key)
        qsort(key, (size_t)n, sizeof *key, text_order);
    for (int i = 1; i < n; i++)
        if (strcmp(key[i], key[i - 1]) == 0)
            json_take_fail(t, key[i], "is there twice");
    free(key);
}

/* ------------------------------------------------------------------ numbers */
double json_number(const cJSON *value)
{
    return cJSON_IsNumber(value) || cJSON_IsRaw(value) ? value->valuedouble : NAN;
}

bool json_take_has(const cJSON *o, const char *key)
{
    const cJSON *value = json_member(o, key);
    return value && !cJSON_IsNull(value);
}

double json_take_number(struct json_take *t, const cJSON *o, const char *key, double low, double high)
{
    const cJSON *value = json_member(o, key);
    double v = json_number(value);
    if (isfinite(v) && v >= low && v <= high)
        return v;
    if (!value)
        json_take_fail(t, key, "missing");
    else if (isinf(low) && isinf(high))
        json_take_fail(t, key, "not a number");
    else
        json_take_fail(t, key, "not a number from %.16g to %.16g", low, high);
    return low;
}

double json_take_number_or(struct json_take *t, const cJSON *o, const char *key, double low, double high, double none)
{
    return json_take_has(o, key) ? json_take_number(t, o, key, low, high) : none;
}

int64_t json_take_count(struct json_take *t, const cJSON *o, const char *key, int64_t low, int64_t high)
{
    const cJSON *value = json_member(o, key);
    double v = json_number(value);
    if (v >= (double)low && v <= (double)high && v == floor(v))
        return (int64_t)v;
    if (value)
        json_take_fail(t, key, "not a whole number from %.16g to %.16g", (double)low, (double)high);
    else
        json_take_fail(t, key, "missing");
    return low;
}

int64_t json_take_count_or(struct json_take *t, const cJSON *o, const char *key, int64_t low, int64_t high,
                           int64_t none)
{
    return json_take_has(o, key) ? json_take_count(t, o, key, low, high) : none;
}

bool json_take_bool(struct json_take *t, const cJSON *o, const char *key)
{
    const cJSON *value = json_member(o, key);
    if (!cJSON_IsBool(value))
        json_take_fail(t, key, "%s", value ? "neither true nor false" : "missing");
    return cJSON_IsTrue(value);
}

/* ------------------------------------------------------------------ texts, objects, lists */
const char *json_take_text(struct json_take *t, const cJSON *o, const char *key)
{
    const cJSON *value = json_member(o, key);
    if (cJSON_IsString(value))
        return value->valuestring;
    json_take_fail(t, key, "%s", value ? "not a text" : "missing");
    return "";
}

const char *json_take_text_or(struct json_take *t, const cJSON *o, const char *key, const char *none)
{
    return json_take_has(o, key) ? json_take_text(t, o, key) : none;
}

int json_take_word(struct json_take *t, const cJSON *o, const char *key, const char *const *word, int n)
{
    const char *text = json_take_text(t, o, key);
    char all[200] = "";
    for (int i = 0; i < n; i++) {
        size_t at = strlen(all);
        if (strcmp(text, word[i]) == 0)
            return i;
        snprintf(all + at, sizeof all - at, "%s%s", i == 0 ? "" : i == n - 1 ? " or " : ", ", word[i]);
    }
    json_take_fail(t, key, "\"%.40s\" is not %s", text, all);
    return 0;
}

const cJSON *json_take_object(struct json_take *t, const cJSON *o, const char *key)
{
    const cJSON *value = json_member(o, key);
    if (cJSON_IsObject(value))
        return value;
    json_take_fail(t, key, "%s", value ? "not an object" : "missing");
    return NULL;
}

const cJSON *json_take_list(struct json_take *t, const cJSON *o, const char *key, int least, int most)
{
    const cJSON *value = json_member(o, key);
    int n = cJSON_GetArraySize(value);
    if (cJSON_IsArray(value) && n >= least && n <= most)
        return value;
    if (!value)
        json_take_fail(t, key, "missing");
    else if (least == most)
        json_take_fail(t, key, "not a list of %d", least);
    else
        json_take_fail(t, key, "not a list of %d to %d", least, most);
    return NULL;
}
