/* clean.c - bytes above ASCII stay: they are names in UTF-8, or in what else somebody uses. */
#include "clean.h"

static char cleaned(char c)
{
    return (unsigned char)c < 0x20 || c == 0x7f ? '?' : c;
}

void clean_text(char *text, size_t n)
{
    for (size_t i = 0; i < n; i++)
        text[i] = cleaned(text[i]);
}

void clean_put(FILE *out, const char *text)
{
    for (; *text; text++)
        fputc(cleaned(*text), out);
}
