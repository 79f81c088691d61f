/* test-overlap.c - rows on both sides: by content, by group, by key where nothing else is known; what a classifier
 * remembers. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "overlap.h"
#include "tap.h"

struct row {
    const char *key, *group;
    uint8_t content; /* first byte; 0: not known */
    int32_t label;
};

static struct rows set_of(const struct row *row, int64_t n)
{
    struct rows r = {.n = n};
    if (rows_reserve(&r, ROWS_LABEL | ROWS_KEY | ROWS_GROUP_NAME | ROWS_CONTENT, n, NULL))
        exit(1);
    memset(r.content, 0, (size_t)n * sizeof *r.content);
    for (int64_t i = 0; i < n; i++) {
        r.key[i] = row[i].key;
        r.group_name[i] = row[i].group;
        r.label[i] = row[i].label;
        r.content[i][0] = row[i].content;
    }
    return r;
}

static const struct row learned[] = {
    {"a1", "a", 1, 0}, {"a2", "a", 2, 0}, {"b1", "b", 3, 1}, {"n1", "", 4, 1}, {"u1", "u", 5, -1}};
static const struct row query[] = {
    {"x1", "x", 9, 0}, {"copy", "x", 3, 1}, {"a3", "a", 8, 0}, {"a2", "a", 2, 0}, {"n2", "", 7, 1},
    {"u1", "u", 5, 0}, {"n1", "", 4, -1}};

static void test_sets(void)
{
    struct rows l = set_of(learned, 5), q = set_of(query, 7);
    struct overlap o;
    struct fmt_error e = {0};
    char text[OVERLAP_TEXT];
    ok(overlap_sets(&l, &q, false, &o, &e) == 0, "two sets %s", e.text);
    is_int(o.n_images, 2, "a copy in another group, and a row itself; rows without a label do not count");
    is_text(o.image, "copy", "the first in the order of the query");
    is_int(o.n_groups, 1, "one group on both sides, of two rows");
    is_text(o.group, "a", "its name");
    is_text(overlap_text(&o, "q", "l", text),
            "q: 2 of its images are in l, the first is copy; so is 1 of its groups, namely a", "in words");
    ok(overlap_sets(&l, &q, true, &o, &e) == 0, "groups kept apart");
    is_int(o.n_images, 1, "then only a copy in another group counts");
    is_int(o.n_groups, 0, "and no group");
    rows_release(&q);
    q = set_of(query, 1);
    ok(overlap_sets(&l, &q, false, &o, &e) == 0 && !overlap_any(&o) && o.n_keys == 0, "nothing in common");
    is_text(overlap_text(&o, "q", "l", text), "", "... has no words");
    rows_release(&q);
    static const struct row twice[] = {{"a1", "a", 1, 0}, {"a2", "a", 1, 0}, {"b1", "b", 1, 0}, {"n", "", 2, 0}};
    q = set_of(twice, 4);
    ok(overlap_sets(&q, &q, true, &o, &e) == 0, "a set and itself, groups apart");
    is_int(o.n_images, 3, "an image in two groups counts, a row without a group does not meet itself");
    rows_release(&q);
    rows_release(&l);
}

/* Rows without groups have none in common; without contents keys are told apart from proof. */
static void test_keys(void)
{
    static const struct row unknown[] = {{"a1", "", 0, 0}, {"z", "", 0, 0}}, known[] = {{"a1", "", 1, 0}};
    struct rows u = set_of(unknown, 2), again = set_of(unknown, 2);
    struct rows k = set_of(known, 1), copy = set_of(known, 1);
    struct overlap o;
    ok(overlap_sets(&u, &again, false, &o, NULL) == 0 && !overlap_any(&o), "no proof without contents");
    is_int(o.n_keys, 2, "but keys");
    overlap_sets(&k, &u, false, &o, NULL);
    is_int(o.n_keys, 1, "the query's contents are not known");
    overlap_sets(&u, &k, false, &o, NULL);
    is_int(o.n_keys, 1, "the other side's are not known");
    overlap_sets(&k, &copy, false, &o, NULL);
    ok(o.n_keys == 0 && o.n_images == 1, "where contents are known keys are not compared");
    rows_release(&u);
    rows_release(&again);
    rows_release(&k);
    rows_release(&copy);
}

static void test_remembered(void)
{
    struct rows l = set_of(learned, 5), q = set_of(query, 7);
    struct linear_seen seen;
    struct overlap o;
    ok(overlap_remember(&l, &seen, NULL) == 0, "remembered");
    is_int(seen.n_images, 4, "images of labelled rows");
    is_int(seen.n_groups, 2, "each group once");
    ok(seen.image[0] < seen.image[1] && seen.group[0] < seen.group[1], "ascending");
    ok(overlap_seen(&seen, &q, &o, NULL) == 0 && o.n_images == 2 && o.n_groups == 1, "and found again");
    linear_seen_release(&seen);
    rows_release(&l);
    rows_release(&q);

    int64_t n = LINEAR_SEEN_MAX + 1000;
    struct row *many = calloc((size_t)n, sizeof *many);
    for (int64_t i = 0; i < n; i++)
        many[i] = (struct row){"k", "g", 1, 0};
    struct rows big = set_of(many, n);
    for (int64_t i = 0; i < n; i++)
        memcpy(big.content[i], &(uint64_t){(uint64_t)(n - i)}, 8);
    ok(overlap_remember(&big, &seen, NULL) == 0 && seen.n_images == LINEAR_SEEN_MAX && seen.n_groups == 1,
       "of too many the least are kept");
    linear_seen_release(&seen);
    rows_release(&big);
    free(many);
}

/* Each row of a group meets all of its rows on the other side: once is enough. */
static void test_large_group(void)
{
    enum { N = 1000000 };
    struct row *row = calloc(N, sizeof *row);
    for (int64_t i = 0; i < N; i++)
        row[i] = (struct row){"k", "g", 0, 0};
    struct rows a = set_of(row, N), b = set_of(row, N);
    struct overlap o;
    alarm(60);
    ok(overlap_sets(&a, &b, false, &o, NULL) == 0 && o.n_groups == 1 && o.n_keys == N, "a million rows of one group");
    alarm(0);
    rows_release(&a);
    rows_release(&b);
    free(row);
}

int main(void)
{
    test_sets();
    test_keys();
    test_remembered();
    test_large_group();
    return tap_done();
}
