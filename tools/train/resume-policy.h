/* resume-policy.h - what a run begins with or goes on from: the rules of dino-train(1), STARTING AND RESUMING, as one
 * function of what is asked for and of what lies in the output directory. It touches nothing.
 *
 * The modules of kernels/run are what dino-train is made of beside the mathematics: checkpoints, metrics, scores of
 * the teacher, copies. They stand above nn/, eval/ and formats/, and below the tools.
 */
#ifndef RESUME_POLICY_H
#define RESUME_POLICY_H

#include <stdbool.h>
#include <stdint.h>

#include "config.h"

enum resume_policy_from {
    RESUME_POLICY_RANDOM,     /* random weights */
    RESUME_POLICY_PRETRAINED, /* student.pretrained_weights */
    RESUME_POLICY_WEIGHTS,    /* MODEL.WEIGHTS: both networks, at iteration 0 */
    RESUME_POLICY_CHECKPOINT  /* a checkpoint: all of it, at the iteration behind it */
};

struct resume_policy_options {
    const struct config *config; /* train.resume, train.resume_path, MODEL.WEIGHTS, student.pretrained_weights */
    int64_t n_found;             /* checkpoints in the output directory */
    bool force;                  /* -f */
};

struct resume_policy_plan {
    enum resume_policy_from from;
    /* RESUME_POLICY_CHECKPOINT: exactly this file (resume_path or MODEL.WEIGHTS); NULL: the newest in the output
     * directory that is whole. RESUME_POLICY_WEIGHTS, RESUME_POLICY_PRETRAINED: the file. */
    const char *path;
    bool may_differ; /* other settings or inputs are named and taken, not refused */
    bool clear;      /* old checkpoints, metrics and eval/ go before the first step */
    const char *unused[2]; /* keys that are set and have no effect on this start; NULL: none */
    int n_unused;
};

/* 0; FMT_MISMATCH: checkpoints in the way; FMT_END: resume: true and nothing to go on from. */
int resume_policy_decide(const struct resume_policy_options *options, struct resume_policy_plan *plan,
                         struct fmt_error *e);

#endif
