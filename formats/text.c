/* text.c - the pool is a list of chunks of 64 KiB, filled from the front; a longer text gets a chunk of its own. */
#include "text.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "bytes.h"

#define CHUNK_BYTES ((size_t)65536)

struct text_chunk {
    struct text_chunk *next;
    size_t used, capacity;
    char bytes[];
};

const char *text_copy(struct text_pool *p, const char *s, size_t n)
{
    if (n == 0)
        return "";
    struct text_chunk *c = p->chunk;
    if (!c || c->capacity - c->used <= n) {
        size_t capacity = n < CHUNK_BYTES ? CHUNK_BYTES : n + 1;
        c = malloc(sizeof *c + capacity);
        if (!c)
            return NULL;
        *c = (struct text_chunk){p->chunk, 0, capacity};
        p->chunk = c;
    }
    char *copy = c->bytes + c->used;
    memcpy(copy, s, n);
    copy[n] = 0;
    c->used += n + 1;
    return copy;
}

void text_release(struct text_pool *p)
{
    while (p->chunk) {
        struct text_chunk *next = p->chunk->next;
        free(p->chunk);
        p->chunk = next;
    }
}

int text_put(const char *name, const char *s, size_t limit, struct fmt_buffer *to, struct fmt_error *e)
{
    size_t n = strlen(s);
    if (n > limit)
        return fmt_fail(e, FMT_LIMIT, "%s of %zu bytes, %zu are allowed", name, n, limit);
    return bytes_put_u16(to, (uint16_t)n) || bytes_put(to, s, n + 1) ? fmt_no_memory(e) : 0;
}

int text_take(const char *name, struct bytes *from, size_t limit, const char **s, struct fmt_error *e)
{
    size_t n = bytes_u16(from);
    const char *p = (const char *)bytes_take(from, n + 1);
    if (!p)
        return fmt_fail(e, FMT_INVALID, "%s ends beyond its record", name);
    if (n > limit)
        return fmt_fail(e, FMT_LIMIT, "%s of %zu bytes, %zu are allowed", name, n, limit);
    if (memchr(p, 0, n + 1) != p + n)
        return fmt_fail(e, FMT_INVALID, "%s has a zero byte where none may be", name);
    *s = p;
    return 0;
}

const char *text_after(const char *text, const char *prefix)
{
    size_t n = strlen(prefix);
    return strncmp(text, prefix, n) == 0 ? text + n : NULL;
}

bool text_ends_with(const char *text, const char *ending)
{
    size_t n = strlen(text), k = strlen(ending);
    return n >= k && strcmp(text + n - k, ending) == 0;
}

bool text_ends_with_any_case(const char *text, const char *ending)
{
    size_t n = strlen(text), k = strlen(ending);
    return n >= k && strcasecmp(text + n - k, ending) == 0;
}

int text_order(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

size_t text_stem(const char *path)
{
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path, *dot = strrchr(name, '.');
    return dot && dot > name ? (size_t)(dot - path) : strlen(path);
}
