/* step-sharding.c - units are gathered into slots: with FULL_SHARD two, which take turns, else one for each unit.
 * While one computes, the next one comes into the other. */
#include "step-sharding.h"

#include <stdlib.h>

#include "num.h"
#include "step-internal.h"

/* ---- what is held ---- */

static const enum config_part parts[] = {PART_STUDENT_BACKBONE, PART_STUDENT_DINO_HEAD, PART_STUDENT_IBOT_HEAD};

/* Of the teacher the same modules are sharded (config_finish). */
static int choose(struct step *s, const struct config *c, struct fmt_error *e)
{
    struct sharding *h = &s->shard;
    for (int m = 0; m < s->student.table.n_modules && s->world->size > 1; m++) {
        h->sharded[m] = config_sharding(c, parts[m]) != NO_SHARD;
        h->any = h->any || h->sharded[m];
    }
    if (h->any && (s->n_common < s->student.table.n_rows || s->n_common < s->teacher.table.n_rows))
        return fmt_fail(e, FMT_UNSUPPORTED, "a student and a teacher of different sizes cannot be sharded");
    h->streams = h->sharded[MODULE_BACKBONE] && s->sizes.n_micro == 1;
    s->student.keeps_units = config_sharding(c, PART_STUDENT_BACKBONE) == SHARD_GRAD_OP;
    s->teacher.keeps_units = config_sharding(c, PART_TEACHER_BACKBONE) == SHARD_GRAD_OP;
    h->keeps = s->student.keeps_units || s->teacher.keeps_units;
    return 0;
}

/* Sums are made of parts; with one turn what is not sharded is summed in place. */
static int build_cuts(struct step *s, struct fmt_error *e)
{
    struct sharding *h = &s->shard;
    const struct world *w = s->world;
    enum params_hold held[PARAMS_MODULES_MAX], part[PARAMS_MODULES_MAX], summed[PARAMS_MODULES_MAX];
    for (int m = 0; m < PARAMS_MODULES_MAX; m++) {
        held[m] = h->sharded[m] ? HOLD_PART : HOLD_ALL;
        part[m] = HOLD_PART;
        summed[m] = h->sharded[m] || w->turns > 1 ? HOLD_PART : HOLD_NOTHING;
    }
    int status = params_cut_build(&h->held, &s->student.table, held, w->rank, w->size, e);
    if (!status)
        status = params_cut_build(&h->teacher_held, &s->teacher.table, held, w->rank, w->size, e);
    if (!status)
        status = params_cut_build(&h->parts, &s->student.table, part, w->rank, w->size, e);
    return status ? status : params_cut_build(&h->summed, &s->student.table, summed, w->rank, w->size, e);
}

/* Elements of an array that is cut over processes, for all of them: from those that have them, one after another. */
static void fetch_elements(void *arg, const struct params_array *a, int64_t first, int64_t n, float *host)
{
    struct step *s = arg;
    const struct params_unit *unit = &a->cut->unit[params_cut_find(a->cut, first)];
    if (!s->shard.sharded[unit->module]) {
        op_copy_out(&s->c, host, params_range(a, first, n));
        return;
    }
    for (int r = 0; r < s->world->size; r++) {
        struct world_part part = world_part_of(s->world, r, unit->count, PARAMS_GRAIN);
        int64_t from = num_max(first, unit->first + part.first),
                end = num_min(first + n, unit->first + part.first + part.count);
        if (from >= end)
            continue;
        if (r == s->world->rank)
            op_copy_out(&s->c, host + (from - first), params_range(a, from, end - from));
        world_broadcast_host(s->world, host + (from - first), (size_t)(end - from) * sizeof *host, r, &s->c.error);
    }
}

int sharding_open(struct step *s, const struct config *config, struct fmt_error *e)
{
    struct sharding *h = &s->shard;
    int status = choose(s, config, e);
    if (!status)
        status = build_cuts(s, e);
    if (status)
        return status;
    while (h->n_units < h->held.n_units && h->held.unit[h->n_units].module == MODULE_BACKBONE)
        h->n_units++;
    for (int u = 0; u < h->held.n_units; u++)
        h->n_grains += num_ceil_div(h->held.unit[u].count, PARAMS_GRAIN);
    h->unit_in = calloc((size_t)h->n_units, sizeof *h->unit_in);
    h->squares = calloc((size_t)h->n_grains, sizeof *h->squares);
    h->fetch = (struct params_fetch){fetch_elements, s};
    return h->unit_in && h->squares ? 0 : fmt_no_memory(e);
}

void sharding_close(struct step *s)
{
    struct sharding *h = &s->shard;
    params_cut_release(&h->held);
    params_cut_release(&h->teacher_held);
    params_cut_release(&h->parts);
    params_cut_release(&h->summed);
    free(h->unit_in);
    free(h->squares);
}

/* ---- memory ---- */

struct params_array sharding_take(struct step *s, bool teacher, struct device_arena *a)
{
    struct sharding *h = &s->shard;
    if (!h->any)
        return params_array_take(a, teacher ? &s->teacher.table : &s->student.table, DTYPE_F32);
    struct params_array array = params_array_take_cut(a, teacher ? &h->teacher_held : &h->held, DTYPE_F32);
    array.fetch = &h->fetch;
    return array;
}

static const struct params_unit *unit_of_head(const struct step *s, int head)
{
    return &s->shard.held.unit[s->shard.n_units + head];
}

static void carve_view(struct step *s, struct step_network *n, struct device_arena *a);

void sharding_carve_gathered(struct step *s, struct device_arena *a)
{
    struct sharding *h = &s->shard;
    int64_t two = 2 * h->held.unit_max, most = h->keeps ? num_max(step_backbone_span(s), two) : two;
    h->backbone = h->sharded[MODULE_BACKBONE] ? TENSOR_TAKE(a, DTYPE_F32, most) : TENSOR_NONE;
    h->gradients = h->streams ? TENSOR_TAKE(a, DTYPE_F32, 2 * h->held.unit_max) : TENSOR_NONE;
    carve_view(s, &s->student, a);
    carve_view(s, &s->teacher, a);
}

void sharding_carve_sums(struct step *s, struct device_arena *a)
{
    for (int i = 0; i < world_slots(s->world); i++)
        s->shard.sums[i] = params_array_take_cut(a, &s->shard.summed, DTYPE_F32);
}

/* ---- gathering ---- */

/* What this process has of a unit, in an array over the cut; it may be nothing. */
static struct tensor part_in(const struct params_array *a, int unit)
{
    const struct params_unit *u = &a->cut->unit[unit];
    return tensor_rows(a->data, u->at, u->part_count);
}

/* The slot of a unit, as an array that has it. */
static struct params_array slot_of(const struct step *s, const struct step_network *n, int unit, int *slot)
{
    const struct params_unit *u = &s->shard.held.unit[unit];
    *slot = n->keeps_units ? unit : unit % 2;
    int64_t at = n->keeps_units ? u->first : *slot * s->shard.held.unit_max;
    return (struct params_array){.table = &n->table, .data = tensor_rows(s->shard.backbone, at, u->count),
                                 .first = u->first, .count = u->count};
}

static void forget_units(struct step *s, const struct step_network *of)
{
    s->shard.of = of;
    for (int i = 0; i < s->shard.n_units; i++)
        s->shard.unit_in[i] = -1;
}

/* Starts to gather a unit that is not there. */
static struct params_array gather_unit(struct step *s, const struct step_network *n, int unit)
{
    int slot;
    struct params_array to = slot_of(s, n, unit, &slot);
    if (s->shard.unit_in[slot] != unit)
        s->shard.gathering =
            world_start_all_gather(s->world, &s->c, to.data, part_in(&n->values, unit), PARAMS_GRAIN);
    s->shard.unit_in[slot] = unit;
    return to;
}

/* Forward goes from unit to unit, backward the other way. */
static const struct params_array *give_values(void *arg, int64_t unit)
{
    struct sharding_view *v = arg;
    struct step *s = v->step;
    if (s->shard.of != v->network)
        forget_units(s, v->network);
    v->unit = gather_unit(s, v->network, (int)unit);
    world_finish(s->world, &s->c, s->shard.gathering);
    int64_t next = unit == 0 || unit > v->entered ? unit + 1 : unit - 1;
    if (unit == s->shard.n_units - 1)
        next = unit - 1;
    v->entered = unit;
    gather_unit(s, v->network, (int)next);
    return &v->unit;
}

/* ---- gradients of a unit ---- */

static const struct params_array *give_gradients(void *arg, int64_t unit)
{
    struct sharding_view *v = arg;
    struct step *s = v->step;
    const struct params_unit *u = &s->shard.held.unit[unit];
    if (!s->shard.streams)
        return &s->grads;
    v->gradients = (struct params_array){.table = &v->network->table,
                                         .data = tensor_rows(s->shard.gradients, unit % 2 * s->shard.held.unit_max,
                                                             u->count),
                                         .first = u->first, .count = u->count};
    op_fill(&s->c, v->gradients.data, 0);
    return &v->gradients;
}

/* Adds this turn's contribution to the sums of a unit, behind the computation. */
static int64_t add_to_sums(struct step *s, int unit, struct tensor whole)
{
    struct tensor slot[WORLD_SLOTS_MAX];
    for (int i = 0; i < world_slots(s->world); i++)
        slot[i] = part_in(&s->shard.sums[i], unit);
    return world_start_reduce_scatter(s->world, &s->c, slot, s->turn, whole, PARAMS_GRAIN);
}

/* The buffer is used again by the next unit but one. */
static void take_gradients(void *arg, int64_t unit)
{
    struct sharding_view *v = arg;
    struct sharding *h = &v->step->shard;
    if (!h->streams)
        return;
    int64_t before = h->sending;
    h->sending = add_to_sums(v->step, (int)unit, v->gradients.data);
    world_finish(v->step->world, &v->step->c, before);
}

/* What is not sharded is whole after the last turn, where the contributions were. */
static void sum_unit(struct step *s, int unit)
{
    const struct world *w = s->world;
    const struct params_unit *u = &s->shard.held.unit[unit];
    struct tensor whole = params_range(&s->grads, u->first, u->count);
    bool sharded = s->shard.sharded[u->module];
    if (sharded || w->turns > 1)
        add_to_sums(s, unit, whole);
    else
        world_all_reduce(w, &s->c, whole, whole, WORLD_SUM);
    if (!sharded && w->turns > 1 && s->turn + 1 == w->turns)
        world_all_gather(w, &s->c, whole, part_in(&s->shard.sums[0], unit), PARAMS_GRAIN);
}

void sharding_sum_gradients(struct step *s)
{
    int first = s->shard.streams ? s->shard.n_units : 0;
    for (int u = first; u < s->shard.held.n_units && world_ranks(s->world) > 1; u++)
        sum_unit(s, u);
    world_finish(s->world, &s->c, INT64_MAX);
}

struct tensor sharding_gradient(const struct step *s, int unit)
{
    const struct params_unit *u = &s->shard.held.unit[unit];
    return s->shard.sharded[u->module] ? part_in(&s->shard.sums[0], unit) : params_range(&s->grads, u->first, u->count);
}

/* ---- networks ---- */

static void carve_view(struct step *s, struct step_network *n, struct device_arena *a)
{
    n->view = (struct sharding_view){.step = s, .network = n};
    n->view.feed = (struct vit_feed){give_values, give_gradients, take_gradients, &n->view};
    for (int h = 0; h < s->n_heads; h++) {
        const struct params_unit *u = unit_of_head(s, h);
        if (s->shard.sharded[u->module])
            n->view.head[h] = params_array_take_part(a, &n->table, DTYPE_F32, u->first, u->count);
    }
}

const struct vit_feed *sharding_feed(const struct step *s, const struct step_network *n)
{
    return s->shard.sharded[MODULE_BACKBONE] ? &n->view.feed : NULL;
}

const struct params_array *sharding_head(const struct step *s, const struct step_network *n, int head)
{
    return s->shard.sharded[unit_of_head(s, head)->module] ? &n->view.head[head] : &n->values;
}

static void gather_heads(struct step *s, struct step_network *n)
{
    for (int h = 0; h < s->n_heads; h++)
        if (s->shard.sharded[unit_of_head(s, h)->module])
            world_all_gather(s->world, &s->c, n->view.head[h].data, part_in(&n->values, s->shard.n_units + h),
                             PARAMS_GRAIN);
}

void sharding_begin_step(struct step *s, bool frozen)
{
    forget_units(s, NULL); /* the last step has changed their values */
    gather_heads(s, &s->teacher);
    gather_heads(s, &s->student);
    if (frozen && s->shard.streams) /* nothing is added to them */
        op_fill(&s->c, s->shard.sums[0].data, 0);
}

/* ---- norms ---- */

/* Trained elements [first, first + count) of a unit, which are of the part that is this process's: their squares are
 * added to those of the unit's grains. x: these elements. */
static void add_squares(struct step *s, const struct params_unit *u, int64_t first, struct tensor x, double *grains)
{
    int64_t n = tensor_elements(x), done = 0;
    double *each = ARENA_TAKE(&s->host, double, num_ceil_div(n, PARAMS_GRAIN) + 1);
    while (done < n) {
        int64_t offset = first + done - u->first, of_grain = PARAMS_GRAIN - offset % PARAMS_GRAIN,
                count = of_grain < PARAMS_GRAIN ? num_min(of_grain, n - done) : n - done;
        op_sum_squares_each(&s->c, each, tensor_rows(x, done, count), PARAMS_GRAIN);
        for (int64_t i = 0; i < num_ceil_div(count, PARAMS_GRAIN) && !op_planning(&s->c); i++)
            grains[offset / PARAMS_GRAIN + i] += each[i];
        done += count;
    }
}

/* Of the rows that are trained, those of neighbours with the padding between them. */
static void square_unit(struct step *s, int unit, double *grains)
{
    const struct params_unit *u = &s->shard.parts.unit[unit], *held = &s->shard.held.unit[unit];
    int64_t first, count, end = u->part_first + u->part_count;
    struct tensor gradient = u->part_count ? sharding_gradient(s, unit) : TENSOR_NONE;
    for (int row = 0; params_trained_range(&s->student.table, u->module, &row, &first, &count);) {
        int64_t from = num_max(first, u->part_first), n = num_min(first + count, end) - from;
        size_t mark = s->host.used;
        if (n > 0)
            add_squares(s, u, from, tensor_rows(gradient, from - held->part_first, n), grains);
        s->host.used = mark;
    }
}

void sharding_sum_squares(struct step *s, double squares[PARAMS_MODULES_MAX])
{
    struct sharding *h = &s->shard;
    int64_t at = 0;
    for (int64_t i = 0; i < h->n_grains; i++)
        h->squares[i] = 0;
    for (int u = 0; u < h->parts.n_units; u++) {
        square_unit(s, u, h->squares + at);
        at += num_ceil_div(h->parts.unit[u].count, PARAMS_GRAIN);
    }
    if (op_planning(&s->c) || world_all_reduce_host(s->world, h->squares, h->n_grains, WORLD_SUM, &s->c.error))
        return;
    at = 0;
    for (int m = 0; m < PARAMS_MODULES_MAX; m++)
        squares[m] = 0;
    for (int u = 0; u < h->parts.n_units; u++)
        for (int64_t i = 0; i < num_ceil_div(h->parts.unit[u].count, PARAMS_GRAIN); i++)
            squares[h->parts.unit[u].module] += h->squares[at++];
}
