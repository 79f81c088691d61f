/* cases-read.c - a line is checked strictly (json-scan.h), then read as a tree. */
#include "cases-read.h"

#include <cjson/cJSON.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json-scan.h"

enum { DEPTH_MAX = 64 };

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

static const char *text_of(const struct cJSON *o, const char *key)
{
    const struct cJSON *value = json_member(o, key);
    return cJSON_IsString(value) ? value->valuestring : NULL;
}

/* null, and what is no number, is NAN. */
static double number_of(const struct cJSON *o, const char *key)
{
    const struct cJSON *value = json_member(o, key);
    return cJSON_IsNumber(value) || cJSON_IsRaw(value) ? value->valuedouble : NAN;
}

static int take_verdict(const struct cJSON *o, enum verdict *verdict, struct fmt_error *e)
{
    const char *name = text_of(o, "verdict");
    for (int v = 0; name && v < VERDICTS; v++)
        if (strcmp(name, verdict_names[v]) == 0) {
            *verdict = (enum verdict)v;
            return 0;
        }
    return fmt_fail(e, FMT_INVALID, "verdict is not pass, fail, review or incomplete");
}

static int take_photograph(struct cases *c, const struct cJSON *o, struct fmt_error *e)
{
    struct case_photo *s = cases_add_photo(c, e);
    if (!s)
        return FMT_MEMORY;
    double view = number_of(o, "view");
    s->key = cases_copy(c, text_of(o, "photograph"));
    s->group = cases_copy(c, text_of(o, "group"));
    s->reason = cases_copy(c, text_of(o, "reason"));
    s->score = number_of(o, "score");
    s->view = view >= 0 && view <= 1e6 ? (int32_t)view : -1;
    return s->key && s->group && s->reason ? 0 : fmt_no_memory(e);
}

/* The names of its photographs, one after the other. */
static int take_list(struct cases *c, const struct cJSON *list, struct judged_line *l, struct fmt_error *e)
{
    const struct cJSON *one;
    char *text = NULL;
    size_t bytes;
    FILE *out = open_memstream(&text, &bytes);
    cJSON_ArrayForEach(one, list) {
        if (!out || !cJSON_IsString(one))
            continue;
        fwrite(one->valuestring, 1, strlen(one->valuestring) + 1, out);
        l->n_photographs++;
    }
    if (!out || fclose(out) != 0 || !(l->photographs = text_copy(&c->text, text, bytes))) {
        free(text);
        return fmt_no_memory(e);
    }
    free(text);
    return 0;
}

static int8_t label_of(const char *text)
{
    return (int8_t)(!text ? -1 : strcmp(text, "faulty") == 0 ? 1 : strcmp(text, "good") == 0 ? 0 : -1);
}

static int take_installation(struct cases *c, const struct cJSON *o, struct fmt_error *e)
{
    if (fmt_grow(&c->line, c->n_lines, &c->line_capacity, sizeof *c->line, e))
        return FMT_MEMORY;
    struct judged_line *l = &c->line[c->n_lines];
    double views = number_of(o, "views");
    *l = (struct judged_line){.name = cases_copy(c, text_of(o, "installation")),
                              .reason = cases_copy(c, text_of(o, "reason")),
                              .score = number_of(o, "score"), .share = number_of(o, "probability"),
                              .label = label_of(text_of(o, "label")), .order = c->n_lines,
                              .n_views = views >= 0 && views <= 1e6 ? (int64_t)views : 0};
    c->n_lines++;
    if (!l->name || !l->reason)
        return fmt_no_memory(e);
    int status = take_list(c, json_member(o, "photographs"), l, e);
    return status ? status : take_verdict(o, &l->verdict, e);
}

/* "origins":{"inspector":{"identity":"1a2b...","path":"site.inspector"}}, where no predictions have said theirs. */
static int take_origins(struct cases *c, const struct cJSON *origins, struct fmt_error *e)
{
    const struct cJSON *one;
    uint8_t identity[DIGEST_BYTES];
    if (c->origins.n > 0)
        return 0;
    cJSON_ArrayForEach(one, origins) {
        const char *role = cases_copy(c, one->string), *path = text_of(one, "path");
        const char *copy = path ? cases_copy(c, path) : NULL;
        if (!role || (path && !copy))
            return fmt_no_memory(e);
        if (digest_parse(text_of(one, "identity"), identity))
            score_inputs_add(&c->origins, role, copy, identity);
    }
    return 0;
}

static struct promise_count count_of(const struct cJSON *o)
{
    double n = number_of(o, "groups"), wrong = number_of(o, "wrong");
    bool good = n >= 1 && n <= 1e15 && wrong >= 0 && wrong <= n;
    return good ? (struct promise_count){(int64_t)n, (int64_t)wrong} : (struct promise_count){0, 0};
}

/* "promises":[{"what":"missed","share":0.05,"confidence":0.95,"chosen":{"groups":60,"wrong":1}, ... */
static void take_promises(struct cases *c, const struct cJSON *list)
{
    const struct cJSON *o;
    c->n_promises = 0;
    cJSON_ArrayForEach(o, list) {
        struct promise p = {.share = number_of(o, "share"), .confidence = number_of(o, "confidence")};
        const char *what = text_of(o, "what");
        bool good = what && p.share > 0 && p.share < 1 && p.confidence >= 0 && p.confidence < 1;
        for (int kind = 0; good && kind < PROMISE_KINDS; kind++) {
            if (strcmp(what, promise_names[kind]) != 0 || c->n_promises == PROMISE_KINDS)
                continue;
            p.what = (enum promise_kind)kind;
            c->promise[c->n_promises++] = (struct promise_seen){p, count_of(json_member(o, "chosen")),
                                                                count_of(json_member(o, "checked"))};
        }
    }
}

/* {"report":"verdicts","tool":"feat-verdict","pass_below":0.2,"fail_from":0.7, ... of feat-verdict,
 * {"report":"inspection","tool":"bbu-inspect","positive":"bad", ... of bbu-inspect. */
static int take_head(struct cases *c, const struct cJSON *o, struct fmt_error *e)
{
    const char *tool = text_of(o, "tool"), *positive = text_of(o, "positive"), *group_score = text_of(o, "group_score");
    double views = number_of(o, "views");
    c->judge_views = views >= 1 && views <= 1e6 ? (int64_t)views : 0;
    c->thresholds[0] = number_of(o, "pass_below");
    c->thresholds[1] = number_of(o, "fail_from");
    if (tool && !(c->judge = cases_copy(c, tool)))
        return fmt_no_memory(e);
    if (positive && !c->class_wanted && !c->class_name[1] && !(c->class_name[1] = cases_copy(c, positive)))
        return fmt_no_memory(e);
    if (group_score && !(c->judge_group_score = cases_copy(c, group_score)))
        return fmt_no_memory(e);
    take_promises(c, json_member(o, "promises"));
    return take_origins(c, json_member(o, "origins"), e);
}

static bool is_head(const struct cJSON *o)
{
    const char *report = text_of(o, "report");
    return report && (strcmp(report, "verdicts") == 0 || strcmp(report, "inspection") == 0);
}

/* Lines of other kinds, as a summary at the end, are passed over. */
static int take_line(struct cases *c, const char *line, size_t bytes, struct fmt_error *e)
{
    struct json_span root;
    int status = json_check(line, bytes, DEPTH_MAX, &root, e);
    struct cJSON *o = status ? NULL : json_parse(root);
    if (status || !o)
        return status ? status : fmt_no_memory(e);
    if (is_head(o))
        status = take_head(c, o, e);
    else if (text_of(o, "photograph"))
        status = take_photograph(c, o, e);
    else if (text_of(o, "installation"))
        status = take_installation(c, o, e);
    cJSON_Delete(o);
    return status;
}

int cases_read_lines(struct cases *c, const char *text, size_t bytes, struct fmt_error *e)
{
    struct fmt_error why = {0};
    int64_t n = 0;
    for (size_t at = 0, length; at < bytes; at += length + 1) {
        const char *end = memchr(text + at, '\n', bytes - at);
        length = end ? (size_t)(end - (text + at)) : bytes - at;
        n++;
        if (take_line(c, text + at, length, &why)) {
            const char *within = text_after(why.text, "line 1, ");
            return fmt_fail(e, why.status, "line %" PRId64 "%s %s", n, within ? "," : ":", within ? within : why.text);
        }
    }
    return 0;
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
