/* group-lines.c - see group-lines.h. */
#include "group-lines.h"

#include <cjson/cJSON.h>

#include "json-report.h"
#include "printable.h"
#include "report-print.h"
#include "verdict-line.h"

/* What a line says of group i. */
struct line {
    const char *name, *label; /* label NULL: unknown */
    struct verdict_line verdict;
    char reason[VERDICT_REASON_BYTES];
};

static void describe(struct line *line, const struct group_lines *l, int64_t i)
{
    static const char *const label[] = {"good", "faulty"};
    int8_t faulty = l->groups->faulty[i];
    int n_views = verdict_groups_views(l->groups, i);
    double score = l->score[i];
    line->name = l->groups->name[i];
    line->label = faulty < 0 ? NULL : label[faulty];
    rule_reason(l->rule, score, n_views, line->reason);
    line->verdict = (struct verdict_line){n_views, score, rule_verdict(l->rule, score, n_views), line->reason, true,
                                          calibration_at(l->calibration, score)};
}

static void put_text(FILE *out, const struct line *x)
{
    printable_put_field(out, x->name);
    putc('\t', out);
    verdict_line_text(out, &x->verdict);
    fprintf(out, "\t%s\n", x->label ? x->label : "-");
}

static int put_json(FILE *out, const struct group_lines *l, int64_t i, const struct line *x)
{
    cJSON *o = cJSON_CreateObject();
    verdict_line_json(o, x->name, &x->verdict);
    if (x->label)
        json_report_text(o, "label", x->label);
    cJSON *photographs = cJSON_AddArrayToObject(o, "photographs");
    for (int64_t k = l->groups->first[i]; k < l->groups->first[i + 1]; k++)
        cJSON_AddItemToArray(photographs, cJSON_CreateString(l->rows->key[l->groups->row[k]]));
    return json_report_put(out, o);
}

static void put_columns(FILE *out)
{
    fprintf(out, "installation\t");
    verdict_line_columns(out, true);
    fprintf(out, "\tlabel\n");
}

int group_lines_write(FILE *out, bool json, struct report_node *head, const struct group_lines *l,
                      struct fmt_error *e)
{
    int status = json ? report_print_json(out, head, e) : report_print_comments(out, head, e);
    if (!json)
        put_columns(out);
    for (int64_t i = 0; i < l->groups->n && !status; i++) {
        struct line x;
        describe(&x, l, i);
        if (!json)
            put_text(out, &x);
        else if (put_json(out, l, i, &x))
            status = fmt_no_memory(e);
    }
    return status;
}
