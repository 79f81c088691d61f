/* resume-policy.h - what a run starts from or resumes: the rules of dino-train(1), STARTING AND RESUMING, as one
 * function of the settings and of what lies in the output directory. It reads and writes no file.
 */
#ifndef RESUME_POLICY_H
#define RESUME_POLICY_H

#include <stdbool.h>
#include <stdint.h>

#include "config.h"

enum resume_from {
    RESUME_FROM_RANDOM,     /* random weights */
    RESUME_FROM_PRETRAINED, /* student.pretrained_weights */
    RESUME_FROM_WEIGHTS,    /* MODEL.WEIGHTS: both networks, at iteration 0 */
    RESUME_FROM_CHECKPOINT  /* a checkpoint: all of it, at the iteration after it */
};

struct resume_options {
    const struct config *config; /* train.resume, train.resume_path, MODEL.WEIGHTS, student.pretrained_weights */
    int64_t n_checkpoints;       /* in the output directory */
    bool force;                  /* -f */
};

struct resume_plan {
    enum resume_from from;
    /* RESUME_FROM_CHECKPOINT: exactly this file (resume_path or MODEL.WEIGHTS); NULL: the newest in the output
     * directory that is whole. RESUME_FROM_WEIGHTS, RESUME_FROM_PRETRAINED: the file. */
    const char *path;
    bool may_differ; /* settings or inputs that differ are named and accepted, not refused */
    bool remove_old; /* old checkpoints, metrics and eval/ are removed before the first step */
    const char *unused[2]; /* keys that are set and have no effect on this start */
    int n_unused;
};

/* 0; FMT_MISMATCH: checkpoints in the way; FMT_END: resume: true and nothing to resume. */
int resume_policy_decide(const struct resume_options *options, struct resume_plan *plan, struct fmt_error *e);

#endif
