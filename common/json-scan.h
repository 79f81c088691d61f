/* json-scan.h - JSON text, checked to the letter and walked without a tree, so that memory follows what is used of it.
 *
 *   struct json_span root, key, value;
 *   json_check(text, bytes, 32, &root, &error)             "line 12, column 3: a leading zero"
 *   struct json_walk walk = json_enter(root);
 *   while (json_next(&walk, &key, &value))                 the members of an object, the elements of an array
 *       if (json_text_is(key, "data_list")) ...
 *
 * What passes is JSON as RFC 8259 has it, in UTF-8, and no more than that, but for a byte order mark before it, which
 * is passed over. Refused besides: nesting beyond a limit, the escape \u0000, halves of surrogate pairs, and numbers
 * of more than JSON_NUMBER_MAX characters. What other writers are known for (NaN, None, UTF-16) is named. Keys that
 * come twice are for the caller to judge.
 */
#ifndef JSON_SCAN_H
#define JSON_SCAN_H

#include <stdbool.h>
#include <stddef.h>

#include "fmt.h"

enum { JSON_NUMBER_MAX = 63 /* cJSON reads no longer ones */ };

struct json_span { /* of a value, or of a key with its quotes */
    const char *at;
    size_t bytes;
};

int json_check(const char *text, size_t bytes, int depth_max, struct json_span *root, struct fmt_error *e);

/* The rest is for text that was checked. */
struct json_walk {
    const char *at;
    bool object;
};
struct json_walk json_enter(struct json_span value); /* a value that is neither object nor array: nothing in it */
bool json_next(struct json_walk *w, struct json_span *key, struct json_span *value); /* an array's key is not touched */
bool json_text_is(struct json_span string, const char *text);

/* A tree, for cJSON_Delete. A number that would not come out of cJSON as it went in (of more than 15 digits, whole ones
 * from 2^53 on, what would become infinite or 0) is cJSON_Raw: its text is in valuestring, which cJSON prints, its
 * rounded value in valuedouble. NULL: no memory. */
struct cJSON *json_parse(struct json_span value);

/* Line and column (from 1, in bytes) of offsets that are asked for in rising order. */
struct json_position {
    const char *text;
    size_t at;
    int line, column;
};
void json_position_find(struct json_position *p, const char *text, size_t offset); /* zero-initialise p */

#endif
