/* threshold.c - every distinct probability, in descending order, is a candidate threshold. One that adds no positive
 * row cannot be the best: it only lowers precision. One pass serves all points of a class. */
#include "threshold.h"

#include <math.h>

/* Weighted counts up to this position of the pass. */
struct counts {
    double rows, positives, n_positive;
};

static void consider(struct linear_point *t, const struct counts *n, double value)
{
    double precision = n->positives / n->rows, recall = n->positives / n->n_positive;
    double reached = t->at_recall ? recall : precision, gained = t->at_recall ? precision : recall;
    double best = t->at_recall ? t->precision : t->recall; /* NAN: none so far */
    if (reached >= t->target && !(gained <= best)) {
        t->threshold = value;
        t->precision = precision;
        t->recall = recall;
    }
}

void threshold_choose(struct linear_point *p, int n_points, const struct ranking *r, const struct rows *rows)
{
    struct counts n = {0};
    const double *weight = rows->weight;
    int c = n_points > 0 ? p[0].class_index : 0;
    const int32_t *order = ranking_of(r, c);
    for (int i = 0; i < n_points; i++)
        p[i].threshold = p[i].precision = p[i].recall = NAN;
    for (int64_t i = 0; i < r->n; i++) /* in the order of the pass: a recall of 1 is exactly 1 */
        n.n_positive += rows->label[ranking_row(order[i])] == c ? weight ? weight[ranking_row(order[i])] : 1 : 0;
    for (int64_t i = 0; i < r->n && n.positives < n.n_positive; i++) {
        double before = n.positives;
        for (bool more = true; more; i += more) { /* rows with equal probability */
            int32_t row = ranking_row(order[i]);
            double w = rows->label[row] < 0 ? 0 : weight ? weight[row] : 1;
            n.rows += w;
            n.positives += rows->label[row] == c ? w : 0;
            more = ranking_tied(order[i]);
        }
        for (int k = 0; n.positives > before && k < n_points; k++)
            consider(&p[k], &n, rows->proba[(int64_t)ranking_row(order[i]) * r->n_classes + c]);
    }
}
