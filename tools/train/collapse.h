/* collapse.h - signs of collapse: does the teacher still tell images apart?
 *
 * The loss does not show it. What does: the information that the teacher's output holds about which crop it saw
 * (entropy of the mean output less mean entropy, in nats: 0 when all crops get one answer, be it sharp or uniform),
 * the number of prototypes that win a crop, and the effective rank of the class tokens. A network with random weights
 * has neither, and the teacher follows the student slowly; so nothing is said until the learning rate has risen and
 * the teacher is mostly made of what was learned (2 / (1 - momentum) steps: 250 at the published momentum).
 */
#ifndef COLLAPSE_H
#define COLLAPSE_H

#include <stdint.h>

struct config;

struct watch_signs {
    double entropy, entropy_mean; /* nats */
    double feature_rank;          /* 0 (all alike), 1 .. crops of a batch less one */
    double prototypes_used;       /* share of those that the crops of a batch could win */
};

enum watch_verdict {
    WATCH_EARLY,       /* too early to say */
    WATCH_NONE,        /* crops are told apart */
    WATCH_OUTPUT,      /* all crops get nearly one answer: the loss stays where it is */
    WATCH_DIMENSIONAL, /* features of all crops lie on about one line */
    WATCH_COMPLETE     /* all crops get one answer, and one prototype wins them all */
};

enum watch_verdict watch_judge(const struct watch_signs *s, const struct config *c, int64_t iteration);
const char *watch_word(enum watch_verdict v); /* "early", "none", "output", "dimensional", "complete" */
const char *watch_text(enum watch_verdict v); /* a sentence */

#endif
