/* step-sharding.h - what a process holds of the networks (compute_precision.*.sharding_strategy, as in FSDP of the
 * published code), and how gradients are summed over the ranks.
 *
 *   NO_SHARD        all of a module
 *   SHARD_GRAD_OP   a part of each unit (params-cut.h) of parameters, moments and sums of gradients; in a step a unit
 *                   is gathered from all processes when it is first needed, and then kept
 *   FULL_SHARD      the same, but no more than two units of the backbone are whole at a time
 *
 * The next unit is gathered, and gradients are sent, while the current one computes (world-queue.h). With both
 * sharded strategies heads are gathered whole for the duration of a step. The gradients of a sharded backbone are
 * summed and scattered unit by unit as backward leaves each; those of heads, and all of them where the backbone is not
 * sharded or a batch is cut into micro-batches, are whole in memory and summed at the end of a turn. In one process
 * nothing is sharded. Neither strategy nor number of processes changes a bit of the result.
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

/* Units of one network that are whole here for a while. */
struct sharding_view {
    struct step *step;
    const struct step_network *network;
    struct vit_feed feed;                       /* of a sharded backbone */
    struct params_array unit, gradients;        /* of the current unit, as the feed gives them */
    int64_t entered;                            /* the current unit */
    struct params_array head[STEP_HEADS_MAX];   /* of sharded heads */
};

struct sharding {
    bool sharded[PARAMS_MODULES_MAX];           /* modules of both tables, which are alike then */
    bool any;
    bool streams;                               /* gradients of the backbone: memory for two units, not for all */
    bool keeps;                                 /* units of a backbone are kept: memory for all of one network */
    struct params_cut held, teacher_held;       /* what this process holds of parameters and moments */
    struct params_cut parts;                    /* its equal part of every unit, sharded or not */
    struct params_cut summed;                   /* what it holds of the sums of gradients */
    struct params_array sums[WORLD_SLOTS_MAX];  /* of the turns so far (world-tree.h); the total in slot 0 at last */
    struct params_fetch fetch;
    struct tensor backbone, gradients;          /* memory for gathered units; for the gradients of two units */
    const struct step_network *of;              /* the network whose units are gathered; NULL: none */
    int *unit_in;                               /* [n_units]: the unit in a slot of that memory; -1: none */
    int64_t gathering;                          /* number of the last world_start_all_gather */
    int64_t sending;                            /* number of the last world_start_reduce_scatter */
    int n_units;                                /* of the backbone */
    double *squares;                            /* [n_grains]: of the gradients, by grains of units */
    int64_t n_grains;
};

/* Sets which modules are sharded, and what is held. FMT_UNSUPPORTED: the tables of student and teacher differ. On
 * failure, too, sharding_close is due. */
int sharding_open(struct step *s, const struct config *config, struct fmt_error *e);
void sharding_close(struct step *s);

/* Take memory for what is gathered; for sums of gradients. */
void sharding_carve_gathered(struct step *s, struct device_arena *a);
void sharding_carve_sums(struct step *s, struct device_arena *a);
/* An array of parameters or moments over the student's table, or the teacher's. */
struct params_array sharding_take(struct step *s, bool teacher, struct device_arena *a);

/* Units of a backbone, one at a time; NULL: its arrays have all of them. */
const struct vit_feed *sharding_feed(const struct step *s, const struct step_network *n);
/* The values of a head, whole for the duration of a step. */
const struct params_array *sharding_head(const struct step *s, const struct step_network *n, int head);

/* Forgets what was gathered in the last step, and gathers the heads of both networks. frozen: the backbone gets no
 * gradients. */
void sharding_begin_step(struct step *s, bool frozen);
/* Adds the gradients of the current turn that are whole in s->grads to the sums, and waits for those already on their
 * way: then the sums have all of the turn. */
void sharding_sum_gradients(struct step *s);

/* The gradient of what this process holds of a unit, summed over all ranks: after the last turn. */
struct tensor sharding_gradient(const struct step *s, int unit);
/* For each module of the student the sum of squares of that gradient, over the parameters that are trained and all
 * processes. */
void sharding_sum_squares(struct step *s, double squares[PARAMS_MODULES_MAX]);

#endif
