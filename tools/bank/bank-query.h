/* bank-query.h - photographs with their scores by a bank.
 *
 *   struct bank_query q;
 *   bank_query_score(&q, &scoring, &set.header, &set.rows, positive, e);
 *   q.photographs.proba, q.distance ...
 *   bank_query_release(&q);                               before the set
 */
#ifndef BANK_QUERY_H
#define BANK_QUERY_H

#include "bank-score.h"

struct bank_query {
    struct rows rows;        /* those of the set; proba of class `positive`, of two, is the score, else -score */
    struct rows photographs; /* the same, but tiles or regions of a photograph are one row, with the largest score */
    float *distance;         /* [rows.n,n_tokens] */
};

int bank_query_score(struct bank_query *q, const struct bank_scoring *how, const struct feat_header *h,
                     const struct rows *rows, int positive, struct fmt_error *e);
void bank_query_release(struct bank_query *q);

#endif
