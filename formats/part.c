/* part.c - see part.h. */
#include "part.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Digits up to `end`, without a leading zero; 0: none, or beyond the limit. */
static int32_t number(const char *text, const char *end)
{
    int32_t v = 0;
    for (const char *s = text; s < end; s++) {
        if (*s < '0' || *s > '9' || *text == '0')
            return 0;
        v = 10 * v + (*s - '0');
        if (v > PART_MAX)
            return 0;
    }
    return v;
}

int part_parse(const char *text, struct part *p, struct fmt_error *e)
{
    const char *slash = strchr(text, '/');
    struct part read = {0};
    if (slash)
        read = (struct part){number(text, slash), number(slash + 1, text + strlen(text))};
    if (read.i < 1 || read.i > read.n)
        return fmt_fail(e, FMT_INVALID, "part %.40s: parts are I/N, I from 1 to N, N at most %d", text, PART_MAX);
    *p = read;
    return 0;
}

const char *part_text(struct part p, char out[PART_TEXT])
{
    snprintf(out, PART_TEXT, "%" PRId32 "/%" PRId32, p.i, p.n);
    return out;
}

/* The first item after i of n parts. */
static int64_t after(int32_t i, int32_t n, int64_t n_items)
{
    return n_items / n * i + n_items % n * i / n;
}

int64_t part_first(struct part p, int64_t n_items)
{
    return p.n > 0 ? after(p.i - 1, p.n, n_items) : 0;
}

int64_t part_end(struct part p, int64_t n_items)
{
    return p.n > 0 ? after(p.i, p.n, n_items) : n_items;
}
