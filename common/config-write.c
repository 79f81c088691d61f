/* config-write.c - settings as text: single values, a YAML file, JSON.
 *
 * Numbers have the fewest digits that read back as the same bits, and always a point: the YAML reader of the published
 * code takes 1e-06 for a string.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "num.h"

/* "0.5", "4.0", "1.0e-06" */
static const char *real_text(double v, char out[40])
{
    char digits[32];
    num_f64_text(v, digits);
    size_t mantissa = strcspn(digits, "e");
    bool point = memchr(digits, '.', mantissa) != NULL;
    snprintf(out, 40, "%.*s%s%s", (int)mantissa, digits, point ? "" : ".0", digits + mantissa);
    return out;
}

static int put(struct fmt_buffer *b, const char *text)
{
    return fmt_buffer_append(b, text, strlen(text));
}

static int put_reals(struct fmt_buffer *b, const double *v, int n, const char *between)
{
    char text[40];
    int bad = put(b, "[");
    for (int i = 0; i < n; i++) {
        bad |= (i ? put(b, between) : 0) | put(b, real_text(v[i], text));
    }
    return bad | put(b, "]");
}

static int put_ints(struct fmt_buffer *b, const struct config_ints *v, const char *between)
{
    char text[40];
    int bad = put(b, "[");
    for (int i = 0; i < v->n; i++) {
        snprintf(text, sizeof text, "%" PRId64, v->item[i]);
        bad |= (i ? put(b, between) : 0) | put(b, text);
    }
    return bad | put(b, "]");
}

static int put_choice(struct fmt_buffer *b, const struct config_key *k, int i_word, bool json)
{
    const char *word = k->words;
    for (; i_word > 0; i_word--)
        word += strcspn(word, "|") + 1;
    size_t n = strcspn(word, "|");
    bool bare = !json || (n == 4 && strncmp(word, "null", 4) == 0) || (n == 4 && strncmp(word, "true", 4) == 0) ||
                (n == 5 && strncmp(word, "false", 5) == 0);
    return (bare ? 0 : put(b, "\"")) | fmt_buffer_append(b, word, n) | (bare ? 0 : put(b, "\""));
}

/* Strings have no control characters (config.c): only quotes and backslashes need an escape. */
static int put_string(struct fmt_buffer *b, const char *text, bool json)
{
    int bad = put(b, json ? "\"" : "'");
    for (; *text; text++) {
        if (json ? *text == '"' || *text == '\\' : *text == '\'')
            bad |= fmt_buffer_append(b, json ? "\\" : "'", 1);
        bad |= fmt_buffer_append(b, text, 1);
    }
    return bad | put(b, json ? "\"" : "'");
}

/* One path is a text, so that the file is the published one. */
static int put_paths(struct fmt_buffer *b, const struct config_paths *v, const char *between, bool json)
{
    if (v->n < 2)
        return put_string(b, v->item[0], json);
    int bad = put(b, "[");
    for (int i = 0; i < v->n; i++)
        bad |= (i ? put(b, between) : 0) | put_string(b, v->item[i], json);
    return bad | put(b, "]");
}

static int put_value(struct fmt_buffer *b, const struct config *c, int id, bool json)
{
    const struct config_key *k = config_key(id);
    const void *at = (const char *)c + k->offset;
    const char *between = json ? "," : ", ";
    char text[40];
    switch (k->kind) {
    case CONFIG_INT:
        snprintf(text, sizeof text, "%" PRId64, *(const int64_t *)at);
        return put(b, k->null_allowed && !*(const int64_t *)at ? "null" : text);
    case CONFIG_REAL:
        return put(b, k->null_allowed && *(const double *)at == 0 ? "null" : real_text(*(const double *)at, text));
    case CONFIG_BOOL: return put(b, *(const bool *)at ? "true" : "false");
    case CONFIG_CHOICE: return put_choice(b, k, *(const int *)at, json);
    case CONFIG_TEXT: return put_string(b, *(const char *const *)at, json);
    case CONFIG_INTS: return put_ints(b, at, between);
    case CONFIG_PATHS: return put_paths(b, at, between, json);
    default: return put_reals(b, at, k->n, between);
    }
}

char *config_value(const struct config *c, int id)
{
    struct fmt_buffer b = {0};
    if (put_value(&b, c, id, false) || fmt_buffer_append(&b, "", 1)) {
        fmt_buffer_release(&b);
        return NULL;
    }
    return (char *)b.data;
}

const char *config_origin_text(const struct config *c, int id, char *out, size_t bytes)
{
    switch (c->origin[id].kind) {
    case CONFIG_FILE: snprintf(out, bytes, "%s:%d", c->origin[id].file, c->origin[id].line); break;
    case CONFIG_WORD: snprintf(out, bytes, "command line"); break;
    case CONFIG_COMPUTED: snprintf(out, bytes, "computed"); break;
    default: snprintf(out, bytes, "default"); break;
    }
    return out;
}

/* Writes the lines of those sections of `name` that differ from those of `before`; returns the last word of name. */
static const char *put_sections(struct fmt_buffer *b, const char *name, const char *before, int *depth, int *bad)
{
    bool same = true;
    *depth = 0;
    for (const char *dot; (dot = strchr(name, '.')); name = dot + 1, (*depth)++) {
        size_t n = (size_t)(dot - name) + 1;
        same = same && strncmp(name, before, n) == 0;
        if (same) {
            before += n;
            continue;
        }
        for (int i = 0; i < *depth; i++)
            *bad |= put(b, "  ");
        *bad |= fmt_buffer_append(b, name, n - 1) | put(b, ":\n");
    }
    return name;
}

static int put_origin(struct fmt_buffer *b, const struct config *c, int id)
{
    char origin[512];
    config_origin_text(c, id, origin, sizeof origin);
    for (char *p = origin; *p; p++) /* a file name may hold bytes that a comment may not */
        if (*p < 0x20 || *p > 0x7e)
            *p = '?';
    return put(b, "  # ") | put(b, origin) | put(b, config_unused_reason(c, id) ? "; without effect" : "");
}

int config_write(const struct config *c, bool with_origin, struct fmt_buffer *out, struct fmt_error *e)
{
    int bad = 0, depth;
    const char *before = "";
    for (int id = 0; id < CONFIG_N_KEYS; id++) {
        const char *last = put_sections(out, config_key(id)->name, before, &depth, &bad);
        for (int i = 0; i < depth; i++)
            bad |= put(out, "  ");
        bad |= put(out, last) | put(out, ": ") | put_value(out, c, id, false);
        if (with_origin)
            bad |= put_origin(out, c, id);
        bad |= put(out, "\n");
        before = config_key(id)->name;
    }
    return bad ? fmt_no_memory(e) : 0;
}

int config_json(const struct config *c, int effects, struct fmt_buffer *out, struct fmt_error *e)
{
    int bad = put(out, "{");
    bool first = true;
    for (int id = 0; id < CONFIG_N_KEYS; id++) {
        if (!(config_key(id)->effect & effects))
            continue;
        bad |= put(out, first ? "\"" : ",\"") | put(out, config_key(id)->name) | put(out, "\":") |
               put_value(out, c, id, true);
        first = false;
    }
    return bad | put(out, "}") ? fmt_no_memory(e) : 0;
}
