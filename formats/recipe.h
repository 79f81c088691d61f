/* recipe.h - how rows of features, or the images of shards, were made: a list of names and values, as texts.
 *
 * Rows of two files belong together only if they were made in the same way. What concerns the shape of a row is in the
 * header of features (feat.h); the rest are items of a recipe: "resize" "256", "fit" "crop", "as_stored" "no". Later
 * versions may add items. An item that only one of two recipes has cannot be compared. One item is not compared here:
 * "precision", since features without it are of float32 (feat_precision).
 *
 *   struct recipe r = {0};
 *   recipe_add(&r, "fit", "crop", e);  recipe_add_int(&r, "resize", 256, e) ...
 *   recipe_put(&r, &fields, e);        in the fields of a file; recipe_take(&cursor, &r, e) reads them
 *   recipe_compare(&a, &b, e);         FMT_MISMATCH: "resize 192, other file has 256"
 *   recipe_release(&r);
 */
#ifndef RECIPE_H
#define RECIPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fmt.h"
#include "text.h"

#define RECIPE_ITEMS_MAX 64
#define RECIPE_NAME_MAX 64    /* bytes */
#define RECIPE_VALUE_MAX 1024 /* bytes */
#define RECIPE_PRECISION "precision" /* see feat_precision */

struct recipe_item {
    const char *name, *value;
};

struct recipe {
    struct recipe_item item[RECIPE_ITEMS_MAX];
    int n;                 /* 0: nothing is recorded (files of version 1.0) */
    struct text_pool text; /* the memory of names and values */
};

/* Copies both texts. A name that the recipe has already is FMT_INVALID. */
int recipe_add(struct recipe *r, const char *name, const char *value, struct fmt_error *e);
int recipe_add_int(struct recipe *r, const char *name, int64_t value, struct fmt_error *e);
int recipe_add_flag(struct recipe *r, const char *name, bool value, struct fmt_error *e); /* "yes", "no" */
int recipe_add_real(struct recipe *r, const char *name, double value, struct fmt_error *e); /* with nine digits */
/* Separated by commas, each with the fewest digits that read back exactly: 0.485 */
int recipe_add_reals(struct recipe *r, const char *name, const float *x, int n, struct fmt_error *e);
int recipe_set(struct recipe *r, const char *name, const char *value, struct fmt_error *e); /* in place of a value */
void recipe_remove(struct recipe *r, const char *name); /* its texts live until recipe_release */
int recipe_copy(struct recipe *to, const struct recipe *from, struct fmt_error *e); /* to: empty */
void recipe_release(struct recipe *r);

const char *recipe_find(const struct recipe *r, const char *name); /* the value, or NULL */

/* 0, or FMT_MISMATCH with the first item whose values differ, "NAME B, other file has A". Items present in only one
 * recipe are ignored. */
int recipe_compare(const struct recipe *a, const struct recipe *b, struct fmt_error *e);
/* Names of the items that only one of the two has, separated by commas and cut to `bytes`; "" if there are none.
 * Returns their number. */
int recipe_uncompared(const struct recipe *a, const struct recipe *b, char *names, size_t bytes);
void recipe_intersect(struct recipe *r, const struct recipe *other); /* removes items that `other` does not have */

struct bytes;
int recipe_put(const struct recipe *r, struct fmt_buffer *to, struct fmt_error *e);
int recipe_take(struct bytes *from, struct recipe *r, struct fmt_error *e); /* r need not be initialised */

#endif
