/* mean-of.c - see mean-of.h. */
#include "mean-of.h"

#include <stdio.h>
#include <string.h>

#include "num.h"

#define PREFIX "mean-of-"

bool mean_of_parse(const char *text, int32_t *k)
{
    int64_t n;
    if (strcmp(text, "max") == 0)
        *k = 1;
    else if (strcmp(text, "mean") == 0)
        *k = MEAN_OF_ALL;
    else if (strncmp(text, PREFIX, strlen(PREFIX)) == 0 && num_i64(text + strlen(PREFIX), &n) && n >= 1 &&
             n < MEAN_OF_ALL)
        *k = (int32_t)n;
    else
        return false;
    return true;
}

const char *mean_of_text(int32_t k, char text[MEAN_OF_TEXT_BYTES])
{
    if (k == 1 || k == MEAN_OF_ALL)
        snprintf(text, MEAN_OF_TEXT_BYTES, "%s", k == 1 ? "max" : "mean");
    else
        snprintf(text, MEAN_OF_TEXT_BYTES, PREFIX "%d", (int)k);
    return text;
}
