/* collapse.h - has the teacher collapsed, or does it still distinguish images?
 *
 * The loss does not show it. These signs do: the information that the teacher's output holds about which crop it saw
 * (entropy of the mean output minus mean entropy, in nats: 0 when all crops get one answer, be it sharp or uniform),
 * the number of prototypes that win a crop, and the effective rank of the class tokens. Random weights show the same
 * signs, and the teacher follows the student slowly; so there is no verdict until the learning rate has risen and the
 * teacher is mostly made of what was learned (2 / (1 - momentum) steps: 250 at the published momentum).
 */
#ifndef COLLAPSE_H
#define COLLAPSE_H

#include <stdint.h>

struct config;

struct collapse_signs {
    double entropy, entropy_mean; /* nats */
    double feature_rank;          /* 0 (all alike), 1 .. crops of a batch minus one */
    double prototypes_used;       /* share of those that the crops of a batch could win */
};

enum collapse_verdict {
    COLLAPSE_EARLY,       /* too early to say */
    COLLAPSE_NONE,        /* crops are distinguished */
    COLLAPSE_OUTPUT,      /* all crops get nearly one answer: the loss stays where it is */
    COLLAPSE_DIMENSIONAL, /* the class tokens of all crops lie nearly on one line */
    COLLAPSE_COMPLETE     /* all crops get one answer, and one prototype wins them all */
};

enum collapse_verdict collapse_judge(const struct collapse_signs *s, const struct config *c, int64_t iteration);
const char *collapse_word(enum collapse_verdict v); /* "early", "none", "output", "dimensional", "complete" */
const char *collapse_text(enum collapse_verdict v); /* a sentence */

#endif
