/* configbed.h - settings of a test, one key at a time. */
#ifndef CONFIGBED_H
#define CONFIGBED_H

#include <stdio.h>

#include "config.h"
#include "tap.h"

/* As "key=value" on a command line; one that is refused fails the test. */
static inline void set(struct config *c, const char *key, const char *value)
{
    char word[500];
    struct fmt_error e = {0};
    snprintf(word, sizeof word, "%s=%s", key, value);
    if (config_set(c, word, &e))
        ok(false, "%s", e.text);
}

#endif
