/* test-differences.c - paired differences against resamples drawn and scored by hand; predictions are read again. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "differences.h"
#include "file.h"
#include "prediction-set.h"
#include "rng.h"
#include "tap.h"

enum { GROUPS = 30, ROWS = 90, RESAMPLES = 300 };

/* Two classifiers that see the same noise and a little of their own. */
struct drawn {
    double proba[2][2 * ROWS];
    int32_t label[ROWS];
    int64_t group[ROWS];
    struct rows rows[2];
};

static void draw(struct drawn *d)
{
    struct rng r = rng_stream(11, 0, 0, RNG_TEST);
    for (int i = 0; i < ROWS; i++) {
        d->group[i] = i / 3;
        d->label[i] = i / 3 % 3 == 0;
        double common = 1.5 * rng_normal(&r) + d->label[i];
        for (int k = 0; k < 2; k++) {
            d->proba[k][2 * i + 1] = 1 / (1 + exp(-common - (0.2 + 0.3 * k) * rng_normal(&r)));
            d->proba[k][2 * i] = 1 - d->proba[k][2 * i + 1];
        }
    }
    for (int k = 0; k < 2; k++)
        d->rows[k] = (struct rows){.n = ROWS, .n_classes = 2, .proba = d->proba[k], .label = d->label,
                                   .group = d->group, .n_groups = GROUPS};
}

/* Wins of positives over negatives, ties half; weights count. NAN: one class only. */
static double slow_auroc(const struct drawn *d, int side, const int32_t *weight)
{
    double wins = 0, pairs = 0;
    for (int i = 0; i < ROWS; i++)
        for (int j = 0; j < ROWS; j++)
            if (d->label[i] == 1 && d->label[j] == 0) {
                double x = d->proba[side][2 * i + 1], y = d->proba[side][2 * j + 1], w = weight[i] * weight[j];
                wins += w * (x > y ? 1 : x == y ? 0.5 : 0);
                pairs += w;
            }
    return wins / pairs;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double slow_quantile(const double *sorted, double q)
{
    double at = q * (RESAMPLES - 1);
    int i = (int)at;
    return sorted[i] + (at - i) * (sorted[i + 1] - sorted[i]);
}

static void paired_intervals(struct thread_pool *pool)
{
    static struct drawn d;
    static double difference[RESAMPLES];
    char *class_name[] = {"good", "bad"};
    struct scores_plan plan = {.n_classes = 2, .class_name = class_name, .positive = 1,
                               .bootstrap = {RESAMPLES, 0.9, 5}};
    struct differences got;
    struct fmt_error e = {0};
    draw(&d);
    ok(differences_run(&plan, &d.rows[0], &d.rows[1], pool, &got, &e) == 0 && got.n_levels == 2,
       "images and groups %s", e.text);
    int32_t weight[ROWS];
    for (int i = 0; i < ROWS; i++)
        weight[i] = 1;
    double whole = slow_auroc(&d, 1, weight) - slow_auroc(&d, 0, weight);
    for (int k = 0; k < RESAMPLES; k++) {
        struct rng r = rng_stream(5, (uint64_t)k, 0, RNG_BOOTSTRAP);
        int32_t count[GROUPS] = {0};
        for (int g = 0; g < GROUPS; g++)
            count[rng_below(&r, GROUPS)]++;
        for (int i = 0; i < ROWS; i++)
            weight[i] = count[d.group[i]];
        difference[k] = slow_auroc(&d, 1, weight) - slow_auroc(&d, 0, weight);
    }
    qsort(difference, RESAMPLES, sizeof *difference, ascending);
    const struct differences_scores *of = got.level[0].of, *diff = &of[DIFFERENCES_B_MINUS_A];
    ok(fabs(diff->value[METRICS_auroc] - whole) < 1e-12, "AUROC of B minus that of A: %.6f", whole);
    ok(fabs(diff->low[METRICS_auroc] - slow_quantile(difference, 0.05)) < 1e-12 &&
           fabs(diff->high[METRICS_auroc] - slow_quantile(difference, 0.95)) < 1e-12,
       "between quantiles of the differences: [%.6f, %.6f]", diff->low[METRICS_auroc], diff->high[METRICS_auroc]);
    double own = of[DIFFERENCES_A].high[METRICS_auroc] - of[DIFFERENCES_A].low[METRICS_auroc];
    ok(diff->high[METRICS_auroc] - diff->low[METRICS_auroc] < 0.5 * own, "narrower than A's own interval of %.4f", own);
    for (int v = 0; v < METRICS_N_WHOLE; v++)
        ok(isnan(diff->value[v]) || fabs(of[1].value[v] - of[0].value[v] - diff->value[v]) < 1e-12, "score %d", v);
    ok(got.level[1].n == GROUPS && got.level[1].n_groups == GROUPS, "groups by themselves");
}

static void equal_classifiers(struct thread_pool *pool)
{
    static struct drawn d;
    char *class_name[] = {"good", "bad"};
    struct scores_plan plan = {.n_classes = 2, .class_name = class_name, .positive = 1, .bootstrap = {50, 0.95, 0}};
    struct differences got;
    struct fmt_error e = {0};
    draw(&d);
    ok(differences_run(&plan, &d.rows[0], &d.rows[0], pool, &got, &e) == 0, "a classifier with itself");
    const struct differences_scores *diff = &got.level[0].of[DIFFERENCES_B_MINUS_A];
    ok(diff->value[METRICS_auroc] == 0 && diff->low[METRICS_auroc] == 0 && diff->high[METRICS_auroc] == 0,
       "differs by nothing");
    plan.bootstrap.n_resamples = 0;
    ok(differences_run(&plan, &d.rows[0], &d.rows[1], pool, &got, &e) == 0 &&
           isnan(got.level[0].of[DIFFERENCES_B_MINUS_A].low[METRICS_auroc]),
       "no resamples, no intervals");
    for (int i = 0; i < ROWS; i++)
        d.label[i] = -1;
    is_int(differences_run(&plan, &d.rows[0], &d.rows[1], pool, &got, &e), FMT_INVALID, "%s", e.text);
}

/* ------------------------------------------------------------------ predictions */
#define HEAD "{\"report\":\"predictions\",\"tool\":\"feat-knn\",\"positive\":\"bad\",\"classes\":[\"good\",\"bad\"]}\n"
#define ROW "{\"key\":\"a.jpg\",\"group\":\"g\",\"shot\":2,\"label\":\"bad\",\"k\":5,\"scores\":[0.25,0.75]}\n"

static int read_text(struct prediction_set *s, const char *text, int k, struct fmt_error *e)
{
    static char path[400];
    snprintf(path, sizeof path, "%s/p.json", tap_scratch());
    if (file_save(path, text, strlen(text), NULL))
        abort();
    *e = (struct fmt_error){0};
    return prediction_set_read(s, path, k, e);
}

static void reading(void)
{
    struct prediction_set s;
    struct fmt_error e;
    static const char three[] = HEAD ROW "{\"key\":\"b\",\"k\":5,\"shot\":null,\"label\":null,\"scores\":[1,0]}\n"
                                         "{\"key\":\"b\",\"k\":9,\"scores\":[0,1]}";
    int status = read_text(&s, three, 5, &e);
    if (ok(status == 0 && s.rows.n == 2, "two rows of five neighbours, one of nine %s", e.text)) {
        ok(s.n_classes == 2 && s.positive == 1 && s.k == 5, "classes and neighbours");
        is_text(s.rows.key[0], "a.jpg", "a key");
        is_text(s.rows.group_name[0], "g", "a group");
        ok(s.rows.group_view[0] == 2 && s.rows.label[0] == 1 && s.rows.proba[1] == 0.75, "shot, label and score");
        ok(s.rows.label[1] == -1 && s.rows.group_view[1] == -1 && s.rows.group[0] != s.rows.group[1],
           "no label, no shot, a group of its own");
        prediction_set_release(&s);
    }
    static const struct {
        const char *text, *message;
    } refused[] = {
        {"", "no predictions"},
        {HEAD, "no predictions"},
        {"# predictions of feat-knn\n", "line 1: no predictions in JSON lines"},
        {ROW, "line 1: no predictions in JSON lines"},
        {"{\"report\":\"scores\"}\n" ROW, "line 1: no predictions in JSON lines"},
        {"{\"report\":\"predictions\",\"classes\":[\"good\"]}\n", "line 1: no predictions"},
        {"{\"report\":\"predictions\",\"classes\":[\"good\",1]}\n", "line 1: a class without a name"},
        {"{\"report\":\"predictions\",\"classes\":{\"a\":\"good\",\"b\":\"bad\"}}\n", "line 1: no predictions"},
        {"{\"report\":\"predictions\",\"classes\":[\"good\",\"bad\"]}\n", "line 1: which of the two classes"},
        {HEAD "\n" ROW, "line 2, column 1: "},
        {HEAD "{\"key\":\"a\",\"scores\":[0.5]}\n", "line 2: a list of 2 scores is needed"},
        {HEAD "{\"key\":\"a\",\"scores\":{\"a\":0.5,\"b\":0.5}}\n", "line 2: a list of 2 scores is needed"},
        {HEAD "{\"key\":\"a\",\"scores\":[0.5,\"x\"]}\n", "line 2: a score that is no probability"},
        {HEAD "{\"key\":\"a\",\"scores\":[0.5,1.5]}\n", "line 2: a score that is no probability"},
        {HEAD "{\"key\":\"a\",\"scores\":[0.5,NaN]}\n", "line 2, column 26: broken JSON: NaN"},
        {HEAD "{\"scores\":[0.5,0.5]}\n", "line 2: a row without a key"},
        {HEAD "{\"key\":\"a\",\"label\":\"ugly\",\"scores\":[0.5,0.5]}\n", "line 2: a label that is not among"},
        {HEAD "{\"key\":\"a\",\"k\":2.5,\"scores\":[0.5,0.5]}\n", "line 2: k is not a whole number"},
        {HEAD "{\"key\":\"a\",\"shot\":\"2\",\"scores\":[0.5,0.5]}\n", "line 2: shot is not a whole number"},
        {HEAD "{\"key\":\"a\",\"shot\":-1,\"scores\":[0.5,0.5]}\n", "line 2: shot is not a whole number"},
        {HEAD "{\"key\":\"a\",\"group\":7,\"scores\":[0.5,0.5]}\n", "line 2: group is not a text"},
        {HEAD "{\"key\":\"a\",\"label\":1,\"scores\":[0.5,0.5]}\n", "line 2: label is not a text"},
        {HEAD ROW "{\"key\":\"b\",\"k\":9,\"scores\":[0,1]}\n", "line 3: votes of 5 and of 9 neighbours"},
        {HEAD ROW ROW, "line 3: the key a.jpg is that of line 2, too"},
        {HEAD ROW "[1,2]\n", "line 3: votes of 5 and of 0"},
        {HEAD ROW "{\"key\":\"b\",\"k\":5", "line 3, column 17: "},
    };
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        status = read_text(&s, refused[i].text, 0, &e);
        ok(status != 0 && strstr(e.text, refused[i].message), "refused: %s", e.text);
        if (!status)
            prediction_set_release(&s);
    }
    ok(read_text(&s, HEAD ROW, 7, &e) == FMT_INVALID && strstr(e.text, "no votes of 7"), "%s", e.text);
}

static void same_rows(void)
{
    static const char *const other[] = {
        HEAD "{\"key\":\"b.jpg\",\"group\":\"g\",\"label\":\"bad\",\"scores\":[0.25,0.75]}\n",
        HEAD "{\"key\":\"a.jpg\",\"group\":\"h\",\"label\":\"bad\",\"scores\":[0.25,0.75]}\n",
        HEAD "{\"key\":\"a.jpg\",\"group\":\"g\",\"label\":\"good\",\"scores\":[0.25,0.75]}\n",
        HEAD ROW "{\"key\":\"b.jpg\",\"group\":\"g\",\"label\":\"bad\",\"k\":5,\"scores\":[0.25,0.75]}\n",
        "{\"report\":\"predictions\",\"positive\":\"good\",\"classes\":[\"good\",\"bad\"]}\n" ROW,
        "{\"report\":\"predictions\",\"positive\":\"bad\",\"classes\":[\"bad\",\"good\"]}\n" ROW,
    };
    struct prediction_set a, b;
    struct fmt_error e;
    if (!ok(read_text(&a, HEAD ROW, 0, &e) == 0, "a row %s", e.text))
        return;
    ok(prediction_set_check(&a, &a, &e) == 0, "the same rows");
    for (size_t i = 0; i < sizeof other / sizeof *other; i++) {
        if (!ok(read_text(&b, other[i], 0, &e) == 0, "others %s", e.text))
            continue;
        is_int(prediction_set_check(&a, &b, &e), FMT_MISMATCH, "%s", e.text);
        prediction_set_release(&b);
    }
    prediction_set_release(&a);
}

/* By hand: intervals beside a margin, and scores of which less is better. */
static void verdicts(void)
{
    struct differences_level l = {.n = 1};
    struct differences_scores *d = &l.of[DIFFERENCES_B_MINUS_A];
    static const struct {
        double low, high, margin;
        enum differences_verdict more, less; /* of a score of which more, or less, is better */
    } want[] = {{-.05, -.02, .01, DIFFERENCES_WORSE, DIFFERENCES_NOT_WORSE},
                {-.05, -.02, .03, DIFFERENCES_UNDECIDED, DIFFERENCES_NOT_WORSE},
                {-.05, -.02, .05, DIFFERENCES_NOT_WORSE, DIFFERENCES_NOT_WORSE},
                {.02, .05, .01, DIFFERENCES_NOT_WORSE, DIFFERENCES_WORSE},
                {-.01, .04, 0, DIFFERENCES_UNDECIDED, DIFFERENCES_UNDECIDED},
                {0, 0, 0, DIFFERENCES_NOT_WORSE, DIFFERENCES_NOT_WORSE},
                {NAN, NAN, 1, DIFFERENCES_UNDEFINED, DIFFERENCES_UNDEFINED}};
    for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
        d->low[METRICS_auroc] = d->low[METRICS_log_loss] = d->low[METRICS_false_alarms] = want[i].low;
        d->high[METRICS_auroc] = d->high[METRICS_log_loss] = d->high[METRICS_false_alarms] = want[i].high;
        ok(differences_judge(&l, METRICS_auroc, want[i].margin) == want[i].more &&
               differences_judge(&l, METRICS_log_loss, want[i].margin) == want[i].less &&
               differences_judge(&l, METRICS_false_alarms, want[i].margin) == want[i].less,
           "[%g, %g] with a margin of %g", want[i].low, want[i].high, want[i].margin);
    }
}

int main(void)
{
    struct thread_pool *pool = thread_open(3, NULL);
    paired_intervals(NULL);
    paired_intervals(pool);
    equal_classifiers(pool);
    reading();
    same_rows();
    verdicts();
    thread_close(pool);
    return tap_done();
}
