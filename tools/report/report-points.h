/* report-points.h - from reports in JSON lines (-r FILE --json): the operating points of feat-logreg and feat-knn, to
 * be marked on curves, those of the defect, of installations where photographs are grouped; the promises of
 * feat-verdict. */
#ifndef REPORT_POINTS_H
#define REPORT_POINTS_H

#include "inspection.h"

/* Adds to in->point as many as it has room for, and to in->promise those of kinds that it does not have. Errors name
 * the path; FMT_INVALID: no such report. */
int report_points_read(struct inspection *in, const char *path, bool grouped, struct fmt_error *e);

#endif
