/* bank-query.c - see bank-query.h. */
#include "bank-query.h"

#include <stdlib.h>

#include "tile-scores.h"

static int score_rows(struct bank_query *q, const struct bank_scoring *how, int positive, struct fmt_error *e)
{
    struct rows *r = &q->rows;
    double *score = malloc((size_t)(r->n + 1) * sizeof *score);
    int status = score ? bank_score_rows(how, r, q->distance, score, e) : fmt_no_memory(e);
    for (int64_t i = 0; !status && i < r->n; i++) {
        r->proba[i * 2 + positive] = score[i];
        r->proba[i * 2 + !positive] = -score[i];
    }
    free(score);
    return status;
}

int bank_query_score(struct bank_query *q, const struct bank_scoring *how, const struct feat_header *h,
                     const struct rows *rows, int positive, struct fmt_error *e)
{
    *q = (struct bank_query){.distance = malloc((size_t)(rows->n * h->n_tokens + 1) * sizeof *q->distance)};
    int status = q->distance ? rows_select(&q->rows, rows, NULL, rows->n, e) : fmt_no_memory(e);
    q->rows.n_classes = 2;
    if (!status)
        status = rows_reserve(&q->rows, ROWS_PROBA, rows->n, e);
    if (!status && rows->n > 0)
        status = score_rows(q, how, positive, e);
    if (!status)
        status = rows_select(&q->photographs, &q->rows, NULL, rows->n, e);
    if (!status && rows->n > 0 && tile_scores_needed(h))
        status = tile_scores(&q->photographs, positive, 1, e);
    if (status)
        bank_query_release(q);
    return status;
}

void bank_query_release(struct bank_query *q)
{
    rows_release(&q->rows);
    rows_release(&q->photographs);
    free(q->distance);
    *q = (struct bank_query){.distance = NULL};
}
