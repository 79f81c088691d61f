/* cases-read.c - a line is checked strictly (json-scan.h), then read as a tree. */
#include "cases-read.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json-lines.h"
#include "json-scan.h"
#include "json-take.h"

enum { DEPTH_MAX = 64, VIEWS_MAX = 1000000 };

const char *cases_copy(struct cases *c, const char *text)
{
    return text_copy(&c->text, text ? text : "", text ? strlen(text) : 0);
}

struct case_photo *cases_add_photo(struct cases *c, struct fmt_error *e)
{
    if (fmt_grow(&c->photo, c->n_photos, &c->photo_capacity, sizeof *c->photo, e))
        return NULL;
    struct case_photo *s = &c->photo[c->n_photos++];
    *s = (struct case_photo){.key = "", .group = "", .extra = "", .reason = "", .score = NAN, .view = -1, .label = -1};
    return s;
}

static int take_photograph(struct cases *c, struct json_take *t, const struct cJSON *o)
{
    struct case_photo *s = cases_add_photo(c, t->e);
    if (!s)
        return FMT_MEMORY;
    s->key = cases_copy(c, json_take_text(t, o, "photograph"));
    s->group = cases_copy(c, json_take_text_or(t, o, "group", ""));
    s->reason = cases_copy(c, json_take_text_or(t, o, "reason", ""));
    s->score = json_take_number_or(t, o, "score", -HUGE_VAL, HUGE_VAL, NAN);
    s->cropped = json_take_number_or(t, o, "cropped", 0, 1, 0);
    s->view = (int32_t)json_take_count_or(t, o, "view", 0, VIEWS_MAX, -1);
    return s->key && s->group && s->reason ? t->status : fmt_no_memory(t->e);
}

/* The names of its photographs, one after the other. */
static int take_list(struct cases *c, struct json_take *t, const struct cJSON *list, struct judged_line *l)
{
    const struct cJSON *one;
    char *text = NULL;
    size_t bytes;
    FILE *out = open_memstream(&text, &bytes);
    cJSON_ArrayForEach(one, list) {
        if (!cJSON_IsString(one)) {
            json_take_fail(t, "photographs", "a name that is not a text");
            break;
        }
        if (out)
            fwrite(one->valuestring, 1, strlen(one->valuestring) + 1, out);
        l->n_photographs++;
    }
    if (!out || fclose(out) != 0 || !(l->photographs = text_copy(&c->text, text, bytes))) {
        free(text);
        return fmt_no_memory(t->e);
    }
    free(text);
    return t->status;
}

static int8_t take_label(struct json_take *t, const struct cJSON *o)
{
    static const char *const label[] = {"good", "faulty"};
    return (int8_t)(json_take_has(o, "label") ? json_take_word(t, o, "label", label, 2) : -1);
}

static int take_installation(struct cases *c, struct json_take *t, const struct cJSON *o)
{
    if (fmt_grow(&c->line, c->n_lines, &c->line_capacity, sizeof *c->line, t->e))
        return FMT_MEMORY;
    struct judged_line *l = &c->line[c->n_lines];
    *l = (struct judged_line){
        .name = cases_copy(c, json_take_text(t, o, "installation")),
        .reason = cases_copy(c, json_take_text_or(t, o, "reason", "")),
        .score = json_take_number_or(t, o, "score", -HUGE_VAL, HUGE_VAL, NAN),
        .share = json_take_number_or(t, o, "probability", 0, 1, NAN),
        .label = take_label(t, o),
        .verdict = (enum verdict)json_take_word(t, o, "verdict", verdict_names, VERDICTS),
        .order = c->n_lines,
        .n_views = json_take_count_or(t, o, "views", 0, VIEWS_MAX, 0)};
    c->n_lines++;
    if (!l->name || !l->reason)
        return fmt_no_memory(t->e);
    const struct cJSON *list =
        json_take_has(o, "photographs") ? json_take_list(t, o, "photographs", 0, INT32_MAX) : NULL;
    return take_list(c, t, list, l);
}

/* "origins":{"inspector":{"identity":"1a2b...","path":"site.inspector"}}, where no predictions have said theirs. */
static int take_origins(struct cases *c, struct json_take *t, const struct cJSON *origins)
{
    const struct cJSON *one;
    uint8_t identity[DIGEST_BYTES];
    if (c->origins.n > 0)
        return t->status;
    cJSON_ArrayForEach(one, origins) {
        const char *role = cases_copy(c, one->string), *path = json_take_text_or(t, one, "path", NULL);
        const char *copy = path ? cases_copy(c, path) : NULL;
        if (!role || (path && !copy))
            return fmt_no_memory(t->e);
        if (digest_parse(json_take_text_or(t, one, "identity", NULL), identity))
            score_inputs_add(&c->origins, role, copy, identity);
    }
    return t->status;
}

/* *to is a copy of the text of a member; where it is missing *to stays. */
static int copy_member(struct cases *c, struct json_take *t, const struct cJSON *o, const char *key, const char **to)
{
    const char *text = json_take_text_or(t, o, key, NULL), *copy = text ? cases_copy(c, text) : NULL;
    if (text && !copy)
        return fmt_no_memory(t->e);
    *to = copy ? copy : *to;
    return t->status;
}

/* {"report":"verdicts","tool":"feat-verdict","pass_below":0.2,"fail_from":0.7, ... of feat-verdict,
 * {"report":"inspection","tool":"bbu-inspect","positive":"bad", ... of bbu-inspect. */
static int take_head(struct cases *c, struct json_take *t, const struct cJSON *o)
{
    const char *positive = NULL;
    int status = copy_member(c, t, o, "tool", &c->judge);
    if (!status)
        status = copy_member(c, t, o, "group_score", &c->judge_group_score);
    if (!status)
        status = copy_member(c, t, o, "positive", &positive);
    if (status)
        return status;
    if (positive && !c->class_wanted && !c->class_name[1])
        c->class_name[1] = positive;
    c->judge_views = json_take_count_or(t, o, "views", 0, VIEWS_MAX, 0);
    c->thresholds[0] = json_take_number_or(t, o, "pass_below", -HUGE_VAL, HUGE_VAL, NAN);
    c->thresholds[1] = json_take_number_or(t, o, "fail_from", -HUGE_VAL, HUGE_VAL, NAN);
    if (json_take_has(o, "promises"))
        c->n_promises = promise_outcomes_take(t, json_take_list(t, o, "promises", 0, PROMISE_KINDS), c->promise);
    return take_origins(c, t, json_member(o, "origins"));
}

static bool is_head(const struct cJSON *o)
{
    const char *report = cJSON_GetStringValue(json_member(o, "report"));
    return report && (strcmp(report, "verdicts") == 0 || strcmp(report, "inspection") == 0);
}

/* Lines of other kinds, as a summary at the end, are passed over. */
static int take_line(void *arg, const struct cJSON *o, int64_t line, struct fmt_error *e)
{
    struct cases *c = arg;
    struct json_take t = {.e = e};
    (void)line;
    if (is_head(o))
        return take_head(c, &t, o);
    if (json_take_has(o, "photograph"))
        return take_photograph(c, &t, o);
    return json_take_has(o, "installation") ? take_installation(c, &t, o) : 0;
}

int cases_read_lines(struct cases *c, const char *text, size_t bytes, struct fmt_error *e)
{
    return json_lines_read(text, bytes, DEPTH_MAX, take_line, c, e);
}

bool cases_is_line(const char *text, size_t bytes)
{
    const char *end = memchr(text, '\n', bytes);
    struct json_span root, key = {0}, value;
    if (json_check(text, end ? (size_t)(end - text) : bytes, DEPTH_MAX, &root, NULL))
        return false;
    struct json_walk walk = json_enter(root);
    while (json_next(&walk, &key, &value))
        if (key.bytes > 0 && json_text_is(key, "report"))
            return json_text_is(value, "verdicts") || json_text_is(value, "inspection");
        else if (key.bytes > 0 && (json_text_is(key, "photograph") || json_text_is(key, "installation")))
            return value.at[0] == '"';
    return false;
}
