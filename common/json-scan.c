/* json-scan.c - one pass with a depth and a bit for "in a string"; what is legal beyond that is cJSON's to say. */
#include "json-scan.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

void json_place_find(struct json_place *p, const char *text, size_t offset)
{
    if (p->text != text || offset < p->at)
        *p = (struct json_place){text, 0, 1, 1};
    for (; p->at < offset; p->at++) {
        p->column++;
        if (text[p->at] == '\n')
            p->line++, p->column = 1;
    }
}

struct scan {
    const char *text;
    size_t bytes, at;
    int depth, depth_max;
    const char *key; /* of the list that is looked for */
    size_t key_bytes;
    size_t string_at, string_bytes; /* the last string, without quotes */
    bool key_found, in_list, want_element;
    size_t *offset;
    int64_t n, room;
    struct fmt_error *e;
};

static int fail_at(const struct scan *s, enum fmt_status status, size_t at, const char *reason)
{
    struct json_place p = {0};
    json_place_find(&p, s->text, at);
    return fmt_fail(s->e, status, "line %d, column %d: %s", p.line, p.column, reason);
}

/* From the opening quote to behind the closing one. */
static int scan_string(struct scan *s)
{
    size_t start = s->at++;
    s->string_at = s->at;
    for (; s->at < s->bytes; s->at++) {
        unsigned char c = (unsigned char)s->text[s->at];
        if (c == '"') {
            s->string_bytes = s->at++ - s->string_at;
            return 0;
        }
        if (c < 0x20)
            return fail_at(s, FMT_INVALID, s->at, "control character in a string");
        if (c == '\\' && s->at + 1 < s->bytes) {
            if (s->bytes - s->at >= 6 && memcmp(s->text + s->at, "\\u0000", 6) == 0)
                return fail_at(s, FMT_INVALID, s->at, "\\u0000 in a string");
            s->at++;
        }
    }
    return fail_at(s, FMT_INVALID, start, "a string without end");
}

static int add_offset(struct scan *s)
{
    s->want_element = false;
    if (fmt_grow(&s->offset, s->n, &s->room, sizeof *s->offset, s->e))
        return FMT_MEMORY;
    s->offset[s->n++] = s->at;
    return 0;
}

static int scan_mark(struct scan *s, char c)
{
    switch (c) {
    case '{':
    case '[':
        if (++s->depth > s->depth_max)
            return fail_at(s, FMT_LIMIT, s->at, "nested too deep");
        if (c == '[' && s->depth == 2 && s->key_found)
            s->in_list = s->want_element = true, s->key_found = false;
        break;
    case '}':
    case ']':
        if (--s->depth < 2)
            s->in_list = s->want_element = false;
        break;
    case ':':
        if (s->depth == 1)
            s->key_found = s->key && s->string_bytes == s->key_bytes &&
                           memcmp(s->text + s->string_at, s->key, s->key_bytes) == 0;
        break;
    case ',': s->want_element = s->in_list && s->depth == 2; break;
    default: break;
    }
    s->at++;
    return 0;
}

int json_scan(const char *text, size_t bytes, int depth_max, const char *list_key, size_t **offset, int64_t *n_offsets,
              struct fmt_error *e)
{
    struct scan s = {.text = text, .bytes = bytes, .depth_max = depth_max, .key = list_key, .e = e};
    s.key_bytes = list_key ? strlen(list_key) : 0;
    int status = 0;
    while (status == 0 && s.at < bytes) {
        char c = text[s.at];
        if (c == ' ' || c == '\t' || c == '\r' || c == '\n') {
            s.at++;
            continue;
        }
        if (s.want_element && c != ']')
            status = add_offset(&s);
        if (status == 0)
            status = c == '"' ? scan_string(&s) : scan_mark(&s, c);
    }
    if (status || !list_key) {
        free(s.offset);
        return status;
    }
    *offset = s.offset;
    *n_offsets = s.n;
    return 0;
}
