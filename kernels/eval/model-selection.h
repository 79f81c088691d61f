/* model-selection.h - which C? Every value of a grid is fitted, with warm starts from the one before, and judged on
 * rows that it was not fitted on: a validation set, or each fold by a classifier of the other folds, groups kept whole.
 *
 *   choose_run(&c, pool, &choice, e);    choice.i_best, .score[i]; choice.proba: of the judged rows at the best C
 *   choose_release(&choice);
 */
#ifndef MODEL_SELECTION_H
#define MODEL_SELECTION_H

#include <stdbool.h>
#include <stdint.h>

#include "logreg.h"

/* What is best. Of equally good values of C the smallest is taken, as published. */
enum choose_by {
    CHOOSE_ACCURACY,
    CHOOSE_BALANCED_ACCURACY,
    CHOOSE_F1,
    CHOOSE_MCC,
    CHOOSE_AUROC,
    CHOOSE_AVERAGE_PRECISION,
    CHOOSE_LOG_LOSS
};

struct choose_set {
    const float *x; /* [.., dim] */
    const int32_t *label;
    const int64_t *pick; /* [n] the labelled rows, ascending */
    int64_t n;
};

struct choose {
    struct choose_set train;
    const struct choose_set *val; /* or NULL: folds */
    const int *fold;              /* [train.n], by position in pick */
    int n_folds;
    int64_t dim;
    int n_classes, positive;
    const double *C; /* ascending */
    int n_C;
    enum choose_by by;
    const char *class_weight; /* "none", "balanced", or numbers with commas, one a class */
    struct logreg_limits limits;
    void (*step)(void *arg, int n_done, int n_all); /* after each fit; may be NULL */
    void *step_arg;
};

struct choice {
    int i_best;
    double *score; /* [n_C], higher is better */
    double *proba; /* of val, or out of fold of train: [n,n_classes] at the best C */
    int64_t n;
    struct logreg_model model; /* fitted on all of train at the best C */
    struct logreg_report report;
    int n_missed; /* fits of the grid that missed the limit */
};

int choose_run(const struct choose *c, struct thread_pool *pool, struct choice *choice, struct fmt_error *e);
void choose_release(struct choice *choice);

/* Whether the text may be right for some rows: none, balanced, or two or more numbers. */
bool choose_class_weights_valid(const char *text);

#endif
