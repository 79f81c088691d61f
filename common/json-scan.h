/* json-scan.h - JSON text, checked strictly and walked without a tree, so that memory depends on what is used of it.
 *
 *   struct json_span root, key, value;
 *   json_check(text, bytes, 32, &root, &error)             "line 12, column 3: a leading zero"
 *   struct json_walk walk = json_enter(root);
 *   while (json_next(&walk, &key, &value))                 the members of an object, the elements of an array
 *       if (json_text_is(key, "data_list")) ...
 *
 * Accepted is JSON of RFC 8259 in UTF-8 and nothing else, but for a byte order mark before it, which is skipped. Also
 * refused: nesting beyond a limit, the escape \u0000, halves of surrogate pairs, and numbers of more than
 * JSON_NUMBER_MAX characters. Errors name known mistakes of writers (NaN, None, UTF-16). Duplicate keys are left to the
 * caller.
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

/* The rest is for text that json_check has accepted. */
struct json_walk {
    const char *at;
    bool object;
};
struct json_walk json_enter(struct json_span value); /* a value that is neither object nor array has no members */
bool json_next(struct json_walk *w, struct json_span *key, struct json_span *value); /* *key: not set for arrays */
bool json_text_is(struct json_span string, const char *text);

/* A tree, for cJSON_Delete. A number that cJSON would change (of more than 15 digits, whole from 2^53 on, too large or
 * too small for a double) is cJSON_Raw: valuestring has its text, which cJSON prints, and valuedouble its rounded
 * value. NULL: out of memory. */
struct cJSON *json_parse(struct json_span value);

/* The member of an object with this key, the last one if there are several, as Python and JavaScript read JSON; NULL:
 * none. (cJSON_GetObjectItemCaseSensitive finds the first.) */
struct cJSON *json_member(const struct cJSON *object, const char *key);

/* Line and column (from 1, in bytes) of offsets, fast if they ascend. */
struct json_position {
    const char *text;
    size_t at;
    int line, column;
};
void json_position_find(struct json_position *p, const char *text, size_t offset); /* zero-initialise p */

#endif
