/* json-line.c - ": " after a key and ", " before the next: the separators of the published code's json.dumps. */
#include "json-line.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "num.h"

static void append(struct json_line *l, const char *text)
{
    l->failed |= fmt_buffer_append(l->out, text, strlen(text)) != 0;
}

static void add(struct json_line *l, const char *key, const char *value)
{
    if (!l->empty)
        append(l, ", ");
    append(l, "\"");
    append(l, key);
    append(l, "\": ");
    append(l, value);
    l->empty = false;
}

struct json_line json_line_begin(struct fmt_buffer *out)
{
    struct json_line l = {.out = out, .empty = true};
    append(&l, "{");
    return l;
}

void json_line_int(struct json_line *l, const char *key, int64_t value)
{
    char text[24];
    snprintf(text, sizeof text, "%" PRId64, value);
    add(l, key, text);
}

void json_line_real(struct json_line *l, const char *key, double value)
{
    char text[32];
    add(l, key, isfinite(value) ? num_f64_text(value, text) : "null");
}

void json_line_text(struct json_line *l, const char *key, const char *text)
{
    add(l, key, "\"");
    append(l, text);
    append(l, "\"");
}

void json_line_fixed(struct json_line *l, const char *key, double value, int digits)
{
    char text[340];
    snprintf(text, sizeof text, "%.*f", digits, value);
    add(l, key, text);
}

void json_line_rounded(struct json_line *l, const char *key, double value, int digits)
{
    char text[32];
    snprintf(text, sizeof text, "%.*g", digits, value);
    add(l, key, text);
}

void json_line_open(struct json_line *l, const char *key)
{
    add(l, key, "{");
    l->empty = true;
}

void json_line_close(struct json_line *l)
{
    append(l, "}");
    l->empty = false;
}

int json_line_end(struct json_line *l, struct fmt_error *e)
{
    append(l, "}");
    return l->failed ? fmt_no_memory(e) : 0;
}
