/* optim.c - the table of parameters, row by row, to ranges with equal rates. */
#include "optim.h"

#include <math.h>

#include "config.h"
#include "num.h"

static const double ADAM_EPS = 1e-8, CLIP_EPS = 1e-6; /* as PyTorch has them */

struct optim_config optim_config_from(const struct config *config)
{
    bool sgd = config->optim.optimizer == OPTIMIZER_SGD;
    return (struct optim_config){
        .rule = sgd ? UPDATE_SGD : UPDATE_ADAMW,
        .beta1 = sgd ? config->optim.momentum : config->optim.adamw_beta1,
        .beta2 = config->optim.adamw_beta2,
        .eps = ADAM_EPS,
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
    return o->clip_grad > 0 ? fmin(1, o->clip_grad / (norm + CLIP_EPS)) : 1;
}

static struct update_range range_of(const struct optim_config *o, const struct param *p,
                                    const struct schedule_rates *rates, const struct optim_module *m)
{
    return (struct update_range){
        .lr = (p->flags & PARAM_LAST_LAYER ? rates->last_layer_lr : rates->lr) * optim_lr_mult(o, p),
        .weight_decay = rates->weight_decay * optim_wd_mult(p),
        .clip = m->clip,
        .correction1 = 1 - pow(o->beta1, (double)m->steps),
        .correction2 = 1 - pow(o->beta2, (double)m->steps),
    };
}

/* The parameters of b follow those of a, in both networks, and have the same rates. Between them is padding, which
 * remains zero. */
static bool continues(const struct update_range *a, const struct update_range *b)
{
    bool teacher = a->teacher_offset < 0 ? b->teacher_offset < 0
                                         : b->teacher_offset - a->teacher_offset == b->offset - a->offset;
    return teacher && a->lr == b->lr && a->weight_decay == b->weight_decay && a->clip == b->clip &&
           a->correction1 == b->correction1 && a->correction2 == b->correction2;
}

int64_t optim_ranges(const struct optim_config *o, const struct params *t, const struct optim_extent *extent,
                     const struct schedule_rates *rates, const struct optim_module module[PARAMS_MODULES_MAX],
                     struct update_range *ranges)
{
    int64_t n = 0;
    int last_row = -1; /* of the previous range */
    for (int i = 0; i < t->n_rows; i++) {
        const struct param *p = &t->rows[i];
        int64_t first = num_max(p->offset, extent->first),
                end = num_min(p->offset + p->count, extent->first + extent->count);
        if (!p->trained || module[p->module].frozen || first >= end)
            continue;
        struct update_range r = range_of(o, p, rates, &module[p->module]);
        r.offset = first - extent->first;
        r.count = end - first;
        int64_t in_teacher = extent->teacher_offset[i];
        r.teacher_offset = in_teacher < 0 ? -1 : in_teacher + first - p->offset - extent->teacher_first;
        struct update_range *last = n > 0 ? &ranges[n - 1] : NULL;
        if (last && i == last_row + 1 && t->rows[last_row].module == p->module && continues(last, &r))
            last->count = r.offset + r.count - last->offset;
        else
            ranges[n++] = r;
        last_row = i;
    }
    return n;
}
