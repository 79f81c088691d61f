/* step-sharding.h - what of the networks a process holds (compute_precision.*.sharding_strategy, as FSDP of the
 * published code has it), and the way of gradients to their sums.
 *
 *   NO_SHARD        all of a module
 *   SHARD_GRAD_OP   a part of each unit (params-cut.h) of parameters, moments and sums of gradients; in a step units
 *                   are gathered from all processes when they are first needed, and then kept
 *   FULL_SHARD      the same, and of the backbone no more than two units are whole at a time
 *
 * The next unit is gathered while one computes, and gradients are sent behind the computation (world-queue.h). Heads
 * are gathered as wholes for the time of a step in both. A backbone's gradients are summed over the ranks and
 * scattered unit by unit as backward leaves it; those of heads, and all where a batch is cut into micro-batches or the
 * backbone is not sharded, are whole in memory and are summed at the end of a turn. In one process nothing is sharded.
 * Neither strategy nor number of processes changes a bit.
 */
#ifndef STEP_SHARDING_H
#define STEP_SHARDING_H

#include <stdbool.h>
#include <stdint.h>

#include "config.h"
#include "device-arena.h"
#include "params-array.h"
#include "params-cut.h"
#include "vit.h"
#include "world.h"

enum { STEP_HEADS_MAX = 2 };

struct step;
struct step_network;

/* Units of a network that are whole here for a while. */
struct sharding_view {
    struct step *step;
    const struct step_network *network;
    struct vit_feed feed;                       /* of a sharded backbone */
    struct params_array unit, gradients;        /* that the feed gives */
    int64_t entered;                            /* the unit entered last */
    struct params_array head[STEP_HEADS_MAX];   /* of sharded heads */
};

struct sharding {
    bool sharded[PARAMS_MODULES_MAX];           /* modules of both tables, which are alike then */
    bool any;
    bool streams;                               /* gradients of the backbone have memory for a unit, not for all */
    bool keeps;                                 /* units of a backbone are kept: memory for all of one network */
    struct params_cut held, teacher_held;       /* by parameters and moments of this process */
    struct params_cut parts;                    /* equal parts of all units */
    struct params_cut summed;                   /* by sums of gradients */
    struct params_array sums[WORLD_SLOTS_MAX];  /* of this turn and those before; slot 0 at last */
    struct params_fetch fetch;
    struct tensor backbone, gradients;          /* memory of gathered units; of two units' gradients */
    const struct step_network *of;              /* whose units there are */
    int *unit_in;                               /* [units of the backbone]: the unit in a slot; -1: none */
    int64_t gathering;                          /* what was started last (world_start_all_gather) */
    int64_t sending;                            /* the same of gradients */
    int n_units;                                /* of the backbone */
    double *squares;                            /* [n_grains]: of the gradients, by grains of units */
    int64_t n_grains;
};

/* Which modules are sharded, and what is held. FMT_UNSUPPORTED: student and teacher have other tables. */
int sharding_open(struct step *s, const struct config *config, struct fmt_error *e);
void sharding_close(struct step *s);

/* Memory of what is gathered; of sums of gradients. */
void sharding_carve_gathered(struct step *s, struct device_arena *a);
void sharding_carve_sums(struct step *s, struct device_arena *a);
/* An array of parameters or moments over the student's table, or the teacher's. */
struct params_array sharding_take(struct step *s, bool teacher, struct device_arena *a);

/* Of a backbone; NULL: its arrays have all. */
const struct vit_feed *sharding_feed(const struct step *s, const struct step_network *n);
/* Values of a head, which is whole in a step. */
const struct params_array *sharding_head(const struct step *s, const struct step_network *n, int head);

/* Gathers the heads of both networks; what was gathered before is out of date. frozen: no gradients of the backbone. */
void sharding_begin_step(struct step *s, bool frozen);
/* Gradients of a turn that are whole in s->grads. All of the turn are in the sums then. */
void sharding_sum_gradients(struct step *s);

/* The sum over all ranks of what this process holds of a unit. */
struct tensor sharding_gradient(const struct step *s, int unit);
/* Sums of squares of these sums, of trained parameters: of each module of the student. */
void sharding_sum_squares(struct step *s, double squares[PARAMS_MODULES_MAX]);

#endif
