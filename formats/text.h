/* text.h - texts in records of dinotools files, and a pool of texts that are released together. */
#ifndef TEXT_H
#define TEXT_H

#include <stdbool.h>
#include <stddef.h>

struct text_pool {
    struct text_chunk *chunk; /* newest first; zero-initialise */
};

/* A copy of n bytes and a zero byte; NULL: out of memory. */
const char *text_copy(struct text_pool *p, const char *s, size_t n);
void text_release(struct text_pool *p);

/* A text as bytes of a record: u16 length, the bytes, a zero byte. Readers use it in place. `name` is what errors call
 * the text ("a key"); limit: bytes without the zero byte, FMT_LIMIT beyond. A text that holds a zero byte is
 * FMT_INVALID. */
struct bytes;
struct fmt_buffer;
struct fmt_error;
int text_put(const char *name, const char *s, size_t limit, struct fmt_buffer *to, struct fmt_error *e);
int text_take(const char *name, struct bytes *from, size_t limit, const char **s, struct fmt_error *e);

/* What follows a prefix of the text, or NULL where the text does not begin with it. */
const char *text_after(const char *text, const char *prefix);
bool text_ends_with(const char *text, const char *ending);
bool text_ends_with_any_case(const char *text, const char *ending); /* of ASCII letters */

/* Bytes of a path without the ending of its last part: 3 of "a/b.png"; a dot at the head of a name begins no ending. */
size_t text_stem(const char *path);

/* For qsort and bsearch of const char *: by bytes. */
int text_order(const void *a, const void *b);

#endif
