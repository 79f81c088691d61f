/* reason.c - see reason.h. */
#include "reason.h"

#include <string.h>

const char *const reason_names[REASONS] = {
    [REASON_SCORE] = "score",         [REASON_VIEWS] = "views",   [REASON_UNREADABLE] = "unreadable",
    [REASON_DAMAGED] = "damaged",     [REASON_FILLED] = "filled", [REASON_DARK] = "dark",
    [REASON_BRIGHT] = "bright",       [REASON_BLURRED] = "blurred", [REASON_SUBJECT] = "subject",
    [REASON_REUSED] = "reused"};

enum reason reason_of(const char *text)
{
    size_t n = strcspn(text, ": ");
    for (int r = 0; r < REASONS && text[n]; r++)
        if (strlen(reason_names[r]) == n && memcmp(text, reason_names[r], n) == 0)
            return (enum reason)r;
    return REASON_NONE;
}

bool reason_has_score(const char *text)
{
    return reason_of(text) == REASON_SCORE || strstr(text, "; its score: ");
}
