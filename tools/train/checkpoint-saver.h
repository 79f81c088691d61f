/* checkpoint-saver.h - saves checkpoints; a failed write does not end the run.
 *
 * Where the disk is full, the oldest checkpoint is removed and the write is tried again, until it succeeds or only the
 * last good one is left, which is never removed: a disk may hold fewer than train.max_to_keep. Each failure is logged,
 * and the next checkpoint that is due is the next attempt.
 *
 * In a run of several processes each writes its file, and when all are there and synced, the first writes the set's
 * (checkpoint.h). A failure of one is a failure of all, and then each removes what it has written. The first removes
 * older checkpoints, for all.
 */
#ifndef CHECKPOINT_SAVER_H
#define CHECKPOINT_SAVER_H

#include <stdbool.h>
#include <stdint.h>

#include "checkpoint.h"
#include "world.h"

struct checkpoint_saver {
    const struct world *world;
    const struct config *config;
    struct run_log *log;
    bool provenance;
    int (*sync)(void *arg, struct fmt_error *e); /* before each attempt: files that a checkpoint must not be ahead of */
    void *arg;
    int64_t last; /* iteration of the last good one, written or resumed; -1: none */
    bool failed;  /* the last attempt, for this reason: */
    struct fmt_error why;
};

/* Every train.saveckp_freq iterations, and after the last. */
bool checkpoint_saver_due(const struct config *config, int64_t iteration);

/* Writes one and prunes older ones to train.max_to_keep. All ranks call it. False: it failed, which is logged. */
bool checkpoint_saver_save(struct checkpoint_saver *s, const struct run_state *state, struct step *step);

/* "iteration 99", or "nothing". */
#define CHECKPOINT_SAVER_LAST_MAX 40
const char *checkpoint_saver_last(const struct checkpoint_saver *s, char out[CHECKPOINT_SAVER_LAST_MAX]);

#endif
