/* optim.h - optimizer parameter groups: which learning rate and decay each parameter of the table has in a step (as
 * get_params_groups_with_decay of the published code has it), clipping per module, and the ranges that one sweep
 * (update.h) goes over.
 *
 * A parameter's learning rate is (last layer ? last_layer_lr : lr) times its multiplier, its decay weight_decay times 0
 * or 1. With a rate of 0 the moments are updated and the weights are not.
 */
#ifndef OPTIM_H
#define OPTIM_H

#include <stdbool.h>
#include <stdint.h>

#include "params.h"
#include "schedule.h"
#include "update.h"

struct optim_config {
    enum update_rule rule;
    double beta1, beta2, eps; /* AdamW; SGD: beta1 is the momentum */
    double clip_grad;         /* 0: none */
    double layerwise_decay, patch_embed_lr_mult;
    int64_t depth;            /* blocks of the backbone */
};

struct optim_config optim_config_from(const struct config *config);

/* Multipliers of a parameter. */
double optim_lr_mult(const struct optim_config *o, const struct param *p);
double optim_wd_mult(const struct param *p);

/* min(1, clip / (norm + 1e-6)); 1 without clipping */
double optim_clip(const struct optim_config *o, double norm);

/* What a step knows of a module. */
struct optim_module {
    bool frozen;   /* skipped entirely: no update, no moments, no average */
    double clip;
    int64_t steps; /* updates, this one included: Adam's t */
};

/* What the arrays have: of the student elements [first, first + count) of its table's layout, of the teacher those of
 * the same parameters, the first of which is teacher_first of its own layout. teacher_offset[row]: where a row of the
 * student begins there; -1: the teacher has no such row. */
struct optim_extent {
    int64_t first, count, teacher_first;
    const int64_t *teacher_offset;
};

/* Fills ranges (memory for one per row of the table), offsets being those in the arrays; neighbours with equal rates
 * are one range. Untrained parameters get no range. Returns how many. */
int64_t optim_ranges(const struct optim_config *o, const struct params *t, const struct optim_extent *extent,
                     const struct schedule_rates *rates, const struct optim_module module[PARAMS_MODULES_MAX],
                     struct update_range *ranges);

#endif
