/* json-scan.h - a first walk over JSON text, before cJSON sees it: limits that the parser does not have, and the
 * places of things, which it forgets. */
#ifndef JSON_SCAN_H
#define JSON_SCAN_H

#include <stddef.h>
#include <stdint.h>

#include "fmt.h"

/* Line and column (from 1, in bytes) of offsets that are asked for in rising order. */
struct json_place {
    const char *text;
    size_t at;
    int line, column;
};
void json_place_find(struct json_place *p, const char *text, size_t offset); /* zero-initialise p */

/* Refuses nesting beyond depth_max, control characters and \u0000 in strings, strings without end: "line L, column
 * C: reason". If list_key is not NULL, finds the array under that key of the outermost object and puts the offsets
 * of its elements into *offset (for free) in order. */
int json_scan(const char *text, size_t bytes, int depth_max, const char *list_key, size_t **offset, int64_t *n_offsets,
              struct fmt_error *e);

#endif
