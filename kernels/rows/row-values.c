/* row-values.c - see row-values.h. */
#include "row-values.h"

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "json-scan.h"

static cJSON *annotation_of(const struct rows *r, int64_t i)
{
    return r->extra[i][0] ? cJSON_Parse(r->extra[i]) : NULL;
}

static const char *value_of(const cJSON *extra, const char *key, struct text_pool *pool)
{
    const cJSON *value = json_member(extra, key);
    if (!value || cJSON_IsNull(value))
        return "";
    char *made = cJSON_IsString(value) ? NULL : cJSON_PrintUnformatted(value);
    const char *text = cJSON_IsString(value) ? value->valuestring : made;
    const char *copy = text ? text_copy(pool, text, strlen(text)) : NULL;
    cJSON_free(made);
    return copy;
}

int row_values(const struct rows *r, const char *key, struct text_pool *pool, const char **value,
               struct fmt_error *e)
{
    bool found = false;
    for (int64_t i = 0; i < r->n; i++) {
        cJSON *extra = annotation_of(r, i);
        value[i] = value_of(extra, key, pool);
        cJSON_Delete(extra);
        if (!value[i])
            return fmt_no_memory(e);
        found = found || value[i][0];
    }
    char list[512] = "";
    if (found)
        return 0;
    row_keys_list(r, list, sizeof list);
    if (!list[0])
        return fmt_fail(e, FMT_INVALID, "no photograph has the key %.80s, nor any other", key);
    return fmt_fail(e, FMT_INVALID, "no photograph has the key %.80s; there are%.*s", key, (int)strlen(list) - 1, list);
}

void row_keys_list(const struct rows *r, char *list, size_t bytes)
{
    char one[80];
    for (int64_t i = 0; i < r->n; i++) {
        cJSON *extra = annotation_of(r, i), *member;
        cJSON_ArrayForEach(member, extra) {
            size_t at = strlen(list);
            snprintf(one, sizeof one, " %.70s,", member->string ? member->string : "");
            if (!strstr(list, one) && at + strlen(one) < bytes)
                strcpy(list + at, one);
        }
        cJSON_Delete(extra);
    }
}
