/* utf8.h - UTF-8 as RFC 3629 has it: shortest form, no surrogates, up to U+10FFFF. */
#ifndef UTF8_H
#define UTF8_H

#include <stddef.h>
#include <stdint.h>

/* Decodes the character at the beginning of s[0 .. n - 1] and returns its number of bytes; 0: not UTF-8. A zero byte is
 * a character. */
static inline size_t utf8_decode(const char *s, size_t n, uint32_t *code)
{
    static const uint32_t least[5] = {0, 0, 0x80, 0x800, 0x10000};
    const uint8_t *b = (const uint8_t *)s;
    size_t bytes = n == 0 || b[0] < 0x80 ? 1 : b[0] >> 5 == 6 ? 2 : b[0] >> 4 == 14 ? 3 : b[0] >> 3 == 30 ? 4 : 0;
    if (bytes == 0 || bytes > n)
        return 0;
    uint32_t c = bytes == 1 ? b[0] : b[0] & (0x7Fu >> bytes);
    for (size_t i = 1; i < bytes; i++) {
        if (b[i] >> 6 != 2)
            return 0;
        c = c << 6 | (b[i] & 0x3F);
    }
    if (c < least[bytes] || c > 0x10FFFF || (c >= 0xD800 && c < 0xE000))
        return 0;
    *code = c;
    return bytes;
}

/* A copy in which U+FFFD and two hexadecimal digits stand for each byte that is not part of a character, so that names
 * that differ in such bytes only stay different; for free(). NULL: out of memory. */
char *utf8_repair(const char *text);

#endif
