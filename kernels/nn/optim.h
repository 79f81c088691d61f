/* optim.h - parameter groups and updates over the table of parameters: AdamW, SGD with momentum, clipping per
 * module, layer-wise decay, frozen last layer, moving average of the teacher: one sweep over memory does it all.
 *
 * The learning rate of a parameter is (last layer ? last_layer_lr : lr) * its multiplier, its decay weight_decay * 0
 * or 1 (specification, 7.2). A rate of 0 leaves the weights as they are while the moments run.
 */
#ifndef OPTIM_H
#define OPTIM_H

#include <stdbool.h>
#include <stdint.h>

#include "nn/schedule.h"

struct op_ctx;
struct params;

enum optim_kind { OPTIM_ADAMW, OPTIM_SGD };

struct optim_config {
    enum optim_kind kind;
    double beta1, beta2, eps; /* AdamW */
    double sgd_momentum;      /* SGD, as PyTorch has it: buffer = momentum * buffer + g (the first time: g) */
    double clip_grad;         /* 0: none */
    double layerwise_decay, patch_embed_lr_mult;
    int64_t depth;            /* blocks of the backbone */
};

/* The group of a parameter, from its published name ("backbone.blocks.3.attn.qkv.weight", chunked or not). */
struct optim_group {
    double lr_mult, wd_mult;
    bool last_layer;
};
struct optim_group optim_group_of(const struct optim_config *config, const char *name);

#endif
