/* sniff.h - what a file that none of our readers knows seems to be, from its first bytes: for messages. */
#ifndef SNIFF_H
#define SNIFF_H

#include <stddef.h>
#include <stdint.h>

enum { SNIFF_BYTES = 512 }; /* of a file's beginning; fewer tell less */

/* "a pointer of git LFS, ...", "compressed by gzip, ...", "a text"; NULL: nothing is known about such bytes. */
const char *sniff_text(const uint8_t *head, size_t n);

#endif
