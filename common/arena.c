/* arena.c - one mapping per arena; fresh pages are zero and get memory when they are first touched. */
#include "arena.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "msg.h"
#include "num.h"
#include "red-zone.h"

int arena_init(struct arena *a, size_t bytes, struct fmt_error *e)
{
    size_t size = bytes ? bytes : ARENA_ALIGN;
    void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED) {
        char text[32];
        return fmt_fail(e, FMT_MEMORY, "out of memory: %s requested", num_bytes_text((double)size, text));
    }
#ifdef MADV_HUGEPAGE
    if (size >= (size_t)4 << 20)
        (void)madvise(p, size, MADV_HUGEPAGE); /* fewer page faults, no other effect */
#endif
    *a = (struct arena){.base = p, .size = size};
    red_zone_set(a->base, a->size, false);
    return 0;
}

void arena_release(struct arena *a)
{
    if (a->base) {
        red_zone_set(a->base, a->size, true);
        munmap(a->base, a->size);
    }
    *a = (struct arena){0};
}

size_t arena_advance(size_t *used, size_t *high, size_t bytes)
{
    size_t at = *used, padded;
    if (!num_add(bytes, ARENA_ALIGN - 1 + RED_ZONE, &padded) ||
        !num_add(at, padded & ~(size_t)(ARENA_ALIGN - 1), used))
        msg_bug("arena: a size that does not fit into memory");
    if (*used > *high)
        *high = *used;
    return at;
}

void *arena_take(struct arena *a, size_t bytes)
{
    size_t at = arena_advance(&a->used, &a->high, bytes);
    if (arena_planning(a))
        return NULL;
    if (a->used > a->size)
        msg_bug("arena: more taken than planned");
    red_zone_set(a->base + at, bytes, true);
    red_zone_set(a->base + at + bytes, a->used - at - bytes, false);
    return a->base + at;
}

void *arena_take_array(struct arena *a, int64_t n, size_t bytes_each)
{
    size_t bytes;
    if (n < 0 || !num_mul((size_t)n, bytes_each, &bytes))
        msg_bug("arena: a size that does not fit into memory");
    return arena_take(a, bytes);
}
