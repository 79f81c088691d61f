/* threshold.c - from the highest score down, every distinct score is a threshold. Those that add no positive row cannot
 * be the best: they only cost precision. One walk serves all points of a class. */
#include "threshold.h"

#include <math.h>

/* What the walk has seen, in rows or what they stand for. */
struct seen {
    double rows, positives, n_positive;
};

static void consider(struct threshold *t, const struct seen *s, double score)
{
    double precision = s->positives / s->rows, recall = s->positives / s->n_positive;
    double reached = t->at_recall ? recall : precision, gained = t->at_recall ? precision : recall;
    double best = t->at_recall ? t->precision : t->recall; /* NAN: none so far */
    if (reached >= t->wanted && !(gained <= best)) {
        t->value = score;
        t->precision = precision;
        t->recall = recall;
    }
}

void threshold_choose(struct threshold *t, int n_points, const struct ranking *r, const double *score,
                      const int32_t *label, const double *weight)
{
    struct seen s = {0};
    int c = n_points > 0 ? t[0].of_class : 0;
    const int32_t *at = ranking_of(r, c);
    for (int p = 0; p < n_points; p++)
        t[p].value = t[p].precision = t[p].recall = NAN;
    for (int64_t i = 0; i < r->n; i++) /* in the order of the walk: a recall of 1 is 1 */
        s.n_positive += label[ranking_row(at[i])] == c ? weight ? weight[ranking_row(at[i])] : 1 : 0;
    for (int64_t i = 0; i < r->n && s.positives < s.n_positive; i++) {
        double before = s.positives;
        for (bool more = true; more; i += more) { /* rows of one score */
            int32_t row = ranking_row(at[i]);
            double w = label[row] < 0 ? 0 : weight ? weight[row] : 1;
            s.rows += w;
            s.positives += label[row] == c ? w : 0;
            more = ranking_tied(at[i]);
        }
        for (int p = 0; s.positives > before && p < n_points; p++)
            consider(&t[p], &s, score[(int64_t)ranking_row(at[i]) * r->n_classes + c]);
    }
}
