/* group-lines.c - see group-lines.h. */
#include "group-lines.h"

#include <cjson/cJSON.h>
#include <math.h>

#include "feature-export.h"
#include "json-report.h"
#include "report-print.h"

/* What a line says of group i. */
struct line {
    const char *name, *label; /* label NULL: unknown */
    int n_views;
    double score, probability;
    enum verdict verdict;
    char reason[VERDICT_REASON_BYTES];
};

static struct line line_of(const struct group_lines *l, int64_t i)
{
    static const char *const label[] = {"good", "faulty"};
    int8_t faulty = l->groups->faulty[i];
    int n_views = verdict_groups_views(l->groups, i);
    double score = l->score[i];
    struct line line = {l->groups->name[i], faulty < 0 ? NULL : label[faulty], n_views, score,
                        calibration_at(l->calibration, score), rule_verdict(l->rule, score, n_views), ""};
    rule_reason(l->rule, score, n_views, line.reason);
    return line;
}

/* A tab or a newline inside a name would break the table. */
static void put_name(FILE *out, const char *name)
{
    char escaped[5];
    for (; *name; name++)
        fwrite(escaped, 1, (size_t)feature_export_escape(*name, escaped), out);
}

static void put_number(FILE *out, int digits, double v)
{
    if (isnan(v))
        fprintf(out, "\t-");
    else
        fprintf(out, "\t%.*g", digits, v);
}

static void put_text(FILE *out, const struct line *x)
{
    put_name(out, x->name);
    fprintf(out, "\t%d", x->n_views);
    put_number(out, 9, x->score);
    fprintf(out, "\t%s\t%s", verdict_names[x->verdict], x->reason);
    put_number(out, 4, x->probability);
    fprintf(out, "\t%s\n", x->label ? x->label : "-");
}

static int put_json(FILE *out, const struct group_lines *l, int64_t i, const struct line *x)
{
    cJSON *o = cJSON_CreateObject();
    json_report_text(o, "installation", x->name);
    json_report_int(o, "views", x->n_views);
    cJSON_AddNumberToObject(o, "score", x->score);
    json_report_text(o, "verdict", verdict_names[x->verdict]);
    json_report_text(o, "reason", x->reason);
    cJSON_AddNumberToObject(o, "probability", x->probability);
    if (x->label)
        json_report_text(o, "label", x->label);
    cJSON *photographs = cJSON_AddArrayToObject(o, "photographs");
    for (int64_t k = l->groups->first[i]; k < l->groups->first[i + 1]; k++)
        cJSON_AddItemToArray(photographs, cJSON_CreateString(l->rows->key[l->groups->row[k]]));
    return json_report_put(out, o);
}

int group_lines_write(FILE *out, bool json, struct report_node *head, const struct group_lines *l,
                      struct fmt_error *e)
{
    int status = json ? report_print_json(out, head, e) : report_print_comments(out, head, e);
    if (!json)
        fprintf(out, "installation\tviews\tscore\tverdict\treason\tprobability\tlabel\n");
    for (int64_t i = 0; i < l->groups->n && !status; i++) {
        struct line x = line_of(l, i);
        if (!json)
            put_text(out, &x);
        else if (put_json(out, l, i, &x))
            status = fmt_no_memory(e);
    }
    return status;
}
