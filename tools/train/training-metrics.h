/* training-metrics.h - what is logged of a run: medians over the last 20 steps, as the published code logs them.
 *
 * A line of training_metrics.json holds the published names but those of time, then our own: the KL term, gradient
 * norms before clipping, signs of collapse and their verdict. It is a function of the steps only; figures of time
 * go to training_times.json. The window holds steps from before a checkpoint, so it is part of the state of a run.
 */
#ifndef TRAINING_METRICS_H
#define TRAINING_METRICS_H

#include <stdbool.h>
#include <stdint.h>

#include "collapse.h"
#include "fmt.h"
#include "rank-times.h"
#include "schedule.h"
#include "step.h"

enum { TRAINING_METRICS_WINDOW = 20, TRAINING_METRICS_PERIOD = 10, TRAINING_METRICS_TEXT_MAX = 300 };

/* Whether an iteration has a line; last: of the run. */
static inline bool training_metrics_due(int64_t iteration, bool last)
{
    return last || iteration % TRAINING_METRICS_PERIOD == 0;
}

/* The names in the file, in its order. */
#define TRAINING_METRICS_LIST(X) \
    X(lr) X(wd) X(mom) X(last_layer_lr) X(current_batch_size) X(total_loss) X(dino_local_crops_loss) \
    X(dino_global_crops_loss) X(koleo_loss) X(ibot_loss) X(kl_loss) X(gradient_norm_backbone) \
    X(gradient_norm_dino_head) X(gradient_norm_ibot_head) X(teacher_entropy) X(teacher_entropy_mean) \
    X(feature_rank) X(prototypes_used) X(koleo_left_out)
enum metric {
#define X(name) METRIC_##name,
    TRAINING_METRICS_LIST(X)
#undef X
    METRICS
};

/* Zero-initialise. count: steps so far; the newest is at (count - 1) % TRAINING_METRICS_WINDOW. */
struct training_metrics {
    double window[METRICS][TRAINING_METRICS_WINDOW];
    int64_t count;
};

/* Adds a step; one that was skipped is not added. */
void training_metrics_push(struct training_metrics *m, const struct schedule_rates *rates, int64_t batch,
                           const struct step_result *r);
/* The lower median of what is in the window; NaN before the first push. */
double training_metrics_median(const struct training_metrics *m, enum metric i);
struct collapse_signs training_metrics_signs(const struct training_metrics *m);

/* {"iteration": 90, "lr": ..., "replaced": 0, "collapse": "none"}, without a newline; a value that is not there is
 * null. n_replaced: samples since the beginning of the run. */
int training_metrics_line(const struct training_metrics *m, int64_t iteration, int64_t n_replaced,
                          enum collapse_verdict verdict, struct fmt_buffer *out, struct fmt_error *e);

/* Zero-initialise. Seconds of the last 20 steps, and in total since the start of the process. */
struct training_times {
    double iter[TRAINING_METRICS_WINDOW], data[TRAINING_METRICS_WINDOW];
    double iter_total, data_total;
    int64_t count;
};
void training_times_add(struct training_times *t, double iter_seconds, double data_seconds);
/* {"iteration": 90, "iter_time": ..., "data_time": ..., "images_per_second": ..., "data_wait": ...}; ranks: NULL, or
 * of several processes, then also "own_time": ..., "slowest_rank": 1, "slowest_time": ..., "slowest_in": "data" */
int training_times_line(const struct training_times *t, int64_t iteration, int64_t batch,
                        const struct rank_report *ranks, struct fmt_buffer *out, struct fmt_error *e);

/* A line for users: the newest figures of both, and the time that n_left more iterations take. */
void training_metrics_text(const struct training_metrics *m, const struct training_times *t, int64_t iteration,
                           int64_t n_left, int64_t batch, enum collapse_verdict verdict,
                           char out[TRAINING_METRICS_TEXT_MAX]);

#endif
