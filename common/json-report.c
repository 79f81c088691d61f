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
    char *valid = utf8_repair(text);
    if (o && valid)
        cJSON_AddStringToObject(o, key, valid);
    free(valid);
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

int json_report_put(FILE *out, struct cJSON *o)
{
    char *line = o ? cJSON_PrintUnformatted(o) : NULL, *valid = line ? utf8_repair(line) : NULL;
    cJSON_Delete(o);
    cJSON_free(line);
    if (!valid)
        return -1;
    fprintf(out, "%s\n", valid);
    free(valid);
    return 0;
}

int json_report_end(struct cJSON *o)
{
    return json_report_put(stdout, o);
}

void json_report_names(struct cJSON *o, const char *key, char *const *name, int n)
{
    struct cJSON *list = cJSON_AddArrayToObject(o, key), *one = cJSON_CreateObject();
    for (int i = 0; i < n; i++) {
        json_report_text(one, "x", name[i]); /* valid UTF-8; then moved to the list */
        cJSON_AddItemToArray(list, cJSON_DetachItemFromObject(one, "x"));
    }
    cJSON_Delete(one);
}
