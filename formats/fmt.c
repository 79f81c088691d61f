/* fmt.c - status codes, exact reads and writes over callbacks, memory as a source and as a sink. */
#include "fmt.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int fmt_fail(struct fmt_error *e, enum fmt_status status, const char *format, ...)
{
    if (e && e->status == FMT_OK) {
        va_list ap;
        va_start(ap, format);
        vsnprintf(e->text, sizeof e->text, format, ap);
        va_end(ap);
        e->status = status;
    }
    return (int)status;
}

int fmt_no_memory(struct fmt_error *e)
{
    return fmt_fail(e, FMT_MEMORY, "out of memory");
}

enum fmt_status fmt_errno(int number)
{
    return number == ENOSPC || number == EDQUOT ? FMT_FULL : FMT_IO;
}

void fmt_prefix(struct fmt_error *e, const char *thing)
{
    if (!e)
        return;
    char reason[sizeof e->text];
    memcpy(reason, e->text, sizeof reason);
    /* A long name must not push the reason out: each gets about half of the line. */
    snprintf(e->text, sizeof e->text, "%.190s: %.200s", thing, reason);
}

const char *fmt_status_text(enum fmt_status status)
{
    switch (status) {
    case FMT_OK: return "no error";
    case FMT_END: return "end of data";
    case FMT_IO: return "input/output error";
    case FMT_MEMORY: return "out of memory";
    case FMT_MAGIC: return "another kind of file";
    case FMT_VERSION: return "version not known";
    case FMT_TRUNCATED: return "truncated";
    case FMT_CHECKSUM: return "checksum does not match";
    case FMT_LIMIT: return "beyond a limit";
    case FMT_INVALID: return "invalid";
    case FMT_UNSUPPORTED: return "not supported";
    case FMT_MISMATCH: return "does not match";
    case FMT_NONFINITE: return "not finite";
    case FMT_STOPPED: return "stopped";
    case FMT_FULL: return "no space left on the disk";
    }
    return "unknown status";
}

struct fmt_counted fmt_count(int64_t n, const char *one, const char *many)
{
    struct fmt_counted c;
    snprintf(c.text, sizeof c.text, "%" PRId64 " %s", n, n == 1 ? one : many);
    return c;
}

int fmt_read_exact(const struct fmt_reader *r, void *buffer, size_t n, struct fmt_error *e)
{
    uint8_t *p = buffer;
    while (n > 0) {
        int64_t got = r->read(r->arg, p, n);
        if (got < 0)
            return fmt_fail(e, FMT_IO, "cannot read: %s", strerror(errno));
        if (got == 0)
            return fmt_fail(e, FMT_TRUNCATED, "ends early: %s expected", FMT_COUNT(n, "more byte", "more bytes"));
        p += got;
        n -= (size_t)got;
    }
    return 0;
}

int fmt_read_at_exact(const struct fmt_reader *r, uint64_t offset, void *buffer, size_t n,
                      struct fmt_error *e)
{
    uint8_t *p = buffer;
    while (n > 0) {
        int64_t got = r->read_at(r->arg, offset, p, n);
        if (got < 0)
            return fmt_fail(e, FMT_IO, "cannot read: %s", strerror(errno));
        if (got == 0)
            return fmt_fail(e, FMT_TRUNCATED, "ends early: %s expected", FMT_COUNT(n, "more byte", "more bytes"));
        p += got;
        offset += (uint64_t)got;
        n -= (size_t)got;
    }
    return 0;
}

int fmt_write_all(const struct fmt_writer *w, const void *buffer, size_t n, struct fmt_error *e)
{
    return w->write(w->arg, buffer, n) ? fmt_fail(e, fmt_errno(errno), "cannot write: %s", strerror(errno)) : 0;
}

static int64_t memory_read_at(void *arg, uint64_t offset, void *buffer, size_t n)
{
    const struct fmt_memory *m = arg;
    if (offset >= m->bytes)
        return 0;
    size_t left = m->bytes - (size_t)offset;
    if (n > left)
        n = left;
    memcpy(buffer, m->data + offset, n);
    return (int64_t)n;
}

static int64_t memory_read(void *arg, void *buffer, size_t n)
{
    struct fmt_memory *m = arg;
    int64_t got = memory_read_at(m, m->at, buffer, n);
    m->at += (size_t)got;
    return got;
}

struct fmt_reader fmt_memory_reader(struct fmt_memory *m)
{
    return (struct fmt_reader){m, memory_read, memory_read_at, m->bytes};
}

int fmt_buffer_reserve(struct fmt_buffer *b, size_t n)
{
    if (n <= b->capacity - b->bytes)
        return 0;
    size_t capacity = b->capacity ? b->capacity : 4096;
    while (capacity - b->bytes < n) {
        if (capacity > SIZE_MAX / 2)
            return -1;
        capacity *= 2;
    }
    uint8_t *grown = realloc(b->data, capacity);
    if (!grown)
        return -1;
    b->data = grown;
    b->capacity = capacity;
    return 0;
}

int fmt_buffer_append(struct fmt_buffer *b, const void *data, size_t n)
{
    if (fmt_buffer_reserve(b, n))
        return -1;
    if (n > 0)
        memcpy(b->data + b->bytes, data, n);
    b->bytes += n;
    return 0;
}

static int buffer_write(void *arg, const void *data, size_t n)
{
    return fmt_buffer_append(arg, data, n);
}

struct fmt_writer fmt_buffer_writer(struct fmt_buffer *b)
{
    return (struct fmt_writer){b, buffer_write};
}

void fmt_buffer_release(struct fmt_buffer *b)
{
    free(b->data);
    *b = (struct fmt_buffer){0};
}

int fmt_grow(void *array, int64_t n, int64_t *capacity, size_t each, struct fmt_error *e)
{
    void *old, *grown;
    if (n < *capacity)
        return 0;
    int64_t larger = *capacity ? 2 * *capacity : 64;
    memcpy(&old, array, sizeof old); /* a pointer to elements of any type */
    grown = realloc(old, (size_t)larger * each);
    if (!grown)
        return fmt_no_memory(e);
    memcpy(array, &grown, sizeof grown);
    *capacity = larger;
    return 0;
}
