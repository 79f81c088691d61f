/* jsonl-writer.c - which lines of an older file are valid and which are missing is found by reading it once from the
 * front. */
#include "jsonl-writer.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file.h"

static const char first_key[] = "{\"iteration\": ";

#define NO_LINE INT64_MIN /* no valid line was read yet */

/* The iteration of a line; false if the line is foreign, incomplete, or with an impossible iteration. */
static bool line_iteration(const char *line, ssize_t n, int64_t *iteration)
{
    if (n <= 0 || line[n - 1] != '\n' || strlen(line) != (size_t)n ||
        strncmp(line, first_key, sizeof first_key - 1) != 0)
        return false;
    cJSON *o = cJSON_Parse(line);
    const cJSON *number = cJSON_GetObjectItemCaseSensitive(o, "iteration");
    bool good = cJSON_IsNumber(number) && number->valuedouble >= JSONL_FIRST_ITERATION && number->valuedouble < 9e15;
    *iteration = good ? (int64_t)number->valuedouble : 0;
    cJSON_Delete(o);
    return good;
}

/* Lines that should be there from `next` on and before iteration `end`, and are not. */
static void count_missing(struct jsonl_history *h, int64_t next, int64_t end)
{
    for (int64_t i = next; h->due && i < end; i++)
        if (h->due(h->arg, i) && h->n_missing++ == 0)
            h->first_missing = i;
}

/* Collects the valid lines; *is_prefix: the file begins with just these. */
static int read_lines(FILE *f, struct jsonl_history *h, struct fmt_buffer *valid, bool *is_prefix)
{
    char *line = NULL;
    size_t capacity = 0;
    int64_t next = NO_LINE, iteration;
    int bad = 0;
    *is_prefix = true;
    for (ssize_t n; (n = getline(&line, &capacity, f)) > 0 && !bad;) {
        if (!line_iteration(line, n, &iteration) || iteration < next) {
            h->n_foreign += line[n - 1] == '\n'; /* else the end of the file, cut by a kill */
            continue;
        }
        if (iteration > h->last)
            break;
        count_missing(h, next == NO_LINE ? iteration : next, iteration);
        next = iteration + 1;
        *is_prefix &= h->n_foreign == 0;
        bad = fmt_buffer_append(valid, line, (size_t)n);
    }
    count_missing(h, next == NO_LINE ? JSONL_FIRST_ITERATION : next, h->last + 1);
    free(line);
    return bad;
}

/* NULL and errno: not there, or not a regular file. Opening a fifo would wait for someone to write to it. */
static FILE *open_regular(const char *path)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    bool good = fd >= 0 && fstat(fd, &st) == 0;
    if (good && !S_ISREG(st.st_mode)) {
        errno = S_ISDIR(st.st_mode) ? EISDIR : EINVAL;
        good = false;
    }
    FILE *f = good ? fdopen(fd, "r") : NULL;
    if (!f && fd >= 0) {
        int number = errno;
        close(fd);
        errno = number;
    }
    return f;
}

/* Finds the valid lines, valid_bytes at the front of the file; where something else is between them, the file is
 * rewritten. */
static int restore_lines(const char *path, struct jsonl_history *h, int64_t *valid_bytes, struct fmt_error *e)
{
    struct fmt_buffer valid = {0};
    bool is_prefix = true;
    int status = 0;
    FILE *f = open_regular(path);
    if (!f && errno != ENOENT)
        return file_fail(path, e);
    if (f && read_lines(f, h, &valid, &is_prefix))
        status = fmt_no_memory(e);
    else if (f && ferror(f)) /* what was not read must not be cut off */
        status = file_fail(path, e);
    if (!f)
        count_missing(h, JSONL_FIRST_ITERATION, h->last + 1);
    if (!status && !is_prefix)
        status = file_save(path, valid.data, valid.bytes, e);
    *valid_bytes = (int64_t)valid.bytes;
    fmt_buffer_release(&valid);
    if (f)
        fclose(f);
    return status;
}

int jsonl_writer_open(struct jsonl_writer *w, const char *path, struct jsonl_history *h, struct fmt_error *e)
{
    int64_t valid_bytes = 0;
    *w = (struct jsonl_writer){.fd = -1};
    h->n_missing = h->n_foreign = 0;
    if (!(w->path = strdup(path)))
        return fmt_no_memory(e);
    int status = h->resumed ? restore_lines(path, h, &valid_bytes, e) : 0;
    if (status)
        return status;
    w->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    w->bytes = valid_bytes;
    if (w->fd < 0 || ftruncate(w->fd, valid_bytes) != 0)
        return file_fail(w->path, e);
    return 0;
}

/* Whole lines or none: what was written of them when the disk was full is cut off again. */
static int write_pending(struct jsonl_writer *w, struct fmt_error *e)
{
    size_t at = 0;
    if (lseek(w->fd, w->bytes, SEEK_SET) != w->bytes)
        return file_fail(w->path, e);
    while (at < w->pending.bytes) {
        ssize_t n = write(w->fd, w->pending.data + at, w->pending.bytes - at);
        if (n < 0 && errno != EINTR) {
            int status = file_fail(w->path, e);
            (void)!ftruncate(w->fd, w->bytes);
            return status;
        }
        at += n > 0 ? (size_t)n : 0;
    }
    w->bytes += (int64_t)at;
    w->pending.bytes = 0;
    return 0;
}

int jsonl_writer_add(struct jsonl_writer *w, const struct fmt_buffer *line, struct fmt_error *e)
{
    if (fmt_buffer_reserve(&w->pending, line->bytes + 1))
        return fmt_no_memory(e);
    fmt_buffer_append(&w->pending, line->data, line->bytes);
    fmt_buffer_append(&w->pending, "\n", 1);
    return write_pending(w, e);
}

int jsonl_writer_sync(struct jsonl_writer *w, struct fmt_error *e)
{
    int status = write_pending(w, e);
    if (status)
        return status;
    return fsync(w->fd) == 0 || errno == EINVAL || errno == EROFS ? 0 : file_fail(w->path, e);
}

void jsonl_writer_close(struct jsonl_writer *w)
{
    if (w->fd >= 0)
        close(w->fd);
    fmt_buffer_release(&w->pending);
    free(w->path);
    *w = (struct jsonl_writer){.fd = -1};
}
