/* report-points.h - the operating points of a report of scores (feat-logreg, feat-knn: -r FILE --json), to be marked on
 * curves: those of the defect, of installations where photographs are grouped. */
#ifndef REPORT_POINTS_H
#define REPORT_POINTS_H

#include "inspection.h"

/* Adds to in->point as many as it has room for. Errors name the path; FMT_INVALID: no such report. */
int report_points_read(struct inspection *in, const char *path, bool grouped, struct fmt_error *e);

#endif
