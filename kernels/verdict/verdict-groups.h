/* verdict-groups.h - groups of photographs with their scores, labels and views, from rows of predictions.
 *
 *   struct verdict_groups g;
 *   verdict_groups_make(&g, &rows, (struct verdict_classes){.faulty = 1, .good = -1}, e);
 *   photographs of group i: g.score[k], g.view[k], k = g.first[i] .. g.first[i + 1] - 1
 *   verdict_groups_score(&g, &rule, score);                     of each group
 *   n = verdict_groups_complete(&g, &rule, score, faulty);      what thresholds are chosen on
 *   verdict_groups_release(&g);
 */
#ifndef VERDICT_GROUPS_H
#define VERDICT_GROUPS_H

#include <stdint.h>

#include "fmt.h"
#include "rows.h"
#include "verdict.h"

/* One of the two, the other -1. The score of a photograph is the probability of the faulty class, or what is left to 1
 * by that of the good one, where there are several kinds of faults. */
struct verdict_classes {
    int faulty, good;
};

struct verdict_groups {
    int64_t n;
    int64_t *first;    /* [n + 1] */
    double *score;     /* [first[n]] */
    int32_t *view;     /* [first[n]] -1: not known */
    int64_t *row;      /* [first[n]] which row it was */
    int *n_views;      /* [n] that they show, see view-count.h */
    int8_t *faulty;    /* [n] 1: a photograph is labelled so; 0: all that have a label are good; -1: none has one */
    const char **name; /* [n] of the group; of a photograph without one its key; not copied */
};

/* rows: columns proba, label, group, group_view, group_name, key; content where it is known. Groups are in the order of
 * their numbers, photographs in that of their rows. */
int verdict_groups_make(struct verdict_groups *g, const struct rows *rows, struct verdict_classes classes,
                        struct fmt_error *e);
void verdict_groups_release(struct verdict_groups *g);

static inline int verdict_groups_size(const struct verdict_groups *g, int64_t i)
{
    return (int)(g->first[i + 1] - g->first[i]);
}
static inline int verdict_groups_views(const struct verdict_groups *g, int64_t i)
{
    return g->n_views[i];
}

/* score [n] of every group by the rule. */
void verdict_groups_score(const struct verdict_groups *g, const struct verdict_rule *r, double *score);
/* Moves the scores of groups with as many views as the rule expects, and with a score, to the front, with what they
 * are: faulty [n]. Returns how many there are. */
int64_t verdict_groups_complete(const struct verdict_groups *g, const struct verdict_rule *r, double *score,
                                int8_t *faulty);

#endif
