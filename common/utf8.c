/* utf8.c - text that may be in any encoding, for writers that need UTF-8. */
#include "utf8.h"

#include <stdlib.h>
#include <string.h>

char *utf8_repair(const char *text)
{
    static const char replacement[] = "\xEF\xBF\xBD";
    enum { REPLACEMENT_BYTES = sizeof replacement - 1 };
    size_t left = strlen(text);
    char *valid = malloc(REPLACEMENT_BYTES * left + 1), *to = valid;
    while (valid && left > 0) {
        uint32_t code;
        size_t n = utf8_decode(text, left, &code), taken = n ? n : 1;
        to = mempcpy(to, n ? text : replacement, n ? n : REPLACEMENT_BYTES);
        text += taken, left -= taken;
    }
    if (valid)
        *to = 0;
    return valid;
}
