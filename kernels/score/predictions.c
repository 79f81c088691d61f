/* predictions.c - numbers are written with 9 digits, which is enough to reproduce float32. */
#include "predictions.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "metrics.h"
#include "feature-export.h"
#include "json-report.h"
#include "report-print.h"
#include "version.h"

/* A tab or a newline inside a name would break the table. */
static void put_name(FILE *line, const char *name)
{
    char escaped[5];
    for (; *name; name++)
        fwrite(escaped, 1, (size_t)feature_export_escape(*name, escaped), line);
}

/* The line of names. */
static void text_columns(FILE *line, const struct predictions *p)
{
    fprintf(line, "key\tgroup\tshot\tlabel\t%sprediction", p->with_votes ? "k\t" : "");
    for (int what = 0; what <= p->with_votes; what++)
        for (int c = 0; c < p->n_classes; c++) {
            fprintf(line, what ? "\tvotes:" : "\tscore:");
            put_name(line, p->class_name[c]);
        }
    fputc('\n', line);
}

/* A report: its notes are the comments above the line of names, its members the first line of JSON. */
static int put_head(FILE *line, const struct predictions *p, const char *tool, const struct scores_plan *plan,
                    const struct score_inputs *inputs, struct fmt_error *e)
{
    struct report_node head = {.kind = REPORT_OBJECT};
    report_note(&head, "predictions of %s %s", tool, DINOTOOLS_VERSION);
    scores_classes_note(&head, plan);
    score_inputs_notes(&head, inputs);
    report_text(&head, "report", "predictions");
    report_text(&head, "tool", tool);
    if (plan->n_classes == 2)
        report_text(&head, "positive", plan->class_name[plan->positive]);
    struct report_node *classes = report_add(&head, REPORT_LIST, "classes");
    for (int c = 0; c < plan->n_classes; c++)
        report_text(classes, NULL, plan->class_name[c]);
    score_inputs_report(&head, inputs);
    int status = p->json ? report_print_json(line, &head, e) : report_print_comments(line, &head, e);
    if (!status && !p->json)
        text_columns(line, p);
    report_release(&head);
    return status;
}

static void text_row(FILE *line, const struct predictions *p, const struct rows *r, int64_t i, int k,
                     const double *votes)
{
    const double *proba = r->proba + i * p->n_classes;
    put_name(line, r->key[i]);
    fputc('\t', line);
    put_name(line, r->group_name[i][0] ? r->group_name[i] : "-");
    if (r->group_view[i] >= 0)
        fprintf(line, "\t%d\t", r->group_view[i]);
    else
        fprintf(line, "\t-\t");
    put_name(line, r->label[i] >= 0 ? p->class_name[r->label[i]] : "-");
    if (p->with_votes)
        fprintf(line, "\t%d", k);
    fputc('\t', line);
    put_name(line, p->class_name[metrics_best_class(proba, p->n_classes)]);
    for (int c = 0; c < p->n_classes; c++)
        fprintf(line, "\t%.9g", proba[c]);
    for (int c = 0; p->with_votes && c < p->n_classes; c++)
        fprintf(line, "\t%.9g", votes[c]);
    fputc('\n', line);
}

static int json_row(FILE *line, const struct predictions *p, const struct rows *r, int64_t i, int k,
                    const double *votes, struct fmt_error *e)
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
    return json_report_put(line, o) ? fmt_fail(e, FMT_MEMORY, "out of memory for a line of predictions") : 0;
}

/* A line is built in memory and written when it is complete. */
static int line_open(struct predictions *p, struct fmt_error *e)
{
    p->line = open_memstream(&p->text, &p->bytes);
    return p->line ? 0 : fmt_fail(e, FMT_MEMORY, "out of memory for a line of predictions");
}

/* Writes the line unless building it failed; after a failure the file is abandoned. */
static int line_close(struct predictions *p, int status, struct fmt_error *e)
{
    if (p->line && fclose(p->line) != 0 && !status)
        status = fmt_fail(e, FMT_MEMORY, "out of memory for a line of predictions");
    if (!status && file_put(&p->out, p->text, p->bytes) != 0) {
        errno = p->out.error_number;
        status = file_fail(p->out.path, e);
    }
    if (p->line)
        free(p->text);
    if (status)
        file_abort(&p->out);
    return status;
}

int predictions_create(struct predictions *p, const char *path, bool json, bool with_votes, const char *tool,
                       const struct scores_plan *plan, const struct score_inputs *inputs, struct fmt_error *e)
{
    *p = (struct predictions){
        .json = json, .with_votes = with_votes, .n_classes = plan->n_classes, .class_name = plan->class_name};
    int status = file_create(&p->out, path, e);
    if (status)
        return status;
    status = line_open(p, e);
    if (!status)
        status = put_head(p->line, p, tool, plan, inputs, e);
    return line_close(p, status, e);
}

int predictions_add(struct predictions *p, const struct rows *rows, int64_t i, int k, const double *votes,
                    struct fmt_error *e)
{
    int status = line_open(p, e);
    if (!status && p->json)
        status = json_row(p->line, p, rows, i, k, votes, e);
    else if (!status)
        text_row(p->line, p, rows, i, k, votes);
    return line_close(p, status, e);
}

int predictions_commit(struct predictions *p, struct fmt_error *e)
{
    return file_commit(&p->out, e);
}
