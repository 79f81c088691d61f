/* lines.c - a growing file of lines; what is too much is found by reading it once from the front. */
#include "run/lines.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char first_key[] = "{\"iteration\": ";

static int fail(struct lines *l, struct fmt_error *e)
{
    return fmt_fail(e, FMT_IO, "%.300s: %s", l->path, strerror(errno));
}

/* The iteration of a line; false if it is none of ours or has no end. */
static bool line_iteration(const char *line, ssize_t n, int64_t *iteration)
{
    size_t skip = sizeof first_key - 1;
    char *end;
    if (n <= 0 || line[n - 1] != '\n' || strncmp(line, first_key, skip) != 0)
        return false;
    errno = 0;
    *iteration = strtoll(line + skip, &end, 10);
    return errno == 0 && end != line + skip;
}

/* How many bytes from the front belong to iterations up to `last`. */
static int64_t bytes_to_keep(FILE *f, int64_t last)
{
    char *line = NULL;
    size_t room = 0;
    int64_t keep = 0, iteration;
    for (ssize_t n; (n = getline(&line, &room, f)) > 0; keep += n)
        if (!line_iteration(line, n, &iteration) || iteration > last)
            break;
    free(line);
    return keep;
}

int lines_open(struct lines *l, const char *path, int64_t last_iteration, struct fmt_error *e)
{
    *l = (struct lines){.fd = -1};
    if (!(l->path = strdup(path)))
        return fmt_fail(e, FMT_MEMORY, "out of memory");
    l->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (l->fd < 0)
        return fail(l, e);
    int64_t keep = 0;
    if (last_iteration != LINES_NONE) {
        int copy = dup(l->fd);
        FILE *f = copy < 0 ? NULL : fdopen(copy, "r");
        if (!f) {
            if (copy >= 0)
                close(copy);
            return fail(l, e);
        }
        keep = bytes_to_keep(f, last_iteration);
        fclose(f);
    }
    if (ftruncate(l->fd, keep) != 0 || lseek(l->fd, keep, SEEK_SET) != keep)
        return fail(l, e);
    return 0;
}

int lines_add(struct lines *l, const struct fmt_buffer *line, struct fmt_error *e)
{
    struct fmt_buffer whole = {0};
    if (fmt_buffer_append(&whole, line->data, line->bytes) || fmt_buffer_append(&whole, "\n", 1)) {
        fmt_buffer_release(&whole);
        return fmt_fail(e, FMT_MEMORY, "out of memory");
    }
    int status = 0;
    for (size_t at = 0; at < whole.bytes && !status;) {
        ssize_t n = write(l->fd, whole.data + at, whole.bytes - at);
        if (n >= 0)
            at += (size_t)n;
        else if (errno != EINTR)
            status = fail(l, e);
    }
    fmt_buffer_release(&whole);
    return status;
}

int lines_sync(struct lines *l, struct fmt_error *e)
{
    return fsync(l->fd) == 0 || errno == EINVAL || errno == EROFS ? 0 : fail(l, e);
}

void lines_close(struct lines *l)
{
    if (l->fd >= 0)
        close(l->fd);
    free(l->path);
    *l = (struct lines){.fd = -1};
}
