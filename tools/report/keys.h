/* keys.h - by what photographs can be told apart besides their class: the view, and the further keys of their catalogue
 * (camera, site, date ...), with the values that occur.
 *
 *   struct keys k;
 *   keys_collect(&k, &cases, e);
 *   k.key[i].name, .value[v], .of_photo[s]        the value of photograph s, -1 none
 *   keys_release(&k);
 *
 * Values are texts; numbers ascend. Dates (dates.h) are written as 2026-11-30, ascend, and become days and, where these
 * are too many, months, then years. A key of more than KEY_VALUES values, or of one, tells nothing here: n_values is 0,
 * n_distinct says how many there are.
 */
#ifndef KEYS_H
#define KEYS_H

#include "cases.h"

enum { KEYS_MAX = 12, KEY_VALUES = 24 };

struct key {
    const char *name;
    const char *value[KEY_VALUES]; /* ascending */
    int n_values;
    int64_t n_distinct;
    bool unclear_dates; /* they look like dates, but which number is the day is not known */
    int8_t *of_photo; /* [n_photos] */
};

struct keys {
    struct key key[KEYS_MAX];
    int n;
    struct text_pool text;
};

int keys_collect(struct keys *k, const struct cases *c, struct fmt_error *e);
void keys_release(struct keys *k);

#endif
