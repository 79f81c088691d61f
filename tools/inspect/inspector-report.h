/* inspector-report.h - what an inspector promises, for people and as JSON lines: thresholds, the table of promises,
 * verdicts on the installations that they were chosen and checked on. */
#ifndef INSPECTOR_REPORT_H
#define INSPECTOR_REPORT_H

#include <stdio.h>

#include "make-inspector.h"

/* json: one line with all settings, then those of the promises and of the verdicts. The caller checks the stream. */
int inspector_report(FILE *out, bool json, const struct make_inspector *m, struct fmt_error *e);

#endif
