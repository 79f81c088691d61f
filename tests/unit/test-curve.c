/* test-curve.c - ROC and precision-recall curves against a slow count at every threshold, areas against metrics.h,
 * bands against resamples of their own, calibration by hand. */
#include <stdlib.h>
#include <string.h>

#include "curve.h"
#include "metrics.h"
#include "rng.h"
#include "tap.h"

enum { N = 60, GROUPS = 20 };

/* Scores of few values, so that some are tied; labels that they say something about; three rows a group. */
static void draw(struct rows *rows, uint64_t seed)
{
    struct rng r = rng_stream(seed, 0, 0, RNG_TEST);
    *rows = (struct rows){.n_classes = 2};
    rows_reserve(rows, ROWS_LABEL | ROWS_PROBA | ROWS_GROUP, N, NULL);
    rows->n = N;
    rows->n_groups = GROUPS;
    for (int i = 0; i < N; i++) {
        double p = (double)rng_below(&r, 21) / 20;
        rows->proba[2 * i + 1] = p;
        rows->proba[2 * i] = 1 - p;
        rows->label[i] = rng_f64(&r) < 0.2 + 0.6 * p;
        rows->group[i] = i / 3;
    }
}

/* Counts of the rows that reach a threshold. */
static void count(const struct rows *rows, double threshold, double of[2], double n[2])
{
    of[0] = of[1] = n[0] = n[1] = 0;
    for (int64_t i = 0; i < rows->n; i++) {
        n[rows->label[i]]++;
        of[rows->label[i]] += rows->proba[2 * i + 1] >= threshold;
    }
}

static bool is_on(const struct curve *c, double x, double y)
{
    for (int64_t i = 0; i < c->n; i++)
        if (fabs(c->x[i] - x) < 1e-12 && fabs(c->y[i] - y) < 1e-12)
            return true;
    return false;
}

static void test_points(const struct rows *rows, const struct curve *roc, const struct curve *pr)
{
    double of[2], n[2];
    bool roc_good = true, pr_good = true;
    for (int t = 0; t <= 20; t++) {
        count(rows, (double)t / 20, of, n);
        roc_good = roc_good && is_on(roc, of[0] / n[0], of[1] / n[1]);
        double recall = of[1] / n[1], precision = of[1] / (of[0] + of[1]);
        pr_good = pr_good && (of[1] == 0 || curve_at(pr, CURVE_PRECISION_RECALL, recall) >= precision - 1e-12);
    }
    ok(roc_good, "ROC has the point of every threshold");
    ok(pr_good, "precision at a recall is at least that of every threshold with this recall");
    ok(roc->x[0] == 0 && roc->y[0] == 0 && roc->x[roc->n - 1] == 1 && roc->y[roc->n - 1] == 1,
       "ROC is from corner to corner");
    ok(pr->x[pr->n - 1] == 1, "precision-recall ends at a recall of 1");
}

static void test_areas(const struct rows *rows, const struct curve *roc, const struct curve *pr)
{
    struct metrics m;
    struct metrics_input in = {.rows = rows, .positive = 1};
    double area = 0, ap = 0, *values;
    metrics_open(&m, &in, NULL, NULL);
    values = calloc((size_t)m.n_values, sizeof *values);
    metrics_compute(&m, NULL, values, NULL);
    for (int64_t i = 1; i < roc->n; i++)
        area += (roc->x[i] - roc->x[i - 1]) * (roc->y[i] + roc->y[i - 1]) / 2;
    for (int64_t i = 0; i < pr->n; i++)
        ap += (pr->x[i] - (i ? pr->x[i - 1] : 0)) * pr->y[i];
    ok(fabs(area - values[METRICS_auroc]) < 1e-12, "the area under ROC is AUROC: %g, %g", area, values[METRICS_auroc]);
    ok(fabs(ap - values[METRICS_average_precision]) < 1e-12, "that under precision-recall average precision");
    free(values);
    metrics_close(&m);
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The same resamples as rows that are repeated: the curve of a resample at x is that of such rows. */
static void test_band(const struct rows *rows, const struct curve *c, enum curve_kind kind, const struct bootstrap *b)
{
    enum { AT = 30 };
    double y[101];
    int n = 0;
    for (int r = 0; r < b->n_resamples; r++) {
        int32_t times[GROUPS];
        struct rows repeated = {.n_classes = 2};
        struct ranking ranking;
        struct curve one;
        bootstrap_draw(b, r, GROUPS, times);
        rows_reserve(&repeated, ROWS_LABEL | ROWS_PROBA | ROWS_GROUP, N, NULL);
        for (int i = 0; i < N; i++)
            for (int k = 0; k < times[rows->group[i]]; k++) {
                memcpy(repeated.proba + 2 * repeated.n, rows->proba + 2 * i, 2 * sizeof(double));
                repeated.label[repeated.n++] = rows->label[i];
            }
        ranking_make(&ranking, &repeated, NULL, NULL);
        curve_make(&one, kind, &repeated, &ranking, 1, &(struct bootstrap){.n_resamples = 0}, NULL, NULL);
        y[n++] = curve_at(&one, kind, c->grid[AT]);
        curve_release(&one);
        ranking_release(&ranking);
        rows_release(&repeated);
    }
    qsort(y, (size_t)n, sizeof *y, ascending);
    ok(fabs(c->low[AT] - y[10]) < 1e-12 && fabs(c->high[AT] - y[90]) < 1e-12,
       "kind %d: the band is between the quantiles of resampled rows: %g %g, %g %g", (int)kind, c->low[AT], c->high[AT],
       y[10], y[90]);
}

static void test_threads(const struct rows *rows, const struct ranking *ranking, const struct curve *want,
                         const struct bootstrap *b)
{
    struct thread_pool *pool = thread_open(4, NULL);
    struct curve c;
    curve_make(&c, CURVE_ROC, rows, ranking, 1, b, pool, NULL);
    ok(memcmp(c.low, want->low, sizeof c.low) == 0 && memcmp(c.high, want->high, sizeof c.high) == 0,
       "bands do not depend on threads");
    curve_release(&c);
    thread_close(pool);
}

/* One class only: no curve, no failure. */
static void test_undefined(struct rows *rows, const struct bootstrap *b)
{
    struct ranking ranking;
    struct curve c;
    for (int i = 0; i < N; i++)
        rows->label[i] = 1;
    ranking_make(&ranking, rows, NULL, NULL);
    ok(curve_make(&c, CURVE_ROC, rows, &ranking, 1, b, NULL, NULL) == 0 && c.n == 0,
       "without a class there is no curve");
    ok(isnan(c.low[0]) && isnan(curve_at(&c, CURVE_ROC, 0.5)), "and no band");
    curve_release(&c);
    ranking_release(&ranking);
}

static void test_calibration(void)
{
    double proba[] = {1, 0, 0.95, 0.05, 0.85, 0.15, 0.5, 0.5, 0, 1};
    int32_t label[] = {0, 1, 0, 1, 1};
    int64_t group[] = {0, 0, 1, 2, 2};
    struct rows rows = {.n = 5, .n_classes = 2, .proba = proba, .label = label, .group = group, .n_groups = 3};
    struct curve_bin bin[CURVE_BINS];
    curve_calibration(&rows, 1, bin);
    ok(bin[0].n == 2 && bin[0].n_positive == 1 && bin[0].n_groups == 1 && fabs(bin[0].mean - 0.025) < 1e-12,
       "0 and 0.05 are in the first bin");
    ok(bin[1].n == 1 && bin[5].n == 1 && bin[5].n_positive == 1, "0.15 and 0.5 in theirs");
    ok(bin[9].n == 1 && bin[9].n_positive == 1 && bin[9].mean == 1, "1 is in the last");
    ok(bin[3].n == 0 && isnan(bin[3].mean), "an empty bin has no mean");
}

int main(void)
{
    struct rows rows;
    struct ranking ranking;
    struct curve roc, pr;
    struct bootstrap b = {.n_resamples = 101, .level = 0.8, .seed = 5}; /* the quantiles are values 10 and 90, from 0 */
    draw(&rows, 3);
    ranking_make(&ranking, &rows, NULL, NULL);
    curve_make(&roc, CURVE_ROC, &rows, &ranking, 1, &b, NULL, NULL);
    curve_make(&pr, CURVE_PRECISION_RECALL, &rows, &ranking, 1, &b, NULL, NULL);
    test_points(&rows, &roc, &pr);
    test_areas(&rows, &roc, &pr);
    test_band(&rows, &roc, CURVE_ROC, &b);
    test_band(&rows, &pr, CURVE_PRECISION_RECALL, &b);
    test_threads(&rows, &ranking, &roc, &b);
    curve_release(&roc);
    curve_release(&pr);
    ranking_release(&ranking);
    test_undefined(&rows, &b);
    rows_release(&rows);
    test_calibration();
    return tap_done();
}
