/* predictions.c - numbers are written with 9 digits, which is enough to reproduce float32. */
#include "predictions.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "group-scores.h"
#include "json-report.h"
#include "metrics.h"
#include "printable.h"
#include "report-print.h"
#include "version.h"

/* The line of names. */
static void text_columns(FILE *line, const struct predictions_head *h)
{
    const struct scores_plan *plan = h->plan;
    bool votes = h->with_votes && !h->groups && !h->of_tiles;
    fprintf(line, h->groups ? "group\tphotographs\tkey\tshot\tlabel\t" : "key\tgroup\tshot\tlabel\t");
    fprintf(line, "%sprediction", h->with_votes ? "k\t" : "");
    for (int what = 0; what <= votes; what++)
        for (int c = 0; c < plan->n_classes; c++) {
            fprintf(line, what ? "\tvotes:" : "\tscore:");
            printable_put_field(line, plan->class_name[c]);
        }
    fputc('\n', line);
}

static void note_of(struct report_node *head, const struct predictions_head *h)
{
    if (strcmp(h->of, "out-of-fold") == 0)
        report_note(head, "out of fold: each row is predicted by a classifier of the other folds; C is of all folds");
    if (strcmp(h->of, "out-of-group") == 0)
        report_note(head, "out of group: no row of its own group voted");
    if (h->groups)
        report_note(head, "a group's score: the %s of its photographs; key: the one with the largest",
                    h->plan->group_mean ? "mean" : "largest");
}

/* A report: its notes are the comments above the line of names, its members the first line of JSON. */
static int put_head(FILE *line, const struct predictions_head *h, struct fmt_error *e)
{
    struct report_node head = {.kind = REPORT_OBJECT};
    const struct scores_plan *plan = h->plan;
    report_note(&head, "predictions of %s %s", h->tool, DINOTOOLS_VERSION);
    scores_classes_note(&head, plan);
    note_of(&head, h);
    score_inputs_notes(&head, h->inputs);
    report_text(&head, "report", h->groups ? "group-predictions" : "predictions");
    report_text(&head, "tool", h->tool);
    report_text(&head, "of", h->of);
    if (h->groups)
        report_text(&head, "group_score", plan->group_mean ? "mean" : "max");
    if (plan->n_classes == 2)
        report_text(&head, "positive", plan->class_name[plan->positive]);
    if (plan->distances) {
        report_note(&head, "scores are distances, not probabilities; no class is predicted");
        report_text(&head, "scores", "distances");
    }
    struct report_node *classes = report_add(&head, REPORT_LIST, "classes");
    for (int c = 0; c < plan->n_classes; c++)
        report_text(classes, NULL, plan->class_name[c]);
    score_inputs_report(&head, h->inputs);
    int status = h->json ? report_print_json(line, &head, e) : report_print_comments(line, &head, e);
    if (!status && !h->json)
        text_columns(line, h);
    report_release(&head);
    return status;
}

static void text_group(FILE *line, const struct rows *r, int64_t i)
{
    printable_put_field(line, r->group_name[i][0] ? r->group_name[i] : "-");
    fputc('\t', line);
}

static void text_row(FILE *line, const struct predictions_head *h, const struct rows *r, int64_t i, int k,
                     const double *votes)
{
    int K = h->plan->n_classes;
    const double *proba = r->proba + i * K;
    if (h->groups) {
        text_group(line, r, i);
        fprintf(line, "%.0f\t", r->weight[i]);
    }
    printable_put_field(line, r->key[i]);
    fputc('\t', line);
    if (!h->groups)
        text_group(line, r, i);
    if (r->group_view[i] >= 0)
        fprintf(line, "%d\t", r->group_view[i]);
    else
        fprintf(line, "-\t");
    printable_put_field(line, r->label[i] >= 0 ? h->plan->class_name[r->label[i]] : "-");
    if (h->with_votes)
        fprintf(line, "\t%d", k);
    fputc('\t', line);
    printable_put_field(line, h->plan->distances ? "-" : h->plan->class_name[metrics_best_class(proba, K)]);
    for (int c = 0; c < K; c++)
        fprintf(line, "\t%.9g", proba[c]);
    for (int c = 0; votes && c < K; c++)
        fprintf(line, "\t%.9g", votes[c]);
    fputc('\n', line);
}

static int json_row(FILE *line, const struct predictions_head *h, const struct rows *r, int64_t i, int k,
                    const double *votes, struct fmt_error *e)
{
    int K = h->plan->n_classes;
    const double *proba = r->proba + i * K;
    cJSON *o = cJSON_CreateObject();
    if (h->groups && r->group_name[i][0])
        json_report_text(o, "group", r->group_name[i]);
    if (h->groups)
        cJSON_AddNumberToObject(o, "photographs", r->weight[i]);
    json_report_text(o, "key", r->key[i]);
    if (!h->groups && r->group_name[i][0])
        json_report_text(o, "group", r->group_name[i]);
    if (r->group_view[i] >= 0)
        cJSON_AddNumberToObject(o, "shot", r->group_view[i]);
    if (r->label[i] >= 0)
        json_report_text(o, "label", h->plan->class_name[r->label[i]]);
    if (h->with_votes)
        cJSON_AddNumberToObject(o, "k", k);
    if (!h->plan->distances)
        json_report_text(o, "prediction", h->plan->class_name[metrics_best_class(proba, K)]);
    cJSON_AddItemToObject(o, "scores", cJSON_CreateDoubleArray(proba, K));
    if (votes)
        cJSON_AddItemToObject(o, "votes", cJSON_CreateDoubleArray(votes, K));
    if (!h->groups && r->content && digest_is_set(r->content[i])) {
        char hex[DIGEST_HEX];
        digest_hex(r->content[i], hex);
        json_report_text(o, "content", hex);
    }
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

int predictions_create(struct predictions *p, const char *path, const struct predictions_head *head,
                       struct fmt_error *e)
{
    *p = (struct predictions){.head = *head};
    int status = file_create(&p->out, path, e);
    if (status)
        return status;
    status = line_open(p, e);
    if (!status)
        status = put_head(p->line, head, e);
    return line_close(p, status, e);
}

int predictions_add(struct predictions *p, const struct rows *rows, int64_t i, int k, const double *votes,
                    struct fmt_error *e)
{
    int status = line_open(p, e);
    if (!status && p->head.json)
        status = json_row(p->line, &p->head, rows, i, k, votes, e);
    else if (!status)
        text_row(p->line, &p->head, rows, i, k, votes);
    return line_close(p, status, e);
}

int predictions_add_groups(struct predictions *p, const struct rows *rows, int k, struct fmt_error *e)
{
    struct rows groups;
    int status = group_rows(&groups, rows, p->head.plan->positive, p->head.plan->group_mean, e);
    if (status) {
        file_abort(&p->out);
        return status;
    }
    for (int64_t g = 0; g < groups.n && !status; g++)
        status = predictions_add(p, &groups, g, k, NULL, e);
    rows_release(&groups);
    return status;
}

int predictions_commit(struct predictions *p, struct fmt_error *e)
{
    return file_commit(&p->out, e);
}
