/* update-loops.h - the inner loops of the sweep over parameters (simd-update.c). */
#ifndef UPDATE_LOOPS_H
#define UPDATE_LOOPS_H

#include "update.h"

struct update_loops {
    void (*adamw)(const struct update *u, const struct update_range *r, int64_t at, int64_t n);
    void (*sgd)(const struct update *u, const struct update_range *r, int64_t at, int64_t n);
};

#endif
