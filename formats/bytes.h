/* bytes.h - a bounded little-endian cursor: the only way in which this project decodes numbers from bytes that it did
 * not just write.
 *
 * A read past the end returns 0 (or NULL) and sets .bad for good: a parser reads a whole record straight through and
 * checks once, `if (!bytes_ok(&c)) ...`. It works on hosts of any byte order.
 */
#ifndef BYTES_H
#define BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "fmt.h"
#include "half.h"

struct bytes {
    const uint8_t *at, *end;
    bool bad;
};

/* data NULL: an empty cursor, whatever n (a failed call left it; C forbids adding even 0 to a null pointer). */
static inline struct bytes bytes_over(const void *data, size_t n)
{
    static const uint8_t nothing[1];
    const uint8_t *at = data ? data : nothing;
    return (struct bytes){at, data ? at + n : at, false};
}

static inline size_t bytes_left(const struct bytes *c)
{
    return c->bad ? 0 : (size_t)(c->end - c->at);
}

static inline bool bytes_ok(const struct bytes *c)
{
    return !c->bad;
}

/* n bytes in place, or NULL past the end. */
static inline const uint8_t *bytes_take(struct bytes *c, size_t n)
{
    if (c->bad || n > (size_t)(c->end - c->at)) {
        c->bad = true;
        return NULL;
    }
    const uint8_t *p = c->at;
    c->at += n;
    return p;
}

static inline uint64_t bytes_uint(struct bytes *c, size_t n)
{
    const uint8_t *p = bytes_take(c, n);
    uint64_t v = 0;
    for (size_t i = 0; p && i < n; i++)
        v |= (uint64_t)p[i] << (8 * i);
    return v;
}

static inline uint8_t bytes_u8(struct bytes *c) { return (uint8_t)bytes_uint(c, 1); }
static inline uint16_t bytes_u16(struct bytes *c) { return (uint16_t)bytes_uint(c, 2); }
static inline uint32_t bytes_u32(struct bytes *c) { return (uint32_t)bytes_uint(c, 4); }
static inline uint64_t bytes_u64(struct bytes *c) { return bytes_uint(c, 8); }
static inline int32_t bytes_i32(struct bytes *c) { return (int32_t)bytes_u32(c); }
static inline int64_t bytes_i64(struct bytes *c) { return (int64_t)bytes_u64(c); }

static inline float bytes_f32(struct bytes *c)
{
    return f32_of_bits(bytes_u32(c));
}

static inline double bytes_f64(struct bytes *c)
{
    uint64_t u = bytes_u64(c);
    double d;
    memcpy(&d, &u, sizeof d);
    return d;
}

/* Writing into a growing buffer. Each returns 0, or -1 if memory runs out. */
static inline int bytes_put(struct fmt_buffer *b, const void *p, size_t n)
{
    return fmt_buffer_append(b, p, n);
}

static inline int bytes_put_uint(struct fmt_buffer *b, uint64_t v, size_t n)
{
    uint8_t le[8];
    for (size_t i = 0; i < n; i++)
        le[i] = (uint8_t)(v >> (8 * i));
    return fmt_buffer_append(b, le, n);
}

static inline int bytes_put_u8(struct fmt_buffer *b, uint8_t v) { return bytes_put_uint(b, v, 1); }
static inline int bytes_put_u16(struct fmt_buffer *b, uint16_t v) { return bytes_put_uint(b, v, 2); }
static inline int bytes_put_u32(struct fmt_buffer *b, uint32_t v) { return bytes_put_uint(b, v, 4); }
static inline int bytes_put_u64(struct fmt_buffer *b, uint64_t v) { return bytes_put_uint(b, v, 8); }
static inline int bytes_put_i64(struct fmt_buffer *b, int64_t v)
{
    return bytes_put_uint(b, (uint64_t)v, 8);
}

static inline int bytes_put_f32(struct fmt_buffer *b, float f)
{
    return bytes_put_uint(b, f32_bits(f), 4);
}
/* n values at once; a host whose byte order is that of the files copies them. */
static inline int bytes_put_f32s(struct fmt_buffer *b, const float *x, int64_t n)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    return bytes_put(b, x, (size_t)n * sizeof *x);
#else
    int bad = 0;
    for (int64_t i = 0; i < n; i++)
        bad |= bytes_put_f32(b, x[i]);
    return bad;
#endif
}

static inline int bytes_put_f64(struct fmt_buffer *b, double d)
{
    uint64_t u;
    memcpy(&u, &d, sizeof u);
    return bytes_put_uint(b, u, 8);
}

#endif
