/* report-print.h - printers of a report (report.h). Another one is a function of this form, which walks the tree. */
#ifndef REPORT_PRINT_H
#define REPORT_PRINT_H

#include <stdio.h>

#include "report.h"

/* 0, or FMT_MEMORY. What the stream says of its own failures the caller asks. */
typedef int report_printer(FILE *out, const struct report_node *report, struct fmt_error *e);

/* For people: notes as lines; then the records as columns of a table, three at a time; then their matrices. */
report_printer report_print_text;

/* A JSON object on one line, its keys in the order of the tree; with records a line each, begun with the members that
 * the report has beside them. Measures are numbers; after the last of an object "intervals" has [low, high] of each. A
 * number that is not finite is null. */
report_printer report_print_json;

#endif
