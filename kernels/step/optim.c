/* optim.c - groups from the table of parameters. */
#include "optim.h"

#include <math.h>

#include "config.h"

struct optim_config optim_config_from(const struct config *config)
{
    bool sgd = config->optim.optimizer == OPTIMIZER_SGD;
    return (struct optim_config){
        .rule = sgd ? UPDATE_SGD : UPDATE_ADAMW,
        .beta1 = sgd ? config->optim.momentum : config->optim.adamw_beta1,
        .beta2 = config->optim.adamw_beta2,
        .eps = 1e-8,
        .clip_grad = config->optim.clip_grad,
        .layerwise_decay = config->optim.layerwise_decay,
        .patch_embed_lr_mult = config->optim.patch_embed_lr_mult,
        .depth = config_dims(config).depth,
    };
}

double optim_lr_mult(const struct optim_config *o, const struct param *p)
{
    double mult = pow(o->layerwise_decay, (double)(o->depth + 1 - p->layer));
    return p->flags & PARAM_PATCH_EMBED ? mult * o->patch_embed_lr_mult : mult;
}

double optim_wd_mult(const struct param *p)
{
    return p->flags & PARAM_DECAY ? 1 : 0;
}

double optim_clip(const struct optim_config *o, double norm)
{
    return o->clip_grad > 0 ? fmin(1, o->clip_grad / (norm + 1e-6)) : 1;
}

static bool same_rates(const struct update_range *a, const struct update_range *b)
{
    return a->lr == b->lr && a->weight_decay == b->weight_decay && a->clip == b->clip &&
           a->correction1 == b->correction1 && a->correction2 == b->correction2;
}

int64_t optim_ranges(const struct optim_config *o, const struct params *t, const struct schedule_rates *rates,
                     const struct optim_module module[PARAMS_MODULES_MAX], struct update_range *ranges)
{
    int64_t n = 0;
    int last_row = -1;
    for (int i = 0; i < t->n_rows; i++) {
        const struct param *p = &t->rows[i];
        const struct optim_module *m = &module[p->module];
        if (!p->trained || m->frozen)
            continue;
        struct update_range r = {
            .offset = p->offset,
            .count = p->count,
            .lr = (p->flags & PARAM_LAST_LAYER ? rates->last_layer_lr : rates->lr) * optim_lr_mult(o, p),
            .weight_decay = rates->weight_decay * optim_wd_mult(p),
            .clip = m->clip,
            .correction1 = 1 - pow(o->beta1, (double)m->steps),
            .correction2 = 1 - pow(o->beta2, (double)m->steps),
        };
        struct update_range *last = n > 0 ? &ranges[n - 1] : NULL;
        if (last && same_rates(last, &r) && i == last_row + 1 && t->rows[last_row].module == p->module)
            last->count = r.offset + r.count - last->offset; /* the padding between is zero and stays so */
        else
            ranges[n++] = r;
        last_row = i;
    }
    return n;
}
