/* knn-part.h - the votes of a part of a search (part.h) as a file: what a task of a job array writes, and what the one
 * that joins them reads instead of searching.
 *
 *   knn_part_write("part-2.json", part, &job, own, e);          own: the part's rows of the sets that are searched for
 *   knn_part_read("part-2.json", &job, all, &part, e);          all: all rows; sets the votes of those of the part
 *
 * JSON lines: a head that says what was searched, then a line for each row of the first set, then of the others:
 *
 *   {"report":"votes","tool":"feat-knn","part":"2/7","classes":[...],"k":[3,5],"temperature":0.07, ...}
 *   {"key":"a.jpeg","votes":[[0.25,0.75],[0.125,0.625]]}          for each k a vote of each class
 *   {"sha256":"..."}                                              of all bytes before this last line
 *
 * Votes have 17 digits, so that the same float64 is read back.
 */
#ifndef KNN_PART_H
#define KNN_PART_H

#include <stdbool.h>

#include "part.h"
#include "rows.h"
#include "score-inputs.h"
#include "scores.h"

enum { KNN_PART_SETS = 2 };

/* What was searched: votes of two parts belong together if all of this is the same, paths aside. */
struct knn_part_job {
    const char *tool;
    const struct scores_plan *plan;    /* classes */
    const struct score_inputs *inputs; /* identities of the files */
    const int *ks;
    int n_ks;
    double temperature;
    bool leave_group_out;
    int64_t n_rows[KNN_PART_SETS]; /* of all parts together */
    int n_sets;
};

struct knn_part_rows {
    const struct rows *rows; /* column key */
    double *votes;           /* [n_ks, rows->n, n_classes] */
};

/* Whether the file may be one that knn_part_write wrote: it is JSON, as features are not. */
bool knn_part_is(const char *path);
/* own, all: [n_sets]. */
int knn_part_write(const char *path, struct part part, const struct knn_part_job *job,
                   const struct knn_part_rows *own, struct fmt_error *e);
/* FMT_INVALID: no such file, or it has other rows; FMT_TRUNCATED: it is cut; FMT_CHECKSUM: it is
 * damaged; FMT_MISMATCH: it is of another job. */
int knn_part_read(const char *path, const struct knn_part_job *job, const struct knn_part_rows *all,
                  struct part *part, struct fmt_error *e);

#endif
