/* metrics.h - scores of predictions: one flat vector of numbers with a table of names.
 *
 *   struct measures m;
 *   measures_open(&m, &rows, pool, e);                 sorts the scores once, if they are not ranked yet
 *   measures_compute(&m, NULL, values, confusion);     values [m.n_values]; NAN where a score is not defined
 *   measures_compute(&m, weight, values, confusion);   a resample: row i counts weight[i] times (bootstrap.h)
 *   measures_close(&m);
 *
 * Conventions (K classes): the prediction is the class of the highest probability, of equals the lower one. 0/0 is 0
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

struct measures_rows {
    int64_t n;
    int n_classes;
    int positive;           /* with two classes: which one is the positive */
    const double *proba;    /* [n,n_classes] */
    const int32_t *label;   /* [n], 0 .. n_classes - 1 */
    int n_points;           /* operating points (threshold.h) */
    const int *point_class; /* [n_points] the class that each is of */
    const uint8_t *called;  /* [n_points,n] 1: the row's score reaches the threshold */
    const struct ranking *ranking; /* of proba, or NULL: measures_open makes one */
    bool without_ranks;            /* no AUROC and average precision (NAN): nothing is sorted */
};

/* One number for all rows. */
#define MEASURES_WHOLE(X)                                                                                            \
    X(accuracy, "accuracy")                                                                                          \
    X(balanced_accuracy, "balanced accuracy")                                                                        \
    X(precision_macro, "precision, macro")                                                                           \
    X(recall_macro, "recall, macro")                                                                                 \
    X(f1_macro, "F1, macro")                                                                                         \
    X(mcc, "MCC")                                                                                                    \
    X(auroc, "AUROC")                                                                                                \
    X(average_precision, "average precision")                                                                        \
    X(log_loss, "log loss")                                                                                          \
    X(brier, "Brier score")                                                                                          \
    X(false_alarms, "false alarms per 1,000 negatives")                                                              \
    X(top5, "top-5 accuracy")
/* One number for each class. */
#define MEASURES_CLASS(X)                                                                                            \
    X(precision, "precision")                                                                                        \
    X(recall, "recall")                                                                                              \
    X(f1, "F1")                                                                                                      \
    X(class_auroc, "AUROC")                                                                                          \
    X(class_average_precision, "AP")                                                                                 \
    X(class_false_alarms, "false alarms")
/* One number for each operating point. */
#define MEASURES_POINT(X)                                                                                            \
    X(point_precision, "precision")                                                                                  \
    X(point_recall, "recall")                                                                                        \
    X(point_false_alarms, "false alarms")

#define MEASURES_ENUM(name, text) MEASURES_##name,
enum measures_whole { MEASURES_WHOLE(MEASURES_ENUM) MEASURES_N_WHOLE };
enum measures_class { MEASURES_CLASS(MEASURES_ENUM) MEASURES_N_CLASS };
enum measures_point { MEASURES_POINT(MEASURES_ENUM) MEASURES_N_POINT };

/* Rows of one score among which some are of the class: positions first .. end - 1 of its ranking. */
struct measures_step {
    int32_t first, end;
};

struct measures {
    struct measures_rows rows;
    int n_values;
    struct ranking own;         /* where the caller has none */
    int64_t *step_at;           /* [n_classes+1] the steps of a class begin and end here */
    struct measures_step *step; /* at most n */
    int64_t *called_at;         /* [n_points+1] */
    int32_t *called;            /* the rows that are called at each point */
    int32_t *prediction;        /* [n] */
    double *loss, *brier;       /* [n] of each row */
    uint8_t *in_top5;           /* [n] */
};

/* What rows points to must outlive m. No rows is FMT_INVALID, a probability that is not finite FMT_NONFINITE. */
int measures_open(struct measures *m, const struct measures_rows *rows, struct thread_pool *pool, struct fmt_error *e);
void measures_close(struct measures *m);
/* May run in several threads at once. confusion [n_classes,n_classes]: [label][prediction]; may be NULL. */
void measures_compute(const struct measures *m, const int32_t *weight, double *values, int64_t *confusion);

int measures_best_class(const double *proba, int n_classes);

static inline int measures_at_whole(enum measures_whole what)
{
    return (int)what;
}
static inline int measures_at_class(enum measures_class what, int i_class)
{
    return MEASURES_N_WHOLE + i_class * MEASURES_N_CLASS + (int)what;
}
static inline int measures_at_point(const struct measures *m, enum measures_point what, int i_point)
{
    return MEASURES_N_WHOLE + m->rows.n_classes * MEASURES_N_CLASS + i_point * MEASURES_N_POINT + (int)what;
}

#endif
