/* groups.h - rows that belong together (shots of one installation): numbers for their names, folds that keep them
 * together, and one row of scores for each. */
#ifndef GROUPS_H
#define GROUPS_H

#include <stdbool.h>
#include <stdint.h>

#include "digest.h"
#include "fmt.h"

/* Numbers 0 .. n_groups-1 in order of first appearance; a row without a name ("") is a group of its own. Names of
 * several lists in one call share their numbers. */
struct groups_names {
    const char *const *name; /* [n] */
    int64_t n;
    int64_t *group; /* [n] out */
};
int groups_number(struct groups_names *list, int n_lists, int64_t *n_groups, struct fmt_error *e);

/* Groups that share an image become one, so that no image stands in two folds. content [n]: SHA-256 of each row's
 * image, zeros: not known. Renumbers in order of first appearance. */
int groups_join(int64_t *group, int64_t n, const uint8_t *const *content, int64_t *n_groups, struct fmt_error *e);

/* Renumbers 0 .. n_groups-1 in order of first appearance, for a part of the rows. */
int groups_compact(int64_t *group, int64_t n, int64_t n_groups_before, int64_t *n_groups, struct fmt_error *e);

/* fold [n], 0 .. n_folds-1: groups stay whole; the groups of each class (of a group of mixed labels the highest) are
 * dealt out in an order drawn from the seed. */
int groups_folds(const int64_t *group, int64_t n_groups, const int32_t *label, int64_t n, int n_folds, uint64_t seed,
                 int *fold, struct fmt_error *e);

/* A sample for work that costs much for each row: about n_wanted labelled rows (all, if there are no more), shared
 * alike among the classes as far as these have rows, groups whole (one of mixed labels is of the highest), spread
 * evenly over the groups of a class. weight [n]: how many rows each stands for; 0: left out. */
int groups_sample(const int64_t *group, int64_t n_groups, const int32_t *label, int64_t n, int64_t n_wanted,
                  double *weight, struct fmt_error *e);

/* Scores of groups from scores of rows. Two classes: the score of the positive is the largest or the mean of the
 * rows', and the group is positive if a row is. More: probabilities are means, or largest values over their sum, and
 * groups of mixed labels are left out. proba [n_groups,n_classes], label, origin (number of the group) [n_groups]. */
struct groups_scores {
    int64_t n, n_mixed;
    double *proba;
    int32_t *label;
    int64_t *origin;
};
int groups_score(const double *proba, const int32_t *label, const int64_t *group, int64_t n, int64_t n_groups,
                 int n_classes, int positive, bool mean, struct groups_scores *out, struct fmt_error *e);
void groups_scores_release(struct groups_scores *s);

#endif
