/* utf8.c - text that may be in any encoding, for writers that need UTF-8. */
#include "utf8.h"

#include <stdlib.h>
#include <string.h>

char *utf8_repair(const char *text)
{
    static const char digit[] = "0123456789abcdef";
    enum { INSTEAD_BYTES = 5 };
    size_t left = strlen(text);
    char *valid = malloc(INSTEAD_BYTES * left + 1), *to = valid;
    while (valid && left > 0) {
        uint32_t code;
        unsigned char byte = (unsigned char)*text;
        const char instead[INSTEAD_BYTES] = {'\xEF', '\xBF', '\xBD', digit[byte >> 4], digit[byte & 15]};
        size_t n = utf8_decode(text, left, &code), taken = n ? n : 1;
        to = mempcpy(to, n ? text : instead, n ? n : INSTEAD_BYTES);
        text += taken, left -= taken;
    }
    if (valid)
        *to = 0;
    return valid;
}
