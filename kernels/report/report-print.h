/* report-print.h - printers of a report (report.h). A printer is a function of this type. */
#ifndef REPORT_PRINT_H
#define REPORT_PRINT_H

#include <stdio.h>

#include "report.h"

/* Returns 0 or FMT_MEMORY. The caller must check the stream for errors. */
typedef int report_printer(FILE *out, const struct report_node *report, struct fmt_error *e);

/* By its name, "text" or "json"; NULL: there is none. A printer is a line of the table in report-print.c. */
report_printer *report_printer_of(const char *name);

/* Text for people: notes as lines, with '?' for control characters; records as columns of a table, three at a time,
 * then the matrices of that table. */
report_printer report_print_text;

/* The notes alone, as lines that begin with "# ": the head of a table. */
report_printer report_print_comments;

/* A JSON object on one line, its keys in the order of the tree. With records: a line for each, the report's other
 * members first. Measures are numbers; after the last one of an object, "intervals" has [low, high] of each. A number
 * that is not finite is null. A report without names or records has no line. */
report_printer report_print_json;

#endif
