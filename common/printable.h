/* printable.h - names and labels from files in what tools write. In messages and headings, for people, '?' replaces
 * control characters, so that no name ends a line, moves a cursor or rings a bell; those of UTF-8 (U+0080 to U+009F)
 * are included. In fields of tables, which programs read back, a name stays what it is: a backslash, a tab and a
 * newline become \\, \t and \n, other control characters of ASCII three octal digits after a backslash. */
#ifndef PRINTABLE_H
#define PRINTABLE_H

#include <stddef.h>
#include <stdio.h>

void printable_text(char *text, size_t n); /* in place: the first n bytes */
void printable_put(FILE *out, const char *text);

void printable_put_field(FILE *out, const char *text); /* escaped */
/* The same of one character: itself or its escape, without a zero byte. Returns the length. */
int printable_escape(char c, char out[5]);

#endif
