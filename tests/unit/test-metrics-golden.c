/* Scores recomputed from golden probabilities (eval.safetensors), to 1e-12; ties, operating points, groups. */
#include <math.h>
#include <string.h>

#include "groups.h"
#include "metrics.h"
#include "threshold.h"
#include "golden.h"

static struct golden g;
static const double TOLERANCE = 1e-12;

static void near(double got, const char *stem, const char *what, int i)
{
    char key[128];
    snprintf(key, sizeof key, "%s.%s", stem, what);
    const double want = golden_f64(&g, key, NULL)[i];
    ok(fabs(got - want) <= TOLERANCE, "%s[%d]: %.15g", key, i, got);
}

static bool has(const char *stem, const char *what)
{
    char key[128];
    snprintf(key, sizeof key, "%s.%s", stem, what);
    return golden_find(&g, key) != NULL;
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
    const double *proba = golden_f64(&g, key, NULL);
    int K = (int)golden_find(&g, key)->dims[1];
    int32_t *label = labels_of("test_y", &n, strncmp(stem, "logreg.binary.", 14) == 0);
    struct metrics_rows rows = {.n = n, .n_classes = K, .positive = 1, .proba = proba, .label = label};
    struct metrics m;
    struct fmt_error e = {0};
    if (!ok(metrics_open(&m, &rows, NULL, &e) == 0, "%s: %s", stem, e.text))
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
    metrics_close(&m);
}

static void check_ranking(const char *stem, const double *proba, const int32_t *label, int64_t n, bool brier)
{
    struct metrics_rows rows = {.n = n, .n_classes = 2, .positive = 1, .proba = proba, .label = label};
    struct metrics m;
    struct fmt_error e = {0};
    int64_t confusion[4];
    if (!ok(metrics_open(&m, &rows, NULL, &e) == 0, "%s: %s", stem, e.text))
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

static void check_points(const double *proba, const int32_t *label, int64_t n)
{
    struct ranking r;
    ranking_make(&r, proba, n, 2, NULL, NULL);
    static const char at_recall[] = "ties.precision_at_recall.", at_precision[] = "ties.recall_at_precision.";
    int found = 0;
    for (int64_t i = 0; i < g.set.n; i++) {
        const char *name = g.set.item[i].name;
        struct threshold t = {.of_class = 1, .at_recall = strncmp(name, at_recall, sizeof at_recall - 1) == 0};
        if (!t.at_recall && strncmp(name, at_precision, sizeof at_precision - 1) != 0)
            continue;
        t.wanted = strtod(name + sizeof at_recall - 1, NULL);
        const double *want = golden_f64(&g, name, NULL);
        threshold_choose(&t, 1, &r, proba, label, NULL);
        double gained = t.at_recall ? t.precision : t.recall;
        ok(fabs(gained - want[0]) <= TOLERANCE && fabs(t.value - want[1]) <= TOLERANCE, "%s: %.15g at %.15g", name,
           gained, t.value);
        found++;
    }
    ranking_release(&r);
    ok(found > 0, "%d operating points", found);
}

static void check_ties(void)
{
    enum { SHOTS = 3 };
    int64_t n;
    const double *score = golden_f64(&g, "ties.score", &n);
    int32_t *label = labels_of("ties.label", &n, false);
    double *proba = malloc((size_t)(2 * n) * sizeof *proba);
    int64_t *group = malloc((size_t)n * sizeof *group), n_groups = (n + SHOTS - 1) / SHOTS;
    for (int64_t i = 0; i < n; i++) {
        proba[2 * i] = 1 - score[i];
        proba[2 * i + 1] = score[i];
        group[i] = i / SHOTS;
    }
    check_ranking("ties", proba, label, n, true);
    check_points(proba, label, n);
    for (int mean = 0; mean < 2; mean++) {
        struct groups_scores s;
        ok(groups_score(proba, label, group, n, n_groups, 2, 1, mean, &s, NULL) == 0 && s.n == n_groups &&
               s.n_mixed == 0,
           "groups of %d", SHOTS);
        check_ranking(mean ? "ties.group_mean" : "ties.group_max", s.proba, s.label, s.n, false);
        groups_scores_release(&s);
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
