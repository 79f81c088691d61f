/* metrics.h - scores of predictions: one flat vector of numbers with a table of names.
 *
 *   struct metrics m;
 *   metrics_open(&m, &input, pool, e);                sorts the scores once, if they are not ranked yet
 *   metrics_compute(&m, NULL, values, confusion);     values [m.n_values]; NAN where a score is not defined
 *   metrics_compute(&m, weight, values, confusion);   a resample: row i counts weight[i] times (bootstrap.h)
 *   metrics_close(&m);
 *
 * Conventions (K classes): the prediction is the class of the highest probability, of equal ones the lower. 0/0 is 0
 * in precision, recall, F1 and MCC. Macro averages are over the classes that occur among labels or predictions,
 * balanced accuracy over those among the labels. AUROC without positives or negatives, average precision without
 * positives and false alarms without negatives are not defined (NAN). With two classes AUROC, average precision and
 * false alarms of the whole are those of the positive class; with more, the mean over the classes where they are
 * defined, each against the rest. The Brier score is the mean over rows and classes of (p - [label])^2.
 */
#ifndef METRICS_H
#define METRICS_H

#include <stdbool.h>
#include <stdint.h>

#include "ranking.h"
#include "rows.h"

struct metrics_input {
    const struct rows *rows;       /* columns label (0 .. n_classes - 1 in every row) and proba */
    int positive;                  /* of two classes */
    const struct ranking *ranking; /* of proba; NULL: metrics_open makes one */
    bool without_ranks;            /* no AUROC and average precision (NAN): nothing is sorted */
    int n_points;                  /* operating points (threshold.h) */
    const int *point_class;        /* [n_points] the class of each */
    const uint8_t *above;          /* [n_points,n] 1: the row's score reaches the threshold */
};

/* One number for all rows. */
#define METRICS_WHOLE(X) \
    X(accuracy, "accuracy") \
    X(balanced_accuracy, "balanced accuracy") \
    X(precision_macro, "precision, macro") \
    X(recall_macro, "recall, macro") \
    X(f1_macro, "F1, macro") \
    X(mcc, "MCC") \
    X(auroc, "AUROC") \
    X(average_precision, "average precision") \
    X(log_loss, "log loss") \
    X(brier, "Brier score") \
    X(false_alarms, "false alarms per 1,000 negatives") \
    X(top5, "top-5 accuracy")
/* One number for each class. */
#define METRICS_CLASS(X) \
    X(precision, "precision") \
    X(recall, "recall") \
    X(f1, "F1") \
    X(class_auroc, "AUROC") \
    X(class_average_precision, "AP") \
    X(class_false_alarms, "false alarms")
/* One number for each operating point. */
#define METRICS_POINT(X) \
    X(point_precision, "precision") \
    X(point_recall, "recall") \
    X(point_false_alarms, "false alarms per 1,000 negatives")

#define METRICS_ENUM(name, text) METRICS_##name,
enum metrics_whole { METRICS_WHOLE(METRICS_ENUM) METRICS_N_WHOLE };
enum metrics_class { METRICS_CLASS(METRICS_ENUM) METRICS_N_CLASS };
enum metrics_point { METRICS_POINT(METRICS_ENUM) METRICS_N_POINT };

/* Rows of one score among which some are of the class: positions first .. end - 1 of its ranking. */
struct metrics_step {
    int32_t first, end;
};

struct metrics {
    struct metrics_input in;
    int n_values;
    struct ranking own;        /* if the caller has none */
    int64_t *step_end;         /* [n_classes + 1] steps of class c: from step_end[c] to step_end[c + 1] - 1 */
    struct metrics_step *step; /* at most n */
    int64_t *above_end;        /* [n_points + 1] in the same way */
    int32_t *above;            /* the rows at or above the threshold of each point */
    int32_t *prediction;       /* [n] */
    double *loss, *brier;      /* [n] of each row */
    uint8_t *in_top5;          /* [n] */
};

/* What the input points to must outlive m. FMT_INVALID: no rows; FMT_NONFINITE: a probability is not finite. */
int metrics_open(struct metrics *m, const struct metrics_input *in, struct thread_pool *pool, struct fmt_error *e);
void metrics_close(struct metrics *m);
/* May run in several threads at once. confusion [n_classes,n_classes]: [label][prediction]; may be NULL. */
void metrics_compute(const struct metrics *m, const int32_t *weight, double *values, int64_t *confusion);

int metrics_best_class(const double *proba, int n_classes);

static inline int metrics_at_whole(enum metrics_whole what)
{
    return (int)what;
}
static inline int metrics_at_class(enum metrics_class what, int i_class)
{
    return METRICS_N_WHOLE + i_class * METRICS_N_CLASS + (int)what;
}
static inline int metrics_at_point(int n_classes, enum metrics_point what, int i_point)
{
    return METRICS_N_WHOLE + n_classes * METRICS_N_CLASS + i_point * METRICS_N_POINT + (int)what;
}

#endif
