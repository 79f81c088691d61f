/* model-selection.h - which C? Every value of a grid is fitted, with warm starts from the one before, and judged on
 * rows that it was not fitted on: a validation set, or each fold by a classifier of the other folds, groups kept whole.
 *
 *   model_selection_run(&c, pool, &choice, e);    choice.i_best, .score[i]; choice.proba: of the judged rows at the
 * best C
 *   model_selection_release(&choice);
 */
#ifndef MODEL_SELECTION_H
#define MODEL_SELECTION_H

#include <stdbool.h>
#include <stdint.h>

#include "logreg.h"

/* What is best. Of equally good values of C the smallest is taken, as published. */
enum model_selection_by {
    MODEL_SELECTION_ACCURACY,
    MODEL_SELECTION_BALANCED_ACCURACY,
    MODEL_SELECTION_F1,
    MODEL_SELECTION_MCC,
    MODEL_SELECTION_AUROC,
    MODEL_SELECTION_AVERAGE_PRECISION,
    MODEL_SELECTION_LOG_LOSS
};

struct model_selection_set {
    const float *x; /* [.., dim] */
    const int32_t *label;
    const int64_t *pick; /* [n] the labelled rows, ascending */
    int64_t n;
};

struct model_selection {
    struct model_selection_set train;
    const struct model_selection_set *val; /* or NULL: folds */
    const int *fold;              /* [train.n], by position in pick */
    int n_folds;
    int64_t dim;
    int n_classes, positive;
    const double *C; /* ascending */
    int n_C;
    enum model_selection_by by;
    const char *class_weight; /* "none", "balanced", or numbers with commas, one a class */
    struct logreg_limits limits;
    void (*step)(void *arg, int n_done, int n_all); /* after each fit; may be NULL */
    void *step_arg;
};

struct selected_model {
    int i_best;
    double *score; /* [n_C], higher is better */
    double *proba; /* of val, or out of fold of train: [n,n_classes] at the best C */
    int64_t n;
    struct logreg_model model; /* fitted on all of train at the best C */
    struct logreg_report report;
    int n_missed; /* fits of the grid that missed the limit */
};

int model_selection_run(const struct model_selection *c, struct thread_pool *pool, struct selected_model *choice,
                        struct fmt_error *e);
void model_selection_release(struct selected_model *choice);

/* Whether the text may be right for some rows: none, balanced, or two or more numbers. */
bool model_selection_class_weights_valid(const char *text);

#endif
