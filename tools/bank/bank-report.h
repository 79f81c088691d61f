/* bank-report.h - thresholds from the good photographs of a bank; reports of thresholds, maps and pixels. */
#ifndef BANK_REPORT_H
#define BANK_REPORT_H

#include "bank-maps.h"
#include "bank.h"
#include "promise.h"
#include "report.h"
#include "scores.h"

/* Just above what all but so many of the good groups score as the promise allows (thresholds.h). A group's score is the
 * largest or, with plan->group_mean, the mean of those photographs' scores that the bank holds. */
struct bank_threshold {
    struct promise promise;
    double threshold;
    int64_t n_groups, n_reached; /* of good photographs, and of these that reach it */
};

/* faults: that scores are computed with, or NULL. FMT_LIMIT: too few groups; else as bank_good_rows. */
int bank_threshold_choose(struct bank_threshold *t, const struct bank *b, const struct bank *faults,
                          const struct scores_plan *plan, const struct promise *p, struct fmt_error *e);
/* With how many good, faulty and unlabelled groups of the rows (column proba) reach it. */
int bank_threshold_report(struct report_node *report, const struct bank_threshold *t, const struct rows *rows,
                          const struct scores_plan *plan, struct fmt_error *e);

/* After bank_maps_run: where the maps are, and their scale; pixel AUROC and AUPRO. */
void bank_maps_report(struct report_node *report, const struct bank_maps *m);
void bank_pixels_report(struct report_node *report, const struct bank_maps *m);

#endif
