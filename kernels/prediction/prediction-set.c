/* prediction-set.c - a line is checked strictly (json-scan.h), then read as a tree. */
#include "prediction-set.h"

#include <cjson/cJSON.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "file.h"
#include "groups.h"
#include "json-scan.h"
#include "json-take.h"

enum { DEPTH_MAX = 64 };
#define SUM_ERROR_MAX 0.02 /* of the probabilities of a photograph, which others may write with few digits */
#define COLUMNS (ROWS_LABEL | ROWS_GROUP_VIEW | ROWS_KEY | ROWS_GROUP_NAME | ROWS_EXTRA | ROWS_CONTENT | ROWS_PROBA)

/* ------------------------------------------------------------------ parts of a line */
static const char *text_of(const struct cJSON *o, const char *key)
{
    const struct cJSON *value = json_member(o, key);
    return cJSON_IsString(value) ? value->valuestring : NULL;
}

/* A member that may be missing or null: *text is NULL then. */
static int take_text(const struct cJSON *o, const char *key, const char **text, struct fmt_error *e)
{
    const struct cJSON *value = json_member(o, key);
    *text = cJSON_IsString(value) ? value->valuestring : NULL;
    return !value || cJSON_IsNull(value) || *text ? 0 : fmt_fail(e, FMT_INVALID, "%s is not a text", key);
}

/* A whole number from 0 on; `none` where the member is missing or null. */
static int take_number(const struct cJSON *o, const char *key, int32_t none, int32_t *number, struct fmt_error *e)
{
    const struct cJSON *value = json_member(o, key);
    *number = none;
    if (!value || cJSON_IsNull(value))
        return 0;
    double v = cJSON_IsNumber(value) ? value->valuedouble : -1;
    if (!(v >= 0 && v <= INT32_MAX && v == (int32_t)v))
        return fmt_fail(e, FMT_INVALID, "%s is not a whole number", key);
    *number = (int32_t)v;
    return 0;
}

static int class_of(const struct prediction_set *s, const char *name)
{
    for (int c = 0; name && c < s->n_classes; c++)
        if (strcmp(s->class_name[c], name) == 0)
            return c;
    return -1;
}

static int fail_head(struct fmt_error *e)
{
    return fmt_fail(e, FMT_INVALID, "no predictions in JSON lines (--json where they are made: -o or --out-of-fold of "
                                  "feat-knn, feat-logreg, feat-bank; a report of scores has none, "
                                  "verdicts of bbu-inspect --json are for feat-report)");
}

/* A copy in the memory of the set; NULL where there is no text, or no memory. */
static const char *copy_text(struct prediction_set *s, const char *text)
{
    return text ? text_copy(&s->text, text, strlen(text)) : NULL;
}

/* The text of an object; "" where there is none; NULL: no memory. */
static const char *copy_object(struct prediction_set *s, const struct cJSON *o)
{
    char *text = cJSON_IsObject(o) ? cJSON_PrintUnformatted(o) : NULL;
    const char *copy = text || !cJSON_IsObject(o) ? copy_text(s, text ? text : "") : NULL;
    cJSON_free(text);
    return copy;
}

/* "origins":{"query":{"identity":"1a2b...","path":"test.feat"}, ... What is not of this form is passed over. */
static void take_origins(struct prediction_set *s, const struct cJSON *origins)
{
    const struct cJSON *one;
    uint8_t identity[DIGEST_BYTES];
    cJSON_ArrayForEach(one, origins) {
        const char *role = copy_text(s, one->string);
        if (role && digest_parse(text_of(one, "identity"), identity))
            score_inputs_add(&s->origins, role, copy_text(s, text_of(one, "path")), identity);
    }
}

/* {"report":"predictions","positive":"bad","classes":["good","bad"], ... */
static int take_head(struct prediction_set *s, const struct cJSON *o, struct fmt_error *e)
{
    const char *report = text_of(o, "report"), *positive = text_of(o, "positive");
    const struct cJSON *classes = json_member(o, "classes"), *c;
    int n = cJSON_IsArray(classes) ? cJSON_GetArraySize(classes) : 0;
    if (report && strcmp(report, "group-predictions") == 0)
        return fmt_fail(e, FMT_INVALID, "predictions of groups (--groups); those of photographs are needed (-o)");
    if (!report || strcmp(report, "predictions") != 0 || n < 2)
        return fail_head(e);
    s->class_name = calloc((size_t)n, sizeof *s->class_name);
    if (!s->class_name)
        return fmt_no_memory(e);
    cJSON_ArrayForEach(c, classes) {
        if (!cJSON_IsString(c))
            return fmt_fail(e, FMT_INVALID, "a class without a name");
        const char *copy = copy_text(s, c->valuestring);
        if (!copy)
            return fmt_no_memory(e);
        s->class_name[s->n_classes++] = (char *)copy;
    }
    const char *scores = text_of(o, "scores");
    s->distances = scores && strcmp(scores, "distances") == 0;
    take_origins(s, json_member(o, "origins"));
    s->tool = copy_text(s, text_of(o, "tool"));
    s->rows.n_classes = n;
    s->positive = n == 2 ? class_of(s, positive) : 0;
    return s->positive >= 0 ? 0 : fmt_fail(e, FMT_INVALID, "which of the two classes is positive?");
}

static int take_scores(const struct prediction_set *s, const struct cJSON *scores, double *proba, struct fmt_error *e)
{
    const struct cJSON *one;
    int n = 0;
    double sum = 0;
    if (!cJSON_IsArray(scores) || cJSON_GetArraySize(scores) != s->n_classes)
        return fmt_fail(e, FMT_INVALID, "a list of %s is needed", FMT_COUNT(s->n_classes, "score", "scores"));
    cJSON_ArrayForEach(one, scores) {
        double value = cJSON_IsNumber(one) || cJSON_IsRaw(one) ? one->valuedouble : NAN;
        if (s->distances ? !isfinite(value) : !(value >= 0 && value <= 1))
            return fmt_fail(e, FMT_INVALID, "a score that is no %s", s->distances ? "number" : "probability");
        proba[n++] = value;
        sum += value;
    }
    if (!s->distances && !(fabs(sum - 1) <= SUM_ERROR_MAX))
        return fmt_fail(e, FMT_INVALID, "scores that add up to %.4g, not to 1", sum);
    return 0;
}

static int reserve_row(struct prediction_set *s, struct fmt_error *e)
{
    if (fmt_grow(&s->line, s->rows.n, &s->capacity, sizeof *s->line, e))
        return FMT_MEMORY;
    return rows_reserve(&s->rows, COLUMNS, s->capacity, e);
}

static int take_row(struct prediction_set *s, const struct cJSON *o, int64_t line, struct fmt_error *e)
{
    struct rows *r = &s->rows;
    const char *key = text_of(o, "key"), *group, *label, *content;
    int64_t i = r->n;
    int status = reserve_row(s, e);
    if (status || (status = take_text(o, "group", &group, e)) || (status = take_text(o, "label", &label, e)) ||
        (status = take_number(o, "shot", -1, &r->group_view[i], e)))
        return status;
    memset(r->content[i], 0, DIGEST_BYTES);
    if ((status = take_text(o, "content", &content, e)))
        return status;
    if (content && !digest_parse(content, r->content[i]))
        return fmt_fail(e, FMT_INVALID, "content is no SHA-256");
    r->label[i] = label ? class_of(s, label) : -1;
    if (!key || (label && r->label[i] < 0))
        return fmt_fail(e, FMT_INVALID, key ? "a label that is not among the classes" : "a row without a key");
    r->key[i] = copy_text(s, key);
    r->group_name[i] = group ? copy_text(s, group) : "";
    r->extra[i] = copy_object(s, json_member(o, "extra"));
    if (!r->key[i] || !r->group_name[i] || !r->extra[i])
        return fmt_no_memory(e);
    status = take_scores(s, json_member(o, "scores"), r->proba + i * s->n_classes, e);
    s->line[i] = line;
    r->n += status == 0;
    return status;
}

/* Rows of other numbers of neighbours than the chosen one are passed over. */
static int take_row_of(struct prediction_set *s, const struct cJSON *o, int64_t line, int k, struct fmt_error *e)
{
    int32_t own;
    int status = take_number(o, "k", 0, &own, e);
    if (status)
        return status;
    if (k > 0 && own > 0 && own != k)
        return 0;
    if (s->rows.n > 0 && own != s->k)
        return fmt_fail(e, FMT_INVALID, "votes of %d and of %d neighbours: choose one with -k", s->k, own);
    s->k = own;
    return take_row(s, o, line, e);
}

/* ------------------------------------------------------------------ keys */
struct keyed {
    const char *key;
    int64_t line;
};

static int by_key(const void *a, const void *b)
{
    const struct keyed *x = a, *y = b;
    int order = strcmp(x->key, y->key);
    return order ? order : (x->line > y->line) - (x->line < y->line);
}

/* A photograph that stands there twice would count twice, and as two views of its group. Of several such keys the one
 * that is first repeated is named. */
static int check_keys(const struct prediction_set *s, struct fmt_error *e)
{
    int64_t n = s->rows.n;
    const struct keyed *again = NULL;
    struct keyed *sorted = malloc((size_t)n * sizeof *sorted);
    if (!sorted)
        return fmt_no_memory(e);
    for (int64_t i = 0; i < n; i++)
        sorted[i] = (struct keyed){s->rows.key[i], s->line[i]};
    qsort(sorted, (size_t)n, sizeof *sorted, by_key);
    for (int64_t i = 1; i < n; i++)
        if (strcmp(sorted[i].key, sorted[i - 1].key) == 0 && (!again || sorted[i].line < again->line))
            again = &sorted[i];
    int status = again ? fmt_fail(e, FMT_INVALID, "%.200s: line %" PRId64 ": the key %.200s is that of line %" PRId64
                                  ", too", s->path, again->line, again->key, again[-1].line)
                       : 0;
    free(sorted);
    return status;
}

/* ------------------------------------------------------------------ the file */
static int take_line(struct prediction_set *s, const char *line, size_t bytes, int64_t number, int k,
                     struct fmt_error *e)
{
    struct json_span root;
    struct fmt_error why = {0};
    int status = json_check(line, bytes, DEPTH_MAX, &root, &why);
    if (status)
        return s->n_classes == 0 ? fail_head(e) : fmt_fail(e, why.status, "%s", why.text);
    struct cJSON *o = json_parse(root);
    if (!o)
        return fmt_no_memory(e);
    struct json_take t = {.e = e};
    json_take_unique(&t, o);
    status = t.status;
    if (!status)
        status = s->n_classes == 0 ? take_head(s, o, e) : take_row_of(s, o, number, k, e);
    cJSON_Delete(o);
    return status;
}

static int take_lines(struct prediction_set *s, const char *text, size_t bytes, int k, bool may_be_empty,
                      struct fmt_error *e)
{
    struct fmt_error why = {0};
    int64_t n_lines = 0;
    for (size_t at = 0, length; at < bytes; at += length + 1) {
        const char *end = memchr(text + at, '\n', bytes - at);
        length = end ? (size_t)(end - (text + at)) : bytes - at;
        n_lines++;
        if (take_line(s, text + at, length, n_lines, k, &why)) {
            const char *within = text_after(why.text, "line 1, "); /* json_check knows of this line only */
            return fmt_fail(e, why.status, "%s: line %" PRId64 "%s %s", s->path, n_lines, within ? "," : ":",
                            within ? within : why.text);
        }
    }
    if (s->rows.n > 0 || (may_be_empty && s->n_classes > 0 && n_lines == 1))
        return 0;
    return k > 0 && s->n_classes > 0 ? fmt_fail(e, FMT_INVALID, "%s: no votes of %d neighbours", s->path, k)
                                     : fmt_fail(e, FMT_INVALID, "%s: no predictions", s->path);
}

static int parse(struct prediction_set *s, const char *path, const char *text, size_t bytes, int k, bool may_be_empty,
                 struct fmt_error *e)
{
    *s = (struct prediction_set){.path = path};
    int status = take_lines(s, text, bytes, k, may_be_empty, e);
    struct rows *rows = &s->rows;
    if (!status)
        status = check_keys(s, e);
    if (!status)
        status = groups_number(&rows, 1, e);
    if (status)
        prediction_set_release(s);
    return status;
}

int prediction_set_parse_query(struct prediction_set *s, const char *path, const char *text, size_t bytes, int k,
                               struct fmt_error *e)
{
    return parse(s, path, text, bytes, k, true, e);
}

static int read_file(struct prediction_set *s, const char *path, int k, bool may_be_empty, struct fmt_error *e)
{
    uint8_t *data = NULL;
    size_t bytes;
    *s = (struct prediction_set){.path = path};
    int status = file_load(path, PREDICTION_SET_BYTES_MAX, &data, &bytes, e);
    if (status)
        return status;
    status = parse(s, path, (const char *)data, bytes, k, may_be_empty, e);
    free(data);
    return status;
}

int prediction_set_read(struct prediction_set *s, const char *path, int k, struct fmt_error *e)
{
    return read_file(s, path, k, false, e);
}

int prediction_set_read_query(struct prediction_set *s, const char *path, int k, struct fmt_error *e)
{
    return read_file(s, path, k, true, e);
}

void prediction_set_release(struct prediction_set *s)
{
    rows_release(&s->rows);
    text_release(&s->text);
    free(s->class_name);
    free(s->line);
    *s = (struct prediction_set){.path = NULL};
}

void prediction_set_origins(const struct prediction_set *s, const char *side, struct score_inputs *to,
                            char role[SCORE_INPUTS_MAX][PREDICTION_ROLE_BYTES])
{
    for (int i = 0; i < s->origins.n; i++) {
        snprintf(role[i], PREDICTION_ROLE_BYTES, "%s.%s", side, s->origins.item[i].role);
        score_inputs_add(to, role[i], s->origins.item[i].path, s->origins.item[i].identity);
    }
}

/* ------------------------------------------------------------------ comparing */
const uint8_t *prediction_set_identity(const struct prediction_set *s, const char *role)
{
    for (int i = 0; i < s->origins.n; i++)
        if (strcmp(s->origins.item[i].role, role) == 0)
            return s->origins.item[i].identity;
    return NULL;
}

/* What makes scores, as people call it. */
static const struct {
    const char *role, *name;
} scorer[] = {{"model", "classifier"}, {"bank", "memory bank"}, {"faults", "memory bank of known faults"}};
enum { SCORERS = sizeof scorer / sizeof *scorer };

static bool is_same(const uint8_t *a, const uint8_t *b)
{
    return a && b ? memcmp(a, b, DIGEST_BYTES) == 0 : a == b;
}

/* Votes name the rows that were searched, feat-logreg its model or nothing that would do. */
static int check_unnamed(const struct prediction_set *a, const struct prediction_set *b, struct fmt_error *e)
{
    if (a->k > 0 && b->k > 0 && a->k != b->k)
        return fmt_fail(e, FMT_MISMATCH, "%s: votes of %d neighbours, in %s of %d", b->path, b->k, a->path, a->k);
    if (a->k > 0 && b->k > 0 && !is_same(prediction_set_identity(a, "train"), prediction_set_identity(b, "train")))
        return fmt_fail(e, FMT_MISMATCH, "%s: votes of other rows than those of %s", b->path, a->path);
    for (int i = 0; i < 2; i++) {
        const struct prediction_set *s = i ? b : a;
        if (s->tool && strcmp(s->tool, "feat-logreg") == 0 && !prediction_set_identity(s, "model"))
            return fmt_fail(e, FMT_MISMATCH, "%s: it does not say by which classifier, which may have another C: "
                            "feat-logreg -m FILE writes it, and predictions of that run or by FILE name it", s->path);
    }
    return 0;
}

int prediction_set_same_scores(const struct prediction_set *a, const struct prediction_set *b, struct fmt_error *e)
{
    if (a->distances != b->distances)
        return fmt_fail(e, FMT_MISMATCH, "%s: %s, %s has %s", b->path, b->distances ? "distances" : "probabilities",
                        a->path, a->distances ? "distances" : "probabilities");
    int status = check_unnamed(a, b, e);
    for (int i = 0; i < SCORERS && !status; i++) {
        const uint8_t *x = prediction_set_identity(a, scorer[i].role), *y = prediction_set_identity(b, scorer[i].role);
        if (!x != !y)
            status = fmt_fail(e, FMT_MISMATCH, "%s, %s: one alone is by a %s", b->path, a->path, scorer[i].name);
        else if (!is_same(x, y))
            status = fmt_fail(e, FMT_MISMATCH, "%s: predictions of another %s than those of %s", b->path,
                              scorer[i].name, a->path);
    }
    return status;
}

int prediction_set_by(const struct prediction_set *s, const char *role, const uint8_t identity[DIGEST_BYTES],
                      struct fmt_error *e)
{
    const uint8_t *own = prediction_set_identity(s, role);
    int i = 0;
    while (i < SCORERS - 1 && strcmp(scorer[i].role, role) != 0)
        i++;
    if (is_same(own, identity))
        return 0;
    return fmt_fail(e, FMT_MISMATCH, "%s: predictions %s %s", s->path, own ? "of another" : "that name no",
                    scorer[i].name);
}

static bool same_classes(const struct prediction_set *a, const struct prediction_set *b)
{
    bool same = a->n_classes == b->n_classes && a->positive == b->positive;
    for (int c = 0; same && c < a->n_classes; c++)
        same = strcmp(a->class_name[c], b->class_name[c]) == 0;
    return same;
}

int prediction_set_check(const struct prediction_set *a, const struct prediction_set *b, struct fmt_error *e)
{
    const struct rows *x = &a->rows, *y = &b->rows;
    if (!same_classes(a, b))
        return fmt_fail(e, FMT_MISMATCH, "%s: its classes are not those of %s, in the same order and with the same "
                        "positive one", b->path, a->path);
    for (int64_t i = 0; i < x->n && i < y->n; i++)
        if (strcmp(x->key[i], y->key[i]) != 0 || strcmp(x->group_name[i], y->group_name[i]) != 0 ||
            x->label[i] != y->label[i])
            return fmt_fail(e, FMT_MISMATCH, "%s: row %" PRId64 " is %.80s, in %s it is %.80s%s: predictions of the "
                            "same rows are needed", b->path, i + 1, y->key[i], a->path, x->key[i],
                            strcmp(x->key[i], y->key[i]) == 0 ? " with another label or group" : "");
    if (x->n != y->n)
        return fmt_fail(e, FMT_MISMATCH, "%s: %s, %s has %" PRId64, b->path, FMT_COUNT(y->n, "row", "rows"), a->path,
                        x->n);
    return 0;
}
