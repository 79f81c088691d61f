/* json-line.h - a line of JSON in the style of the published metrics: {"iteration": 90, "lr": 0.001, ...}.
 *
 *   struct json_line l = json_line_begin(&buffer);
 *   json_line_int(&l, "iteration", 90);
 *   json_line_open(&l, "knn_top1");  json_line_real(&l, "10", 0.91);  json_line_close(&l);
 *   return json_line_end(&l, e);                                      appends the brace; no newline
 *
 * Keys and texts are plain ASCII without quotes. Memory that runs out is reported by json_line_end.
 */
#ifndef JSON_LINE_H
#define JSON_LINE_H

#include <stdbool.h>
#include <stdint.h>

#include "fmt.h"

struct json_line {
    struct fmt_buffer *out;
    bool empty; /* the innermost object has no value yet */
    bool failed;
};

struct json_line json_line_begin(struct fmt_buffer *out);
void json_line_int(struct json_line *l, const char *key, int64_t value);
void json_line_real(struct json_line *l, const char *key, double value); /* shortest exact; null: not finite */
void json_line_text(struct json_line *l, const char *key, const char *text);
/* So many digits after the point; so many significant digits. */
void json_line_fixed(struct json_line *l, const char *key, double value, int digits);
void json_line_rounded(struct json_line *l, const char *key, double value, int digits);
void json_line_open(struct json_line *l, const char *key); /* an object */
void json_line_close(struct json_line *l);
int json_line_end(struct json_line *l, struct fmt_error *e);

#endif
