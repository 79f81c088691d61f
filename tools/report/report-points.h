/* report-points.h - from a report in JSON lines (-r FILE --json): the operating points of feat-logreg and feat-knn, to
 * be marked on curves, those of the defect, of installations where photographs are grouped; the promises of
 * feat-verdict; the threshold of feat-bank --alarms, with its promise.
 *
 *   struct report_points r;
 *   report_points_open(&r, "scores.json", e);     r.has_threshold ...
 *   report_points_take(&r, &inspection, grouped, e);
 *   report_points_close(&r);
 */
#ifndef REPORT_POINTS_H
#define REPORT_POINTS_H

#include "inspection.h"

enum { REPORT_POINTS_BANKS = 2 };

struct report_points {
    const char *path;
    uint8_t *data;
    size_t bytes;
    /* of feat-bank */
    bool has_threshold, of_mean; /* of_mean: of the mean of an installation's photographs, else of the largest */
    double threshold;
    uint8_t bank[REPORT_POINTS_BANKS][DIGEST_BYTES]; /* identities, of good parts and of faults; zeros: none */
};

/* Whether the threshold is of the memory banks that the predictions were made by, where both say which. */
bool report_points_same_banks(const struct report_points *r, const struct score_inputs *origins);

/* Errors name the path; FMT_INVALID: no report in JSON lines. */
int report_points_open(struct report_points *r, const char *path, struct fmt_error *e);
/* Adds to in->point as many as it has room for, and to in->promise those of kinds that it does not have.
 * FMT_INVALID: there are none. */
int report_points_take(const struct report_points *r, struct inspection *in, bool grouped, struct fmt_error *e);
void report_points_close(struct report_points *r); /* a zeroed struct is allowed */

#endif
