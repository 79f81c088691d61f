/* resume-policy.c - the table of dino-train(1) in the order of its rows: first whether there is a checkpoint to go on
 * from, then, if not, what the weights are. */
#include "resume-policy.h"

static int go_on(struct resume_policy_plan *plan, const char *path)
{
    plan->from = RESUME_POLICY_CHECKPOINT;
    plan->path = path;
    return 0;
}

static int begin(const struct config *c, struct resume_policy_plan *plan)
{
    if (*c->MODEL.WEIGHTS) {
        plan->from = RESUME_POLICY_WEIGHTS;
        plan->path = c->MODEL.WEIGHTS;
    } else if (*c->student.pretrained_weights) {
        plan->from = RESUME_POLICY_PRETRAINED;
        plan->path = c->student.pretrained_weights;
    }
    return 0;
}

static int decide(const struct resume_policy_options *w, struct resume_policy_plan *plan, struct fmt_error *e)
{
    const struct config *c = w->config;
    if (c->train.resume == RESUME_TRUE) {
        plan->may_differ = true;
        if (*c->train.resume_path)
            return go_on(plan, c->train.resume_path);
        if (w->n_found)
            return go_on(plan, NULL);
        if (*c->MODEL.WEIGHTS)
            return go_on(plan, c->MODEL.WEIGHTS);
        return fmt_fail(e, FMT_END, "%.200s: No checkpoint found at this place, and train.resume is true",
                        c->train.output_dir);
    }
    if (c->train.resume == RESUME_FALSE) {
        if (w->n_found && !w->force)
            return fmt_fail(e, FMT_MISMATCH,
                            "%.200s: holds checkpoints and train.resume is false; -f removes them, another "
                            "train.output_dir keeps them",
                            c->train.output_dir);
        plan->clear = true;
        return begin(c, plan);
    }
    return w->n_found ? go_on(plan, NULL) : begin(c, plan);
}

int resume_policy_decide(const struct resume_policy_options *w, struct resume_policy_plan *plan, struct fmt_error *e)
{
    const struct config *c = w->config;
    *plan = (struct resume_policy_plan){.from = RESUME_POLICY_RANDOM};
    int status = decide(w, plan, e);
    if (status)
        return status;
    if (*c->MODEL.WEIGHTS && plan->path != c->MODEL.WEIGHTS)
        plan->unused[plan->n_unused++] = "MODEL.WEIGHTS";
    if (*c->student.pretrained_weights && plan->path != c->student.pretrained_weights)
        plan->unused[plan->n_unused++] = "student.pretrained_weights";
    return 0;
}
