/* resume-policy.c - the table of dino-train(1) in the order of its rows: first whether there is a checkpoint to resume,
 * then, if not, what the weights are. */
#include "resume-policy.h"

static int from_checkpoint(struct resume_plan *plan, const char *path)
{
    plan->from = RESUME_FROM_CHECKPOINT;
    plan->path = path;
    return 0;
}

static int from_weights(const struct config *c, struct resume_plan *plan)
{
    if (*c->MODEL.WEIGHTS) {
        plan->from = RESUME_FROM_WEIGHTS;
        plan->path = c->MODEL.WEIGHTS;
    } else if (*c->student.pretrained_weights) {
        plan->from = RESUME_FROM_PRETRAINED;
        plan->path = c->student.pretrained_weights;
    }
    return 0;
}

static int decide(const struct resume_options *o, struct resume_plan *plan, struct fmt_error *e)
{
    const struct config *c = o->config;
    if (c->train.resume == RESUME_TRUE) {
        plan->may_differ = true;
        if (*c->train.resume_path)
            return from_checkpoint(plan, c->train.resume_path);
        if (o->n_checkpoints)
            return from_checkpoint(plan, NULL);
        if (*c->MODEL.WEIGHTS)
            return from_checkpoint(plan, c->MODEL.WEIGHTS);
        return fmt_fail(e, FMT_END, "%.200s: No checkpoint found at this place, and train.resume is true",
                        c->train.output_dir);
    }
    if (c->train.resume == RESUME_FALSE) {
        if (o->n_checkpoints && !o->force)
            return fmt_fail(e, FMT_MISMATCH,
                            "%.200s: holds checkpoints and train.resume is false; -f removes them, another "
                            "train.output_dir keeps them",
                            c->train.output_dir);
        plan->remove_old = true;
        return from_weights(c, plan);
    }
    return o->n_checkpoints ? from_checkpoint(plan, NULL) : from_weights(c, plan);
}

int resume_policy_decide(const struct resume_options *o, struct resume_plan *plan, struct fmt_error *e)
{
    const struct config *c = o->config;
    *plan = (struct resume_plan){.from = RESUME_FROM_RANDOM};
    int status = decide(o, plan, e);
    if (status)
        return status;
    if (*c->MODEL.WEIGHTS && plan->path != c->MODEL.WEIGHTS)
        plan->unused[plan->n_unused++] = "MODEL.WEIGHTS";
    if (*c->student.pretrained_weights && plan->path != c->student.pretrained_weights)
        plan->unused[plan->n_unused++] = "student.pretrained_weights";
    return 0;
}
