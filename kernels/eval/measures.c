/* measures.c - counts are whole numbers, so that resampled and plain scores come from the same sums; scores are
 * sorted once, and every resample walks along that order. */
#include "eval/measures.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "num.h"

int measures_best_class(const double *proba, int n_classes)
{
    int best = 0;
    for (int c = 1; c < n_classes; c++)
        if (proba[c] > proba[best])
            best = c;
    return best;
}

/* ------------------------------------------------------------------ preparing */
struct ranked {
    double score;
    int64_t row;
};

static int by_descending_score(const void *a, const void *b)
{
    const struct ranked *x = a, *y = b;
    if (x->score != y->score)
        return x->score < y->score ? 1 : -1;
    return x->row < y->row ? -1 : x->row > y->row;
}

static void sort_class(struct measures *m, int c, struct ranked *ranked)
{
    const struct measures_rows *r = &m->rows;
    for (int64_t i = 0; i < r->n; i++)
        ranked[i] = (struct ranked){r->proba[i * r->n_classes + c], i};
    qsort(ranked, (size_t)r->n, sizeof *ranked, by_descending_score);
    for (int64_t i = 0; i < r->n; i++)
        m->order[c * r->n + i] = ranked[i].row;
}

static void prepare_row(struct measures *m, int64_t i)
{
    const struct measures_rows *r = &m->rows;
    const double *p = r->proba + i * r->n_classes;
    int32_t label = r->label[i];
    int above = 0;
    double brier = 0;
    for (int c = 0; c < r->n_classes; c++) {
        double off = p[c] - (c == label);
        brier += off * off;
        above += p[c] > p[label] || (p[c] == p[label] && c < label);
    }
    m->prediction[i] = measures_best_class(p, r->n_classes);
    m->loss[i] = -log(fmin(fmax(p[label], DBL_EPSILON), 1 - DBL_EPSILON));
    m->brier[i] = brier / r->n_classes;
    m->in_top5[i] = above < 5;
}

static int check_rows(const struct measures_rows *r, struct fmt_error *e)
{
    if (r->n < 1 || r->n_classes < 2)
        return fmt_fail(e, FMT_INVALID, "scores need labelled rows of at least two classes");
    for (int64_t i = 0; i < r->n; i++) {
        if (r->label[i] < 0 || r->label[i] >= r->n_classes)
            return fmt_fail(e, FMT_INVALID, "row %lld: label %d of %d classes", (long long)i, r->label[i],
                            r->n_classes);
        for (int c = 0; c < r->n_classes; c++)
            if (!isfinite(r->proba[i * r->n_classes + c]))
                return fmt_fail(e, FMT_NONFINITE, "row %lld: a probability is not finite", (long long)i);
    }
    return 0;
}

int measures_open(struct measures *m, const struct measures_rows *rows, struct fmt_error *e)
{
    int status = check_rows(rows, e);
    if (status)
        return status;
    size_t n = (size_t)rows->n;
    *m = (struct measures){.rows = *rows};
    m->n_values = measures_at_point(m, MEASURES_point_precision, rows->n_points);
    m->order = calloc(n, (size_t)rows->n_classes * sizeof *m->order);
    m->prediction = calloc(n, sizeof *m->prediction);
    m->loss = calloc(n, sizeof *m->loss);
    m->brier = calloc(n, sizeof *m->brier);
    m->in_top5 = calloc(n, 1);
    struct ranked *ranked = calloc(n, sizeof *ranked);
    if (!m->order || !m->prediction || !m->loss || !m->brier || !m->in_top5 || !ranked) {
        free(ranked);
        measures_close(m);
        return fmt_fail(e, FMT_MEMORY, "out of memory for the scores of %lld rows", (long long)rows->n);
    }
    for (int64_t i = 0; i < rows->n; i++)
        prepare_row(m, i);
    for (int c = 0; c < rows->n_classes; c++)
        sort_class(m, c, ranked);
    free(ranked);
    return 0;
}

void measures_close(struct measures *m)
{
    free(m->order);
    free(m->prediction);
    free(m->loss);
    free(m->brier);
    free(m->in_top5);
    *m = (struct measures){0};
}

/* ------------------------------------------------------------------ computing */
static inline int64_t times(const int32_t *weight, int64_t i)
{
    return weight ? weight[i] : 1;
}

static double ratio(int64_t a, int64_t b)
{
    return b ? (double)a / (double)b : 0.0;
}

static double per_thousand(int64_t false_alarms, int64_t true_negatives)
{
    int64_t negatives = false_alarms + true_negatives;
    return negatives ? 1000.0 * (double)false_alarms / (double)negatives : NAN;
}

/* AUROC: pairs in the right order, ties a half; average precision: a step sum over distinct scores. Both sums are of
 * terms that are whole (or half) where the score is 1, and are divided at the end: rounding takes neither beyond 1. */
static void rank_scores(const struct measures *m, int c, const int32_t *weight, int64_t n_positive,
                        int64_t n_negative, double *auroc, double *average_precision)
{
    const struct measures_rows *r = &m->rows;
    const int64_t *order = m->order + c * r->n;
    int64_t tp = 0, fp = 0;
    double pairs = 0, precision = 0;
    for (int64_t i = 0; i < r->n;) {
        double score = r->proba[order[i] * r->n_classes + c];
        int64_t positives = 0, negatives = 0;
        for (; i < r->n && r->proba[order[i] * r->n_classes + c] == score; i++) {
            int64_t t = times(weight, order[i]);
            if (r->label[order[i]] == c)
                positives += t;
            else
                negatives += t;
        }
        pairs += (double)negatives * ((double)tp + 0.5 * (double)positives);
        tp += positives;
        fp += negatives;
        if (positives)
            precision += (double)positives * ((double)tp / (double)(tp + fp));
    }
    *auroc = n_positive && n_negative ? pairs / ((double)n_positive * (double)n_negative) : NAN;
    *average_precision = n_positive ? precision / (double)n_positive : NAN;
}

struct totals {
    int64_t n, right;
    const int64_t *confusion;
    int64_t *labelled, *predicted; /* [n_classes] row and column sums */
};

static void class_values(const struct measures *m, const int32_t *weight, const struct totals *t, double *values)
{
    int K = m->rows.n_classes;
    for (int c = 0; c < K; c++) {
        int64_t tp = t->confusion[c * K + c], fp = t->predicted[c] - tp, fn = t->labelled[c] - tp;
        double *v = values + measures_at_class(MEASURES_precision, c);
        v[MEASURES_precision] = ratio(tp, tp + fp);
        v[MEASURES_recall] = ratio(tp, tp + fn);
        v[MEASURES_f1] = ratio(2 * tp, 2 * tp + fp + fn);
        v[MEASURES_class_false_alarms] = per_thousand(fp, t->n - t->labelled[c] - fp);
        rank_scores(m, c, weight, t->labelled[c], t->n - t->labelled[c], &v[MEASURES_class_auroc],
                    &v[MEASURES_class_average_precision]);
    }
}

/* The mean over the classes that count and where the value is defined. */
static double class_mean(const struct measures *m, const double *values, enum measures_class what, const bool *counts)
{
    double sum = 0;
    int n = 0;
    for (int c = 0; c < m->rows.n_classes; c++) {
        double v = values[measures_at_class(what, c)];
        if ((counts && !counts[c]) || isnan(v))
            continue;
        sum += v;
        n++;
    }
    return n ? sum / n : NAN;
}

static double correlation(const struct totals *t, int K)
{
    double n = (double)t->n, both = 0, predicted = 0, labelled = 0;
    for (int c = 0; c < K; c++) {
        both += (double)t->labelled[c] * (double)t->predicted[c];
        predicted += (double)t->predicted[c] * (double)t->predicted[c];
        labelled += (double)t->labelled[c] * (double)t->labelled[c];
    }
    double below = sqrt((n * n - predicted) * (n * n - labelled)); /* one root: of equal factors it is the factor */
    return below > 0 ? ((double)t->right * n - both) / below : 0.0;
}

/* After the classes' values. */
static void whole_values(const struct measures *m, const int32_t *weight, const struct totals *t, bool *present,
                         double *v)
{
    int K = m->rows.n_classes;
    double loss = 0, brier = 0;
    int64_t in_top5 = 0;
    for (int64_t i = 0; i < m->rows.n; i++) {
        loss += (double)times(weight, i) * m->loss[i];
        brier += (double)times(weight, i) * m->brier[i];
        in_top5 += times(weight, i) * m->in_top5[i];
    }
    for (int c = 0; c < K; c++)
        present[c] = t->labelled[c] > 0;
    v[MEASURES_accuracy] = ratio(t->right, t->n);
    v[MEASURES_balanced_accuracy] = class_mean(m, v, MEASURES_recall, present);
    for (int c = 0; c < K; c++)
        present[c] = t->labelled[c] > 0 || t->predicted[c] > 0;
    v[MEASURES_precision_macro] = class_mean(m, v, MEASURES_precision, present);
    v[MEASURES_recall_macro] = class_mean(m, v, MEASURES_recall, present);
    v[MEASURES_f1_macro] = class_mean(m, v, MEASURES_f1, present);
    v[MEASURES_mcc] = correlation(t, K);
    bool *chosen = NULL;
    if (K == 2) {
        present[m->rows.positive] = true;
        present[!m->rows.positive] = false;
        chosen = present;
    }
    v[MEASURES_auroc] = class_mean(m, v, MEASURES_class_auroc, chosen);
    v[MEASURES_average_precision] = class_mean(m, v, MEASURES_class_average_precision, chosen);
    v[MEASURES_false_alarms] = class_mean(m, v, MEASURES_class_false_alarms, chosen);
    v[MEASURES_log_loss] = t->n ? loss / (double)t->n : NAN;
    v[MEASURES_brier] = t->n ? brier / (double)t->n : NAN;
    v[MEASURES_top5] = K > 5 ? ratio(in_top5, t->n) : NAN;
}

static void point_values(const struct measures *m, const int32_t *weight, const struct totals *t, double *values)
{
    const struct measures_rows *r = &m->rows;
    for (int p = 0; p < r->n_points; p++) {
        const uint8_t *called = r->called + p * r->n;
        int64_t tp = 0, fp = 0;
        for (int64_t i = 0; i < r->n; i++) {
            int64_t n = called[i] ? times(weight, i) : 0;
            if (r->label[i] == r->point_class[p])
                tp += n;
            else
                fp += n;
        }
        int64_t positives = t->labelled[r->point_class[p]];
        values[measures_at_point(m, MEASURES_point_precision, p)] = ratio(tp, tp + fp);
        values[measures_at_point(m, MEASURES_point_recall, p)] = ratio(tp, positives);
        values[measures_at_point(m, MEASURES_point_false_alarms, p)] = per_thousand(fp, t->n - positives - fp);
    }
}

void measures_compute(const struct measures *m, const int32_t *weight, double *values, int64_t *confusion)
{
    enum { FEW = 64 }; /* classes whose sums fit the stack */
    int K = m->rows.n_classes;
    int64_t few[2 * FEW] = {0};
    bool few_present[FEW];
    int64_t *sums = K <= FEW ? few : calloc((size_t)K, 2 * sizeof *sums + sizeof(bool));
    if (!sums) {
        for (int i = 0; i < m->n_values; i++)
            values[i] = NAN;
        return;
    }
    struct totals t = {.confusion = confusion, .labelled = sums, .predicted = sums + K};
    memset(confusion, 0, (size_t)K * (size_t)K * sizeof *confusion);
    for (int64_t i = 0; i < m->rows.n; i++)
        confusion[m->rows.label[i] * K + m->prediction[i]] += times(weight, i);
    for (int a = 0; a < K; a++) {
        for (int b = 0; b < K; b++) {
            t.labelled[a] += confusion[a * K + b];
            t.predicted[b] += confusion[a * K + b];
        }
        t.right += confusion[a * K + a];
    }
    for (int c = 0; c < K; c++)
        t.n += t.labelled[c];
    class_values(m, weight, &t, values);
    whole_values(m, weight, &t, K <= FEW ? few_present : (bool *)(sums + 2 * K), values);
    point_values(m, weight, &t, values);
    if (sums != few)
        free(sums);
}
