/* scores-level.h - the levels that are scored: images, their groups, each view number; and the rows of a level, made
 * from those of images.
 *
 *   struct scores_level_rows l;
 *   scores_level_rows_open(&l, &rows, &scores_levels[SCORES_GROUPS], -1, positive, false, pool, e);
 *   l.rows, l.ranking
 *   scores_level_rows_close(&l);
 */
#ifndef SCORES_LEVEL_H
#define SCORES_LEVEL_H

#include <stdbool.h>
#include <stdint.h>

#include "ranking.h"
#include "rows.h"
#include "thread.h"

/* What is scored: what a level is called, how its rows are made from those of images, and which operating points it
 * has. Another level is a line in scores_levels. */
struct scores_level {
    const char *name, *heading; /* "group": for programs; "groups": for people */
    const int64_t *(*unit)(const struct rows *r, int64_t *n_units); /* rows of one number are joined; NULL: none */
    const int32_t *(*part)(const struct rows *r);                   /* each number is scored for itself; NULL: all */
    int points; /* index of the level whose operating points it has: its own, or one before it */
    int stored; /* enum linear_level: its points are stored with a classifier as those; or SCORES_NOT_STORED */
};

enum { SCORES_IMAGES, SCORES_GROUPS, SCORES_VIEWS, SCORES_LEVELS };
enum { SCORES_NOT_STORED = -1 };
extern const struct scores_level scores_levels[SCORES_LEVELS];

/* The labelled rows of a level. */
struct scores_level_rows {
    struct rows rows;
    int64_t n_mixed; /* groups of mixed labels that were left out */
    struct ranking ranking;
};

/* number: the part of a level that has parts, else -1. positive, group_mean: see group_scores. */
int scores_level_rows_open(struct scores_level_rows *l, const struct rows *rows, const struct scores_level *level,
                           int32_t number, int positive, bool group_mean, struct thread_pool *pool,
                           struct fmt_error *e);
void scores_level_rows_close(struct scores_level_rows *l);

/* Whether a level that joins rows has fewer rows than there are images: some labelled rows share a unit. */
int scores_level_joins_rows(const struct scores_level *level, const struct rows *rows, bool *joins,
                            struct fmt_error *e);

#endif
