/* Predictions out of fold: what classifiers of the other folds say, and nothing of the fold's own labels. */
#include <stdlib.h>
#include <string.h>

#include "model-selection.h"
#include "rng.h"
#include "rowsbed.h"
#include "tap.h"

enum { N = 150, DIM = 6, FOLDS = 3, K = 2 };

static float x[N * DIM];
static int32_t label[N];
static int fold[N];

static void draw(void)
{
    struct rng r = rng_stream(5, 0, 0, RNG_TEST);
    for (int i = 0; i < N; i++) {
        for (int j = 0; j < DIM; j++)
            x[i * DIM + j] = (float)rng_normal(&r);
        label[i] = (double)(x[i * DIM] - x[i * DIM + 1]) + rng_normal(&r) > 0;
        fold[i] = (int)rng_below(&r, FOLDS);
    }
}

/* Out of fold at a single C; proba [N,K]. */
static void select_one(const struct device *device, const struct rows *rows, double C, double *proba)
{
    struct fmt_error e = {0};
    struct selected_model best;
    struct model_selection s = {.train = rows, .n_folds = FOLDS, .n_classes = K, .positive = 1, .C = &C, .n_C = 1,
                                .by = "accuracy", .class_weight = "none", .limits = {1e-9, 200}};
    if (!ok(model_selection_run(&s, device, &best, &e) == 0, "selection: %s", e.text))
        exit(tap_done());
    memcpy(proba, best.proba, N * K * sizeof *proba);
    model_selection_release(&best);
}

/* The slow way: a classifier of all rows that are not of the fold, and its rows. */
static void refit(const struct device *device, const struct rows *rows, double C, double *proba)
{
    struct fmt_error e = {0};
    for (int f = 0; f < FOLDS; f++) {
        int64_t others[N], own[N];
        int64_t n_others = 0, n_own = 0;
        struct rows fitted, predicted;
        struct logreg_model m;
        struct logreg_report r;
        double *p = calloc(N * K, sizeof *p);
        for (int64_t i = 0; i < N; i++)
            fold[i] == f ? (own[n_own++] = i) : (others[n_others++] = i);
        rows_select(&fitted, rows, others, n_others, &e);
        rows_select(&predicted, rows, own, n_own, &e);
        struct logreg_data data = {&fitted, K, NULL};
        struct logreg_solver *s = logreg_open(&data, device, &e);
        logreg_model_init(&m, K, DIM, &e);
        logreg_fit(s, C, &(struct logreg_limits){1e-9, 200}, &m, &r, &e);
        logreg_predict(&m, &predicted, device, p, &e);
        for (int64_t i = 0; i < n_own; i++)
            memcpy(proba + own[i] * K, p + i * K, K * sizeof *p);
        logreg_model_release(&m);
        logreg_close(s);
        rows_release(&fitted);
        rows_release(&predicted);
        free(p);
    }
}

static double farthest(const double *a, const double *b, int of, bool own)
{
    double off = 0;
    for (int i = 0; i < N; i++)
        if ((fold[i] == of) == own)
            off = worse(off, fabs(a[i * K + 1] - b[i * K + 1]));
    return off;
}

int main(void)
{
    static double selected[N * K], slow[N * K], flipped[N * K];
    struct device device = test_device(2);
    struct device_arena memory;
    draw();
    struct rows rows = rows_on_device(&device, &memory, x, label, N, DIM);
    rows.fold = fold;
    select_one(&device, &rows, 0.7, selected);
    refit(&device, &rows, 0.7, slow);
    double off = farthest(selected, slow, -1, false);
    ok(off <= 1e-9, "each fold is predicted by a classifier of the others (%.1e)", off);
    for (int i = 0; i < N; i++)
        label[i] = fold[i] == 1 && i % 3 == 0 ? !label[i] : label[i];
    select_one(&device, &rows, 0.7, flipped);
    ok(farthest(selected, flipped, 1, true) == 0, "other labels in a fold do not change its own predictions by a bit");
    ok(farthest(selected, flipped, 1, false) > 1e-3, "but those of the other folds");
    device_arena_release(&memory);
    test_device_close(&device);
    return tap_done();
}
