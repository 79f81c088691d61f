/* jsonl-writer.c - a growing file of lines; what stays and what is missing is found by reading it once from the front.
 * */
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

/* The iteration of a line; false if it is none of ours, not whole, or of no iteration that there can be. */
static bool line_iteration(const char *line, ssize_t n, int64_t *iteration)
{
    if (n <= 0 || line[n - 1] != '\n' || strlen(line) != (size_t)n ||
        strncmp(line, first_key, sizeof first_key - 1) != 0)
        return false;
    cJSON *o = cJSON_Parse(line);
    const cJSON *number = cJSON_GetObjectItemCaseSensitive(o, "iteration");
    bool good = cJSON_IsNumber(number) && number->valuedouble >= JSONL_WRITER_FIRST && number->valuedouble < 9e15;
    *iteration = good ? (int64_t)number->valuedouble : 0;
    cJSON_Delete(o);
    return good;
}

/* Lines that should stand from `next` on and before iteration `end`, and do not. */
static void count_missing(struct jsonl_history *past, int64_t next, int64_t end)
{
    for (int64_t i = next; past->due && i < end; i++)
        if (past->due(past->arg, i) && past->n_missing++ == 0)
            past->first_missing = i;
}

/* The lines to keep; *as_it_is says whether the file begins with just these. */
static int take_lines(FILE *f, struct jsonl_history *past, struct fmt_buffer *keep, bool *as_it_is)
{
    char *line = NULL;
    size_t room = 0;
    int64_t next = JSONL_WRITER_NONE, iteration;
    int bad = 0;
    *as_it_is = true;
    for (ssize_t n; (n = getline(&line, &room, f)) > 0 && !bad;) {
        if (!line_iteration(line, n, &iteration) || iteration < next) {
            past->n_foreign += line[n - 1] == '\n'; /* else a kill left it, at the end */
            continue;
        }
        if (iteration > past->last)
            break;
        count_missing(past, next == JSONL_WRITER_NONE ? iteration : next, iteration);
        next = iteration + 1;
        *as_it_is &= past->n_foreign == 0;
        bad = fmt_buffer_append(keep, line, (size_t)n);
    }
    count_missing(past, next == JSONL_WRITER_NONE ? JSONL_WRITER_FIRST : next, past->last + 1);
    free(line);
    return bad;
}

/* NULL and errno: not there, or none that has an end. A fifo would not be opened before someone writes to it. */
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

/* Cuts the file to the lines that stay; where there is something else between them it is written anew. */
static int keep_past(const char *path, struct jsonl_history *past, int64_t *keep_bytes, struct fmt_error *e)
{
    struct fmt_buffer keep = {0};
    bool as_it_is = true;
    int status = 0;
    FILE *f = open_regular(path);
    if (!f && errno != ENOENT)
        return file_fail(path, e);
    if (f && take_lines(f, past, &keep, &as_it_is))
        status = fmt_no_memory(e);
    else if (f && ferror(f)) /* what was not read must not be cut off */
        status = file_fail(path, e);
    if (!f)
        count_missing(past, JSONL_WRITER_FIRST, past->last + 1);
    if (!status && !as_it_is)
        status = file_save(path, keep.data, keep.bytes, e);
    *keep_bytes = (int64_t)keep.bytes;
    fmt_buffer_release(&keep);
    if (f)
        fclose(f);
    return status;
}

int jsonl_writer_open(struct jsonl_writer *l, const char *path, struct jsonl_history *past, struct fmt_error *e)
{
    int64_t keep = 0;
    *l = (struct jsonl_writer){.fd = -1};
    past->n_missing = past->n_foreign = 0;
    if (!(l->path = strdup(path)))
        return fmt_no_memory(e);
    int status = past->last == JSONL_WRITER_NONE ? 0 : keep_past(path, past, &keep, e);
    if (status)
        return status;
    l->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    l->bytes = keep;
    if (l->fd < 0 || ftruncate(l->fd, keep) != 0)
        return file_fail(l->path, e);
    return 0;
}

/* Whole lines or none: what was written of them when the disk was full is cut off again. */
static int write_waiting(struct jsonl_writer *l, struct fmt_error *e)
{
    size_t at = 0;
    if (lseek(l->fd, l->bytes, SEEK_SET) != l->bytes)
        return file_fail(l->path, e);
    while (at < l->waiting.bytes) {
        ssize_t n = write(l->fd, l->waiting.data + at, l->waiting.bytes - at);
        if (n < 0 && errno != EINTR) {
            int status = file_fail(l->path, e);
            (void)!ftruncate(l->fd, l->bytes);
            return status;
        }
        at += n > 0 ? (size_t)n : 0;
    }
    l->bytes += (int64_t)at;
    l->waiting.bytes = 0;
    return 0;
}

int jsonl_writer_add(struct jsonl_writer *l, const struct fmt_buffer *line, struct fmt_error *e)
{
    if (fmt_buffer_reserve(&l->waiting, line->bytes + 1))
        return fmt_no_memory(e);
    fmt_buffer_append(&l->waiting, line->data, line->bytes);
    fmt_buffer_append(&l->waiting, "\n", 1);
    return write_waiting(l, e);
}

int jsonl_writer_sync(struct jsonl_writer *l, struct fmt_error *e)
{
    int status = write_waiting(l, e);
    if (status)
        return status;
    return fsync(l->fd) == 0 || errno == EINVAL || errno == EROFS ? 0 : file_fail(l->path, e);
}

void jsonl_writer_close(struct jsonl_writer *l)
{
    if (l->fd >= 0)
        close(l->fd);
    fmt_buffer_release(&l->waiting);
    free(l->path);
    *l = (struct jsonl_writer){.fd = -1};
}
