/* markup.c - character after character. */
#include "markup.h"

#include <stdbool.h>
#include <string.h>

#include "utf8.h"

static const char *reference(uint32_t code)
{
    switch (code) {
    case '&': return "&amp;";
    case '<': return "&lt;";
    case '>': return "&gt;";
    case '"': return "&quot;";
    case '\'': return "&#39;";
    }
    return NULL;
}

static bool is_control(uint32_t code)
{
    return code < 0x20 || (code >= 0x7f && code < 0xa0) || code == 0x200e || code == 0x200f ||
           (code >= 0x2028 && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069);
}

static bool is_no_character(uint32_t code)
{
    return (code & 0xfffe) == 0xfffe || (code >= 0xfdd0 && code <= 0xfdef);
}

void markup_text(FILE *out, const char *text)
{
    for (size_t left = strlen(text), n; left > 0; text += n, left -= n) {
        uint32_t code = 0;
        n = utf8_decode(text, left, &code);
        const char *instead = n == 0 || is_no_character(code) ? "\xEF\xBF\xBD"
                              : is_control(code)              ? "?"
                                                              : reference(code);
        if (instead)
            fputs(instead, out);
        else
            fwrite(text, 1, n, out);
        n = n ? n : 1;
    }
}
