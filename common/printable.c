/* printable.c - bytes above ASCII are not changed: names are in UTF-8 or another encoding. */
#include "printable.h"

#include <string.h>

/* The number of bytes of a control character at the beginning of n bytes: of ASCII, or of the second set (U+0080 to
 * U+009F in UTF-8, which some terminals obey). 0: another character. */
static size_t control_bytes(const char *s, size_t n)
{
    const unsigned char *c = (const unsigned char *)s;
    if (c[0] < 0x20 || c[0] == 0x7f)
        return 1;
    return n > 1 && c[0] == 0xc2 && c[1] >= 0x80 && c[1] <= 0x9f ? 2 : 0;
}

void printable_text(char *text, size_t n)
{
    for (size_t i = 0; i < n; i++)
        for (size_t k = control_bytes(text + i, n - i); k > 0; k--)
            text[i + k - 1] = '?';
}

void printable_put(FILE *out, const char *text)
{
    size_t n = strlen(text);
    for (size_t i = 0, k; i < n; i += k ? k : 1) {
        k = control_bytes(text + i, n - i);
        fputc(k ? '?' : text[i], out);
    }
}

int printable_escape(char c, char out[5])
{
    unsigned char code = (unsigned char)c;
    if (c == '\\' || c == '\t' || c == '\n')
        return snprintf(out, 5, "\\%c", c == '\t' ? 't' : c == '\n' ? 'n' : '\\');
    return snprintf(out, 5, code < 32 || code == 127 ? "\\%03o" : "%c", code);
}

void printable_put_field(FILE *out, const char *text)
{
    char escaped[5];
    for (; *text; text++)
        fwrite(escaped, 1, (size_t)printable_escape(*text, escaped), out);
}
