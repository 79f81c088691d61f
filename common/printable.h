/* printable.h - names and labels from files, for people: '?' replaces control characters, so that no name ends a line,
 * moves a cursor or rings a bell. Those of UTF-8 (U+0080 to U+009F) are included. */
#ifndef PRINTABLE_H
#define PRINTABLE_H

#include <stddef.h>
#include <stdio.h>

void printable_text(char *text, size_t n); /* in place: the first n bytes */
void printable_put(FILE *out, const char *text);

#endif
