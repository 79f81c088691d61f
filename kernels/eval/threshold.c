/* threshold.c - from the highest score down, every distinct score is a threshold. */
#include "eval/threshold.h"

#include <math.h>
#include <stdlib.h>

struct scored {
    double score;
    bool positive;
};

static int by_descending_score(const void *a, const void *b)
{
    const struct scored *x = a, *y = b;
    return (x->score < y->score) - (x->score > y->score);
}

static void walk(struct threshold *t, const struct scored *row, int64_t n, int64_t n_positive)
{
    int64_t tp = 0;
    double best = -1;
    for (int64_t i = 0; i < n;) {
        double score = row[i].score;
        for (; i < n && row[i].score == score; i++)
            tp += row[i].positive;
        double precision = (double)tp / (double)i, recall = (double)tp / (double)n_positive;
        double reached = t->at_recall ? recall : precision, gained = t->at_recall ? precision : recall;
        if (reached >= t->wanted && gained > best) {
            best = gained;
            t->value = score;
            t->precision = precision;
            t->recall = recall;
        }
    }
}

int threshold_choose(struct threshold *t, const double *score, int64_t stride, const int32_t *label, int64_t n,
                     struct fmt_error *e)
{
    struct scored *row = malloc((size_t)(n + 1) * sizeof *row);
    if (!row)
        return fmt_fail(e, FMT_MEMORY, "out of memory for %lld scores", (long long)n);
    int64_t n_rows = 0, n_positive = 0;
    for (int64_t i = 0; i < n; i++) {
        if (label[i] < 0)
            continue;
        row[n_rows++] = (struct scored){score[i * stride], label[i] == t->of_class};
        n_positive += label[i] == t->of_class;
    }
    t->value = t->precision = t->recall = NAN;
    qsort(row, (size_t)n_rows, sizeof *row, by_descending_score);
    if (n_positive > 0)
        walk(t, row, n_rows, n_positive);
    free(row);
    return 0;
}
