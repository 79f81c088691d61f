/* cases.c - photographs come from one file; installations are their groups, in the order of their first photographs. */
#include "cases.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cases-read.h"
#include "file.h"
#include "groups.h"
#include "prediction-set.h"

enum { OF_PREDICTIONS, OF_LINES };

void cases_init(struct cases *c, const char *class_wanted)
{
    *c = (struct cases){.class_wanted = class_wanted, .judge = "bbu-inspect", .thresholds = {NAN, NAN}};
}

/* ------------------------------------------------------------------ predictions */
static int choose_classes(struct cases *c, const struct prediction_set *s, int *positive, struct fmt_error *e)
{
    char *text = NULL;
    size_t bytes;
    FILE *out = open_memstream(&text, &bytes);
    *positive = c->class_wanted || s->n_classes > 2 ? -1 : s->positive;
    for (int i = 0; i < s->n_classes; i++) {
        if (c->class_wanted && strcmp(c->class_wanted, s->class_name[i]) == 0)
            *positive = i;
        if (out)
            fprintf(out, "%s%s", i ? ", " : "", s->class_name[i]);
    }
    if (!out || fclose(out) != 0)
        return fmt_no_memory(e);
    c->classes = cases_copy(c, text);
    int status = *positive >= 0 ? 0
                 : c->class_wanted
                     ? fmt_fail(e, FMT_INVALID, "no class %.60s; there are %.200s", c->class_wanted, text)
                     : fmt_fail(e, FMT_INVALID, "%d classes (%.200s): name the defect with --positive", s->n_classes,
                                text);
    free(text);
    if (status)
        return status;
    c->class_name[1] = cases_copy(c, s->class_name[*positive]);
    c->class_name[0] = cases_copy(c, s->n_classes == 2 ? s->class_name[!*positive] : "any other class");
    return c->class_name[0] && c->class_name[1] && c->classes ? 0 : fmt_no_memory(e);
}

static int take_prediction(struct cases *c, const struct prediction_set *p, int64_t i, int positive,
                           struct fmt_error *e)
{
    const struct rows *r = &p->rows;
    struct case_photo *s = cases_add_photo(c, e);
    if (!s)
        return FMT_MEMORY;
    s->key = cases_copy(c, r->key[i]);
    s->group = cases_copy(c, r->group_name[i]);
    s->extra = cases_copy(c, r->extra[i]);
    s->view = r->group_view[i];
    s->label = (int8_t)(r->label[i] < 0 ? -1 : r->label[i] == positive);
    s->score = r->proba[i * p->n_classes + positive];
    return s->key && s->group && s->extra ? 0 : fmt_no_memory(e);
}

/* The inputs of the predictions, with texts of the cases. Are the rows those that were fitted to? */
static int take_origins(struct cases *c, const struct score_inputs *from, struct fmt_error *e)
{
    const uint8_t *query = NULL, *train = NULL;
    for (int i = 0; i < from->n; i++) {
        const char *role = cases_copy(c, from->item[i].role), *path = from->item[i].path;
        const char *copy = path ? cases_copy(c, path) : NULL;
        if (!role || (path && !copy))
            return fmt_no_memory(e);
        score_inputs_add(&c->origins, role, copy, from->item[i].identity);
        query = strcmp(role, "query") == 0 ? from->item[i].identity : query;
        train = strcmp(role, "train") == 0 ? from->item[i].identity : train;
    }
    c->learned = query && train && memcmp(query, train, DIGEST_BYTES) == 0;
    return 0;
}

static int take_predictions(struct cases *c, const char *path, const char *text, size_t bytes, int k,
                            struct fmt_error *e)
{
    struct prediction_set p;
    int positive, status = prediction_set_parse_query(&p, path, text, bytes, k, e);
    if (status)
        return status;
    struct fmt_error why = {0};
    c->origins.n = 0;
    c->n_photos = 0; /* photographs of lines give way */
    c->keys_are_paths = false;
    status = choose_classes(c, &p, &positive, &why);
    for (int64_t i = 0; i < p.rows.n && !status; i++)
        status = take_prediction(c, &p, i, positive, &why);
    if (!status)
        status = take_origins(c, &p.origins, &why);
    c->tool = p.tool ? cases_copy(c, p.tool) : NULL;
    c->probabilities = !p.distances;
    if (status)
        fmt_fail(e, why.status, "%.150s: %.240s", path, why.text);
    prediction_set_release(&p);
    return status;
}

/* ------------------------------------------------------------------ reading */
static int take_lines(struct cases *c, const char *path, const char *text, size_t bytes, struct fmt_error *e)
{
    struct fmt_error why = {0};
    int64_t n_photos = c->n_photos;
    bool alone = !c->path[OF_PREDICTIONS];
    int status = cases_read_lines(c, text, bytes, &why);
    c->keys_are_paths = alone && c->n_photos > 0;
    c->n_photos = alone ? c->n_photos : n_photos;
    c->tool = alone ? c->judge : c->tool;
    c->judged = c->n_lines > 0;
    if (!status)
        status = cases_settle(c, alone, &why);
    return status ? fmt_fail(e, why.status, "%.150s: %.240s", path, why.text) : 0;
}

int cases_read(struct cases *c, const char *path, int k, struct fmt_error *e)
{
    uint8_t *data = NULL;
    size_t bytes;
    int status = file_load(path, PREDICTION_SET_BYTES_MAX, &data, &bytes, e);
    if (status)
        return status;
    int kind = cases_is_line((const char *)data, bytes) ? OF_LINES : OF_PREDICTIONS;
    if (c->path[kind])
        status = fmt_fail(e, FMT_INVALID, "%.150s and %.150s: one file of %s is enough", c->path[kind], path,
                          kind == OF_LINES ? "verdicts" : "predictions");
    else if (kind == OF_LINES)
        status = take_lines(c, path, (const char *)data, bytes, e);
    else
        status = take_predictions(c, path, (const char *)data, bytes, k, e);
    c->path[kind] = path;
    free(data);
    return status;
}

/* ------------------------------------------------------------------ a catalogue */
/* Which class of the catalogue is the defect; of two, the second, unless a name is known. -1: none of them. */
static int defect_of(const struct cases *c, const struct index *x)
{
    const char *name = c->class_name[1] ? c->class_name[1] : c->class_wanted;
    for (int i = 0; name && i < x->n_classes; i++)
        if (strcmp(x->class_name[i], name) == 0)
            return i;
    return !name && x->n_classes == 2 ? 1 : -1;
}

static int name_classes(struct cases *c, const struct index *x, int defect, struct fmt_error *e)
{
    if (defect < 0 && c->class_wanted)
        return fmt_fail(e, FMT_INVALID, "the catalogue has no class %.60s", c->class_wanted);
    if (defect < 0 || c->class_name[0])
        return 0;
    c->class_name[1] = x->class_name[defect];
    c->class_name[0] = x->n_classes == 2 ? x->class_name[!defect] : "any other class";
    return 0;
}

int cases_catalogue(struct cases *c, const struct index *x, const struct names *keys, struct fmt_error *e)
{
    int defect = defect_of(c, x), status = name_classes(c, x, defect, e);
    for (int64_t i = 0; !status && i < c->n_photos; i++) {
        struct case_photo *s = &c->photo[i];
        int64_t found = names_find_end(keys, s->key);
        if (found < 0)
            continue;
        const struct index_labels *l = &x->entry[found].labels;
        s->extra = s->extra[0] ? s->extra : l->extra;
        s->group = s->group[0] ? s->group : l->group;
        s->view = s->view >= 0 ? s->view : l->group_view;
        if (s->label < 0 && l->label >= 0 && defect >= 0)
            s->label = l->label == defect;
    }
    return status;
}

/* ------------------------------------------------------------------ installations */
static int by_view(const void *a, const void *b, void *cases)
{
    const struct cases *c = cases;
    int64_t i = *(const int64_t *)a, k = *(const int64_t *)b;
    int32_t x = c->photo[i].view, y = c->photo[k].view;
    return x != y ? (x > y) - (x < y) : (i > k) - (i < k);
}

/* Numbers of the installations, by the names of groups. */
static int number_installations(struct cases *c, struct fmt_error *e)
{
    struct rows rows = {0}, *set = &rows;
    int status = rows_reserve(&rows, ROWS_GROUP_NAME, c->n_photos, e);
    rows.n = c->n_photos;
    for (int64_t i = 0; i < c->n_photos && !status; i++)
        rows.group_name[i] = c->photo[i].group;
    if (!status)
        status = groups_number(&set, 1, e);
    c->n_installations = rows.n_groups;
    for (int64_t i = 0; i < c->n_photos && !status; i++)
        c->photo[i].installation = rows.group[i];
    rows_release(&rows);
    return status;
}

static void place_photos(struct cases *c)
{
    int64_t first = 0;
    for (int64_t i = 0; i < c->n_photos; i++)
        c->installation[c->photo[i].installation].n++;
    for (int64_t g = 0; g < c->n_installations; g++) {
        c->installation[g].first = first;
        first += c->installation[g].n;
        c->installation[g].n = 0;
    }
    for (int64_t i = 0; i < c->n_photos; i++) {
        struct installation *to = &c->installation[c->photo[i].installation];
        c->photo_of[to->first + to->n++] = i;
    }
    for (int64_t g = 0; g < c->n_installations; g++)
        qsort_r(c->photo_of + c->installation[g].first, (size_t)c->installation[g].n, sizeof *c->photo_of, by_view, c);
}

/* scores, views: memory for the photographs of one. */
static void judge(struct cases *c, struct installation *t, const struct verdict_rule *rule, double *scores,
                  int32_t *views)
{
    const struct case_photo *first = &c->photo[c->photo_of[t->first]];
    int n = 0;
    t->name = first->group[0] ? first->group : first->key;
    t->reason = "";
    t->label = -1;
    for (int64_t i = 0; i < t->n; i++) {
        const struct case_photo *s = &c->photo[c->photo_of[t->first + i]];
        t->label = s->label > t->label ? s->label : t->label;
        if (!isnan(s->score)) {
            views[n] = s->view;
            scores[n++] = s->score;
        }
    }
    t->n_views = rule_views(views, n);
    t->score = n ? rule_score(rule, scores, views, n) : NAN;
    t->verdict = rule_verdict(rule, t->score, t->n_views);
    const struct judged_line *line = cases_line_of(c, t->name);
    t->share = line ? line->share : NAN;
    if (!line)
        return;
    t->score = isnan(line->score) ? t->score : line->score;
    t->verdict = line->verdict;
    t->reason = line->reason;
    t->label = t->label < 0 ? line->label : t->label;
    t->n_views = line->n_views ? (int)line->n_views : t->n_views;
}

int cases_finish(struct cases *c, const struct verdict_rule *rule, struct fmt_error *e)
{
    c->class_name[0] = c->class_name[0] ? c->class_name[0] : "good";
    c->class_name[1] = c->class_name[1] ? c->class_name[1] : c->class_wanted ? c->class_wanted : "defect";
    int status = number_installations(c, e);
    if (status)
        return status;
    size_t n = (size_t)c->n_photos + 1;
    c->installation = calloc((size_t)c->n_installations + 1, sizeof *c->installation);
    c->photo_of = calloc(n, sizeof *c->photo_of);
    double *scores = calloc(n, sizeof *scores);
    int32_t *views = calloc(n, sizeof *views);
    if (c->installation && c->photo_of && scores && views) {
        place_photos(c);
        for (int64_t g = 0; g < c->n_installations; g++)
            judge(c, &c->installation[g], rule, scores, views);
    } else {
        status = fmt_no_memory(e);
    }
    free(scores);
    free(views);
    return status;
}

void cases_release(struct cases *c)
{
    free(c->photo);
    free(c->installation);
    free(c->photo_of);
    free(c->line);
    text_release(&c->text);
    *c = (struct cases){.class_wanted = NULL};
}
