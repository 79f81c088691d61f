/* state.c - the arrays of a step by name. Order: student, teacher, first and second moments, centres. */
#include "state.h"

#include <stdio.h>

#include "step-internal.h"

static int n_arrays(const struct step *s)
{
    return s->optim.rule == UPDATE_ADAMW ? 4 : 3;
}

static bool has_centers(const struct step *s)
{
    return !s->head[0].sinkhorn;
}

int64_t state_count(const struct step *s)
{
    return (int64_t)s->params.n_rows * n_arrays(s) + (has_centers(s) ? 2 * LOSS_KINDS : 0);
}

static void center_tensor(struct step *s, int64_t i, struct state_tensor *t)
{
    static const char *const name[LOSS_KINDS] = {"dino_loss.center", "ibot_patch_loss.center"};
    int kind = (int)(i / 2);
    struct loss_head *l = kind == LOSS_DINO ? &s->head[0] : ibot_head(s);
    struct loss_center *center = &l->center[kind];
    snprintf(t->name, sizeof t->name, "%s%s", name[kind], i % 2 ? ".pending" : "");
    t->n = l->head.config.n_prototypes;
    t->n_dims = kind == LOSS_DINO ? 2 : 3; /* as published: [1,K], [1,1,K] */
    for (int d = 0; d < t->n_dims; d++)
        t->dims[d] = d == t->n_dims - 1 ? t->n : 1;
    t->data = i % 2 ? center->pending : center->now;
}

void state_tensor(struct step *s, int64_t i, struct state_tensor *t)
{
    static const char *const prefix[] = {"student.", "teacher.", "optimizer.m.", "optimizer.v."};
    float *const array[] = {s->student, s->teacher, s->m1, s->m2};
    int64_t which = i / s->params.n_rows;
    *t = (struct state_tensor){.n_dims = 0};
    if (which >= n_arrays(s)) {
        center_tensor(s, i - n_arrays(s) * (int64_t)s->params.n_rows, t);
        return;
    }
    const struct param *p = &s->params.rows[i % s->params.n_rows];
    snprintf(t->name, sizeof t->name, "%s%s", prefix[which], p->name);
    t->n_dims = p->n_dims;
    for (int d = 0; d < p->n_dims; d++)
        t->dims[d] = p->dims[d];
    t->n = p->count;
    t->data = array[which] + p->offset;
}

struct state_numbers state_numbers(const struct step *s)
{
    bool dino = s->head[0].center[LOSS_DINO].has_pending, ibot = s->head[s->n_heads - 1].center[LOSS_IBOT].has_pending;
    return (struct state_numbers){.optimizer_steps = s->steps[MODULE_DINO_HEAD],
                                  .backbone_steps = s->steps[MODULE_BACKBONE],
                                  .center_pending = dino + 2 * ibot};
}

void state_set_numbers(struct step *s, struct state_numbers n)
{
    for (int m = 0; m < s->params.n_modules; m++)
        s->steps[m] = m == MODULE_BACKBONE ? n.backbone_steps : n.optimizer_steps;
    s->head[0].center[LOSS_DINO].has_pending = (n.center_pending & 1) != 0;
    ibot_head(s)->center[LOSS_IBOT].has_pending = (n.center_pending & 2) != 0;
}
