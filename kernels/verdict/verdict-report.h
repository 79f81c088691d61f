/* verdict-report.h - what was promised and what became of it, as nodes of a report (report.h). */
#ifndef VERDICT_REPORT_H
#define VERDICT_REPORT_H

#include "report.h"
#include "rule-learn.h"
#include "thresholds.h"

/* Groups by verdict; incomplete ones are counted here, too. */
struct verdict_table {
    struct verdict_counts counts;
    double level; /* of the interval of the share of review */
};

/* Notes: the rule, its thresholds; of a learned one what it was learned from (NULL: not known any more). */
void rule_notes(struct report_node *report, const struct verdict_rule *r, const struct rule_learned *learned);
/* Adds a record for each of n promises. is_checked: also what became of it on other groups. */
void promises_report(struct report_node *report, const struct verdict_rule *r, const struct promise_outcome *promise,
                     int n, bool is_checked);
/* Adds a record for the faulty groups, the good ones, and all: how many got which verdict, the share of review among
 * those that are complete. Without labels all only. */
void verdicts_report(struct report_node *report, const struct verdict_table *t);

#endif
