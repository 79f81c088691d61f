/* bank-make.h - banks from features, and the scores of good photographs.
 *
 *   bank_make(&b, &set.header, "bad", &tokens, size, &device, NULL, NULL, e);    all photographs and the chosen tokens
 *   bank_calibrate(&b, &set.rows, NULL, &device, NULL, NULL, e);    scores of good photographs, own group left out
 */
#ifndef BANK_MAKE_H
#define BANK_MAKE_H

#include "backend.h"
#include "bank.h"
#include "coreset.h"
#include "tokens.h"

struct bank_made {
    int64_t n_tokens; /* that vectors were chosen among */
    double radius;    /* coreset.h */
};

/* A bank of a coreset of these tokens. Every photograph is in it, in the order of the rows (columns label, key,
 * group_name, content), offered where one of its tokens was. Tiles or regions of a photograph (tokens_parts) are one
 * photograph, whose tokens are numbered through. positive: the class that is the defect, "" not known. made: what came
 * of it; progress: as coreset_choose; may be NULL. */
int bank_make(struct bank *b, const struct feat_header *h, const char *positive, const struct tokens *tokens,
              int64_t size, const struct device *device, const struct coreset_progress *progress,
              struct bank_made *made, struct fmt_error *e);

/* Scores photographs with their own group left out, one of several parts with the largest of their scores. Those of the
 * bank (of one key and content) get their score, and a label if they have none; others are added as only scored. Labels
 * of the rows are of the bank's classes. faults: or NULL. Photographs of the bank that are not among the rows keep
 * their score, unless it was computed with other faults: then they have none.
 * step (may be NULL): called with the number of those done. */
int bank_calibrate(struct bank *b, const struct rows *rows, const struct bank *faults, const struct device *device,
                   void (*step)(void *arg, int64_t n_done), void *arg, struct fmt_error *e);

#endif
