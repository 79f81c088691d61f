/* group-lines.h - a verdict on each group as a line: tab-separated text under a line of column names, or JSON lines.
 * feat-verdict(1) documents both. */
#ifndef GROUP_LINES_H
#define GROUP_LINES_H

#include <stdbool.h>
#include <stdio.h>

#include "calibration.h"
#include "report.h"
#include "rows.h"
#include "verdict-groups.h"

struct group_lines {
    const struct verdict_groups *groups;
    const struct rows *rows;              /* that they were made from: keys of photographs */
    const struct verdict_rule *rule;
    const double *score;                  /* [groups->n] */
    const struct calibration *calibration;
};

/* head: a report whose notes begin the text, and whose members are the first line of JSON. The caller checks the stream
 * for errors. */
int group_lines_write(FILE *out, bool json, struct report_node *head, const struct group_lines *l,
                      struct fmt_error *e);

#endif
