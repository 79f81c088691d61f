/* text.h - a pool of texts with one end of life: copies go in, all are given back at once. */
#ifndef TEXT_H
#define TEXT_H

#include <stddef.h>

struct text_pool {
    struct text_chunk *chunk; /* newest first; zero-initialise */
};

/* A copy of n bytes and a zero byte, or NULL without memory. */
const char *text_copy(struct text_pool *p, const char *s, size_t n);
void text_release(struct text_pool *p);

#endif
