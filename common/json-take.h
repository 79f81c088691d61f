/* json-take.h - members of JSON objects, read strictly. The first error is kept and reading goes on, with values that
 * are valid, so that a reader of many members reads like its page:
 *
 *   struct json_take t = {.e = e};
 *   json_take_at(&t, "gates: ");                               put before the key in messages; "" at first
 *   l.share = json_take_number(&t, o, "share", 0, 1);          "gates: share: missing"
 *   l.n = json_take_count(&t, o, "photographs", 0, 1000000);   "gates: photographs: not a whole number from 0 to 1e+06"
 *   return t.status;                                           0, FMT_INVALID or FMT_MEMORY
 *
 * A member must be there, unless a function's name ends in _or: then a member that is missing or null gives `none`. Of
 * several members with one key the last counts (json_member), unless json_take_unique refuses them. Members that
 * nobody asks for are ignored. NULL, or a value that is no object, has no members. Numbers of json_parse that are kept
 * as text count as numbers.
 */
#ifndef JSON_TAKE_H
#define JSON_TAKE_H

#include <stdbool.h>
#include <stdint.h>

#include "fmt.h"

struct cJSON;

enum { JSON_TAKE_AT_BYTES = 96 };
#define JSON_TAKE_COUNT_MAX INT64_C(1000000000000000) /* 10^15: doubles hold every whole number up to it */

struct json_take {
    struct fmt_error *e;
    int status;
    char at[JSON_TAKE_AT_BYTES];
};

void json_take_at(struct json_take *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* An error of the caller's own: "gates: share: the reason". */
void json_take_fail(struct json_take *t, const char *key, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* No object within o, itself included, has a key twice: readers would take the one or the other. */
void json_take_unique(struct json_take *t, const struct cJSON *o);

bool json_take_has(const struct cJSON *o, const char *key); /* it is there, and not null */
/* Finite, from low to high, which may be -INFINITY and INFINITY; low after an error. */
double json_take_number(struct json_take *t, const struct cJSON *o, const char *key, double low, double high);
double json_take_number_or(struct json_take *t, const struct cJSON *o, const char *key, double low, double high,
                           double none);
/* Whole; low and high within 2^53. */
int64_t json_take_count(struct json_take *t, const struct cJSON *o, const char *key, int64_t low, int64_t high);
int64_t json_take_count_or(struct json_take *t, const struct cJSON *o, const char *key, int64_t low, int64_t high,
                           int64_t none);
bool json_take_bool(struct json_take *t, const struct cJSON *o, const char *key);
/* The text as long as o; "" after an error. */
const char *json_take_text(struct json_take *t, const struct cJSON *o, const char *key);
const char *json_take_text_or(struct json_take *t, const struct cJSON *o, const char *key, const char *none);
/* Its index among n words, or 0 after an error. */
int json_take_word(struct json_take *t, const struct cJSON *o, const char *key, const char *const *word, int n);
/* NULL after an error. */
const struct cJSON *json_take_object(struct json_take *t, const struct cJSON *o, const char *key);
const struct cJSON *json_take_list(struct json_take *t, const struct cJSON *o, const char *key, int least, int most);

/* Whether a value is a number, and which; else NAN, without an error. */
double json_number(const struct cJSON *value);

#endif
