/* formatbed.h - samples of our formats in memory, read at offsets or from a pipe, for the tests of formats.
 */
#ifndef FORMATBED_H
#define FORMATBED_H

#include "samples.h"
#include "tap.h"

/* A pipe over memory: no offsets, no size, and never more than `most` bytes at a time. */
struct pipe {
    struct fmt_memory memory;
    size_t most;
};

static inline int64_t pipe_read(void *arg, void *buffer, size_t n)
{
    struct pipe *p = arg;
    struct fmt_reader r = fmt_memory_reader(&p->memory);
    return r.read(r.arg, buffer, n < p->most ? n : p->most);
}

static inline struct fmt_reader pipe_reader(struct pipe *p, const void *data, size_t n, size_t most)
{
    *p = (struct pipe){{data, n, 0}, most};
    return (struct fmt_reader){p, pipe_read, NULL, UINT64_MAX};
}

static inline struct fmt_buffer make(int kind, bool keep)
{
    struct fmt_buffer b = {0};
    struct fmt_writer io = fmt_buffer_writer(&b);
    struct fmt_error e = {0};
    if (sample_write(kind, &io, keep, &e))
        ok(false, "sample of kind %d: %s", kind, e.text);
    return b;
}

#endif
