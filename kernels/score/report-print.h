/* report-print.h - printers of a report (report.h). A printer is a function of this form. */
#ifndef REPORT_PRINT_H
#define REPORT_PRINT_H

#include <stdio.h>

#include "report.h"

/* 0, or FMT_MEMORY. Errors of the stream are for the caller to check. */
typedef int report_printer(FILE *out, const struct report_node *report, struct fmt_error *e);

/* For people: notes as lines, records as columns of a table, three at a time, and the matrices of a table after it. */
report_printer report_print_text;

/* A JSON object on one line, its keys in the order of the tree. With records: a line for each, the report's other
 * members first. Measures are numbers; after the last one of an object, "intervals" has [low, high] of each. A number
 * that is not finite is null. */
report_printer report_print_json;

#endif
