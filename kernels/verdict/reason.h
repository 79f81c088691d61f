/* reason.h - why a photograph or an installation has its verdict, in one word: the first of the text of a reason,
 * before a colon or a blank, as in "blurred: sharpness 0.31, at least 0.52". The words are fixed (bbu-inspect(1)):
 * programs and feat-report count by them.
 */
#ifndef REASON_H
#define REASON_H

#include <stdbool.h>

enum reason {
    REASON_SCORE,      /* the score and the thresholds */
    REASON_VIEWS,      /* too few, or one that the rule does not know */
    REASON_UNREADABLE, /* a photograph that cannot be decoded */
    REASON_DAMAGED,    /* its decoder found signs of damage */
    REASON_FILLED,     /* parts of it are missing */
    REASON_DARK,       /* from here on the gates */
    REASON_BRIGHT,
    REASON_BLURRED,
    REASON_SUBJECT,
    REASON_REUSED,
    REASONS,
    REASON_NONE = -1
};
extern const char *const reason_names[REASONS]; /* "score", "views", "unreadable", ... */

/* By its first word; REASON_NONE: another word, or nothing after it. */
enum reason reason_of(const char *text);
/* Does it say the score? As "score: 0.2, ..." or "blurred: ...; its score: 0.2, ...". */
bool reason_has_score(const char *text);

#endif
