/* json-report.h - reports as JSON lines on standard output: one object a line, keys in the order they are added.
 *
 *   struct cJSON *o = json_report_begin("finding");        {"report":"finding", ...
 *   json_report_text(o, "path", path);                     bytes that are no UTF-8 come out as U+FFFD
 *   json_report_int(o, "images", n);
 *   json_report_end(o);                                    prints and releases; a full disk is told by msg_finish
 */
#ifndef JSON_REPORT_H
#define JSON_REPORT_H

#include <stdint.h>

struct cJSON;

struct cJSON *
json_report_begin(const char *report); /* NULL: no memory, which the others accept and json_report_end tells */
void json_report_text(struct cJSON *o, const char *key, const char *text);
void json_report_int(struct cJSON *o, const char *key, int64_t value);
int json_report_end(struct cJSON *o); /* 0, or -1: no memory */

/* A list of texts, cleaned as those of json_report_text. */
void json_report_names(struct cJSON *o, const char *key, char *const *name, int n);

/* An object below a key, for json_report_text and json_report_int. */
struct cJSON *json_report_object(struct cJSON *o, const char *key);

#endif
