/* test-recipe.c - recipes: items, what is compared and what cannot be, their bytes in a header. */
#include <string.h>

#include "bytes.h"
#include "feat.h"
#include "recipe.h"
#include "samples.h"
#include "tap.h"

static void test_items(void)
{
    struct recipe r = {.n = 0}, copy = {.n = 0};
    struct fmt_error e = {0};
    const float mean[4] = {0.485f, 0.456f, 0.1f, 1000.00006f};
    ok(recipe_add_int(&r, "resize", 256, &e) == 0 && recipe_add_flag(&r, "as_stored", false, &e) == 0 &&
           recipe_add_reals(&r, "mean", mean, 4, &e) == 0,
       "items are added %s", e.text);
    is_text(recipe_find(&r, "mean"), "0.485,0.456,0.1,1000.00006", "numbers read back exactly, from the fewest digits");
    is_text(recipe_find(&r, "as_stored"), "no", "a flag");
    ok(!recipe_find(&r, "size"), "what is not there");
    is_int(recipe_add(&r, "resize", "1", &e), FMT_INVALID, "no item twice: %s", e.text);
    is_int(recipe_add(&r, "", "1", NULL), FMT_INVALID, "no item without a name");
    char longer[RECIPE_VALUE_MAX + 2];
    memset(longer, 'x', sizeof longer - 1);
    longer[sizeof longer - 1] = 0;
    is_int(recipe_add(&r, "long", longer, NULL), FMT_LIMIT, "no value beyond the limit");
    ok(recipe_copy(&copy, &r, &e) == 0 && copy.n == 3 && recipe_compare(&r, &copy, &e) == 0, "a copy is equal");
    recipe_release(&r);
    is_text(recipe_find(&copy, "resize"), "256", "and lives on");
    recipe_release(&copy);
}

static void test_comparing(void)
{
    struct recipe a = {.n = 0}, b = {.n = 0};
    struct fmt_error e = {0};
    char names[40];
    recipe_add_int(&a, "resize", 192, NULL);
    recipe_add(&a, "fit", "crop", NULL);
    recipe_add(&b, "fit", "crop", NULL);
    recipe_add_int(&b, "size", 224, NULL);
    ok(recipe_compare(&a, &b, &e) == 0, "only items of both are compared");
    is_int(recipe_uncompared(&a, &b, names, sizeof names), 2, "the others are unsaid");
    is_text(names, "resize, size", "and named");
    is_int(recipe_uncompared(&a, &b, names, 9), 2, "however small the buffer is");
    is_text(names, "resize, ", "their names are cut");
    recipe_add_int(&b, "resize", 96, NULL);
    is_int(recipe_compare(&a, &b, &e), FMT_MISMATCH, "two values of an item");
    is_text(e.text, "resize 96, other file has 192", "both are named");
    recipe_intersect(&b, &a);
    ok(b.n == 2 && recipe_find(&b, "fit") && !recipe_find(&b, "size"), "what both say is kept");
    recipe_release(&a);
    recipe_release(&b);
}

/* Features with different recipes are incompatible; items that an old file does not record are named. */
static void test_features(void)
{
    struct feat_header a = sample_feat_header(), b = a, old = a;
    struct fmt_error e = {0};
    char what[200];
    sample_recipe(&a.recipe, NULL);
    sample_recipe(&b.recipe, NULL);
    ok(feat_compatible(&a, &b, false, &e) == 0 && !feat_uncompared(&a, &b, what, sizeof what), "one recipe");
    ok(feat_compatible(&a, &old, false, &e) == 0 && feat_uncompared(&a, &old, what, sizeof what) &&
           strstr(what, "resize, fit"),
       "an old file goes with a new one: %s", what);
    ok(feat_uncompared(&old, &old, what, sizeof what) && strstr(what, "in both"),
       "of two old files nothing is known: %s", what);
    recipe_release(&b.recipe);
    recipe_add(&b.recipe, "fit", "pad", NULL);
    is_int(feat_compatible(&a, &b, false, &e), FMT_MISMATCH, "%s", e.text);
    recipe_release(&a.recipe);
    recipe_release(&b.recipe);
}

/* Without the item features are of float32; a difference is refused unless it is allowed, and is not "missing". */
static void test_precision(void)
{
    struct feat_header a = sample_feat_header(), b = a;
    struct fmt_error e = {0};
    char what[200];
    sample_recipe(&a.recipe, NULL);
    sample_recipe(&b.recipe, NULL);
    is_text(feat_precision(&a), "f32", "without the item: f32");
    ok(recipe_add(&b.recipe, RECIPE_PRECISION, "bf16", &e) == 0, "the item %s", e.text);
    is_text(feat_precision(&b), "bf16", "its value");
    is_int(feat_compatible(&a, &b, false, &e), FMT_MISMATCH, "%s", e.text);
    ok(strncmp(e.text, "precision bf16, other file has f32", 34) == 0, "names both");
    is_int(feat_compatible(&b, &a, false, NULL), FMT_MISMATCH, "the other way round, too");
    ok(feat_compatible(&a, &b, true, &e) == 0 && feat_compatible(&b, &a, true, &e) == 0, "allowed");
    ok(!feat_uncompared(&a, &b, what, sizeof what), "nothing is unsaid");
    recipe_add(&a.recipe, RECIPE_PRECISION, "int8", NULL);
    is_int(feat_compatible(&a, &b, false, NULL), FMT_MISMATCH, "two other precisions");
    ok(feat_compatible(&a, &b, true, &e) == 0, "allowed, too");
    ok(recipe_set(&a.recipe, RECIPE_PRECISION, "bf16", &e) == 0 && feat_compatible(&a, &b, false, &e) == 0,
       "set to the same value");
    recipe_set(&a.recipe, RECIPE_PRECISION, FEAT_PRECISION_MIXED, NULL);
    recipe_set(&b.recipe, RECIPE_PRECISION, FEAT_PRECISION_MIXED, NULL);
    is_int(feat_compatible(&a, &b, false, &e), FMT_MISMATCH, "mixed rows are not of one precision: %s", e.text);
    ok(!feat_same_precision(&a, &b) && feat_compatible(&a, &b, true, &e) == 0, "allowed, too");
    ok(recipe_set(&a.recipe, "fit", "pad", &e) == 0, "another item is set");
    is_text(recipe_find(&a.recipe, "fit"), "pad", "has the new value");
    is_text(recipe_find(&a.recipe, "resize"), "256", "the others stand");
    is_int(feat_compatible(&a, &b, true, &e), FMT_MISMATCH, "another difference is refused all the same: %s", e.text);
    recipe_release(&a.recipe);
    recipe_release(&b.recipe);
}

static void test_bytes(void)
{
    struct recipe a = {.n = 0}, b;
    struct fmt_buffer raw = {0};
    struct fmt_error e = {0};
    sample_recipe(&a, NULL);
    ok(recipe_put(&a, &raw, &e) == 0, "as bytes %s", e.text);
    struct bytes c = bytes_over(raw.data, raw.bytes);
    ok(recipe_take(&c, &b, &e) == 0 && b.n == a.n && recipe_compare(&a, &b, NULL) == 0 && bytes_left(&c) == 0,
       "and back %s", e.text);
    recipe_release(&b);
    int accepted = 0;
    for (size_t n = 0; n < raw.bytes; n++) {
        c = bytes_over(raw.data, n);
        accepted += recipe_take(&c, &b, NULL) == 0;
    }
    is_int(accepted, 0, "cut anywhere it is refused");
    raw.data[0] = RECIPE_ITEMS_MAX + 1;
    c = bytes_over(raw.data, raw.bytes);
    is_int(recipe_take(&c, &b, &e), FMT_LIMIT, "%s", e.text);
    recipe_release(&a);
    fmt_buffer_release(&raw);
}

int main(void)
{
    test_items();
    test_comparing();
    test_features();
    test_precision();
    test_bytes();
    return tap_done();
}
