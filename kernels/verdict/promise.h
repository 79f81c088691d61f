/* promise.h - what a threshold is to keep, on groups (installations) that are drawn as those it was chosen on:
 *
 *   missed  of the faulty groups at most this share passes
 *   alarms  of the good groups at most this share fails
 *
 * With a confidence the share is below the promised one for at least so large a part of the sets that one might have
 * chosen on: "5 %, 95 % sure". Without one it is so on average over these sets: "at most 5 in 1,000".
 *
 *   struct promise p;
 *   promise_parse(&p, PROMISE_MISSED, "5%,95%", e);
 *   promise_text(&p, text);            "at most 5 % of faulty installations pass, 95 % sure"
 */
#ifndef PROMISE_H
#define PROMISE_H

#include <stdint.h>

#include "fmt.h"

enum promise_kind { PROMISE_MISSED, PROMISE_ALARMS, PROMISE_KINDS };

struct promise {
    enum promise_kind what;
    double share;      /* above 0, below 1 */
    double confidence; /* above 0, below 1; 0: on average */
};

enum { PROMISE_TEXT_BYTES = 96 };

extern const char *const promise_names[PROMISE_KINDS];  /* "missed", "alarms" */
extern const char *const promise_groups[PROMISE_KINDS]; /* of which groups they speak: "faulty", "good" */

/* "SHARE[,SURE]", each as 5%, 0.05 or 5/100. Without SURE: missed 95 % sure, alarms on average. SURE 0: on average.
 * FMT_INVALID: the error begins with the text, "200%: expected ...". */
int promise_parse(struct promise *p, enum promise_kind what, const char *text, struct fmt_error *e);
const char *promise_text(const struct promise *p, char text[PROMISE_TEXT_BYTES]);
/* "5 %, 95 % sure" or "5 % on average". */
const char *promise_text_short(const struct promise *p, char text[PROMISE_TEXT_BYTES]);

/* How many of n groups of its kind, those nearest to the other kind, the threshold may get wrong, plus one; 0: n is too
 * small. Missed: a threshold at the r-th smallest score. If scores are from one distribution, the share below their
 * r-th smallest is at most Beta(r, n - r + 1), ties included: at most `share` with probability P(Bin(n, share) >= r),
 * and r / (n + 1) on average. */
int64_t promise_rank(const struct promise *p, int64_t n);
/* The smallest n for which the rank is 1. */
int64_t promise_least_n(const struct promise *p);
/* The smallest share that n groups, 1 or more, are enough for, rounded up to a tenth of a per cent. */
double promise_least_share(const struct promise *p, int64_t n);

#endif
