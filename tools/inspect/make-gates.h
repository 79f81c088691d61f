/* make-gates.h - the gates of an inspector, from good photographs of its site: they become the reference, and limits
 * are chosen so that each gate stops few of them.
 *
 *   make_gates(&list, &judge, &promise, e);       list: photographs (photo-list.h)
 */
#ifndef MAKE_GATES_H
#define MAKE_GATES_H

#include "judge.h"

/* Sets the judge's gates: each stops at most `share` of good installations, with `confidence`. The photographs of the
 * positive class are taken from the list before any is read; those that cannot be read are left out. Shows progress.
 * FMT_INVALID: there are no good ones. */
int make_gates(struct photo_list *list, struct judge *j, double share, double confidence, struct fmt_error *e);

#endif
