/* drift.h - whether groups of two kinds, those of a reference and those of today, are drawn from the same distribution.
 *
 *   struct drift_part part[] = {{.name = "all"}, {.name = "view 1", .in = of_view_1}, ...};
 *   drift_sums(&rows, part, n_parts, pool, e);        distances between photographs, summed for each pair of groups
 *   drift_test(&test, part, n_parts, pool, e);        part[p].drift, .limit, .alarm
 *   drift_release(part, n_parts);
 *
 * The statistic is the energy distance (Szekely and Rizzo 2013, Energy statistics, eq. 2 and their coefficient H),
 * without pairs of rows of the same group, which are alike:
 *
 *     drift = (2 d(r,t) - d(r,r') - d(t,t')) / (2 d(r,t))       d: mean distance of two rows of different groups
 *
 * 0 for the same distribution (a little below or above by chance), 1 for two that are each a single point.
 *
 * The test is a permutation test: were there no drift, every division of all groups into as many of today would be as
 * likely as the one that came. Groups are exchanged whole. For several parts (views, cameras, scores) each has the
 * share of divisions whose drift is as large, and the smallest of these shares is compared with the smallest of every
 * division (Westfall and Young 1993): the probability that any part raises a false alarm is at most 1 - level, exactly,
 * for any distribution and however the parts depend on each other.
 */
#ifndef DRIFT_H
#define DRIFT_H

#include <stdbool.h>
#include <stdint.h>

#include "fmt.h"
#include "thread.h"

/* All rows, those of both kinds, sorted by group: rows first[g] .. first[g + 1] - 1 are those of group g. */
struct drift_rows {
    int64_t n_groups;
    const int64_t *first; /* [n_groups + 1] */
    const uint8_t *today; /* [n_groups] 1: of today, 0: of the reference */
};

/* Values of all rows, and the distances of these: Euclidean, of columns that drift_scale has made alike. */
struct drift_values {
    const float *x; /* [n,dim] */
    int64_t dim;
};

struct drift_part {
    const char *name;
    const uint8_t *in;                 /* [n] 1: the row belongs to it; NULL: all do */
    const struct drift_values *values; /* what its distances are of */
    /* set by drift_sums, released by drift_release */
    float *sum;     /* [n_groups,n_groups] distances between its rows of two groups; 0 on the diagonal */
    int64_t *count; /* [n_groups] its rows */
    /* set by drift_test */
    int64_t n_rows[2], n_groups[2]; /* of the reference, of today */
    bool judged; /* enough groups of both kinds; else there is no alarm */
    double drift; /* -INFINITY: not judged */
    double limit; /* without drift all parts are below theirs with the probability level; INFINITY: too few divisions */
    double p;     /* the probability, at most, of such an alarm in any part without drift */
    bool alarm;   /* drift is at or above both limit and tolerance */
};

struct drift_test {
    const struct drift_rows *rows;
    int64_t least_groups; /* with rows of a part, of both kinds: with fewer it is not judged; at least 2 */
    int n_permutations;
    double level;     /* 0.99: one false alarm in 100 */
    double tolerance; /* smaller drift is none, even where it is certain */
    uint64_t seed;
};

/* x [n,dim] in place: each column less its mean, over its deviation, of all rows; a constant one becomes zeros. So no
 * unit and no camera's range decides; and as rows of both kinds are used alike, the test stays exact. */
void drift_scale(float *x, int64_t n, int64_t dim);

int drift_sums(const struct drift_rows *rows, struct drift_part *part, int n_parts, struct thread_pool *pool,
               struct fmt_error *e);
int drift_test(const struct drift_test *test, struct drift_part *part, int n_parts, struct thread_pool *pool,
               struct fmt_error *e);
void drift_release(struct drift_part *part, int n_parts);

/* distance [n]: the mean distance of each row to its nearest five rows of the reference in other groups; 0 where there
 * are none. */
void drift_nearest(const struct drift_rows *rows, const struct drift_values *values, double *distance,
                   struct thread_pool *pool);

#endif
