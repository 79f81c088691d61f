/* arena.c - one mapping per arena; fresh pages come zeroed and are backed only when touched. */
#include "arena.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "msg.h"
#include "num.h"

#if defined(__SANITIZE_ADDRESS__)
#define RED_ZONE 64 /* between pieces, poisoned: an overrun is seen at once */
#include <sanitizer/asan_interface.h>
#else
#define RED_ZONE 0
#define ASAN_POISON_MEMORY_REGION(p, n) ((void)(p), (void)(n))
#define ASAN_UNPOISON_MEMORY_REGION(p, n) ((void)(p), (void)(n))
#endif

enum { ALIGN = 64 };

int arena_init(struct arena *a, size_t bytes, struct fmt_error *e)
{
    size_t size = bytes ? bytes : ALIGN;
    void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED) {
        char text[32];
        return fmt_fail(e, FMT_MEMORY, "out of memory: %s wanted", num_bytes_text((double)size, text));
    }
#ifdef MADV_HUGEPAGE
    if (size >= (size_t)4 << 20)
        (void)madvise(p, size, MADV_HUGEPAGE); /* advice: fewer page faults, no other effect */
#endif
    *a = (struct arena){.base = p, .size = size};
    ASAN_POISON_MEMORY_REGION(a->base, a->size);
    return 0;
}

void arena_release(struct arena *a)
{
    if (a->base) {
        ASAN_UNPOISON_MEMORY_REGION(a->base, a->size);
        munmap(a->base, a->size);
    }
    *a = (struct arena){0};
}

void *arena_take(struct arena *a, size_t bytes)
{
    size_t room, end;
    if (!num_add(bytes, ALIGN - 1 + RED_ZONE, &room) || !num_add(a->used, room & ~(size_t)(ALIGN - 1), &end))
        msg_bug("arena: a size that does not fit into memory");
    size_t at = a->used;
    a->used = end;
    if (end > a->high)
        a->high = end;
    if (arena_planning(a))
        return NULL;
    if (end > a->size)
        msg_bug("arena: more taken than planned");
    ASAN_UNPOISON_MEMORY_REGION(a->base + at, bytes);
    ASAN_POISON_MEMORY_REGION(a->base + at + bytes, end - at - bytes);
    return a->base + at;
}

void *arena_take_array(struct arena *a, int64_t n, size_t bytes_each)
{
    size_t bytes;
    if (n < 0 || !num_mul((size_t)n, bytes_each, &bytes))
        msg_bug("arena: a size that does not fit into memory");
    return arena_take(a, bytes);
}
