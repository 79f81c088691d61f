/* report-json.c - a report as JSON lines. */
#include <cjson/cJSON.h>
#include <math.h>

#include "json-report.h"
#include "report-print.h"

static void add_members(cJSON *o, const struct report_node *node);

static cJSON *matrix_of(const struct report_node *node)
{
    cJSON *rows = cJSON_CreateArray();
    for (int a = 0; a < node->n; a++) {
        cJSON *row = cJSON_CreateArray();
        for (int b = 0; b < node->n; b++)
            cJSON_AddItemToArray(row, cJSON_CreateNumber((double)node->cell[a * node->n + b]));
        cJSON_AddItemToArray(rows, row);
    }
    return rows;
}

static cJSON *interval_of(const struct report_node *node)
{
    double both[2] = {node->low, node->high};
    return isnan(node->low) ? cJSON_CreateNull() : cJSON_CreateDoubleArray(both, 2);
}

/* json-report.h cleans texts and writes exact counts, but can only add them to objects. */
static cJSON *text_or_count_of(const struct report_node *node)
{
    cJSON *o = cJSON_CreateObject();
    if (node->kind == REPORT_TEXT)
        json_report_text(o, "value", node->text);
    else
        json_report_int(o, "value", node->count);
    cJSON *value = cJSON_DetachItemFromObject(o, "value");
    cJSON_Delete(o);
    return value;
}

static cJSON *value_of(const struct report_node *node)
{
    cJSON *o;
    switch (node->kind) {
    case REPORT_MATRIX: return matrix_of(node);
    case REPORT_BOOL: return cJSON_CreateBool(node->count != 0);
    case REPORT_NUMBER:
    case REPORT_MEASURE: return cJSON_CreateNumber(node->number); /* printed as null where it is not finite */
    case REPORT_OBJECT:
        o = cJSON_CreateObject();
        add_members(o, node);
        return o;
    case REPORT_LIST:
        o = cJSON_CreateArray();
        for (const struct report_node *child = node->first; child; child = child->next)
            cJSON_AddItemToArray(o, value_of(child));
        return o;
    default: return text_or_count_of(node);
    }
}

static void add_copies(cJSON *o, const cJSON *members)
{
    const cJSON *member;
    cJSON_ArrayForEach(member, members)
        cJSON_AddItemToObject(o, member->string, cJSON_Duplicate(member, true));
}

/* The named members of a node become members of o. */
static void add_members(cJSON *o, const struct report_node *node)
{
    cJSON *intervals = NULL;
    for (const struct report_node *child = node->first; child; child = child->next) {
        if (child->kind == REPORT_JSON)
            add_copies(o, child->json);
        if (child->name)
            cJSON_AddItemToObject(o, child->name, value_of(child));
        if (child->kind != REPORT_MEASURE || !child->name)
            continue;
        intervals = intervals ? intervals : cJSON_CreateObject();
        cJSON_AddItemToObject(intervals, child->name, interval_of(child));
        if (!child->next || child->next->kind != REPORT_MEASURE) {
            cJSON_AddItemToObject(o, "intervals", intervals);
            intervals = NULL;
        }
    }
}

/* The members of the report, then those of a record, on one line. */
static int print_line(FILE *out, const struct report_node *report, const struct report_node *record,
                      struct fmt_error *e)
{
    cJSON *o = value_of(report);
    if (record)
        add_members(o, record);
    return json_report_put(out, o) ? fmt_fail(e, FMT_MEMORY, "out of memory for the report") : 0;
}

static bool has_names(const struct report_node *report)
{
    const struct report_node *child = report->first;
    while (child && !child->name)
        child = child->next;
    return child != NULL;
}

int report_print_json(FILE *out, const struct report_node *report, struct fmt_error *e)
{
    bool has_records = false;
    int status = report_complete(report) ? 0 : fmt_fail(e, FMT_MEMORY, "out of memory for the report");
    for (const struct report_node *node = report->first; node && !status; node = node->next) {
        has_records = has_records || node->kind == REPORT_RECORDS;
        for (const struct report_node *r = node->kind == REPORT_RECORDS ? node->first : NULL; r && !status; r = r->next)
            status = print_line(out, report, r, e);
    }
    return status || has_records || !has_names(report) ? status : print_line(out, report, NULL, e);
}
