/* schedule.h - what changes from step to step: rates as a function of the iteration, in double, in the operations of
 * the published arrays, computed when asked for instead of stored (a resumed run needs only its iteration).
 *
 * [0] * freeze, then linspace(start, base, warmup) with both ends, then half a cosine from base to final over what
 * is left of total; from total on: final. The cosine never reaches final inside the array.
 */
#ifndef SCHEDULE_H
#define SCHEDULE_H

#include <stdint.h>

struct config;

struct schedule {
    double base, final, start; /* start: where the warm-up begins */
    int64_t total, warmup, freeze;
};

double schedule_at(const struct schedule *s, int64_t iteration);

/* What one step needs to know of them. */
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
