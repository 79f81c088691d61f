/* state.c - the arrays of a step by name. Order: student, teacher, first and second moments, centres. */
#include "state.h"

#include <stdio.h>

#include "step-internal.h"

/* ---- tensors ---- */

static const struct {
    const char *prefix;
    size_t offset; /* of the array in struct step */
} arrays[] = {{"student.", offsetof(struct step, student.values)},
              {"teacher.", offsetof(struct step, teacher.values)},
              {"optimizer.m.", offsetof(struct step, m1)},
              {"optimizer.v.", offsetof(struct step, m2)}};

static int n_arrays(const struct step *s)
{
    return s->optim.rule == UPDATE_ADAMW ? 4 : 3;
}

static const struct params_array *array_of(const struct step *s, int i)
{
    return (const struct params_array *)((const char *)s + arrays[i].offset);
}

static bool has_centers(const struct step *s)
{
    return !s->head[0].sinkhorn;
}

int64_t state_count(const struct step *s)
{
    int64_t n = has_centers(s) ? 2 * LOSS_KINDS : 0;
    for (int i = 0; i < n_arrays(s); i++)
        n += array_of(s, i)->table->n_rows;
    return n;
}

static void center_tensor(struct step *s, int64_t i, struct state_tensor *t)
{
    static const char *const name[LOSS_KINDS] = {"dino_loss.center", "ibot_patch_loss.center"};
    int kind = (int)(i / 2);
    struct loss_head *l = kind == LOSS_DINO ? &s->head[0] : ibot_head(s);
    struct loss_center *center = &l->center[kind];
    snprintf(t->name, sizeof t->name, "%s%s", name[kind], i % 2 ? ".pending" : "");
    t->n = l->teacher.config.n_prototypes;
    t->n_dims = kind == LOSS_DINO ? 2 : 3; /* as published: [1,K], [1,1,K] */
    for (int d = 0; d < t->n_dims; d++)
        t->dims[d] = d == t->n_dims - 1 ? t->n : 1;
    t->data = i % 2 ? center->pending : center->now;
}

/* Of what is held whole an equal part is this process's to write. */
static void set_parts(const struct step *s, struct state_tensor *t, bool sharded)
{
    struct world_part part = world_part(s->world, t->n, WORLD_GRAIN);
    t->part_first = sharded ? t->first : part.first;
    t->part_count = sharded ? t->count : part.count;
}

/* What is held of a row, if anything. */
static void take_row(const struct step *s, const struct params_array *a, int row, struct state_tensor *t)
{
    const struct param *p = &a->table->rows[row];
    t->n_dims = p->n_dims;
    for (int d = 0; d < p->n_dims; d++)
        t->dims[d] = p->dims[d];
    t->n = p->count;
    t->count = params_held(a, row, &t->first);
    t->data = t->count ? params_range(a, p->offset + t->first, t->count) : tensor_rows(a->data, 0, 0);
    set_parts(s, t, s->shard.sharded[p->module]);
}

void state_tensor(struct step *s, int64_t i, struct state_tensor *t)
{
    *t = (struct state_tensor){.n_dims = 0};
    for (int k = 0; k < n_arrays(s); k++) {
        const struct params_array *a = array_of(s, k);
        if (i >= a->table->n_rows) {
            i -= a->table->n_rows;
            continue;
        }
        snprintf(t->name, sizeof t->name, "%s%s", arrays[k].prefix, a->table->rows[i].name);
        t->array = a;
        t->row = (int)i;
        take_row(s, a, t->row, t);
        return;
    }
    center_tensor(s, i, t);
    t->count = t->n;
    set_parts(s, t, false);
}

int state_read(struct step *s, const struct state_tensor *t, int64_t first, int64_t n, float *host,
               struct fmt_error *e)
{
    op_copy_out(&s->c, host, tensor_rows(t->data, first - t->first, n));
    return op_sync(&s->c, e);
}

int state_write(struct step *s, const struct state_tensor *t, int64_t first, int64_t n, const float *host,
                struct fmt_error *e)
{
    op_copy_in(&s->c, tensor_rows(t->data, first - t->first, n), host);
    return op_sync(&s->c, e);
}

int state_collect(struct step *s, const struct state_tensor *t, int64_t first, int64_t n, float *host,
                  struct fmt_error *e)
{
    if (!t->array)
        return state_read(s, t, first, n, host, e);
    params_read(&s->c, t->array, t->row, first, n, host);
    return op_sync(&s->c, e);
}

/* ---- numbers ---- */

struct state_numbers state_numbers(const struct step *s)
{
    bool dino = s->head[0].center[LOSS_DINO].has_pending, ibot = s->head[s->n_heads - 1].center[LOSS_IBOT].has_pending;
    return (struct state_numbers){.optimizer_steps = s->updates[MODULE_DINO_HEAD],
                                  .backbone_steps = s->updates[MODULE_BACKBONE],
                                  .center_pending = dino + 2 * ibot};
}

void state_set_numbers(struct step *s, struct state_numbers n)
{
    for (int m = 0; m < s->student.table.n_modules; m++)
        s->updates[m] = m == MODULE_BACKBONE ? n.backbone_steps : n.optimizer_steps;
    s->head[0].center[LOSS_DINO].has_pending = (n.center_pending & 1) != 0;
    ibot_head(s)->center[LOSS_IBOT].has_pending = (n.center_pending & 2) != 0;
}
