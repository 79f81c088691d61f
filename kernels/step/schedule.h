/* schedule.h - the rates of a step as functions of its iteration. The published code stores them as arrays; here they
 * are computed on demand, in double and by the same operations, so that a resumed run needs only its iteration.
 *
 * A schedule is [0] * freeze, then linspace(start, base, warmup) with both ends, then half a cosine from base to final
 * over the rest of total; from total on it is final. Inside the array the cosine never reaches final.
 */
#ifndef SCHEDULE_H
#define SCHEDULE_H

#include <stdint.h>

struct config;

struct schedule {
    double base, final, start; /* start: of the warm-up */
    int64_t total, warmup, freeze;
};

double schedule_at(const struct schedule *s, int64_t iteration);

/* The values at one iteration. */
struct schedule_rates {
    double lr, last_layer_lr; /* last_layer_lr is lr, or 0 in the first freeze_last_layer_epochs */
    double weight_decay, momentum, teacher_temp;
};

struct schedules {
    struct schedule lr, weight_decay, momentum, teacher_temp;
    int64_t last_layer_frozen; /* iterations */
};

/* From optim.*, teacher.* and train.OFFICIAL_EPOCH_LENGTH, for a run of n_ranks processes (config_peak_lr). */
struct schedules schedules_from(const struct config *config, int n_ranks);
struct schedule_rates schedules_at(const struct schedules *s, int64_t iteration);

#endif
