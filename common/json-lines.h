/* json-lines.h - JSON lines: each checked strictly (json-scan.h), then read as a tree.
 *
 *   static int take(void *arg, const struct cJSON *o, int64_t line, struct fmt_error *e)
 *   json_lines_read(text, bytes, 64, take, arg, e)
 *
 * Errors, those of `take` too, begin with the place: "line 3, column 5: a leading zero", "line 3: key: missing".
 */
#ifndef JSON_LINES_H
#define JSON_LINES_H

#include <stddef.h>
#include <stdint.h>

#include "fmt.h"

struct cJSON;

/* o: one value, of line `line` from 1 on; it is released afterwards. Not 0: reading ends. */
typedef int json_lines_take(void *arg, const struct cJSON *o, int64_t line, struct fmt_error *e);

int json_lines_read(const char *text, size_t bytes, int depth_max, json_lines_take *take, void *arg,
                    struct fmt_error *e);

#endif
