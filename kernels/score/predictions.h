/* predictions.h - one line per predicted row: tab-separated text under a line of column names, or JSON lines. The
 * inputs and the positive class come first: lines that begin with '#', or one JSON line. */
#ifndef PREDICTIONS_H
#define PREDICTIONS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "score-inputs.h"
#include "scores.h"
#include "file.h"

struct predictions {
    struct file_out out;
    bool json, with_votes; /* votes of k neighbours after the probabilities */
    int n_classes;
    char *const *class_name;
    FILE *line; /* the current line, in memory */
    char *text;
    size_t bytes;
};

/* tool: its name. plan: classes, and which is positive; the names live until predictions_commit. */
int predictions_create(struct predictions *p, const char *path, bool json, bool with_votes, const char *tool,
                       const struct scores_plan *plan, const struct score_inputs *inputs, struct fmt_error *e);
/* Row i: columns key, group_name, extra, group_view, label, proba; with votes: of k neighbours, votes [n_classes]. */
int predictions_add(struct predictions *p, const struct rows *rows, int64_t i, int k, const double *votes,
                    struct fmt_error *e);
int predictions_commit(struct predictions *p, struct fmt_error *e); /* also releases */

#endif
