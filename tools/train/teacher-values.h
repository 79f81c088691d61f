/* teacher-values.h - the values of the teacher for the process that writes or compares them, piece by piece: nobody
 * need hold all of them.
 *
 *   teacher_values_use(step, work, &arg, e);              all processes call it; the first one does the work:
 *       teacher_values_read(v, i_row, first, n, out, e)   in any order; the others help with what it does not hold
 *
 * The first process leads: it tells the others what it needs next, and when it is done, so that it may end at any time,
 * as on a full disk.
 */
#ifndef TEACHER_VALUES_H
#define TEACHER_VALUES_H

#include <stdint.h>

#include "fmt.h"

struct step;
struct teacher_values;

typedef int teacher_work(void *arg, struct teacher_values *v, struct fmt_error *e);
/* One result in all processes. */
int teacher_values_use(struct step *step, teacher_work *work, void *arg, struct fmt_error *e);

/* Elements [first, first + n) of a row of the teacher's table. */
int teacher_values_read(struct teacher_values *v, int i_row, int64_t first, int64_t n, float *out,
                        struct fmt_error *e);

#endif
