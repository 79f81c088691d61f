/* names.h - finding a thing by its name among many, as predictions write names: bytes that are not UTF-8 stand
 * there as utf8_repair writes them, so names are compared in that form.
 *
 *   names_open(&f, n, name_of, arg, e);        name_of(arg, i): the name of thing i
 *   i = names_find_end(&f, "/some/a/b.jpg");   by this name or else by its end: "some/a/b.jpg", "a/b.jpg" ...
 *                                              -1: none; of several with one name the first
 *   names_close(&f);
 */
#ifndef NAMES_H
#define NAMES_H

#include <stdint.h>

#include "fmt.h"

struct names {
    int64_t n;
    struct name {
        char *text;
        int64_t i;
    } *item; /* [n] ascending */
};

int names_open(struct names *f, int64_t n, const char *(*name_of)(const void *arg, int64_t i), const void *arg,
               struct fmt_error *e);
int64_t names_find_end(const struct names *f, const char *name);
void names_close(struct names *f); /* a zeroed struct is allowed */

#endif
