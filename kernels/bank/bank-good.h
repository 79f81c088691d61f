/* bank-good.h - what a bank knows of good photographs: their scores with their own group left out, as rows. They are
 * what good photographs that come later score, so thresholds that keep a promise on alarms are chosen from them,
 * without any fault.
 *
 *   struct rows good;
 *   bank_good_rows(&good, &bank, &faults or NULL, positive, e);
 *   group_rows (group-scores.h) or verdict_groups_make (verdict-groups.h): the scores of the groups
 *   rows_release(&good);                                  before the bank
 */
#ifndef BANK_GOOD_H
#define BANK_GOOD_H

#include "bank.h"
#include "rows.h"

/* One row for each photograph that has a score: columns label (the class that is not `positive`, of two), key,
 * group_name, extra (""), content, group (groups.h), group_view (-1: a bank does not keep it) and proba: the score for
 * class `positive`, its negative for the other. r->n_groups: of how many groups they are. Texts are the bank's. faults:
 * what scores will be computed with; the bank's must be of the same. FMT_INVALID: none has a score, FMT_MISMATCH: they
 * are of other faults. */
int bank_good_rows(struct rows *r, const struct bank *b, const struct bank *faults, int positive,
                   struct fmt_error *e);
/* How many photographs with a score have no group: each of them counts as a group of its own. */
int64_t bank_good_without_group(const struct bank *b);

#endif
