/* markup.h - texts from files inside HTML and SVG.
 *
 * A name may hold any bytes. As content of an element, or as the value of an attribute in quotes, it stays a text:
 * &, <, >, " and ' are written as references, U+FFFD replaces bytes that are not UTF-8 and characters that no document
 * may have, '?' replaces control characters and those that change the direction of the text after them.
 */
#ifndef MARKUP_H
#define MARKUP_H

#include <stdio.h>

void markup_text(FILE *out, const char *text);

#endif
