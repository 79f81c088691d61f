/* predictions.h - one line per predicted row, or per group of rows: tab-separated text under a line of column names, or
 * JSON lines. The inputs and the positive class come first: lines that begin with '#', or one JSON line.
 *
 *   predictions_create(&p, "predictions.json", &head, e);
 *   for each row: predictions_add(&p, &rows, i, 0, NULL, e);
 *   predictions_commit(&p, e);
 *
 * A line of rows has key, group, shot, label, prediction, scores [n_classes]; one of groups has group, photographs,
 * key and shot (of the photograph that decides, group-scores.h), label, prediction, scores. In JSON a row also has its
 * content, the SHA-256 of the file, where it is known. feat-logreg(1) has the names. Scores are probabilities in the
 * order of the classes; or distances (plan->distances, "scores":"distances" in the head): raw numbers, the larger the
 * more positive, its negative for the other class, and no prediction.
 */
#ifndef PREDICTIONS_H
#define PREDICTIONS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "score-inputs.h"
#include "scores.h"
#include "file.h"

/* What the lines are of. All that it points to lives until predictions_commit. */
struct predictions_head {
    const char *tool; /* its name */
    const char *of;   /* "query", "out-of-fold", "out-of-group" */
    const struct scores_plan *plan; /* classes, which is positive, how a group is scored */
    const struct score_inputs *inputs;
    bool json;
    bool with_votes; /* of k neighbours: k, and the votes after the probabilities */
    bool groups;     /* a line per group */
    bool of_tiles;   /* a line per photograph of several rows that were voted for: k, but no votes */
};

struct predictions {
    struct predictions_head head;
    struct file_out out;
    FILE *line; /* the current line, in memory */
    char *text;
    size_t bytes;
};

int predictions_create(struct predictions *p, const char *path, const struct predictions_head *head,
                       struct fmt_error *e);
/* Row i: columns key, group_name, extra, group_view, label, proba; with votes: of k neighbours, votes [n_classes],
 * which groups and photographs of tiles do not have (NULL). Of groups: rows as group_rows makes them. */
int predictions_add(struct predictions *p, const struct rows *rows, int64_t i, int k, const double *votes,
                    struct fmt_error *e);
int predictions_commit(struct predictions *p, struct fmt_error *e); /* also releases */

/* A line for each group of these rows, by k neighbours where the head is with votes. */
int predictions_add_groups(struct predictions *p, const struct rows *rows, int k, struct fmt_error *e);

#endif
