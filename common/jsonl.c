/* jsonl.c - numbers are added as text, so that 64-bit counts are exact. */
#include "jsonl.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

struct cJSON *jsonl_begin(const char *report)
{
    cJSON *o = cJSON_CreateObject();
    jsonl_text(o, "report", report);
    return o;
}

/* Length of the UTF-8 sequence at s (shortest form, no surrogates), or 0 if it is none. */
static size_t sequence(const unsigned char *s)
{
    static const unsigned least[5] = {0, 0, 0x80, 0x800, 0x10000};
    size_t n = s[0] < 0x80 ? 1 : s[0] >> 5 == 6 ? 2 : s[0] >> 4 == 14 ? 3 : s[0] >> 3 == 30 ? 4 : 0;
    unsigned code = n > 1 ? s[0] & (0x7FU >> n) : s[0];
    for (size_t i = 1; i < n; i++) {
        if (s[i] >> 6 != 2)
            return 0;
        code = code << 6 | (s[i] & 0x3F);
    }
    if (n > 1 && (code < least[n] || code > 0x10FFFF || (code >= 0xD800 && code < 0xE000)))
        return 0;
    return n;
}

void jsonl_text(struct cJSON *o, const char *key, const char *text)
{
    char *clean = malloc(3 * strlen(text) + 1), *to = clean;
    if (!clean)
        return;
    for (const unsigned char *s = (const unsigned char *)text; *s;) {
        size_t n = sequence(s);
        if (n == 0) {
            memcpy(to, "\xEF\xBF\xBD", 3);
            to += 3, s++;
            continue;
        }
        memcpy(to, s, n);
        to += n, s += n;
    }
    *to = 0;
    if (o)
        cJSON_AddStringToObject(o, key, clean);
    free(clean);
}

void jsonl_int(struct cJSON *o, const char *key, int64_t value)
{
    char text[24];
    snprintf(text, sizeof text, "%" PRId64, value);
    if (o)
        cJSON_AddRawToObject(o, key, text);
}

struct cJSON *jsonl_object(struct cJSON *o, const char *key)
{
    return o ? cJSON_AddObjectToObject(o, key) : NULL;
}

int jsonl_end(struct cJSON *o)
{
    char *line = o ? cJSON_PrintUnformatted(o) : NULL;
    cJSON_Delete(o);
    if (!line)
        return -1;
    puts(line);
    cJSON_free(line);
    return 0;
}
