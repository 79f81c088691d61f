/* teacher-values.h - the values of the teacher, piece by piece, for the one process that writes or compares them: no
 * process need hold them all.
 *
 *   teacher_values_use(step, work, &arg, e);              all processes call it; process 0 alone runs work():
 *       teacher_values_read(v, i_row, first, n, out, e)   in any order; the others send it what it does not hold
 *
 * Process 0 leads: it tells the others what it needs next, and when it has finished, so that work() may stop at any
 * point, as on a full disk.
 */
#ifndef TEACHER_VALUES_H
#define TEACHER_VALUES_H

#include <stdint.h>

#include "fmt.h"

struct step;
struct teacher_values;

typedef int teacher_work(void *arg, struct teacher_values *v, struct fmt_error *e);
/* Returns the same status in all processes. */
int teacher_values_use(struct step *step, teacher_work *work, void *arg, struct fmt_error *e);

/* out [n] = elements [first, first + n) of a row of the teacher's table. From within work() only. */
int teacher_values_read(struct teacher_values *v, int i_row, int64_t first, int64_t n, float *out,
                        struct fmt_error *e);

#endif
