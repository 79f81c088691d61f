/* Scores recomputed from golden probabilities (eval.safetensors), to 1e-12; ties, operating points, groups. */
#include <math.h>
#include <string.h>

#include "group-scores.h"
#include "metrics.h"
#include "threshold.h"
#include "golden.h"

static struct golden g;
static const double TOLERANCE = 1e-12;

static void near(double got, const char *stem, const char *what, int i)
{
    char key[128];
    snprintf(key, sizeof key, "%s.%s", stem, what);
    const double expected = golden_f64(&g, key, NULL)[i];
    ok(fabs(got - expected) <= TOLERANCE, "%s[%d]: %.15g", key, i, got);
}

static bool has(const char *stem, const char *what)
{
    char key[128];
    snprintf(key, sizeof key, "%s.%s", stem, what);
    return golden_find(&g, key) != NULL;
}

/* For free(). */
static double *copy_f64(const char *name, int64_t *n)
{
    int64_t count;
    const double *v = golden_f64(&g, name, &count);
    double *copy = malloc((size_t)count * sizeof *copy);
    memcpy(copy, v, (size_t)count * sizeof *copy);
    if (n)
        *n = count;
    return copy;
}

static int32_t *labels_of(const char *name, int64_t *n, bool binary)
{
    const double *v = golden_f64(&g, name, n);
    int32_t *label = malloc((size_t)*n * sizeof *label);
    for (int64_t i = 0; i < *n; i++)
        label[i] = binary ? v[i] > 0 : (int32_t)v[i];
    return label;
}

static void check_classes(const char *stem, const double *values, const int64_t *confusion, int K)
{
    for (int c = 0; c < K; c++) {
        int64_t support = 0;
        near(values[metrics_at_class(METRICS_precision, c)], stem, "precision", c);
        near(values[metrics_at_class(METRICS_recall, c)], stem, "recall", c);
        near(values[metrics_at_class(METRICS_f1, c)], stem, "f1", c);
        for (int b = 0; b < K; b++) {
            near((double)confusion[c * K + b], stem, "confusion", c * K + b);
            support += confusion[c * K + b];
        }
        if (has(stem, "support"))
            near((double)support, stem, "support", c);
    }
}

static void check_scores(const char *stem)
{
    char key[128];
    int64_t n;
    snprintf(key, sizeof key, "%s.proba", stem);
    double *proba = copy_f64(key, NULL);
    int K = (int)golden_find(&g, key)->dims[1];
    int32_t *label = labels_of("test_y", &n, strncmp(stem, "logreg.binary.", 14) == 0);
    struct rows rows = {.n = n, .n_classes = K, .proba = proba, .label = label};
    struct metrics_input in = {.rows = &rows, .positive = 1};
    struct metrics m;
    struct fmt_error e = {0};
    if (!ok(metrics_open(&m, &in, NULL, &e) == 0, "%s: %s", stem, e.text))
        return;
    double *v = calloc((size_t)m.n_values, sizeof *v);
    int64_t *confusion = calloc((size_t)(K * K), sizeof *confusion);
    metrics_compute(&m, NULL, v, confusion);
    near(v[METRICS_accuracy], stem, "accuracy", 0);
    near(v[METRICS_mcc], stem, "mcc", 0);
    near(v[METRICS_log_loss], stem, "log_loss", 0);
    if (has(stem, "auroc")) {
        near(v[METRICS_auroc], stem, "auroc", 0);
        near(v[METRICS_average_precision], stem, "average_precision", 0);
        near(v[METRICS_brier], stem, "brier", 0);
    }
    check_classes(stem, v, confusion, K);
    free(v);
    free(confusion);
    free(label);
    free(proba);
    metrics_close(&m);
}

static void check_ranking(const char *stem, const struct rows *rows, bool brier)
{
    struct metrics_input in = {.rows = rows, .positive = 1};
    struct metrics m;
    struct fmt_error e = {0};
    int64_t confusion[4];
    if (!ok(metrics_open(&m, &in, NULL, &e) == 0, "%s: %s", stem, e.text))
        return;
    double *v = calloc((size_t)m.n_values, sizeof *v);
    metrics_compute(&m, NULL, v, confusion);
    near(v[METRICS_auroc], stem, "auroc", 0);
    near(v[METRICS_average_precision], stem, "average_precision", 0);
    if (brier)
        near(v[METRICS_brier], stem, "brier", 0);
    free(v);
    metrics_close(&m);
}

static void check_points(const struct rows *rows)
{
    struct ranking r;
    ranking_make(&r, rows, NULL, NULL);
    static const char at_recall[] = "ties.precision_at_recall.", at_precision[] = "ties.recall_at_precision.";
    int found = 0;
    for (int64_t i = 0; i < g.set.n; i++) {
        const char *name = g.set.item[i].name;
        struct linear_point t = {.class_index = 1, .at_recall = strncmp(name, at_recall, sizeof at_recall - 1) == 0};
        if (!t.at_recall && strncmp(name, at_precision, sizeof at_precision - 1) != 0)
            continue;
        t.target = strtod(name + sizeof at_recall - 1, NULL);
        const double *expected = golden_f64(&g, name, NULL);
        threshold_choose(&t, 1, &r, rows);
        double gained = t.at_recall ? t.precision : t.recall;
        ok(fabs(gained - expected[0]) <= TOLERANCE && fabs(t.threshold - expected[1]) <= TOLERANCE,
           "%s: %.15g at %.15g", name, gained, t.threshold);
        found++;
    }
    ranking_release(&r);
    ok(found > 0, "%d operating points", found);
}

static void check_ties(void)
{
    enum { VIEWS = 3 };
    int64_t n, n_mixed;
    const double *score = golden_f64(&g, "ties.score", &n);
    int32_t *label = labels_of("ties.label", &n, false);
    double *proba = malloc((size_t)(2 * n) * sizeof *proba);
    int64_t *group = malloc((size_t)n * sizeof *group), n_groups = (n + VIEWS - 1) / VIEWS;
    for (int64_t i = 0; i < n; i++) {
        proba[2 * i] = 1 - score[i];
        proba[2 * i + 1] = score[i];
        group[i] = i / VIEWS;
    }
    struct rows rows = {.n = n, .n_classes = 2, .proba = proba, .label = label, .group = group, .n_groups = n_groups};
    check_ranking("ties", &rows, true);
    check_points(&rows);
    for (int mean = 0; mean < 2; mean++) {
        struct rows s;
        ok(group_scores(&s, &n_mixed, &rows, group, n_groups, 1, mean, NULL) == 0 && s.n == n_groups && n_mixed == 0,
           "groups of %d", VIEWS);
        check_ranking(mean ? "ties.group_mean" : "ties.group_max", &s, false);
        rows_release(&s);
    }
    free(proba);
    free(group);
    free(label);
}

int main(void)
{
    if (!golden_open(&g, "eval.safetensors"))
        return tap_done();
    int n_sets = 0;
    for (int64_t i = 0; i < g.set.n; i++) {
        const char *name = g.set.item[i].name;
        size_t length = strlen(name);
        if (length < 7 || strcmp(name + length - 6, ".proba") != 0)
            continue;
        char *stem = strndup(name, length - 6);
        check_scores(stem);
        free(stem);
        n_sets++;
    }
    ok(n_sets > 0, "%d sets of probabilities", n_sets);
    check_ties();
    golden_close(&g);
    return tap_done();
}
