/* sniff.h - what kind of file its first bytes suggest, if none of our readers knows it: for messages. */
#ifndef SNIFF_H
#define SNIFF_H

#include <stddef.h>
#include <stdint.h>

enum { SNIFF_BYTES = 512 }; /* to pass of a file's beginning; fewer will do */

/* "a pointer of git LFS, ...", "compressed by gzip, ...", "a text"; NULL: the bytes are not recognised. */
const char *sniff_text(const uint8_t *head, size_t n);

#endif
