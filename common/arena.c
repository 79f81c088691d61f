/* arena.c - one mapping per arena; fresh pages are zero and get memory when they are first touched. */
#include "arena.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "msg.h"
#include "num.h"
#include "red-zone.h"

enum { ALIGN = 64 };

int arena_init(struct arena *a, size_t bytes, struct fmt_error *e)
{
    size_t size = bytes ? bytes : ALIGN;
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

void *arena_take(struct arena *a, size_t bytes)
{
    size_t padded, end;
    if (!num_add(bytes, ALIGN - 1 + RED_ZONE, &padded) || !num_add(a->used, padded & ~(size_t)(ALIGN - 1), &end))
        msg_bug("arena: a size that does not fit into memory");
    size_t at = a->used;
    a->used = end;
    if (end > a->high)
        a->high = end;
    if (arena_planning(a))
        return NULL;
    if (end > a->size)
        msg_bug("arena: more taken than planned");
    red_zone_set(a->base + at, bytes, true);
    red_zone_set(a->base + at + bytes, end - at - bytes, false);
    return a->base + at;
}

void *arena_take_array(struct arena *a, int64_t n, size_t bytes_each)
{
    size_t bytes;
    if (n < 0 || !num_mul((size_t)n, bytes_each, &bytes))
        msg_bug("arena: a size that does not fit into memory");
    return arena_take(a, bytes);
}
