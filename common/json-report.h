/* json-report.h - reports as JSON lines on standard output: one object per line, keys in the order they are added.
 *
 *   struct cJSON *o = json_report_begin("finding");        {"report":"finding", ...
 *   json_report_text(o, "path", path);                     bytes that are not UTF-8: see utf8_repair
 *   json_report_int(o, "images", n);
 *   json_report_end(o);                                    prints and releases; msg_finish reports a full disk
 *
 * What is printed is valid JSON, even if values were added to the object otherwise and hold bytes that are not UTF-8.
 */
#ifndef JSON_REPORT_H
#define JSON_REPORT_H

#include <stdint.h>
#include <stdio.h>

struct cJSON;

struct cJSON *json_report_begin(const char *report); /* NULL: no memory; the others accept it, the end reports it */
void json_report_text(struct cJSON *o, const char *key, const char *text);
void json_report_int(struct cJSON *o, const char *key, int64_t value);
int json_report_end(struct cJSON *o); /* 0, or -1: no memory */
int json_report_put(FILE *out, struct cJSON *o); /* the same to another stream, whose errors the caller checks */

/* A list of texts, treated as those of json_report_text. */
void json_report_names(struct cJSON *o, const char *key, char *const *name, int n);

/* An object below a key, for json_report_text and json_report_int. */
struct cJSON *json_report_object(struct cJSON *o, const char *key);

#endif
