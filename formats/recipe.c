/* recipe.c - the list is short: it is searched from the front. */
#include "recipe.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"

static const struct recipe_item *find(const struct recipe *r, const char *name)
{
    for (int i = 0; i < r->n; i++)
        if (strcmp(r->item[i].name, name) == 0)
            return &r->item[i];
    return NULL;
}

const char *recipe_find(const struct recipe *r, const char *name)
{
    const struct recipe_item *item = find(r, name);
    return item ? item->value : NULL;
}

int recipe_add(struct recipe *r, const char *name, const char *value, struct fmt_error *e)
{
    if (!*name || find(r, name))
        return fmt_fail(e, FMT_INVALID, "a recipe with %s%s", *name ? name : "an item without a name",
                        *name ? " twice" : "");
    if (r->n == RECIPE_ITEMS_MAX || strlen(name) > RECIPE_NAME_MAX || strlen(value) > RECIPE_VALUE_MAX)
        return fmt_fail(e, FMT_LIMIT, "a recipe of more than %d items, or with a text that is too long",
                        RECIPE_ITEMS_MAX);
    struct recipe_item item = {text_copy(&r->text, name, strlen(name)), text_copy(&r->text, value, strlen(value))};
    if (!item.name || !item.value)
        return fmt_no_memory(e);
    r->item[r->n++] = item;
    return 0;
}

int recipe_add_int(struct recipe *r, const char *name, int64_t value, struct fmt_error *e)
{
    char text[24];
    snprintf(text, sizeof text, "%" PRId64, value);
    return recipe_add(r, name, text, e);
}

int recipe_add_flag(struct recipe *r, const char *name, bool value, struct fmt_error *e)
{
    return recipe_add(r, name, value ? "yes" : "no", e);
}

int recipe_add_real(struct recipe *r, const char *name, double value, struct fmt_error *e)
{
    char text[32];
    snprintf(text, sizeof text, "%.9g", value);
    return recipe_add(r, name, text, e);
}

/* The fewest with which a float reads back; nine are always enough. */
static int digits_of(float x)
{
    char text[32];
    for (int digits = 6; digits < 9; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, (double)x);
        if (strtof(text, NULL) == x)
            return digits;
    }
    return 9;
}

int recipe_add_reals(struct recipe *r, const char *name, const float *x, int n, struct fmt_error *e)
{
    char text[RECIPE_VALUE_MAX + 1] = "";
    size_t at = 0;
    for (int i = 0; i < n && at < sizeof text; i++)
        at += (size_t)snprintf(text + at, sizeof text - at, "%s%.*g", i ? "," : "", digits_of(x[i]), (double)x[i]);
    return recipe_add(r, name, text, e);
}

void recipe_remove(struct recipe *r, const char *name)
{
    for (int i = 0; i < r->n; i++)
        if (strcmp(r->item[i].name, name) == 0)
            memmove(&r->item[i], &r->item[i + 1], (size_t)(--r->n - i) * sizeof r->item[i]);
}

int recipe_set(struct recipe *r, const char *name, const char *value, struct fmt_error *e)
{
    recipe_remove(r, name);
    return recipe_add(r, name, value, e);
}

int recipe_copy(struct recipe *to, const struct recipe *from, struct fmt_error *e)
{
    int status = 0;
    for (int i = 0; i < from->n && !status; i++)
        status = recipe_add(to, from->item[i].name, from->item[i].value, e);
    return status;
}

void recipe_release(struct recipe *r)
{
    text_release(&r->text);
    r->n = 0;
}

/* ---------------------------------------------------------------- comparing */

static bool is_compared(const struct recipe_item *item)
{
    return strcmp(item->name, RECIPE_PRECISION) != 0;
}

int recipe_compare(const struct recipe *a, const struct recipe *b, struct fmt_error *e)
{
    for (int i = 0; i < a->n; i++) {
        const char *other = recipe_find(b, a->item[i].name);
        if (other && is_compared(&a->item[i]) && strcmp(other, a->item[i].value) != 0)
            return fmt_fail(e, FMT_MISMATCH, "%s %.100s, other file has %.100s", a->item[i].name, other,
                            a->item[i].value);
    }
    return 0;
}

/* Appends the names of the items of r that `other` has not to n names; returns the new number. */
static int add_missing(const struct recipe *r, const struct recipe *other, char *names, size_t bytes, int n)
{
    for (int i = 0; i < r->n; i++)
        if (is_compared(&r->item[i]) && !find(other, r->item[i].name)) {
            size_t at = strlen(names);
            snprintf(names + at, bytes - at, "%s%s", n ? ", " : "", r->item[i].name);
            n++;
        }
    return n;
}

int recipe_uncompared(const struct recipe *a, const struct recipe *b, char *names, size_t bytes)
{
    names[0] = 0;
    return add_missing(b, a, names, bytes, add_missing(a, b, names, bytes, 0));
}

void recipe_intersect(struct recipe *r, const struct recipe *other)
{
    int n = 0;
    for (int i = 0; i < r->n; i++)
        if (find(other, r->item[i].name))
            r->item[n++] = r->item[i];
    r->n = n;
}

/* ---------------------------------------------------------------- as bytes: u32 n, then n times name and value */

int recipe_put(const struct recipe *r, struct fmt_buffer *to, struct fmt_error *e)
{
    int status = bytes_put_u32(to, (uint32_t)r->n) ? fmt_no_memory(e) : 0;
    for (int i = 0; i < r->n && !status; i++)
        if ((status = text_put("an item's name", r->item[i].name, RECIPE_NAME_MAX, to, e)) == 0)
            status = text_put("an item's value", r->item[i].value, RECIPE_VALUE_MAX, to, e);
    return status;
}

int recipe_take(struct bytes *from, struct recipe *r, struct fmt_error *e)
{
    uint32_t n = bytes_u32(from);
    int status = 0;
    r->n = 0;
    r->text = (struct text_pool){0};
    if (!bytes_ok(from) || n > RECIPE_ITEMS_MAX)
        return fmt_fail(e, FMT_LIMIT, "a recipe of %u items", n);
    for (uint32_t i = 0; i < n && !status; i++) {
        const char *name, *value;
        if ((status = text_take("an item's name", from, RECIPE_NAME_MAX, &name, e)) == 0 &&
            (status = text_take("an item's value", from, RECIPE_VALUE_MAX, &value, e)) == 0)
            status = recipe_add(r, name, value, e);
    }
    if (status)
        recipe_release(r);
    return status;
}
