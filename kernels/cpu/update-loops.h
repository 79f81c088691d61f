/* update-loops.h - the inner loops of the sweep over parameters (simd-update.c). */
#ifndef UPDATE_LOOPS_H
#define UPDATE_LOOPS_H

#include "update.h"

/* The arrays of a struct update as pointers. */
struct update_arrays {
    float *student, *m, *v, *teacher;
    const float *grad;
};

/* Elements [first, first + n) of the range r. */
struct update_loops {
    void (*adamw)(const struct update *u, const struct update_arrays *a, const struct update_range *r, int64_t first,
                  int64_t n);
    void (*sgd)(const struct update *u, const struct update_arrays *a, const struct update_range *r, int64_t first,
                int64_t n);
};

#endif
