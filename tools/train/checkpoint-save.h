/* checkpoint-save.h - the checkpoints of a run that goes on for days: one that cannot be written does not end it.
 *
 * Where the disk is full, the oldest checkpoint goes and the write is tried again, until there is room or only the last
 * good one is left, which stays: a disk may hold fewer than train.max_to_keep. A failure is told each time, and
 * the next checkpoint that is due is the next attempt.
 */
#ifndef CHECKPOINT_SAVE_H
#define CHECKPOINT_SAVE_H

#include <stdbool.h>
#include <stdint.h>

#include "resume.h"
#include "checkpoint.h"

struct checkpoint_save {
    const struct config *config;
    const struct resume *begin; /* whose tell is used */
    bool provenance;
    int (*sync)(void *arg, struct fmt_error *e); /* comes before each attempt: what a checkpoint relies on */
    void *arg;
    int64_t saved; /* iteration of the last good one: written, or gone on from; -1: none */
    bool failed;   /* the last attempt, for this reason: */
    struct fmt_error why;
};

/* Every train.saveckp_freq iterations, and after the last. */
bool checkpoint_save_due(const struct config *config, int64_t iteration);

/* The path of what was written, for free(), and older ones are pruned to train.max_to_keep; NULL: it failed, as is
 * told. */
char *checkpoint_save_write(struct checkpoint_save *s, const struct checkpoint *k, struct step *step);

#endif
