/* config-read.c - settings from YAML and from key=value words.
 *
 * libyaml delivers events; the names of the open mappings are one path ("student", then "student.arch"), so nested
 * sections and dotted names are the same. Only the scalars of one value are in memory: the size of a hostile file
 * bounds its cost.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "config-value.h"
#include "config.h"
#include "file.h"

#define PATH_MAX_BYTES 200
#define DEPTH_MAX 8

struct reader {
    struct config *cfg;
    const char *name; /* of the file; belongs to cfg */
    const char *text;
    size_t bytes;
    yaml_parser_t parser;
    char path[PATH_MAX_BYTES];
    int line[CONFIG_N_KEYS]; /* in which this file set a key; 0: not yet */
    struct fmt_error *e;
};

static int fail_at(struct reader *r, size_t line, enum fmt_status status, const char *text)
{
    return fmt_fail(r->e, status, "%.120s:%zu: %.240s", r->name, line + 1, text);
}

#define INTERPOLATION "an interpolation (${...}); settings have none, write the value"

/* The line of this number, from 0; *n: its bytes without the line end. */
static const char *line_at(const struct reader *r, size_t line, size_t *n)
{
    const char *at = r->text, *end = r->text + r->bytes, *next;
    for (; line > 0 && (next = memchr(at, '\n', (size_t)(end - at))); line--)
        at = next + 1;
    const char *stop = memchr(at, '\n', (size_t)(end - at));
    *n = (size_t)((stop ? stop : end) - at);
    return at;
}

/* The likely error in a line that the parser refuses; NULL: not known. */
static const char *likely_cause(const struct reader *r, size_t line)
{
    size_t n, blanks = 0;
    const char *at = line_at(r, line, &n);
    while (blanks < n && (at[blanks] == ' ' || at[blanks] == '\t'))
        blanks++;
    if (memchr(at, '\t', blanks))
        return "a tab in front of the line; YAML is indented by spaces";
    if (memmem(at, n, "${", 2))
        return INTERPOLATION;
    return memmem(at, n, ": *", 3) ? "a text that begins with * needs quotes" : NULL;
}

static int next_event(struct reader *r, yaml_event_t *event)
{
    if (!yaml_parser_parse(&r->parser, event)) {
        const yaml_parser_t *p = &r->parser;
        if (p->error == YAML_MEMORY_ERROR)
            return fmt_no_memory(r->e);
        const char *cause = likely_cause(r, p->problem_mark.line);
        return fail_at(r, p->problem_mark.line, FMT_INVALID, cause ? cause : p->problem ? p->problem : "not YAML");
    }
    const char *wrong = NULL;
    if (event->type == YAML_ALIAS_EVENT)
        wrong = "an alias; settings files have none, and a text that begins with * needs quotes";
    else if ((event->type == YAML_SCALAR_EVENT && (event->data.scalar.anchor || event->data.scalar.tag)) ||
             (event->type == YAML_MAPPING_START_EVENT &&
              (event->data.mapping_start.anchor || event->data.mapping_start.tag)) ||
             (event->type == YAML_SEQUENCE_START_EVENT &&
              (event->data.sequence_start.anchor || event->data.sequence_start.tag)))
        wrong = "an anchor or a tag; settings files have none";
    if (!wrong)
        return 0;
    size_t line = event->start_mark.line;
    yaml_event_delete(event);
    return fail_at(r, line, FMT_INVALID, wrong);
}

static bool is_null(const char *text)
{
    return !*text || strcmp(text, "null") == 0 || strcmp(text, "Null") == 0 || strcmp(text, "NULL") == 0 ||
           strcmp(text, "~") == 0;
}

static bool scalar_is_null(const yaml_event_t *event)
{
    return event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE && is_null((const char *)event->data.scalar.value);
}

/* Reads the items of a list, after its start. */
static int read_list(struct reader *r, struct config_items *v, char **texts)
{
    v->list = true;
    for (;;) {
        yaml_event_t event;
        int status = next_event(r, &event);
        if (status)
            return status;
        bool end = event.type == YAML_SEQUENCE_END_EVENT;
        if (!end && (event.type != YAML_SCALAR_EVENT || v->n == CONFIG_INTS_MAX))
            status = fail_at(r, event.start_mark.line, FMT_INVALID, "a list of more than a few plain values");
        else if (!end && !(texts[v->n] = strdup((const char *)event.data.scalar.value)))
            status = fmt_no_memory(r->e);
        else if (!end)
            v->item[v->n] = texts[v->n], v->n++;
        yaml_event_delete(&event);
        if (status || end)
            return status;
    }
}

/* Puts "FILE:LINE: " before the reason of a failed value. */
static int at_line(struct reader *r, size_t line, int status)
{
    char where[160];
    snprintf(where, sizeof where, "%.120s:%zu", r->name, line + 1);
    if (status != FMT_MEMORY)
        fmt_prefix(r->e, where);
    return status;
}

static int unknown(const char *name, struct fmt_error *e)
{
    return fmt_fail(e, FMT_INVALID, "%.100s: no such setting; the nearest is %s", name, config_suggest(name));
}

/* Whether the value is the "$" of a "${" that began a mapping: inside braces a plain value ends before a brace. */
static bool is_cut(const struct reader *r, const yaml_event_t *event)
{
    size_t n, bytes = event->data.scalar.length;
    const char *at = line_at(r, event->end_mark.line, &n);
    return event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE && bytes && event->data.scalar.value[bytes - 1] == '$' &&
           memmem(at, n, "${", 2);
}

/* ${name} in place of a whole section, or one that is_cut; config_take finds the others. */
static bool is_interpolation(const struct reader *r, const yaml_event_t *event, int id)
{
    return event->type == YAML_SCALAR_EVENT &&
           (is_cut(r, event) ||
            (id < 0 && config_is_section(r->path) && strstr((const char *)event->data.scalar.value, "${")));
}

/* The value that begins with `event`, a scalar or the start of a list. texts: copies of items, for free(). */
static int read_items(struct reader *r, const yaml_event_t *event, struct config_items *v, char **texts)
{
    if (event->type == YAML_SEQUENCE_START_EVENT)
        return read_list(r, v, texts);
    v->null = scalar_is_null(event);
    v->quoted = event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
    v->item[v->n++] = (const char *)event->data.scalar.value;
    return strlen(v->item[0]) == event->data.scalar.length
               ? 0
               : fail_at(r, event->start_mark.line, FMT_INVALID, "a zero byte in a value");
}

/* Sets key `id`, which r->path names. */
static int take_value(struct reader *r, const yaml_event_t *event, int id)
{
    size_t line = event->start_mark.line;
    if (r->line[id]) {
        char text[160];
        snprintf(text, sizeof text, "%.100s: this key appears twice in the file, first in line %d", r->path,
                 r->line[id]);
        return fail_at(r, line, FMT_INVALID, text);
    }
    r->line[id] = (int)line + 1;
    struct config_items v = {0};
    char *texts[CONFIG_ITEMS_MAX] = {0};
    int status = read_items(r, event, &v, texts);
    if (!status)
        status = at_line(r, line, config_take(r->cfg, id, &v, r->e));
    for (int i = 0; i < CONFIG_ITEMS_MAX; i++)
        free(texts[i]);
    if (!status) {
        r->cfg->origin[id].kind = CONFIG_FILE;
        r->cfg->origin[id].file = r->name;
        r->cfg->origin[id].line = r->line[id];
    }
    return status;
}

/* A scalar or a list at r->path: the value of a key, or an error. */
static int take_scalar_or_list(struct reader *r, const yaml_event_t *event)
{
    size_t line = event->start_mark.line;
    int id = config_find(r->path);
    bool section = id < 0 && config_is_section(r->path);
    if (section && event->type == YAML_SCALAR_EVENT && scalar_is_null(event))
        return 0; /* an empty section */
    if (is_interpolation(r, event, id)) {
        fmt_fail(r->e, FMT_INVALID, "%.100s: " INTERPOLATION, r->path);
        return at_line(r, line, FMT_INVALID);
    }
    if (section)
        return fail_at(r, line, FMT_INVALID, "a section where a single value is required");
    return id < 0 ? at_line(r, line, unknown(r->path, r->e)) : take_value(r, event, id);
}

/* Appends a key to the path; the caller restores its old length. */
static int push_key(struct reader *r, const yaml_event_t *event)
{
    const char *key = (const char *)event->data.scalar.value;
    size_t used = strlen(r->path), n = strlen(key);
    if (!n || n != event->data.scalar.length || strcmp(key, "<<") == 0 || used + n + 2 > PATH_MAX_BYTES)
        return fail_at(r, event->start_mark.line, FMT_INVALID, "this is no name of a setting");
    snprintf(r->path + used, PATH_MAX_BYTES - used, "%s%s", used ? "." : "", key);
    return 0;
}

/* Reads the document, after the start of its root mapping. Not recursive: depth and path are the state. */
static int read_mapping(struct reader *r)
{
    size_t lengths[DEPTH_MAX + 1] = {0};
    int depth = 0;
    bool at_key = true;
    for (;;) {
        yaml_event_t event;
        int status = next_event(r, &event);
        if (status)
            return status;
        bool end = false;
        if (at_key && event.type == YAML_SCALAR_EVENT) {
            status = push_key(r, &event);
            at_key = false;
        } else if (at_key && event.type == YAML_MAPPING_END_EVENT) {
            end = depth == 0;
            if (!end && !config_is_section(r->path))
                status = at_line(r, event.start_mark.line, unknown(r->path, r->e));
            if (!end)
                r->path[lengths[--depth]] = 0;
        } else if (!at_key && event.type == YAML_MAPPING_START_EVENT) {
            /* An unknown section is reported at its first key, which shows better what was meant. */
            if (config_find(r->path) >= 0)
                status = fail_at(r, event.start_mark.line, FMT_INVALID, "a section, where one value is needed");
            else if (depth == DEPTH_MAX)
                status = fail_at(r, event.start_mark.line, FMT_LIMIT, "sections too deep");
            else
                lengths[++depth] = strlen(r->path);
            at_key = true;
        } else if (!at_key && (event.type == YAML_SCALAR_EVENT || event.type == YAML_SEQUENCE_START_EVENT)) {
            status = take_scalar_or_list(r, &event);
            r->path[lengths[depth]] = 0;
            at_key = true;
        } else {
            status = fail_at(r, event.start_mark.line, FMT_INVALID, "a name of a setting is needed here");
        }
        yaml_event_delete(&event);
        if (status || end)
            return status;
    }
}

static int read_document(struct reader *r)
{
    for (bool seen = false;;) {
        yaml_event_t event;
        int status = next_event(r, &event);
        if (status)
            return status;
        yaml_event_type_t type = event.type;
        size_t line = event.start_mark.line;
        bool empty = type == YAML_SCALAR_EVENT && scalar_is_null(&event);
        yaml_event_delete(&event);
        if (type == YAML_STREAM_END_EVENT)
            return 0;
        if (type == YAML_DOCUMENT_START_EVENT && seen)
            return fail_at(r, line, FMT_INVALID, "a second document");
        if (type == YAML_DOCUMENT_START_EVENT)
            seen = true;
        else if (type == YAML_MAPPING_START_EVENT)
            status = read_mapping(r);
        else if (type != YAML_STREAM_START_EVENT && type != YAML_DOCUMENT_END_EVENT && !empty)
            status = fail_at(r, line, FMT_INVALID, "not a mapping of settings");
        if (status)
            return status;
    }
}

int config_parse(struct config *c, const char *text, size_t bytes, const char *name, struct fmt_error *e)
{
    struct reader r = {.cfg = c, .text = text, .bytes = bytes, .e = e};
    if (bytes > CONFIG_FILE_MAX)
        return fmt_fail(e, FMT_LIMIT, "%.200s: more than %d bytes", name, CONFIG_FILE_MAX);
    if (!(r.name = config_copy_text(c, name, e)))
        return FMT_MEMORY;
    if (!yaml_parser_initialize(&r.parser))
        return fmt_no_memory(e);
    yaml_parser_set_input_string(&r.parser, (const unsigned char *)text, bytes);
    int status = read_document(&r);
    yaml_parser_delete(&r.parser);
    return status;
}

int config_load(struct config *c, const char *path, struct fmt_error *e)
{
    uint8_t *data;
    size_t n;
    int status = file_load(path, CONFIG_FILE_MAX, &data, &n, e);
    if (status)
        return status;
    status = config_parse(c, (const char *)data, n, path, e);
    free(data);
    return status;
}

/* ------------------------------------------------------------------ words */
/* Takes the quotation marks from the item at `at`, in place, as YAML does; "''" within them is "'". Returns what
 * follows it; NULL: they are not closed. */
static char *unquote(char *at)
{
    const char quote = *at;
    char *to = at, *from = at + 1;
    for (; *from && (*from != quote || (quote == '\'' && from[1] == quote)); from++) {
        from += *from == quote;
        *to++ = *from;
    }
    char *rest = *from ? from + 1 : NULL;
    *to = 0;
    return rest;
}

/* The item at `at`, in place. Returns the separator after it, or the end; NULL: there is something else. */
static char *split_item(char *at)
{
    bool quoted = *at == '\'' || *at == '"';
    char *end = quoted ? unquote(at) : at + strcspn(at, ",");
    if (quoted && end)
        end += strspn(end, " ");
    for (char *last = end; !quoted && last > at && last[-1] == ' ';)
        *--last = 0;
    return end && (!*end || *end == ',') ? end : NULL;
}

/* Splits "[a, 'b']" in place. */
static int split_list(char *text, struct config_items *v)
{
    text[strlen(text) - 1] = 0;
    v->list = true;
    for (char *at = text + 1, *end;; at = end + 1) {
        at += strspn(at, " ");
        if (!*at && v->n == 0)
            return 0;
        if (v->n == CONFIG_ITEMS_MAX || !(end = split_item(at)))
            return -1;
        v->item[v->n++] = at;
        bool more = *end == ',';
        *end = 0;
        if (!more)
            return 0;
    }
}

/* A string is taken literally, so that "-", "*.shard" and "a: b" need no quotes but those of the shell. */
static int take_word(struct config *c, int id, char *value, struct fmt_error *e)
{
    const struct config_key *k = config_key(id);
    struct config_items v = {.n = 1, .item = {value}};
    size_t n = strlen(value);
    if (n >= 2 && (value[0] == '\'' || value[0] == '"') && value[n - 1] == value[0]) {
        value[n - 1] = 0;
        v.item[0] = value + 1;
        v.quoted = true;
    } else if (is_null(value)) {
        v.null = true;
    } else if (k->kind != CONFIG_TEXT && value[0] == '[' && value[n - 1] == ']') {
        v.n = 0;
        if (split_list(value, &v))
            return fmt_fail(e, FMT_INVALID, "%s: no list of up to %d values", k->name, CONFIG_ITEMS_MAX);
    }
    return config_take(c, id, &v, e);
}

int config_set(struct config *c, const char *word, struct fmt_error *e)
{
    const char *equals = strchr(word, '=');
    if (!equals || equals == word)
        return fmt_fail(e, FMT_INVALID, "%.100s: not of the form key=value", word);
    char *name = strndup(word, (size_t)(equals - word)), *value = strdup(equals + 1);
    int status, id;
    if (!name || !value)
        status = fmt_no_memory(e);
    else if ((id = config_find(name)) < 0)
        status = config_is_section(name) ? fmt_fail(e, FMT_INVALID, "%s: a section, not a setting", name)
                                         : unknown(name, e);
    else if (!(status = take_word(c, id, value, e)))
        c->origin[id].kind = CONFIG_WORD, c->origin[id].file = NULL;
    free(name);
    free(value);
    return status;
}
