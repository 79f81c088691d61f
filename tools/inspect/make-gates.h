/* make-gates.h - the gates of an inspector, from good photographs of its site: they become the reference, and limits
 * are chosen so that each gate stops few of them.
 *
 *   make_gates(&list, &judge, &(struct make_gates){0.005, 0.95, warn}, e);       list: photographs (photo-list.h)
 */
#ifndef MAKE_GATES_H
#define MAKE_GATES_H

#include "judge.h"

struct make_gates {
    double share, confidence; /* each gate stops at most this share of good installations; 0: on average */
    void (*warn)(const char *format, ...);
};

/* Sets the judge's gates. The photographs of the positive class are taken from the list before any is read. Those that
 * are damaged or cannot be read are left out, and counted in a warning; another one names photographs that are far from
 * all others and decide the limit of the distance (gate_find_odd). Shows progress. FMT_INVALID: there are no good
 * ones. */
int make_gates(struct photo_list *list, struct judge *j, const struct make_gates *m, struct fmt_error *e);

#endif
