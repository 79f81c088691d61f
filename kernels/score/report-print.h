/* report-print.h - printers of a report (report.h). A printer is a function of this type. */
#ifndef REPORT_PRINT_H
#define REPORT_PRINT_H

#include <stdio.h>

#include "report.h"

/* Returns 0 or FMT_MEMORY. The caller must check the stream for errors. */
typedef int report_printer(FILE *out, const struct report_node *report, struct fmt_error *e);

/* Text for people: notes as lines, records as columns of a table, three at a time, then the matrices of that table. */
report_printer report_print_text;

/* A JSON object on one line, its keys in the order of the tree. With records: one line per record, which begins with
 * the report's other members. Measures are numbers; after the last one of an object, "intervals" has [low, high] of
 * each. A number that is not finite is null. */
report_printer report_print_json;

#endif
