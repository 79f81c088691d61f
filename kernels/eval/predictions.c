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
#include "version.h"

static int put(struct predictions *p, const char *text, size_t n, struct fmt_error *e)
{
    if (file_put(&p->out, text, n) == 0)
        return 0;
    errno = p->out.error_number;
    return file_fail(p->out.path, e);
}

/* A tab or a line end inside a name would break the table. */
static void put_name(FILE *line, const char *name)
{
    char escaped[5];
    for (; *name; name++)
        fwrite(escaped, 1, (size_t)feature_export_escape(*name, escaped), line);
}

static int close_line(struct predictions *p, FILE *line, char **text, size_t *bytes, struct fmt_error *e)
{
    fputc('\n', line);
    if (fclose(line) != 0)
        return fmt_fail(e, FMT_MEMORY, "out of memory for a line of predictions");
    int status = put(p, *text, *bytes, e);
    free(*text);
    return status;
}

/* Comments, then the line of names. */
static int text_head(struct predictions *p, const char *tool, const struct scores_plan *plan,
                     const struct score_inputs *origins, struct fmt_error *e)
{
    char *text;
    size_t bytes;
    FILE *line = open_memstream(&text, &bytes);
    if (!line)
        return fmt_fail(e, FMT_MEMORY, "out of memory for a line of predictions");
    fprintf(line, "# predictions of %s %s\n", tool, DINOTOOLS_VERSION);
    scores_classes_text(line, "# ", plan);
    score_inputs_text(line, "# ", origins);
    fprintf(line, "key\tgroup\tshot\tlabel\t%sprediction", p->with_votes ? "k\t" : "");
    for (int c = 0; c < p->n_classes; c++) {
        fprintf(line, "\tscore:");
        put_name(line, p->class_name[c]);
    }
    for (int c = 0; p->with_votes && c < p->n_classes; c++) {
        fprintf(line, "\tvotes:");
        put_name(line, p->class_name[c]);
    }
    return close_line(p, line, &text, &bytes, e);
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
                     const struct score_inputs *origins, struct fmt_error *e)
{
    cJSON *o = json_report_begin("predictions");
    json_report_text(o, "tool", tool);
    if (plan->n_classes == 2)
        json_report_text(o, "positive", plan->class_name[plan->positive]);
    json_report_names(o, "classes", plan->class_name, plan->n_classes);
    score_inputs_json(o, origins);
    return put_object(p, o, e);
}

int predictions_create(struct predictions *p, const char *path, bool json, bool with_votes, const char *tool,
                       const struct scores_plan *plan, const struct score_inputs *origins, struct fmt_error *e)
{
    *p = (struct predictions){
        .json = json, .with_votes = with_votes, .n_classes = plan->n_classes, .class_name = plan->class_name};
    int status = file_create(&p->out, path, e);
    if (status)
        return status;
    status = json ? json_head(p, tool, plan, origins, e) : text_head(p, tool, plan, origins, e);
    if (status)
        file_abort(&p->out);
    return status;
}

static int text_row(struct predictions *p, const struct predictions_row *r, struct fmt_error *e)
{
    char *text;
    size_t bytes;
    FILE *line = open_memstream(&text, &bytes);
    if (!line)
        return fmt_fail(e, FMT_MEMORY, "out of memory for a line of predictions");
    put_name(line, r->key);
    fputc('\t', line);
    put_name(line, r->group[0] ? r->group : "-");
    if (r->shot >= 0)
        fprintf(line, "\t%d\t", r->shot);
    else
        fprintf(line, "\t-\t");
    put_name(line, r->label >= 0 ? p->class_name[r->label] : "-");
    if (p->with_votes)
        fprintf(line, "\t%d", r->k);
    fputc('\t', line);
    put_name(line, p->class_name[metrics_best_class(r->proba, p->n_classes)]);
    for (int c = 0; c < p->n_classes; c++)
        fprintf(line, "\t%.9g", r->proba[c]);
    for (int c = 0; p->with_votes && c < p->n_classes; c++)
        fprintf(line, "\t%.9g", r->votes[c]);
    return close_line(p, line, &text, &bytes, e);
}

static int json_row(struct predictions *p, const struct predictions_row *r, struct fmt_error *e)
{
    cJSON *o = cJSON_CreateObject();
    json_report_text(o, "key", r->key);
    if (r->group[0])
        json_report_text(o, "group", r->group);
    if (r->shot >= 0)
        cJSON_AddNumberToObject(o, "shot", r->shot);
    if (r->label >= 0)
        json_report_text(o, "label", p->class_name[r->label]);
    if (p->with_votes)
        cJSON_AddNumberToObject(o, "k", r->k);
    json_report_text(o, "prediction", p->class_name[metrics_best_class(r->proba, p->n_classes)]);
    cJSON_AddItemToObject(o, "scores", cJSON_CreateDoubleArray(r->proba, p->n_classes));
    if (p->with_votes)
        cJSON_AddItemToObject(o, "votes", cJSON_CreateDoubleArray(r->votes, p->n_classes));
    if (r->extra[0])
        cJSON_AddItemToObject(o, "extra", cJSON_Parse(r->extra));
    return put_object(p, o, e);
}

int predictions_add(struct predictions *p, const struct predictions_row *row, struct fmt_error *e)
{
    int status = p->json ? json_row(p, row, e) : text_row(p, row, e);
    if (status)
        file_abort(&p->out);
    return status;
}

int predictions_commit(struct predictions *p, struct fmt_error *e)
{
    return file_commit(&p->out, e);
}
