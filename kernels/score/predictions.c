/* predictions.c - numbers are written with 9 digits: enough for what was float32, and for a person. */
#include "predictions.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "metrics.h"
#include "feature-export.h"
#include "json-report.h"
#include "report-print.h"
#include "version.h"

static int put(struct predictions *p, const char *text, size_t n, struct fmt_error *e)
{
    if (file_put(&p->out, text, n) == 0)
        return 0;
    errno = p->out.error_number;
    return file_fail(p->out.path, e);
}

/* A tab or a newline inside a name would break the table. */
static void put_name(FILE *line, const char *name)
{
    char escaped[5];
    for (; *name; name++)
        fwrite(escaped, 1, (size_t)feature_export_escape(*name, escaped), line);
}

/* A line in memory until it is whole. */
struct line {
    FILE *out;
    char *text;
    size_t bytes;
};

static int line_open(struct line *l, struct fmt_error *e)
{
    *l = (struct line){.text = NULL};
    l->out = open_memstream(&l->text, &l->bytes);
    return l->out ? 0 : fmt_fail(e, FMT_MEMORY, "out of memory for a line of predictions");
}

/* Writes it, unless what made it failed. */
static int line_close(struct predictions *p, struct line *l, int status, struct fmt_error *e)
{
    if (l->out && fclose(l->out) != 0 && !status)
        status = fmt_fail(e, FMT_MEMORY, "out of memory for a line of predictions");
    if (!status)
        status = put(p, l->text, l->bytes, e);
    free(l->text);
    return status;
}

/* Comments, then the line of names. */
static int text_head(struct predictions *p, const char *tool, const struct scores_plan *plan,
                     const struct score_inputs *inputs, struct fmt_error *e)
{
    struct line l;
    int status = line_open(&l, e);
    if (status)
        return status;
    fprintf(l.out, "# predictions of %s %s\n", tool, DINOTOOLS_VERSION);
    scores_classes_text(l.out, "# ", plan);
    score_inputs_text(l.out, "# ", inputs);
    fprintf(l.out, "key\tgroup\tshot\tlabel\t%sprediction", p->with_votes ? "k\t" : "");
    for (int c = 0; c < p->n_classes; c++) {
        fprintf(l.out, "\tscore:");
        put_name(l.out, p->class_name[c]);
    }
    for (int c = 0; p->with_votes && c < p->n_classes; c++) {
        fprintf(l.out, "\tvotes:");
        put_name(l.out, p->class_name[c]);
    }
    fputc('\n', l.out);
    return line_close(p, &l, 0, e);
}

static int put_object(struct predictions *p, cJSON *o, struct fmt_error *e)
{
    char *text = cJSON_PrintUnformatted(o);
    int status =
        text ? put(p, text, strlen(text), e) : fmt_fail(e, FMT_MEMORY, "out of memory for a line of predictions");
    if (!status)
        status = put(p, "\n", 1, e);
    cJSON_free(text);
    cJSON_Delete(o);
    return status;
}

static int json_head(struct predictions *p, const char *tool, const struct scores_plan *plan,
                     const struct score_inputs *inputs, struct fmt_error *e)
{
    struct report_node head = {.kind = REPORT_OBJECT};
    report_text(&head, "report", "predictions");
    report_text(&head, "tool", tool);
    if (plan->n_classes == 2)
        report_text(&head, "positive", plan->class_name[plan->positive]);
    struct report_node *classes = report_add(&head, REPORT_LIST, "classes");
    for (int c = 0; c < plan->n_classes; c++)
        report_text(classes, NULL, plan->class_name[c]);
    score_inputs_report(&head, inputs);
    struct line l;
    int status = line_open(&l, e);
    if (!status)
        status = report_print_json(l.out, &head, e);
    report_release(&head);
    return line_close(p, &l, status, e);
}

int predictions_create(struct predictions *p, const char *path, bool json, bool with_votes, const char *tool,
                       const struct scores_plan *plan, const struct score_inputs *inputs, struct fmt_error *e)
{
    *p = (struct predictions){
        .json = json, .with_votes = with_votes, .n_classes = plan->n_classes, .class_name = plan->class_name};
    int status = file_create(&p->out, path, e);
    if (status)
        return status;
    status = json ? json_head(p, tool, plan, inputs, e) : text_head(p, tool, plan, inputs, e);
    if (status)
        file_abort(&p->out);
    return status;
}

static int text_row(struct predictions *p, const struct rows *r, int64_t i, int k, const double *votes,
                    struct fmt_error *e)
{
    const double *proba = r->proba + i * p->n_classes;
    struct line l;
    int status = line_open(&l, e);
    if (status)
        return status;
    put_name(l.out, r->key[i]);
    fputc('\t', l.out);
    put_name(l.out, r->group_name[i][0] ? r->group_name[i] : "-");
    if (r->group_view[i] >= 0)
        fprintf(l.out, "\t%d\t", r->group_view[i]);
    else
        fprintf(l.out, "\t-\t");
    put_name(l.out, r->label[i] >= 0 ? p->class_name[r->label[i]] : "-");
    if (p->with_votes)
        fprintf(l.out, "\t%d", k);
    fputc('\t', l.out);
    put_name(l.out, p->class_name[metrics_best_class(proba, p->n_classes)]);
    for (int c = 0; c < p->n_classes; c++)
        fprintf(l.out, "\t%.9g", proba[c]);
    for (int c = 0; p->with_votes && c < p->n_classes; c++)
        fprintf(l.out, "\t%.9g", votes[c]);
    fputc('\n', l.out);
    return line_close(p, &l, 0, e);
}

static int json_row(struct predictions *p, const struct rows *r, int64_t i, int k, const double *votes,
                    struct fmt_error *e)
{
    const double *proba = r->proba + i * p->n_classes;
    cJSON *o = cJSON_CreateObject();
    json_report_text(o, "key", r->key[i]);
    if (r->group_name[i][0])
        json_report_text(o, "group", r->group_name[i]);
    if (r->group_view[i] >= 0)
        cJSON_AddNumberToObject(o, "shot", r->group_view[i]);
    if (r->label[i] >= 0)
        json_report_text(o, "label", p->class_name[r->label[i]]);
    if (p->with_votes)
        cJSON_AddNumberToObject(o, "k", k);
    json_report_text(o, "prediction", p->class_name[metrics_best_class(proba, p->n_classes)]);
    cJSON_AddItemToObject(o, "scores", cJSON_CreateDoubleArray(proba, p->n_classes));
    if (p->with_votes)
        cJSON_AddItemToObject(o, "votes", cJSON_CreateDoubleArray(votes, p->n_classes));
    if (r->extra[i][0])
        cJSON_AddItemToObject(o, "extra", cJSON_Parse(r->extra[i]));
    return put_object(p, o, e);
}

int predictions_add(struct predictions *p, const struct rows *rows, int64_t i, int k, const double *votes,
                    struct fmt_error *e)
{
    int status = p->json ? json_row(p, rows, i, k, votes, e) : text_row(p, rows, i, k, votes, e);
    if (status)
        file_abort(&p->out);
    return status;
}

int predictions_commit(struct predictions *p, struct fmt_error *e)
{
    return file_commit(&p->out, e);
}
