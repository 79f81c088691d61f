/* text.c - chunks of 64 KiB, filled from the front; a longer text gets a chunk of its own. */
#include "text.h"

#include <stdlib.h>
#include <string.h>

#define CHUNK_BYTES ((size_t)65536)

struct text_chunk {
    struct text_chunk *next;
    size_t used, room;
    char bytes[];
};

const char *text_copy(struct text_pool *p, const char *s, size_t n)
{
    if (n == 0)
        return "";
    struct text_chunk *c = p->chunk;
    if (!c || c->room - c->used <= n) {
        size_t room = n < CHUNK_BYTES ? CHUNK_BYTES : n + 1;
        c = malloc(sizeof *c + room);
        if (!c)
            return NULL;
        *c = (struct text_chunk){p->chunk, 0, room};
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
