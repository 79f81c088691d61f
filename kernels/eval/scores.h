/* scores.h - from probabilities to everything that is reported: scores of the images, of their groups and of each
 * shot number, with operating points chosen on other rows and intervals that resample groups.
 *
 *   scores_run(&plan, &rows, &choice, pool, &list, e);   list.item[0] images, then groups, then shots
 *   scores_text(out, &plan, &list);  scores_json(out, &plan, &list, head);
 *   scores_release(&list);
 */
#ifndef SCORES_H
#define SCORES_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "bootstrap.h"
#include "threshold.h"
#include "thread.h"

struct cJSON;

struct scores_rows {
    int64_t n;
    const double *proba;  /* [n,n_classes] */
    const int32_t *label; /* [n]; rows with -1 do not count */
    const int64_t *group; /* [n] 0 .. n_groups-1 */
    int64_t n_groups;
    const int32_t *shot; /* [n], -1 none; NULL: none at all */
    const int *fold;     /* NULL, or [n]: thresholds for a fold are chosen on the other folds */
    const double *weight; /* NULL, or [n]: how many rows each stands for in the choice of thresholds; one for a group */
};

struct scores_plan {
    int n_classes;
    char *const *class_name;
    int positive;    /* with two classes */
    bool group_mean; /* a group's score is the mean, else the largest */
    const double *at_recall, *at_precision;
    int n_at_recall, n_at_precision;
    const struct threshold *given[2]; /* NULL, or thresholds for images and for groups that were chosen before */
    struct bootstrap bootstrap;       /* n_resamples 0: no intervals */
};

enum scores_level { SCORES_IMAGES, SCORES_GROUPS, SCORES_SHOT };

struct scores {
    enum scores_level level;
    int32_t shot;
    int64_t n, n_groups, n_mixed; /* rows (images or groups), groups, groups of mixed labels that were left out */
    int n_values, n_points;
    struct threshold *point;
    int n_tries;                 /* above 1: means of so many tries; low, high: the least and the most of them */
    double *values, *low, *high; /* metrics.h; low, high NAN where there is no interval */
    int64_t *confusion;
};

struct scores_list {
    struct scores *item;
    int n, room;
};

/* choice: the rows on which thresholds are chosen; NULL: the given ones are taken, or none. rows itself, with folds,
 * for out-of-fold choice (the threshold told is then that of all rows). */
int scores_run(const struct scores_plan *plan, const struct scores_rows *rows, const struct scores_rows *choice,
               struct thread_pool *pool, struct scores_list *list, struct fmt_error *e);
/* Thresholds of all points on these rows, at a level; for a model. n: scores_n_points. */
int scores_n_points(const struct scores_plan *plan);
int scores_choose(const struct scores_plan *plan, const struct scores_rows *rows, enum scores_level level,
                  struct thread_pool *pool, struct threshold *point, struct fmt_error *e);
/* sum takes the next try of the same work; after the last, scores_average. */
int scores_add_try(struct scores_list *sum, struct scores_list *next, struct fmt_error *e);
void scores_average(struct scores_list *sum);
void scores_release(struct scores_list *list);

/* The first lines of a report: which class is looked for, and what that means for groups. before: what each line begins
 * with. */
void scores_classes_text(FILE *out, const char *before, const struct scores_plan *plan);
void scores_text(FILE *out, const struct scores_plan *plan, const struct scores_list *list);
/* One line for each level; head: keys that come first in each. -1: no memory. */
int scores_json(FILE *out, const struct scores_plan *plan, const struct scores_list *list, const struct cJSON *head);

#endif
