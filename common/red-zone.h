/* red-zone.h - bounds of arena memory, for the address sanitizer only: memory that is not taken is out of bounds, and
 * RED_ZONE bytes separate two pieces, so that an overrun is detected at once. */
#ifndef RED_ZONE_H
#define RED_ZONE_H

#include <stdbool.h>
#include <stddef.h>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#define RED_ZONE 64
static inline void red_zone_set(const void *p, size_t bytes, bool usable)
{
    if (usable)
        ASAN_UNPOISON_MEMORY_REGION(p, bytes);
    else
        ASAN_POISON_MEMORY_REGION(p, bytes);
}
#else
#define RED_ZONE 0
static inline void red_zone_set(const void *p, size_t bytes, bool usable)
{
    (void)p, (void)bytes, (void)usable;
}
#endif

#endif
