/* json-report.c - numbers are added as text, so that 64-bit counts are exact. */
#include "json-report.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "utf8.h"

struct cJSON *json_report_begin(const char *report)
{
    cJSON *o = cJSON_CreateObject();
    json_report_text(o, "report", report);
    return o;
}

void json_report_text(struct cJSON *o, const char *key, const char *text)
{
    size_t left = strlen(text);
    char *clean = malloc(3 * left + 1), *to = clean;
    if (!clean)
        return;
    while (left > 0) {
        uint32_t code;
        size_t n = utf8_decode(text, left, &code), taken = n ? n : 1;
        to = mempcpy(to, n ? text : "\xEF\xBF\xBD", n ? n : 3);
        text += taken, left -= taken;
    }
    *to = 0;
    if (o)
        cJSON_AddStringToObject(o, key, clean);
    free(clean);
}

void json_report_int(struct cJSON *o, const char *key, int64_t value)
{
    char text[24];
    snprintf(text, sizeof text, "%" PRId64, value);
    if (o)
        cJSON_AddRawToObject(o, key, text);
}

struct cJSON *json_report_object(struct cJSON *o, const char *key)
{
    return o ? cJSON_AddObjectToObject(o, key) : NULL;
}

int json_report_end(struct cJSON *o)
{
    char *line = o ? cJSON_PrintUnformatted(o) : NULL;
    cJSON_Delete(o);
    if (!line)
        return -1;
    puts(line);
    cJSON_free(line);
    return 0;
}

void json_report_names(struct cJSON *o, const char *key, char *const *name, int n)
{
    struct cJSON *list = cJSON_AddArrayToObject(o, key), *one = cJSON_CreateObject();
    for (int i = 0; i < n; i++) {
        json_report_text(one, "x", name[i]); /* cleaned as a text of an object; then taken over by the list */
        cJSON_AddItemToArray(list, cJSON_DetachItemFromObject(one, "x"));
    }
    cJSON_Delete(one);
}
