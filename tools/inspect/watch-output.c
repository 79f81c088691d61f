/* watch-output.c - see watch-output.h. */
#include "watch-output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file.h"
#include "num.h"

enum { SEARCHED_MAX = 1 << 26 }; /* bytes that others have appended meanwhile */

static int fail(struct fmt_error *e)
{
    return fmt_fail(e, fmt_errno(errno), "verdicts: %s", strerror(errno));
}

/* What is open as o->out. */
static int take(struct watch_output *o, struct fmt_error *e)
{
    struct stat st;
    char again[32];
    int fd = fileno(o->out);
    o->is_file = fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
    if (o->lasting && o->is_file && flock(fd, LOCK_EX | LOCK_NB) && errno == EWOULDBLOCK)
        return fmt_fail(e, FMT_UNSUPPORTED, "verdicts: another watch writes to the same file");
    snprintf(again, sizeof again, "/proc/self/fd/%d", fd);
    o->look_fd = o->is_file ? open(again, O_RDONLY | O_CLOEXEC) : -1;
    return 0;
}

int watch_output_open(struct watch_output *o, FILE *out, const char *path, bool lasting, struct fmt_error *e)
{
    *o = (struct watch_output){.out = out, .path = path, .lasting = lasting, .look_fd = -1};
    return take(o, e);
}

static bool is_at_path(const struct watch_output *o)
{
    struct stat open_one, named;
    return fstat(fileno(o->out), &open_one) == 0 && stat(o->path, &named) == 0 && open_one.st_dev == named.st_dev &&
           open_one.st_ino == named.st_ino;
}

int watch_output_follow(struct watch_output *o, struct fmt_error *e)
{
    if (!o->path || is_at_path(o))
        return 0;
    int fd = open(o->path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
    if (fd < 0)
        return file_fail(o->path, e);
    bool failed = dup2(fd, fileno(o->out)) < 0;
    int number = errno;
    close(fd);
    watch_output_close(o);
    errno = number;
    return failed ? fail(e) : take(o, e);
}

bool watch_output_is_lost(const struct watch_output *o)
{
    struct stat st;
    return o->path && o->is_file && fstat(fileno(o->out), &st) == 0 && st.st_nlink == 0;
}

void watch_output_close(struct watch_output *o)
{
    if (o->look_fd >= 0)
        close(o->look_fd);
    o->look_fd = -1;
}

int64_t watch_output_size(const struct watch_output *o)
{
    struct stat st;
    return o->is_file && fstat(fileno(o->out), &st) == 0 ? st.st_size : -1;
}

/* ------------------------------------------------------------------ writing */
/* Of a pipe that is closed msg_finish tells. */
static int append(struct watch_output *o, const char *text, size_t n, struct fmt_error *e)
{
    if (!o->is_file)
        return fwrite(text, 1, n, o->out) != n || fflush(o->out) ? FMT_IO : 0;
    for (size_t at = 0; at < n;) {
        ssize_t k = write(fileno(o->out), text + at, n - at);
        if (k < 0 && errno != EINTR)
            return fail(e);
        at += k > 0 ? (size_t)k : 0;
    }
    return o->lasting && fdatasync(fileno(o->out)) && errno != EINVAL ? fail(e) : 0;
}

static bool is_line_open(const struct watch_output *o)
{
    char last = '\n';
    int64_t size = watch_output_size(o);
    return o->look_fd >= 0 && size > 0 && pread(o->look_fd, &last, 1, size - 1) == 1 && last != '\n';
}

int watch_output_put(struct watch_output *o, const char *lines, size_t n, struct fmt_error *e)
{
    int status = is_line_open(o) ? append(o, "\n", 1, e) : 0;
    return status ? status : append(o, lines, n, e);
}

/* ------------------------------------------------------------------ what is there */
/* How many bytes of the lines are in the text: all of them anywhere, or, at its end, their beginning. Both begin a line
 * of their own: text[0] is what stands before, or is a newline. */
static size_t count_there(const char *text, size_t n_text, const char *lines, size_t n)
{
    for (const char *at = text, *end = text + n_text; (at = memchr(at, '\n', (size_t)(end - at))) != NULL;) {
        size_t left = (size_t)(end - ++at);
        if (memcmp(at, lines, left < n ? left : n) == 0)
            return left < n ? left : n;
    }
    return 0;
}

static int look_from(const struct watch_output *o, int64_t start, const char *lines, size_t n, size_t *there,
                     struct fmt_error *e)
{
    int64_t first = start > 0 ? start - 1 : 0;
    size_t bytes = (size_t)num_max(0, num_min(watch_output_size(o) - first, SEARCHED_MAX)), got = 0;
    char *text = malloc(bytes + 1);
    if (!text)
        return fmt_no_memory(e);
    size_t before = start == 0;
    text[0] = '\n'; /* the beginning of a file begins a line */
    int status = 0;
    while (!status && got < bytes) {
        ssize_t k = pread(o->look_fd, text + before + got, bytes - got, first + (int64_t)got);
        if (k < 0 && errno != EINTR)
            status = fail(e);
        else if (k == 0)
            break;
        got += k > 0 ? (size_t)k : 0;
    }
    *there = status ? 0 : count_there(text, before + got, lines, n);
    if (*there < n && got == SEARCHED_MAX) /* not the end of the file */
        *there = 0;
    free(text);
    return status;
}

int watch_output_complete(struct watch_output *o, int64_t start, const char *lines, size_t n, struct fmt_error *e)
{
    size_t there = 0;
    if (!o->is_file || start < 0 || watch_output_size(o) < start)
        return watch_output_put(o, lines, n, e);
    if (o->look_fd < 0)
        return fmt_fail(e, FMT_IO, "verdicts: cannot be read to see whether the last installation is there");
    int status = look_from(o, start, lines, n, &there, e);
    if (status || there == n)
        return status;
    return there > 0 ? append(o, lines + there, n - there, e) : watch_output_put(o, lines, n, e);
}
