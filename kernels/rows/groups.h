/* groups.h - groups of rows (views of one installation): numbers for their names, and folds that keep groups whole. All
 * functions work on columns of struct rows.
 */
#ifndef GROUPS_H
#define GROUPS_H

#include "rows.h"

/* Sets column `group` from `group_name`: numbers 0 .. n_groups - 1 in order of first appearance; a row without a name
 * ("") is a group of its own. Sets that are numbered in one call share their numbers. */
int groups_number(struct rows *const *set, int n_sets, struct fmt_error *e);

/* Renumbers `group` in order of first appearance, after rows were removed. */
int groups_compact(struct rows *r, struct fmt_error *e);

/* Merges groups that share an image (by `content`). Renumbers in order of first appearance. */
int groups_join(struct rows *r, struct fmt_error *e);

/* Column `fold`, 0 .. n_folds - 1: groups are not divided; the groups of each class (of a group of mixed labels the
 * highest) are dealt out in an order drawn from the seed. */
int groups_folds(struct rows *r, int n_folds, uint64_t seed, struct fmt_error *e);
/* The same, and no image is in two folds, and no text of together [n], as the site of each row: "" none; NULL: none has
 * one. FMT_INVALID: too few groups that share neither. */
int groups_folds_apart(struct rows *r, const char *const *together, int n_folds, uint64_t seed, struct fmt_error *e);

/* The highest label of each group, -1 none: label [n_groups]. Returns the highest of all. */
int32_t groups_labels(const struct rows *r, int32_t *label);

#endif
