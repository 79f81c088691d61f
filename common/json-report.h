/* json-report.h - reports as JSON lines on standard output: one object a line, keys in the order they are added.
 *
 *   struct cJSON *o = jsonl_begin("finding");        {"report":"finding", ...
 *   jsonl_text(o, "path", path);                     bytes that are no UTF-8 come out as U+FFFD
 *   jsonl_int(o, "images", n);
 *   jsonl_end(o);                                    prints and releases; a full disk is told by msg_finish
 */
#ifndef JSON_REPORT_H
#define JSON_REPORT_H

#include <stdint.h>

struct cJSON;

struct cJSON *jsonl_begin(const char *report); /* NULL: no memory, which the others accept and jsonl_end tells */
void jsonl_text(struct cJSON *o, const char *key, const char *text);
void jsonl_int(struct cJSON *o, const char *key, int64_t value);
int jsonl_end(struct cJSON *o); /* 0, or -1: no memory */

/* A list of texts, cleaned as those of jsonl_text. */
void jsonl_names(struct cJSON *o, const char *key, char *const *name, int n);

/* An object below a key, for jsonl_text and jsonl_int. */
struct cJSON *jsonl_object(struct cJSON *o, const char *key);

#endif
