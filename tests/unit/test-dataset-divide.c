/* Splits by lot: shares of each label, whole installations, contents on one side, the same from whatever order. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dataset-internal.h"
#include "rng.h"
#include "tap.h"

enum { GROUPS = 200, IMAGES_MAX = 4 * GROUPS };

/* An image whose content is drawn from the number. */
static void add(struct dataset *d, const char *group, int32_t label, int content)
{
    char path[32];
    snprintf(path, sizeof path, "%d.jpg", (int)d->n_images);
    struct dataset_image im = {.path = path, .group = group, .label = label, .group_view = -1, .read = true};
    digest_of(&content, sizeof content, im.sha256);
    dataset_add(d, &im, NULL);
}

/* Group g has 1 to 4 images; a fifth of the groups are of class 1. `order` says in which order the groups come. */
static void make(struct dataset *d, const int64_t *order)
{
    char name[16];
    dataset_init(d, "", NULL);
    dataset_add_class(d, "good", NULL);
    dataset_add_class(d, "bad", NULL);
    for (int i = 0; i < GROUPS; i++) {
        int g = (int)order[i];
        snprintf(name, sizeof name, "g%d", g);
        for (int v = 0; v < 1 + g % 4; v++)
            add(d, name, g % 5 == 0, 10 * g + v);
    }
}

static int split_of(const struct dataset_image *im)
{
    for (int s = 0; s < 3; s++)
        if (strcmp(im->split, dataset_splits[s]) == 0)
            return s;
    return -1;
}

static bool divide(struct dataset *d, const char *text, uint64_t seed)
{
    struct dataset_shares shares;
    return dataset_parse_shares(text, &shares, NULL) == 0 && dataset_divide(d, &shares, seed, NULL) == 0;
}

static void in_order(int64_t *order)
{
    for (int i = 0; i < GROUPS; i++)
        order[i] = i;
}

static void test_shares(void)
{
    static const double share[] = {0.7, 0.15, 0.15};
    int64_t order[GROUPS];
    double n[2][3] = {{0}}, all[2] = {0};
    struct dataset d;
    in_order(order);
    make(&d, order);
    bool whole = divide(&d, "70,15,15", 3), even = true;
    for (int64_t i = 0; i < d.n_images; i++) {
        const struct dataset_image *im = &d.image[i];
        n[im->label][split_of(im)]++, all[im->label]++;
        whole = whole && (i == 0 || strcmp(im->group, im[-1].group) != 0 || im->split == im[-1].split);
    }
    ok(whole, "installations are whole");
    for (int c = 0; c < 2; c++)
        for (int s = 0; s < 3; s++)
            even = even && fabs(n[c][s] - share[s] * all[c]) < 1.0;
    ok(even, "each split has its share of each label, to less than an image: %g %g %g, %g %g %g", n[0][0], n[0][1],
       n[0][2], n[1][0], n[1][1], n[1][2]);
    ok(d.n_findings == 0, "and nothing is noted");
    dataset_release(&d);
}

/* The splits of all groups, by their number. */
static void splits_by_group(const struct dataset *d, int split[GROUPS])
{
    for (int64_t i = 0; i < d->n_images; i++)
        split[atoi(d->image[i].group + 1)] = split_of(&d->image[i]);
}

static void test_order(void)
{
    int64_t order[GROUPS];
    int first[GROUPS], again[GROUPS];
    struct dataset d;
    struct rng r = rng_stream(1, 0, 0, RNG_TEST);
    in_order(order);
    make(&d, order);
    bool done = divide(&d, "7,1.5,1.5", 5);
    splits_by_group(&d, first);
    dataset_release(&d);
    rng_permutation(&r, GROUPS, order);
    make(&d, order);
    done = divide(&d, "70,15,15", 5) && done;
    splits_by_group(&d, again);
    ok(done && memcmp(first, again, sizeof first) == 0, "the order in which files were found does not matter");
    done = divide(&d, "70,15,15", 6);
    splits_by_group(&d, again);
    ok(done && memcmp(first, again, sizeof first) != 0, "the seed does");
    dataset_release(&d);
}

/* Chains: a shares a content with b, b an installation with c. */
static void test_contents(void)
{
    struct dataset d;
    char name[16];
    dataset_init(&d, "", NULL);
    dataset_add_class(&d, "good", NULL);
    for (int g = 0; g < 60; g++) {
        snprintf(name, sizeof name, "g%d", g);
        add(&d, "", 0, 3 * g);
        add(&d, name, 0, 3 * g);
        add(&d, name, 0, 3 * g + 1);
    }
    bool together = divide(&d, "1,1,1", 0);
    int n[3] = {0};
    for (int64_t i = 0; i < d.n_images; i++) {
        together = together && d.image[i].split == d.image[i / 3 * 3].split;
        n[split_of(&d.image[i])]++;
    }
    ok(together && n[0] == 60 && n[1] == 60 && n[2] == 60, "what shares a content or an installation is not divided");
    dataset_release(&d);
}

static void test_small(void)
{
    struct dataset d;
    dataset_init(&d, "", NULL);
    dataset_add_class(&d, "good", NULL);
    dataset_add_class(&d, "bad", NULL);
    for (int g = 0; g < 100; g++)
        add(&d, "", 0, g);
    add(&d, "", 1, 1000);
    add(&d, "", -1, 1001);
    d.image[5].at_fault = true;
    ok(divide(&d, "80,0,20", 0) && split_of(&d.image[100]) == 0 && split_of(&d.image[5]) == -1 && d.n_findings == 1,
       "a split without a class is noted; what is at fault is not divided");
    is_text(d.finding[0].reason, "has no image of bad: too few groups", "and how");
    int n = 0;
    for (int i = 0; i < 102; i++)
        n += split_of(&d.image[i]) == 1;
    is_int(n, 0, "a share of 0 gets nothing");
    dataset_release(&d);
}

static void test_repaired(void)
{
    struct dataset d;
    char name[16];
    dataset_init(&d, "", NULL);
    dataset_add_class(&d, "good", NULL);
    dataset_add_class(&d, "bad", NULL);
    for (int g = 0; g < 40; g++) {
        snprintf(name, sizeof name, "g%d", g);
        add(&d, name, 1, 2 * g);
        add(&d, name, 0, 2 * g + 1);
    }
    add(&d, "g0", -1, 1000);
    bool good = dataset_group_by_label(&d, NULL) == 0 && strcmp(d.image[0].group, "g0:bad") == 0 &&
                strcmp(d.image[1].group, "g0:good") == 0 && strcmp(d.image[80].group, "g0") == 0;
    ok(good, "a group is a name within a label; without label it keeps its name");
    good = divide(&d, "1,1,1", 0);
    for (int64_t i = 0; i < 80; i++)
        good = good && d.image[i].split == d.image[i / 2 * 2].split;
    ok(good && d.image[80].split == d.image[0].split, "the installation is not divided, before and after its repair");
    dataset_release(&d);
}

static void test_refusals(void)
{
    static const char *const wrong[] = {"", "70,30", "70,15,15,0", "0,0,0", "70,-1,31", "a,b,c", "70,,30", "1e300,1,1"};
    struct dataset_shares shares;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        is_int(dataset_parse_shares(wrong[i], &shares, NULL), FMT_INVALID, "refused: \"%s\"", wrong[i]);
    ok(dataset_parse_shares("8,1,1", &shares, NULL) == 0 && fabs(shares.of_split[0] - 0.8) < 1e-12, "any sum will do");
}

static void test_classes(void)
{
    struct dataset d;
    struct fmt_error e = {0};
    dataset_init(&d, "", NULL);
    dataset_add_class(&d, "bad", NULL);
    add(&d, "", 0, 0);
    ok(dataset_order_classes(&d, "good,bad", &e) == 0 && d.n_classes == 2 && strcmp(d.class_name[0], "good") == 0 &&
           d.image[0].label == 1, "a class that no image has is there by its name");
    ok(dataset_note_empty_classes(&d, &e) == 0 && d.n_findings == 1 && strcmp(d.finding[0].thing, "good") == 0,
       "with a warning");
    ok(dataset_set_positive(&d, "good", &e) == 0 && strcmp(d.class_name[1], "good") == 0 && d.image[0].label == 0,
       "the positive one becomes the second");
    ok(dataset_set_positive(&d, "good", &e) == 0 && d.image[0].label == 0, "and stays it");
    ok(dataset_set_positive(&d, "ugly", &e) == FMT_INVALID, "an unknown one is refused");
    e = (struct fmt_error){0};
    ok(dataset_order_classes(&d, "good,bda", &e) == FMT_INVALID && strcmp(e.text, "\"bda\" is no class") == 0,
       "a wrong spelling is no new class");
    dataset_order_classes(&d, "good,bad,ugly", NULL);
    ok(dataset_set_positive(&d, "good", &e) == FMT_INVALID, "of three none is positive");
    dataset_release(&d);
}

int main(void)
{
    test_shares();
    test_order();
    test_contents();
    test_small();
    test_repaired();
    test_refusals();
    test_classes();
    return tap_done();
}
