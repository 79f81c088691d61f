/* mean-of.h - several scores become one: those of a group's photographs, those of a photograph's tiles. In options and
 * files:
 *
 *   max        the largest
 *   mean       the mean of all
 *   mean-of-K  the mean of the K largest, of all where there are fewer; K from 1 on
 *
 * All three are the mean of the K largest, so K says which: 1, MEAN_OF_ALL, or another.
 */
#ifndef MEAN_OF_H
#define MEAN_OF_H

#include <stdbool.h>
#include <stdint.h>

#define MEAN_OF_ALL INT32_MAX

enum { MEAN_OF_TEXT_BYTES = 20 };

/* false, and *k untouched, where the text is none of the three. */
bool mean_of_parse(const char *text, int32_t *k);
const char *mean_of_text(int32_t k, char text[MEAN_OF_TEXT_BYTES]);

#endif
