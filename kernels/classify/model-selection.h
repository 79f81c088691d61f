/* model-selection.h - selects C. Every value of a grid is fitted, with a warm start from the previous one, and scored
 * on rows that it was not fitted to: a validation set, or each fold by a classifier of the other folds; groups stay
 * whole.
 *
 *   model_selection_run(&s, &device, &best, e);     best.i_best, .score[i]; best.proba of the validated rows
 *   model_selection_release(&best);
 */
#ifndef MODEL_SELECTION_H
#define MODEL_SELECTION_H

#include <stdbool.h>
#include <stdint.h>

#include "logreg.h"

#define MODEL_SELECTION_BY "accuracy|balanced-accuracy|f1|mcc|auroc|average-precision|log-loss"

struct model_selection {
    const struct rows *train, *val; /* all rows labelled; val NULL: the folds of train */
    int n_folds;
    int n_classes, positive;
    const double *C; /* ascending */
    int n_C;
    const char *by; /* the criterion, "accuracy" (MODEL_SELECTION_BY); of equally good values of C the smallest wins */
    const char *class_weight; /* "none", "balanced", or numbers with commas, one per class */
    struct logreg_limits limits;
    void (*step)(void *arg, int n_done, int n_all); /* after each fit; may be NULL */
    void *step_arg;
};

struct selected_model {
    int i_best;
    double *score; /* [n_C], higher is better */
    double *proba; /* of val, or out of fold of train: [n,n_classes] at the best C */
    struct logreg_model model; /* fitted to all of train at the best C */
    struct logreg_report report;
    int n_not_converged; /* fits of the grid */
};

int model_selection_run(const struct model_selection *s, const struct device *device, struct selected_model *best,
                        struct fmt_error *e);
void model_selection_release(struct selected_model *best);

/* Whether the text is valid for some number of classes: none, balanced, or two or more numbers. */
bool model_selection_class_weights_valid(const char *text);

#endif
