/* training-metrics.c - windows of 20 values, their lower medians, and lines of JSON. */
#include "training-metrics.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "json-line.h"
#include "num.h"

static const char *const names[METRICS] = {
#define X(name) #name,
    TRAINING_METRICS_LIST(X)
#undef X
};

void training_metrics_push(struct training_metrics *m, const struct schedule_rates *rates, int64_t batch,
                           const struct step_result *r)
{
    const double values[METRICS] = {
        [METRIC_lr] = rates->lr,
        [METRIC_wd] = rates->weight_decay,
        [METRIC_mom] = rates->momentum,
        [METRIC_last_layer_lr] = rates->last_layer_lr,
        [METRIC_current_batch_size] = (double)batch,
        [METRIC_total_loss] = r->total_loss,
        [METRIC_dino_local_crops_loss] = r->dino_local_crops_loss,
        [METRIC_dino_global_crops_loss] = r->dino_global_crops_loss,
        [METRIC_koleo_loss] = r->koleo_loss,
        [METRIC_ibot_loss] = r->ibot_loss,
        [METRIC_kl_loss] = r->kl_loss,
        [METRIC_gradient_norm_backbone] = step_grad_norm(r, VIT_MODULE),
        [METRIC_gradient_norm_dino_head] = step_grad_norm(r, HEAD_DINO),
        [METRIC_gradient_norm_ibot_head] = step_grad_norm(r, HEAD_IBOT),
        [METRIC_teacher_entropy] = r->teacher_entropy,
        [METRIC_teacher_entropy_mean] = r->teacher_entropy_mean,
        [METRIC_feature_rank] = r->feature_rank,
        [METRIC_prototypes_used] = r->prototypes_used,
        [METRIC_koleo_left_out] = (double)r->n_koleo_left_out,
    };
    for (int i = 0; i < METRICS; i++)
        m->window[i][m->count % TRAINING_METRICS_WINDOW] = values[i];
    m->count++;
}

static double lower_median(const double *window, int64_t count)
{
    double sorted[TRAINING_METRICS_WINDOW];
    size_t n = count < TRAINING_METRICS_WINDOW ? (size_t)count : TRAINING_METRICS_WINDOW;
    if (n == 0)
        return NAN;
    memcpy(sorted, window, n * sizeof *sorted);
    qsort(sorted, n, sizeof *sorted, num_order_f64);
    return sorted[(n - 1) / 2];
}

double training_metrics_median(const struct training_metrics *m, enum metric i)
{
    return lower_median(m->window[i], m->count);
}

struct collapse_signs training_metrics_signs(const struct training_metrics *m)
{
    return (struct collapse_signs){
        training_metrics_median(m, METRIC_teacher_entropy), training_metrics_median(m, METRIC_teacher_entropy_mean),
        training_metrics_median(m, METRIC_feature_rank), training_metrics_median(m, METRIC_prototypes_used)};
}

int training_metrics_line(const struct training_metrics *m, int64_t iteration, int64_t n_replaced,
                          enum collapse_verdict verdict, struct fmt_buffer *out, struct fmt_error *e)
{
    struct json_line l = json_line_begin(out);
    json_line_int(&l, "iteration", iteration);
    for (int i = 0; i < METRICS; i++)
        json_line_real(&l, names[i], training_metrics_median(m, (enum metric)i));
    json_line_int(&l, "replaced", n_replaced);
    json_line_text(&l, "collapse", collapse_word(verdict));
    return json_line_end(&l, e);
}

void training_times_add(struct training_times *t, double iter_seconds, double data_seconds)
{
    t->iter[t->count % TRAINING_METRICS_WINDOW] = iter_seconds;
    t->data[t->count % TRAINING_METRICS_WINDOW] = data_seconds;
    t->iter_total += iter_seconds;
    t->data_total += data_seconds;
    t->count++;
}

int training_times_line(const struct training_times *t, int64_t iteration, int64_t batch,
                        const struct rank_report *ranks, struct fmt_buffer *out, struct fmt_error *e)
{
    double iter = lower_median(t->iter, t->count);
    struct json_line l = json_line_begin(out);
    json_line_int(&l, "iteration", iteration);
    json_line_fixed(&l, "iter_time", iter, 6);
    json_line_fixed(&l, "data_time", lower_median(t->data, t->count), 6);
    json_line_rounded(&l, "images_per_second", (double)batch / iter, 6);
    json_line_fixed(&l, "data_wait", t->data_total / t->iter_total, 4);
    if (ranks) {
        json_line_fixed(&l, "own_time", ranks->median, 6);
        json_line_int(&l, "slowest_rank", ranks->slowest);
        json_line_fixed(&l, "slowest_time", ranks->time, 6);
        json_line_text(&l, "slowest_in", rank_part_name[ranks->part]);
    }
    return json_line_end(&l, e);
}

void training_metrics_text(const struct training_metrics *m, const struct training_times *t, int64_t iteration,
                           int64_t n_left, int64_t batch, enum collapse_verdict verdict,
                           char out[TRAINING_METRICS_TEXT_MAX])
{
    char left[32];
    double seconds = t->iter_total / (double)t->count;
    clock_duration_text(seconds * (double)n_left, left);
    snprintf(out, TRAINING_METRICS_TEXT_MAX,
             "iteration %" PRId64 ": loss %.4f, gradient norm %.3g, learning rate %.3g, collapse: %s; %.4g images/s, "
             "%.0f %% waiting for data, %s left",
             iteration, training_metrics_median(m, METRIC_total_loss),
             training_metrics_median(m, METRIC_gradient_norm_backbone), training_metrics_median(m, METRIC_lr),
             collapse_word(verdict), (double)batch / seconds, 100 * t->data_total / t->iter_total, left);
}
