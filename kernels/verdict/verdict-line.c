/* verdict-line.c - see verdict-line.h. */
#include "verdict-line.h"

#include <cjson/cJSON.h>
#include <math.h>

#include "json-report.h"
#include "printable.h"

enum { SCORE_DIGITS = 9, SHARE_DIGITS = 4 };

void verdict_line_columns(FILE *out, bool calibrated)
{
    fprintf(out, "views\tscore\tverdict\treason%s", calibrated ? "\tprobability" : "");
}

static void put_number(FILE *out, int digits, double v)
{
    if (isfinite(v))
        fprintf(out, "\t%.*g", digits, v);
    else
        fprintf(out, "\t-");
}

void verdict_line_number(FILE *out, double v)
{
    put_number(out, SCORE_DIGITS, v);
}

void verdict_line_text(FILE *out, const struct verdict_line *x)
{
    if (x->views >= 0)
        fprintf(out, "%d", x->views);
    else
        putc('-', out);
    put_number(out, SCORE_DIGITS, x->score);
    fprintf(out, "\t%s\t", verdict_names[x->verdict]);
    printable_put(out, x->reason);
    if (x->calibrated)
        put_number(out, SHARE_DIGITS, x->probability);
}

void verdict_line_json(struct cJSON *o, const char *installation, const struct verdict_line *x)
{
    json_report_text(o, "installation", installation);
    json_report_int(o, "views", x->views);
    cJSON_AddNumberToObject(o, "score", x->score); /* null where it is not finite */
    json_report_text(o, "verdict", verdict_names[x->verdict]);
    json_report_text(o, "reason", x->reason);
    if (x->calibrated)
        cJSON_AddNumberToObject(o, "probability", x->probability);
}
