/* label-table.c - the first record says which field is what; every other one becomes a row or a problem. */
#include "label-table.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <cjson/cJSON.h>

#include "csv.h"
#include "index.h"
#include "num.h"

enum column { PATH, LABEL, GROUP, VIEW, SPLIT, N_COLUMNS };
static const char *const column_name[N_COLUMNS] = {"path", "label", "group", "view", "split"};

static const struct {
    const char *name;
    enum column column;
} known[] = {{"path", PATH},   {"img_path", PATH},  {"file", PATH},       {"filename", PATH}, {"image", PATH},
             {"label", LABEL}, {"gt_label", LABEL}, {"class", LABEL},     {"group", GROUP},   {"group_id", GROUP},
             {"installation", GROUP},               {"view", VIEW},       {"shot", VIEW},     {"split", SPLIT}};

struct reading {
    struct csv csv;
    struct label_table *t;
    int n_fields;
    int of[N_COLUMNS];           /* the field of each column; -1: there is none */
    char *extra[CSV_FIELDS_MAX]; /* the name of a further key; NULL: another column, or one without name */
    struct fmt_error *e;
};

static int refuse(struct reading *r, const char *format, ...) __attribute__((format(printf, 2, 3)));
static int refuse(struct reading *r, const char *format, ...)
{
    char text[200];
    va_list ap;
    va_start(ap, format);
    vsnprintf(text, sizeof text, format, ap);
    va_end(ap);
    return fmt_fail(r->e, FMT_INVALID, "line %d: %s", r->csv.line, text);
}

/* ---------------------------------------------------------------- the line of names */

static int column_of(const char *name)
{
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcasecmp(name, known[i].name) == 0)
            return (int)known[i].column;
    return -1;
}

static int take_name(struct reading *r, int i)
{
    const char *name = r->csv.field[i];
    int column = column_of(name);
    if (column >= 0 && r->of[column] >= 0)
        return refuse(r, "two columns are the %s: %.60s and %.60s", column_name[column],
                      r->csv.field[r->of[column]], name);
    if (column >= 0) {
        r->of[column] = i;
        return 0;
    }
    for (int k = 0; k < i && *name; k++)
        if (strcmp(r->csv.field[k], name) == 0)
            return refuse(r, "two columns have the name %.60s", name);
    if (*name && !(r->extra[i] = strdup(name)))
        return fmt_no_memory(r->e);
    return 0;
}

static int read_names(struct reading *r)
{
    int status = csv_next(&r->csv, r->e);
    if (status)
        return status == FMT_END ? fmt_fail(r->e, FMT_INVALID, "the table is empty") : status;
    r->n_fields = r->csv.n_fields;
    if (r->csv.mistake)
        return refuse(r, "%s", r->csv.mistake);
    if (r->n_fields > CSV_FIELDS_MAX)
        return refuse(r, "more than %d columns", CSV_FIELDS_MAX);
    for (int k = 0; k < N_COLUMNS; k++)
        r->of[k] = -1;
    for (int i = 0; i < r->n_fields && !status; i++)
        status = take_name(r, i);
    if (!status && r->of[PATH] < 0)
        status = refuse(r, "there is no column path (or img_path, file, filename, image); the first is \"%.60s\"",
                        r->csv.field[0]);
    return status;
}

/* ---------------------------------------------------------------- rows */

static const char *field(const struct reading *r, enum column column)
{
    return r->of[column] < 0 ? "" : r->csv.field[r->of[column]];
}

static bool is_split(const char *name)
{
    return !*name || strcmp(name, "train") == 0 || strcmp(name, "val") == 0 || strcmp(name, "test") == 0;
}

/* A field of a column without name. */
static bool has_nameless(const struct reading *r)
{
    for (int i = 0; i < r->n_fields; i++) {
        bool named = r->extra[i];
        for (int k = 0; k < N_COLUMNS; k++)
            named = named || r->of[k] == i;
        if (!named && *r->csv.field[i])
            return true;
    }
    return false;
}

/* What is wrong with the record, in `text` or a constant; NULL: nothing. *view: -1 none. */
static const char *mistake_of(const struct reading *r, int64_t *view, char text[128])
{
    const struct csv *c = &r->csv;
    if (c->mistake)
        return c->mistake;
    *view = -1;
    if (c->n_fields != r->n_fields) {
        snprintf(text, 128, "%s, where the first line has %d", FMT_COUNT(c->n_fields, "field", "fields"), r->n_fields);
        return text;
    }
    if (!*field(r, PATH))
        return "the path is empty";
    if (strlen(field(r, PATH)) > INDEX_TEXT_MAX)
        return "the path is too long";
    if (strlen(field(r, LABEL)) > INDEX_NAME_MAX || strlen(field(r, GROUP)) > INDEX_NAME_MAX)
        return "the name of a label or group is too long";
    if (!is_split(field(r, SPLIT))) {
        snprintf(text, 128, "the split \"%.60s\" is none of train, val, test", field(r, SPLIT));
        return text;
    }
    if (*field(r, VIEW) && (!num_i64(field(r, VIEW), view) || *view < 0 || *view > INT32_MAX)) {
        snprintf(text, 128, "the view \"%.60s\" is no whole number from 0", field(r, VIEW));
        return text;
    }
    return has_nameless(r) ? "a field in a column without name" : NULL;
}

static const char *copy(struct reading *r, const char *text)
{
    return *text ? text_copy(&r->t->text, text, strlen(text)) : "";
}

static int add_problem(struct reading *r, const char *mistake)
{
    struct label_table *t = r->t;
    if (t->n_problems == LABEL_TABLE_PROBLEMS_MAX)
        return refuse(r, "more than %d rows are wrong; %s", LABEL_TABLE_PROBLEMS_MAX, mistake);
    if (fmt_grow(&t->problem, t->n_problems, &t->problem_capacity, sizeof *t->problem, r->e))
        return FMT_MEMORY;
    struct label_problem *p = &t->problem[t->n_problems];
    *p = (struct label_problem){r->csv.line, copy(r, mistake)};
    if (!p->text)
        return fmt_no_memory(r->e);
    t->n_problems++;
    return 0;
}

/* The further keys as a JSON object, for free(); "" without any. NULL: out of memory. */
static char *print_extra(const struct reading *r)
{
    cJSON *o = cJSON_CreateObject();
    bool good = o;
    for (int i = 0; i < r->n_fields && good; i++)
        if (r->extra[i] && *r->csv.field[i])
            good = cJSON_AddStringToObject(o, r->extra[i], r->csv.field[i]);
    char *text = !good ? NULL : o->child ? cJSON_PrintUnformatted(o) : strdup("");
    cJSON_Delete(o);
    return text;
}

static int add_row(struct reading *r, int64_t view, const char *extra)
{
    struct label_table *t = r->t;
    if (strlen(extra) > INDEX_EXTRA_MAX)
        return add_problem(r, "the further columns are too long together");
    if (fmt_grow(&t->row, t->n_rows, &t->row_capacity, sizeof *t->row, r->e))
        return FMT_MEMORY;
    struct label_row *row = &t->row[t->n_rows];
    *row = (struct label_row){copy(r, field(r, PATH)),  copy(r, field(r, LABEL)), copy(r, field(r, GROUP)),
                              copy(r, field(r, SPLIT)), copy(r, extra), (int32_t)view, r->csv.line};
    if (!row->path || !row->label || !row->group || !row->split || !row->extra)
        return fmt_no_memory(r->e);
    t->n_rows++;
    return 0;
}

static int take_record(struct reading *r)
{
    char text[128];
    int64_t view;
    const char *mistake = mistake_of(r, &view, text);
    if (mistake)
        return add_problem(r, mistake);
    char *extra = print_extra(r);
    int status = extra ? add_row(r, view, extra) : fmt_no_memory(r->e);
    free(extra);
    return status;
}

int label_table_parse(const char *text, size_t bytes, struct label_table *t, struct fmt_error *e)
{
    struct reading r = {.t = t, .e = e};
    *t = (struct label_table){0};
    if (bytes > LABEL_TABLE_BYTES_MAX)
        return fmt_fail(e, FMT_LIMIT, "more than %d bytes", LABEL_TABLE_BYTES_MAX);
    int status = csv_open(&r.csv, text, bytes, e);
    if (!status)
        status = read_names(&r);
    while (!status && (status = csv_next(&r.csv, e)) == 0)
        status = take_record(&r);
    for (int i = 0; i < CSV_FIELDS_MAX; i++)
        free(r.extra[i]);
    csv_close(&r.csv);
    if (status == FMT_END)
        return 0;
    label_table_release(t);
    return status;
}

void label_table_release(struct label_table *t)
{
    free(t->row);
    free(t->problem);
    text_release(&t->text);
    *t = (struct label_table){0};
}
