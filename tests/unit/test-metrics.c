/* Scores against numbers that scikit-learn 1.9 gave for these rows; ranges, ties, thresholds, resamples. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bootstrap.h"
#include "metrics.h"
#include "rng.h"
#include "tap.h"
#include "threshold.h"

struct expected {
    enum metrics_whole what;
    double value;
};

static double two_proba[] = {0.748, 0.252, 0.536, 0.464, 0.136, 0.864, 0.256, 0.744, 0.390, 0.610,
                                   0.225, 0.775, 0.073, 0.927, 0.164, 0.836, 0.091, 0.909, 0.073, 0.927,
                                   0.467, 0.533, 0.336, 0.664, 0.873, 0.127, 0.058, 0.942, 0.824, 0.176,
                                   0.293, 0.707, 0.814, 0.186, 0.762, 0.238, 0.661, 0.339, 0.000, 1.000};
static int32_t two_label[] = {0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 1, 0, 0, 0, 0, 1, 1, 1};
static const struct expected two_expected[] = {{METRICS_accuracy, 0.65},
                                               {METRICS_balanced_accuracy, 0.625},
                                               {METRICS_precision_macro, 0.631868131868},
                                               {METRICS_recall_macro, 0.625},
                                               {METRICS_f1_macro, 0.626666666667},
                                               {METRICS_mcc, 0.256776295507},
                                               {METRICS_auroc, 0.697916666667},
                                               {METRICS_average_precision, 0.784840880797},
                                               {METRICS_brier, 0.2284428},
                                               {METRICS_false_alarms, 500},
                                               {METRICS_log_loss, 0.671917586622}};
static double three_proba[] = {
    0.086, 0.205, 0.709, 0.887, 0.000, 0.113, 0.494, 0.088, 0.418, 0.554, 0.261, 0.185, 0.875, 0.010, 0.115,
    0.016, 0.714, 0.270, 0.171, 0.684, 0.145, 0.286, 0.162, 0.552, 0.546, 0.013, 0.441, 0.003, 0.293, 0.704,
    0.315, 0.381, 0.304, 0.073, 0.791, 0.136, 0.001, 0.671, 0.328, 0.016, 0.605, 0.379, 0.045, 0.681, 0.274,
    0.741, 0.259, 0.000, 0.042, 0.223, 0.735, 0.664, 0.041, 0.295, 0.245, 0.088, 0.667, 0.873, 0.118, 0.009,
    0.202, 0.790, 0.008, 0.888, 0.095, 0.017, 0.606, 0.010, 0.384, 0.160, 0.831, 0.009};
static int32_t three_label[] = {2, 0, 0, 0, 0, 1, 1, 2, 0, 2, 1, 1, 0, 1, 2, 1, 1, 2, 2, 2, 0, 1, 1, 1};
static const struct expected three_expected[] = {{METRICS_accuracy, 0.625},
                                                 {METRICS_balanced_accuracy, 0.628571428571},
                                                 {METRICS_precision_macro, 0.655555555556},
                                                 {METRICS_recall_macro, 0.628571428571},
                                                 {METRICS_f1_macro, 0.628826969384},
                                                 {METRICS_mcc, 0.441201705186},
                                                 {METRICS_auroc, 0.699649859944},
                                                 {METRICS_average_precision, 0.572505148169},
                                                 {METRICS_brier, 0.210353694444},
                                                 {METRICS_log_loss, 1.33316302672}};
static double absent_proba[] = {
    0.005, 0.734, 0.128, 0.133, 0.040, 0.531, 0.326, 0.103, 0.020, 0.050, 0.497, 0.433, 0.255, 0.236, 0.023, 0.486,
    0.006, 0.948, 0.001, 0.045, 0.435, 0.415, 0.128, 0.022, 0.449, 0.429, 0.109, 0.013, 0.009, 0.215, 0.014, 0.762,
    0.102, 0.274, 0.406, 0.218, 0.070, 0.387, 0.516, 0.027, 0.039, 0.333, 0.622, 0.006, 0.067, 0.261, 0.095, 0.577,
    0.038, 0.535, 0.067, 0.360, 0.394, 0.101, 0.432, 0.073, 0.158, 0.237, 0.604, 0.001, 0.016, 0.191, 0.055, 0.738,
    0.038, 0.032, 0.786, 0.144, 0.057, 0.161, 0.668, 0.114, 0.083, 0.049, 0.711, 0.157, 0.148, 0.492, 0.190, 0.170};
static int32_t absent_label[] = {0, 2, 2, 0, 2, 0, 0, 2, 2, 2, 0, 0, 2, 2, 2, 2, 0, 2, 0, 2};
static const struct expected absent_expected[] = {{METRICS_accuracy, 0.4},
                                                  {METRICS_balanced_accuracy, 0.375},
                                                  {METRICS_precision_macro, 0.416666666667},
                                                  {METRICS_recall_macro, 0.1875},
                                                  {METRICS_f1_macro, 0.242857142857},
                                                  {METRICS_mcc, 0.156955523943},
                                                  {METRICS_auroc, 0.533854166667},
                                                  {METRICS_average_precision, 0.602945485564},
                                                  {METRICS_brier, 0.2402347},
                                                  {METRICS_log_loss, 2.17875058358}};
static double seven_proba[] = {
    0.003, 0.211, 0.122, 0.006, 0.012, 0.494, 0.152, 0.006, 0.223, 0.162, 0.364, 0.181, 0.028, 0.036, 0.033, 0.202,
    0.034, 0.224, 0.089, 0.374, 0.044, 0.038, 0.053, 0.129, 0.166, 0.510, 0.033, 0.071, 0.055, 0.057, 0.472, 0.231,
    0.098, 0.001, 0.086, 0.000, 0.151, 0.080, 0.091, 0.526, 0.000, 0.152, 0.064, 0.101, 0.260, 0.002, 0.085, 0.178,
    0.310, 0.009, 0.392, 0.014, 0.330, 0.141, 0.016, 0.098, 0.168, 0.292, 0.093, 0.212, 0.116, 0.117, 0.002, 0.411,
    0.022, 0.015, 0.122, 0.238, 0.064, 0.128, 0.177, 0.676, 0.026, 0.019, 0.005, 0.022, 0.075, 0.030, 0.557, 0.104,
    0.011, 0.019, 0.267, 0.012, 0.103, 0.170, 0.076, 0.265, 0.261, 0.101, 0.024, 0.003, 0.007, 0.234, 0.305, 0.055,
    0.394, 0.002, 0.293, 0.193, 0.216, 0.054, 0.017, 0.164, 0.063, 0.007, 0.714, 0.105, 0.021, 0.001, 0.094, 0.058};
static int32_t seven_label[] = {5, 3, 5, 4, 2, 4, 6, 1, 2, 0, 2, 0, 1, 0, 3, 5};
static const struct expected seven_expected[] = {{METRICS_accuracy, 0.5625},
                                                 {METRICS_balanced_accuracy, 0.619047619048},
                                                 {METRICS_precision_macro, 0.695238095238},
                                                 {METRICS_recall_macro, 0.619047619048},
                                                 {METRICS_f1_macro, 0.621768707483},
                                                 {METRICS_mcc, 0.504806844389},
                                                 {METRICS_auroc, 0.731292517007},
                                                 {METRICS_average_precision, 0.631524427953},
                                                 {METRICS_brier, 0.109026464286},
                                                 {METRICS_log_loss, 1.88490237739},
                                                 {METRICS_top5, 0.8125}};

#define COUNT(a) ((int64_t)(sizeof(a) / sizeof *(a)))
#define CHECK(name, K) \
    check_frozen(#name, name##_proba, name##_label, COUNT(name##_label), K, name##_expected, COUNT(name##_expected))

/* Metrics of rows, the positive class being this one. */
static int open_metrics(struct metrics *m, const struct rows *rows, int positive)
{
    return metrics_open(m, &(struct metrics_input){.rows = rows, .positive = positive}, NULL, NULL);
}

static void check_frozen(const char *name, double *proba, int32_t *label, int64_t n, int K,
                         const struct expected *expected, int64_t n_expected)
{
    static const char *const text[] = {
#define NAME(key, text) #key,
        METRICS_WHOLE(NAME)};
    struct rows rows = {.n = n, .n_classes = K, .proba = proba, .label = label};
    struct metrics m;
    double values[200];
    int64_t confusion[100];
    ok(open_metrics(&m, &rows, 1) == 0 && m.n_values <= 200, "%s: %lld rows", name, (long long)n);
    metrics_compute(&m, NULL, values, confusion);
    for (int64_t i = 0; i < n_expected; i++)
        ok(fabs(values[expected[i].what] - expected[i].value) < 1e-9, "%s: %s %.9g", name, text[expected[i].what],
           values[expected[i].what]);
    metrics_close(&m);
}

/* A row of weight 2 counts as a row that stands there twice; one of weight 0 is not there. */
static void test_weights(void)
{
    enum { N = COUNT(three_label), K = 3 };
    static double proba[2 * N * K], values[3][100];
    static int32_t label[2 * N], weight[N];
    static int64_t confusion[2][K * K];
    int64_t n = 0;
    for (int64_t i = 0; i < N; i++) {
        weight[i] = (int32_t)(i * 7 % 3);
        for (int32_t t = 0; t < weight[i]; t++, n++) {
            memcpy(proba + n * K, three_proba + i * K, K * sizeof *proba);
            label[n] = three_label[i];
        }
    }
    struct rows a = {.n = N, .n_classes = K, .proba = three_proba, .label = three_label};
    struct rows b = {.n = n, .n_classes = K, .proba = proba, .label = label};
    struct metrics m;
    open_metrics(&m, &a, 0);
    metrics_compute(&m, weight, values[0], confusion[0]);
    metrics_close(&m);
    open_metrics(&m, &b, 0);
    metrics_compute(&m, NULL, values[1], confusion[1]);
    bool same = memcmp(confusion[0], confusion[1], sizeof confusion[0]) == 0;
    for (int i = 0; i < m.n_values; i++)
        same = same && (fabs(values[0][i] - values[1][i]) < 1e-12 || (isnan(values[0][i]) && isnan(values[1][i])));
    ok(same, "weights of rows are copies of rows");
    metrics_close(&m);
}

static void choose_one(struct linear_point *t, const struct rows *rows)
{
    struct ranking r;
    ranking_make(&r, rows, NULL, NULL);
    threshold_choose(t, 1, &r, rows);
    ranking_release(&r);
}

/* A row of weight 3 is three rows. */
static void test_weighted_threshold(void)
{
    enum { FEW = 6 };
    double score[2 * FEW] = {.1, .9, .2, .8, .3, .7, .4, .6, .5, .5, .6, .4}, weight[FEW] = {1, 3, 1, 3, 3, 1};
    int32_t label[FEW] = {1, 0, 1, 1, 0, 1}, copied_label[12];
    double copied[2 * 12];
    int64_t n = 0;
    for (int i = 0; i < FEW; i++)
        for (int t = 0; t < (int)weight[i]; t++, n++) {
            memcpy(copied + 2 * n, score + 2 * i, 2 * sizeof *score);
            copied_label[n] = label[i];
        }
    struct rows few = {.n = FEW, .n_classes = 2, .proba = score, .label = label, .weight = weight};
    struct rows many = {.n = n, .n_classes = 2, .proba = copied, .label = copied_label};
    struct linear_point a = {.class_index = 1, .at_recall = true, .target = 0.8}, b = a;
    choose_one(&a, &few);
    choose_one(&b, &many);
    ok(a.threshold == b.threshold && a.precision == b.precision && a.recall == b.recall && n == 12,
       "a row that stands for three counts as three where a threshold is chosen");
}

/* Groups are drawn, not rows: three copies of each row, together in a group, say no more than the row alone. */
static void test_bootstrap_of_groups(void)
{
    enum { N = 20, COPIES = 3 };
    static double proba[2 * N * COPIES], low[2][100], high[2][100];
    static int32_t label[N * COPIES];
    static int64_t group[N * COPIES];
    struct bootstrap b = {400, 0.95, 11};
    for (int several = 0; several < 2; several++) {
        int n = several ? COPIES : 1;
        for (int i = 0; i < N * n; i++) {
            group[i] = i / n;
            label[i] = two_label[group[i]];
            memcpy(proba + 2 * i, two_proba + 2 * group[i], 2 * sizeof *proba);
        }
        struct rows r = {.n = N * n, .n_classes = 2, .proba = proba, .label = label, .group = group, .n_groups = N};
        struct metrics m;
        open_metrics(&m, &r, 1);
        bootstrap_run(&b, &m, NULL, low[several], high[several], NULL);
        metrics_close(&m);
    }
    static const enum metrics_whole same[] = {METRICS_accuracy, METRICS_auroc, METRICS_f1_macro, METRICS_brier};
    for (size_t i = 0; i < sizeof same / sizeof *same; i++)
        ok(fabs(low[0][same[i]] - low[1][same[i]]) < 1e-12 && fabs(high[0][same[i]] - high[1][same[i]]) < 1e-12,
           "copies in a group do not narrow interval %d: [%.4f, %.4f]", (int)same[i], low[1][same[i]],
           high[1][same[i]]);
}

/* Rows of labels label(i) with the probability of their own class above all others where right, else drawn. */
static struct rows drawn_rows(int n, int K, int n_labels, bool right, uint64_t stream, double *proba, int32_t *label)
{
    struct rng r = rng_stream(5, stream, 0, RNG_TEST);
    for (int i = 0; i < n; i++) {
        double sum = 0, *p = proba + i * K;
        label[i] = K - 1 - i % n_labels; /* of one: the positive class alone */
        for (int c = 0; c < K; c++)
            sum += p[c] = (double)(1 + rng_below(&r, 1000)) * (right && c == label[i] ? 1e6 : 1);
        for (int c = 0; c < K; c++)
            p[c] /= sum;
    }
    return (struct rows){.n = n, .n_classes = K, .proba = proba, .label = label};
}

/* No score leaves its range by rounding, and who is always right has exactly 1. */
static void test_range(void)
{
    enum { N_MOST = 40, K_MOST = 3 };
    double proba[N_MOST * K_MOST], values[100], worst_high = 0, worst_low = 0;
    int32_t label[N_MOST], weight[N_MOST];
    int64_t confusion[K_MOST * K_MOST];
    bool exact = true;
    for (int n = 1; n <= N_MOST; n++)
        for (int variant = 0; variant < 12; variant++) {
            int K = 2 + variant % 2, n_labels = variant / 2 % 3 == 0 ? 1 : K;
            bool right = variant / 6;
            struct rows rows = drawn_rows(n, K, n_labels, right, (uint64_t)n, proba, label);
            struct metrics m;
            open_metrics(&m, &rows, 1);
            for (int i = 0; i < n; i++)
                weight[i] = i % 4;
            for (int resample = 0; resample < 2; resample++) {
                metrics_compute(&m, resample ? weight : NULL, values, confusion);
                for (int v = 0; v < m.n_values; v++) {
                    bool alarms = v == METRICS_false_alarms ||
                                  (v >= METRICS_N_WHOLE &&
                                   (v - METRICS_N_WHOLE) % METRICS_N_CLASS == METRICS_class_false_alarms);
                    double most = v == METRICS_log_loss ? INFINITY : alarms ? 1000 : 1;
                    worst_high = fmax(worst_high, values[v] - most); /* of NAN the other */
                    worst_low = fmin(worst_low, values[v] - (v == METRICS_mcc ? -1 : 0));
                }
                if (n_labels == 1 && !resample)
                    exact = exact && values[metrics_at_class(METRICS_class_average_precision, K - 1)] == 1;
                if (right && n_labels == K && n > K && !resample)
                    exact = exact && values[METRICS_mcc] == 1 && values[METRICS_auroc] == 1 &&
                            values[METRICS_average_precision] == 1;
            }
            metrics_close(&m);
        }
    ok(worst_high <= 0 && worst_low >= 0, "no score leaves its range # by %.2g above, %.2g below", worst_high,
       worst_low);
    ok(exact, "average precision of positives alone, and all that is always right, are exactly 1");
}

/* The best point of a class by trying every score as the threshold. */
static struct linear_point best_point(struct linear_point t, const double *proba, int K, const int32_t *label,
                                      int64_t n)
{
    double best = -1;
    for (int64_t i = 0; i < n; i++) {
        double at = proba[i * K + t.class_index], rows = 0, right = 0, positives = 0;
        for (int64_t j = 0; j < n; j++) {
            bool counts = label[j] >= 0, positive = label[j] == t.class_index;
            rows += counts && proba[j * K + t.class_index] >= at;
            right += positive && proba[j * K + t.class_index] >= at;
            positives += positive;
        }
        double precision = right / rows, recall = right / positives;
        double reached = t.at_recall ? recall : precision, gained = t.at_recall ? precision : recall;
        if (reached >= t.target && (gained > best || (gained == best && at > t.threshold))) {
            best = gained;
            t.threshold = at;
            t.precision = precision;
            t.recall = recall;
        }
    }
    return t;
}

/* Pairs of a row of the class and another in the right order, ties a half. */
static double pairs(const double *proba, int K, int c, const int32_t *label, const int32_t *weight, int64_t n)
{
    double good = 0, all = 0;
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < n; j++) {
            double a = proba[i * K + c], b = proba[j * K + c], w = (double)weight[i] * weight[j];
            if (label[i] != c || label[j] == c)
                continue;
            all += w;
            good += a > b ? w : a == b ? 0.5 * w : 0;
        }
    return good / all;
}

/* Few distinct scores: whatever uses the ranking has to see rows of one score as one. */
static void test_ties(void)
{
    enum { N_TIED = 60, K = 3 };
    double proba[N_TIED * K], values[100];
    int32_t label[N_TIED], weight[N_TIED];
    struct rng r = rng_stream(8, 0, 0, RNG_TEST);
    for (int i = 0; i < N_TIED; i++) {
        label[i] = (int32_t)rng_below(&r, K);
        weight[i] = (int32_t)rng_below(&r, 4);
        for (int c = 0; c < K; c++)
            proba[i * K + c] = (double)(rng_below(&r, 5) + (c == label[i])) / 8;
    }
    struct rows rows = {.n = N_TIED, .n_classes = K, .proba = proba, .label = label};
    struct metrics m;
    bool same = true;
    open_metrics(&m, &rows, 0);
    metrics_compute(&m, weight, values, NULL);
    for (int c = 0; c < K; c++)
        same = same && fabs(values[metrics_at_class(METRICS_class_auroc, c)] -
                            pairs(proba, K, c, label, weight, N_TIED)) < 1e-12;
    metrics_close(&m);
    ok(same, "areas of tied and weighted rows are shares of pairs");

    struct thread_pool *pool = thread_open(3, NULL);
    struct ranking ranking;
    same = true;
    label[5] = label[6] = -1;
    ranking_make(&ranking, &rows, pool, NULL);
    for (int c = 0; c < K; c++) {
        struct linear_point t[] = {{.class_index = c, .at_recall = true, .target = 0.9},
                                   {.class_index = c, .at_recall = true, .target = 0.3},
                                   {.class_index = c, .target = 0.6}};
        threshold_choose(t, 3, &ranking, &rows);
        for (int p = 0; p < 3; p++) {
            struct linear_point expected = {.class_index = c, .at_recall = t[p].at_recall, .target = t[p].target,
                                            .threshold = NAN, .precision = NAN, .recall = NAN};
            expected = best_point(expected, proba, K, label, N_TIED);
            same = same && t[p].threshold == expected.threshold && t[p].precision == expected.precision &&
                   t[p].recall == expected.recall;
        }
    }
    ok(same, "points of tied rows, several in one pass: the best of all thresholds");
    ranking_release(&ranking);
    thread_close(pool);
}

static void test_refusals(void)
{
    double proba[] = {0.5, NAN, 0.5, 0.5}, sure[] = {0.1, 0.9, 0.9, 0.1};
    int32_t label[] = {0, 1}, beyond[] = {0, 2};
    struct rows nan = {.n = 2, .n_classes = 2, .proba = proba, .label = label};
    struct rows third = {.n = 2, .n_classes = 2, .proba = proba + 2, .label = beyond};
    struct rows wrong = {.n = 2, .n_classes = 2, .proba = sure, .label = label};
    struct metrics m;
    ok(open_metrics(&m, &nan, 0) == FMT_NONFINITE, "a probability that is no number is refused");
    ok(open_metrics(&m, &third, 0) == FMT_INVALID, "a label beyond the classes is refused");
    struct linear_point t = {.class_index = 1, .at_recall = false, .target = 0.9};
    choose_one(&t, &wrong);
    ok(isnan(t.threshold), "a precision that is not reached has no threshold");
}

int main(void)
{
    CHECK(two, 2);
    CHECK(three, 3);
    CHECK(absent, 4);
    CHECK(seven, 7);
    test_weights();
    test_weighted_threshold();
    test_range();
    test_ties();
    test_bootstrap_of_groups();
    test_refusals();
    return tap_done();
}
