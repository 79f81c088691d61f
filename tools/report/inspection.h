/* inspection.h - all that a report on inspected photographs says, section after section.
 *
 *   struct inspection in = {.cases = &cases, .rule = rule, ...};
 *   inspection_promise(&in, &promise);    of several sources, the first of each kind
 *   inspection_open(&in, e);              scores, curves, choice of what is shown
 *   inspection_write(&in, &page, e);
 *   inspection_close(&in);
 */
#ifndef INSPECTION_H
#define INSPECTION_H

#include "cases.h"
#include "level.h"
#include "neighbours.h"
#include "page.h"
#include "pictures.h"
#include "thread.h"

struct inspection_point { /* a threshold to be marked on the curves */
    char name[48];
    double threshold;
    bool installations; /* of scores of installations, else of photographs */
};
enum { INSPECTION_POINTS_MAX = 8 };

/* Why an installation is shown. */
enum shown_why {
    SHOWN_HELD,      /* in review or incomplete, while its score fails: a gate or a missing view hides a likely fault */
    SHOWN_MISSED,    /* a defect that passes */
    SHOWN_ALARM,     /* a good one that fails */
    SHOWN_REVIEW,    /* the others in review, incomplete */
    SHOWN_FAILED,    /* it fails, and has no label */
    SHOWN_NEAREST,   /* where a threshold is all there is, and none is in review: what is nearest to it */
    SHOWN_LABEL,     /* its label is suspected */
    SHOWN_WHYS
};

struct shown {
    int64_t installation;
    enum shown_why why;
};

struct inspection {
    /* set by the caller */
    const struct cases *cases;
    struct verdict_rule rule;
    bool thresholds_given; /* of the rule, by the user */
    struct promise_outcome promise[PROMISE_KINDS];
    int n_promises;
    struct bootstrap bootstrap;
    struct inspection_point point[INSPECTION_POINTS_MAX];
    int n_points;
    int n_shown_max;             /* installations of each kind */
    struct pictures *pictures;
    struct neighbours *neighbours; /* NULL: none are known */
    struct thread_pool *pool;
    /* set by inspection_open */
    bool grouped; /* some installation has several photographs */
    bool decided; /* by a judge or by thresholds; else all are in review for want of them */
    struct level photographs, installations;
    struct level shares; /* installations whose judge says how likely they are faulty, by that */
    struct shown *shown;     /* by why, the worst first; each installation once */
    int64_t n_shown;
    int64_t n_of[SHOWN_WHYS]; /* all of a kind, shown or not */
    int64_t *suspect;         /* installations whose label is suspected, the most suspected first */
    int64_t n_suspects;
    double expected[2];       /* mean scores of those labelled good and defect; NAN */
};

/* Adds a promise, unless there is one of its kind. */
void inspection_promise(struct inspection *in, const struct promise_outcome *p);

/* In review or incomplete, while its score fails. */
static inline bool inspection_is_held(const struct inspection *in, const struct installation *t)
{
    bool known = in->thresholds_given || !in->cases->judged;
    return known && (t->verdict == VERDICT_REVIEW || t->verdict == VERDICT_INCOMPLETE) &&
           t->score >= in->rule.fail_from;
}

int inspection_open(struct inspection *in, struct fmt_error *e);
int inspection_write(struct inspection *in, struct page *p, struct fmt_error *e);
void inspection_close(struct inspection *in);

#endif
