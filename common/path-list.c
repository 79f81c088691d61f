/* path-list.c - reads byte by byte into one buffer: a stream that is no list of names takes no memory. */
#include "path-list.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "input-guard.h"

struct name {
    char bytes[PATH_LIST_NAME_MAX + 2]; /* and a '\r' and a zero byte */
    size_t n;
};

/* There is a zero byte in a line. */
static int refuse_zero(const struct name *name, struct fmt_error *e)
{
    bool wide = name->n >= 2 && (memcmp(name->bytes, "\xFF\xFE", 2) == 0 || memcmp(name->bytes, "\xFE\xFF", 2) == 0);
    return fmt_fail(e, FMT_INVALID, wide ? "standard input: names in UTF-16, where UTF-8 is needed"
                                         : "standard input: a zero byte in a line; such names are read with -0");
}

/* Reads up to `end` or the end of the stream. FMT_END: there are no more names. */
static int read_name(struct name *name, char end, struct fmt_error *e)
{
    int c;
    name->n = 0;
    while ((c = getc_unlocked(stdin)) != EOF && c != end) {
        if (c == 0)
            return refuse_zero(name, e);
        if (name->n == sizeof name->bytes - 1)
            return fmt_fail(e, FMT_LIMIT, "standard input: no list of names: one is longer than %d bytes",
                            PATH_LIST_NAME_MAX);
        name->bytes[name->n++] = (char)c;
    }
    if (ferror(stdin))
        return fmt_fail(e, FMT_IO, "standard input: %s", strerror(errno));
    if (c == EOF && name->n == 0)
        return FMT_END;
    if (end && name->n > 0 && name->bytes[name->n - 1] == '\r')
        name->n--;
    name->bytes[name->n] = 0;
    return 0;
}

int path_list_read(char end, int (*found)(void *arg, const char *name), void *arg, struct fmt_error *e)
{
    input_guard_add(STDIN_FILENO);
    struct name name;
    int status = read_name(&name, end, e);
    bool marked = status == 0 && end && strncmp(name.bytes, "\xEF\xBB\xBF", 3) == 0;
    for (const char *text = name.bytes + (marked ? 3 : 0); status == 0; text = name.bytes) {
        if (*text)
            status = found(arg, text);
        if (status == 0)
            status = read_name(&name, end, e);
    }
    return status == FMT_END ? 0 : status;
}
