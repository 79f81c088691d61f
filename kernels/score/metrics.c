/* metrics.c - counts are integers, so that resampled and plain scores are computed from the same sums. Everything
 * independent of resample weights is computed once: the ranking, the positions in it of the rows of each class (with
 * many classes each has few), and lists of the rows above each threshold. A resample is one pass over these. */
#include "metrics.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "num.h"

int metrics_best_class(const double *proba, int n_classes)
{
    int best = 0;
    for (int c = 1; c < n_classes; c++)
        if (proba[c] > proba[best])
            best = c;
    return best;
}

/* ------------------------------------------------------------------ preparing */
/* The steps of class c: the positions of its rows in its ranking, in order of score; returns how many. */
static int64_t find_steps(const struct metrics *m, int c, struct metrics_step *step)
{
    const struct rows *r = m->in.rows;
    const int32_t *order = ranking_of(m->in.ranking, c);
    int64_t n = 0;
    for (int32_t first = 0, end; first < r->n; first = end) {
        bool positive = false;
        for (end = first; end == first || ranking_tied(order[end - 1]); end++)
            positive = positive || r->label[ranking_row(order[end])] == c;
        if (positive)
            step[n++] = (struct metrics_step){first, end};
    }
    return n;
}

static void list_above(struct metrics *m)
{
    const struct rows *r = m->in.rows;
    int64_t n = 0;
    for (int p = 0; p < m->in.n_points; p++) {
        for (int64_t i = 0; i < r->n; i++)
            if (m->in.above[p * r->n + i])
                m->above[n++] = (int32_t)i;
        m->above_end[p + 1] = n;
    }
}

static void prepare_row(struct metrics *m, int64_t i)
{
    const struct rows *r = m->in.rows;
    const double *p = r->proba + i * r->n_classes;
    int32_t label = r->label[i];
    int above = 0;
    double brier = 0;
    for (int c = 0; c < r->n_classes; c++) {
        double off = p[c] - (c == label);
        brier += off * off;
        above += p[c] > p[label] || (p[c] == p[label] && c < label);
    }
    m->prediction[i] = metrics_best_class(p, r->n_classes);
    m->loss[i] = -log(fmin(fmax(p[label], DBL_EPSILON), 1 - DBL_EPSILON));
    m->brier[i] = brier / r->n_classes;
    m->in_top5[i] = above < 5;
}

static int check_rows(const struct rows *r, struct fmt_error *e)
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

static int64_t count_above(const struct metrics_input *in)
{
    int64_t n = 0;
    for (int64_t i = 0; i < in->n_points * in->rows->n; i++)
        n += in->above[i];
    return n;
}

static int allocate(struct metrics *m, struct fmt_error *e)
{
    const struct rows *r = m->in.rows;
    size_t n = (size_t)r->n;
    m->step_end = calloc((size_t)r->n_classes + 1, sizeof *m->step_end);
    m->step = calloc(n, sizeof *m->step);
    m->above_end = calloc((size_t)m->in.n_points + 1, sizeof *m->above_end);
    m->above = calloc((size_t)count_above(&m->in) + 1, sizeof *m->above);
    m->prediction = calloc(n, sizeof *m->prediction);
    m->loss = calloc(n, sizeof *m->loss);
    m->brier = calloc(n, sizeof *m->brier);
    m->in_top5 = calloc(n, 1);
    if (m->step_end && m->step && m->above_end && m->above && m->prediction && m->loss && m->brier && m->in_top5)
        return 0;
    return fmt_fail(e, FMT_MEMORY, "out of memory for the scores of %lld rows", (long long)r->n);
}

int metrics_open(struct metrics *m, const struct metrics_input *in, struct thread_pool *pool, struct fmt_error *e)
{
    const struct rows *rows = in->rows;
    *m = (struct metrics){.in = *in};
    int status = check_rows(rows, e);
    if (status)
        return status;
    m->n_values = metrics_at_point(rows->n_classes, METRICS_point_precision, in->n_points);
    status = allocate(m, e);
    if (!status && !in->ranking && !in->without_ranks) {
        m->in.ranking = &m->own;
        status = ranking_make(&m->own, rows, pool, e);
    }
    if (status) {
        metrics_close(m);
        return status;
    }
    for (int64_t i = 0; i < rows->n; i++)
        prepare_row(m, i);
    for (int c = 0; !in->without_ranks && c < rows->n_classes; c++)
        m->step_end[c + 1] = m->step_end[c] + find_steps(m, c, m->step + m->step_end[c]);
    list_above(m);
    return 0;
}

void metrics_close(struct metrics *m)
{
    ranking_release(&m->own);
    free(m->step_end);
    free(m->step);
    free(m->above_end);
    free(m->above);
    free(m->prediction);
    free(m->loss);
    free(m->brier);
    free(m->in_top5);
    *m = (struct metrics){0};
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

static int64_t times_of(const int32_t *weight, const int32_t *order, int32_t first, int32_t end)
{
    int64_t n = 0;
    if (!weight)
        return end - first;
    for (int32_t i = first; i < end; i++)
        n += weight[ranking_row(order[i])];
    return n;
}

/* AUROC: pairs in the right order, ties count a half; average precision: a step sum over distinct scores. For a score
 * of 1 all terms of both sums are multiples of a half, and the division comes last: rounding cannot exceed 1. */
static void rank_scores(const struct metrics *m, int c, const int32_t *weight, int64_t n_positive,
                        int64_t n_negative, double *auroc, double *average_precision)
{
    const struct rows *r = m->in.rows;
    *auroc = *average_precision = NAN;
    if (!n_positive || m->in.without_ranks)
        return;
    const int32_t *order = ranking_of(m->in.ranking, c);
    int64_t tp = 0, fp = 0;
    double pairs = 0, precision = 0;
    int32_t seen = 0;
    for (int64_t s = m->step_end[c]; s < m->step_end[c + 1]; s++) {
        const struct metrics_step *step = &m->step[s];
        int64_t between = times_of(weight, order, seen, step->first), positives = 0, negatives = 0;
        for (int32_t i = step->first; i < step->end; i++) {
            int32_t row = ranking_row(order[i]);
            if (r->label[row] == c)
                positives += times(weight, row);
            else
                negatives += times(weight, row);
        }
        pairs += (double)between * (double)tp + (double)negatives * ((double)tp + 0.5 * (double)positives);
        tp += positives;
        fp += between + negatives;
        if (positives)
            precision += (double)positives * ((double)tp / (double)(tp + fp));
        seen = step->end;
    }
    pairs += (double)(n_negative - fp) * (double)tp;
    if (n_negative)
        *auroc = pairs / ((double)n_positive * (double)n_negative);
    *average_precision = precision / (double)n_positive;
}

struct totals {
    int64_t n, right;
    int64_t *labelled, *predicted, *both; /* [n_classes] rows with this label, this prediction, both */
};

static void class_values(const struct metrics *m, const int32_t *weight, const struct totals *t, double *values)
{
    int K = m->in.rows->n_classes;
    for (int c = 0; c < K; c++) {
        int64_t tp = t->both[c], fp = t->predicted[c] - tp, fn = t->labelled[c] - tp;
        double *v = values + metrics_at_class(METRICS_precision, c);
        v[METRICS_precision] = ratio(tp, tp + fp);
        v[METRICS_recall] = ratio(tp, tp + fn);
        v[METRICS_f1] = ratio(2 * tp, 2 * tp + fp + fn);
        v[METRICS_class_false_alarms] = per_thousand(fp, t->n - t->labelled[c] - fp);
        rank_scores(m, c, weight, t->labelled[c], t->n - t->labelled[c], &v[METRICS_class_auroc],
                    &v[METRICS_class_average_precision]);
    }
}

/* The mean over the classes that count and have a defined value. */
static double class_mean(const struct metrics *m, const double *values, enum metrics_class what, const bool *counts)
{
    double sum = 0;
    int n = 0;
    for (int c = 0; c < m->in.rows->n_classes; c++) {
        double v = values[metrics_at_class(what, c)];
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
    double below = sqrt((n * n - predicted) * (n * n - labelled)); /* one root: exact for equal factors */
    return below > 0 ? ((double)t->right * n - both) / below : 0.0;
}

/* After the classes' values. */
static void whole_values(const struct metrics *m, const int32_t *weight, const struct totals *t, bool *present,
                         double *v)
{
    int K = m->in.rows->n_classes;
    double loss = 0, brier = 0;
    int64_t in_top5 = 0;
    for (int64_t i = 0; i < m->in.rows->n; i++) {
        loss += (double)times(weight, i) * m->loss[i];
        brier += (double)times(weight, i) * m->brier[i];
        in_top5 += times(weight, i) * m->in_top5[i];
    }
    for (int c = 0; c < K; c++)
        present[c] = t->labelled[c] > 0;
    v[METRICS_accuracy] = ratio(t->right, t->n);
    v[METRICS_balanced_accuracy] = class_mean(m, v, METRICS_recall, present);
    for (int c = 0; c < K; c++)
        present[c] = t->labelled[c] > 0 || t->predicted[c] > 0;
    v[METRICS_precision_macro] = class_mean(m, v, METRICS_precision, present);
    v[METRICS_recall_macro] = class_mean(m, v, METRICS_recall, present);
    v[METRICS_f1_macro] = class_mean(m, v, METRICS_f1, present);
    v[METRICS_mcc] = correlation(t, K);
    bool *chosen = NULL;
    if (K == 2) {
        present[m->in.positive] = true;
        present[!m->in.positive] = false;
        chosen = present;
    }
    v[METRICS_auroc] = class_mean(m, v, METRICS_class_auroc, chosen);
    v[METRICS_average_precision] = class_mean(m, v, METRICS_class_average_precision, chosen);
    v[METRICS_false_alarms] = class_mean(m, v, METRICS_class_false_alarms, chosen);
    v[METRICS_log_loss] = t->n ? loss / (double)t->n : NAN;
    v[METRICS_brier] = t->n ? brier / (double)t->n : NAN;
    v[METRICS_top5] = K > 5 ? ratio(in_top5, t->n) : NAN;
}

static void point_values(const struct metrics *m, const int32_t *weight, const struct totals *t, double *values)
{
    const struct rows *r = m->in.rows;
    for (int p = 0; p < m->in.n_points; p++) {
        int64_t tp = 0, fp = 0;
        for (int64_t i = m->above_end[p]; i < m->above_end[p + 1]; i++) {
            if (r->label[m->above[i]] == m->in.point_class[p])
                tp += times(weight, m->above[i]);
            else
                fp += times(weight, m->above[i]);
        }
        int64_t positives = t->labelled[m->in.point_class[p]];
        values[metrics_at_point(m->in.rows->n_classes, METRICS_point_precision, p)] = ratio(tp, tp + fp);
        values[metrics_at_point(m->in.rows->n_classes, METRICS_point_recall, p)] = ratio(tp, positives);
        values[metrics_at_point(m->in.rows->n_classes, METRICS_point_false_alarms, p)] =
            per_thousand(fp, t->n - positives - fp);
    }
}

static void count(const struct metrics *m, const int32_t *weight, struct totals *t, int64_t *confusion)
{
    int K = m->in.rows->n_classes;
    if (confusion)
        memset(confusion, 0, (size_t)K * (size_t)K * sizeof *confusion);
    for (int64_t i = 0; i < m->in.rows->n; i++) {
        int32_t label = m->in.rows->label[i], prediction = m->prediction[i];
        int64_t n = times(weight, i);
        t->n += n;
        t->labelled[label] += n;
        t->predicted[prediction] += n;
        t->both[label] += label == prediction ? n : 0;
        t->right += label == prediction ? n : 0;
        if (confusion)
            confusion[label * K + prediction] += n;
    }
}

void metrics_compute(const struct metrics *m, const int32_t *weight, double *values, int64_t *confusion)
{
    enum { FEW = 64 }; /* classes whose sums fit the stack */
    int K = m->in.rows->n_classes;
    int64_t few[3 * FEW] = {0};
    bool few_present[FEW] = {false};
    int64_t *sums = K <= FEW ? few : calloc((size_t)K, 3 * sizeof *sums + sizeof(bool));
    if (!sums) {
        for (int i = 0; i < m->n_values; i++)
            values[i] = NAN;
        return;
    }
    struct totals t = {.labelled = sums, .predicted = sums + K, .both = sums + 2 * K};
    count(m, weight, &t, confusion);
    class_values(m, weight, &t, values);
    whole_values(m, weight, &t, K <= FEW ? few_present : (bool *)(sums + 3 * K), values);
    point_values(m, weight, &t, values);
    if (sums != few)
        free(sums);
}
