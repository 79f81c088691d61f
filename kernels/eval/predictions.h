/* predictions.h - one line for each row that was predicted: text with tabs under a line of names, or JSON lines. First
 * come what they were made from and the positive class: lines that begin with '#', or a JSON line of its own. */
#ifndef PREDICTIONS_H
#define PREDICTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "score-inputs.h"
#include "scores.h"
#include "file.h"

struct predictions {
    struct file_out out;
    bool json, with_votes; /* votes of k neighbours beside the probabilities */
    int n_classes;
    char *const *class_name;
};

struct predictions_row {
    const char *key, *group, *extra;
    int32_t shot, label; /* -1 none */
    int k;
    const double *proba, *votes; /* [n_classes] */
};

/* tool: its name. plan: classes, and which is positive; the names live until predictions_commit. */
int predictions_create(struct predictions *p, const char *path, bool json, bool with_votes, const char *tool,
                       const struct scores_plan *plan, const struct score_inputs *origins, struct fmt_error *e);
int predictions_add(struct predictions *p, const struct predictions_row *row, struct fmt_error *e);
int predictions_commit(struct predictions *p, struct fmt_error *e); /* also releases */

#endif
