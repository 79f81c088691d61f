/* run-lines.h - the numbers in a run's files of JSON lines, by iteration.
 *
 *   static const char *const names[] = {"lr", "total_loss"};
 *   run_lines_read(&l, "run/training_metrics.json", names, 2, e);
 *   l.iteration[i], l.value[k][i]          NAN: null, not a number, or missing
 *   run_lines_release(&l);
 *
 * A name "knn_top1/20" is the member 20 of the object knn_top1. Iterations rise: a line that goes back replaces those
 * from its iteration on, as a resumed run does.
 */
#ifndef RUN_LINES_H
#define RUN_LINES_H

#include <stdbool.h>
#include <stdint.h>

#include "fmt.h"

enum { RUN_LINES_NAMES = 24, RUN_LINES_WORD = 16 };

struct run_lines {
    int64_t n;
    double *iteration;               /* [n] */
    double *value[RUN_LINES_NAMES];  /* [n] of each name */
    char (*word)[RUN_LINES_WORD];    /* [n] of "collapse", cut; "" none */
    int64_t n_bad, n_replaced;       /* lines that are none, lines that were replaced */
    bool exists;
    int64_t capacity;
};

/* A file that is not there has no lines: exists is false. */
int run_lines_read(struct run_lines *l, const char *path, const char *const *name, int n_names, struct fmt_error *e);
void run_lines_release(struct run_lines *l);

/* The members of an object in the first line that has it: their names, at most `most`, in the order of the
 * file. For free() each. Returns how many. */
int run_lines_members(const char *path, const char *object, char **member, int most);

#endif
