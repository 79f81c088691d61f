/* schedule.c - the entries of the published arrays. Operations are in their order, so the bits are theirs too, except
 * the cosine's last one, which differs between mathematical libraries. */
#include "schedule.h"

#include <math.h>

#include "config.h"

double schedule_at(const struct schedule *s, int64_t iteration)
{
    if (iteration >= s->total)
        return s->final;
    int64_t i = iteration - s->freeze;
    if (i < 0)
        return 0;
    if (i < s->warmup) { /* numpy's linspace: multiples of the step, the last entry exact */
        if (s->warmup == 1)
            return s->start;
        return i == s->warmup - 1 ? s->base : (double)i * ((s->base - s->start) / (double)(s->warmup - 1)) + s->start;
    }
    double length = (double)(s->total - s->warmup - s->freeze),
           angle = 3.14159265358979323846 * (double)(i - s->warmup);
    return s->final + 0.5 * (s->base - s->final) * (1 + cos(angle / length));
}

struct schedules schedules_from(const struct config *config, int n_ranks)
{
    int64_t epoch = config->train.OFFICIAL_EPOCH_LENGTH, total = config_iterations(config);
    double peak = config_peak_lr(config, n_ranks);
    int64_t warm = config->teacher.warmup_teacher_temp_epochs * epoch;
    return (struct schedules){
        .lr = {peak, config->optim.min_lr, 0, total, config->optim.warmup_epochs * epoch, 0},
        .weight_decay = {config->optim.weight_decay, config->optim.weight_decay_end, 0, total, 0, 0},
        .momentum = {config->teacher.momentum_teacher, config->teacher.final_momentum_teacher, 0, total, 0, 0},
        .teacher_temp = {config->teacher.teacher_temp, config->teacher.teacher_temp,
                         config->teacher.warmup_teacher_temp, warm, warm, 0},
        .last_layer_frozen = config->optim.freeze_last_layer_epochs * epoch,
    };
}

struct schedule_rates schedules_at(const struct schedules *s, int64_t iteration)
{
    double lr = schedule_at(&s->lr, iteration);
    return (struct schedule_rates){
        .lr = lr,
        .last_layer_lr = iteration < s->last_layer_frozen ? 0 : lr,
        .weight_decay = schedule_at(&s->weight_decay, iteration),
        .momentum = schedule_at(&s->momentum, iteration),
        .teacher_temp = schedule_at(&s->teacher_temp, iteration),
    };
}
