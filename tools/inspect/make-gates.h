/* make-gates.h - the gates of an inspector, from good photographs of its site: they become the reference, and limits
 * are chosen so that each gate stops few of them.
 *
 *   make_gates(&list, &judge, &promise, e);       list: photographs (photo-list.h); the faulty ones do not count
 */
#ifndef MAKE_GATES_H
#define MAKE_GATES_H

#include "judge.h"

/* Sets the judge's gates: each stops at most `share` of good photographs, with `confidence`. Photographs that cannot be
 * read are left out; FMT_INVALID: there are no good ones. */
int make_gates(const struct photo_list *list, struct judge *j, double share, double confidence, struct fmt_error *e);

#endif
