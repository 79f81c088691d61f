/* inspector-report.h - what an inspector promises, for people and as JSON: thresholds, the table of promises, verdicts
 * on the installations that they were chosen and checked on. */
#ifndef INSPECTOR_REPORT_H
#define INSPECTOR_REPORT_H

#include <stdio.h>

#include "make-inspector.h"

void inspector_report_text(FILE *out, const struct make_inspector *m);
/* On standard output. */
int inspector_report_json(const struct make_inspector *m, struct fmt_error *e);

#endif
