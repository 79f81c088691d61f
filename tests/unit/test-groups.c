/* Groups: their numbers, folds that do not divide them, groups that share an image; samples of rows. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "groups.h"
#include "row-sample.h"
#include "tap.h"

static void test_numbers(void)
{
    const char *a[] = {"x", "", "y", "x", ""}, *b[] = {"y", "z"};
    struct rows of_a = {.n = 5, .group_name = a}, of_b = {.n = 2, .group_name = b}, *both[] = {&of_a, &of_b};
    static const int64_t expected[] = {0, 1, 2, 0, 3};
    groups_number(both, 2, NULL);
    ok(of_a.n_groups == 5 && of_b.n_groups == 5 && memcmp(of_a.group, expected, sizeof expected) == 0 &&
           of_b.group[0] == 2 && of_b.group[1] == 4,
       "names are numbered as they come, over several sets; no name is a group of its own");
    of_a.n = 2;
    of_a.group[0] = 3;
    ok(groups_compact(&of_a, NULL) == 0 && of_a.n_groups == 2 && of_a.group[0] == 0 && of_a.group[1] == 1,
       "numbers without gaps after rows have gone");
    free(of_a.group);
    free(of_b.group);
}

static void test_folds(void)
{
    enum { GROUPS = 50, VIEWS = 3, N = GROUPS * VIEWS, FOLDS = 5 };
    static int64_t group[N];
    static int32_t label[N];
    struct rows r = {.n = N, .n_groups = GROUPS, .group = group, .label = label};
    int count[FOLDS] = {0}, positives[FOLDS] = {0};
    for (int i = 0; i < N; i++) {
        group[i] = i / VIEWS;
        label[i] = i / VIEWS % 5 == 0;
    }
    groups_folds(&r, FOLDS, 3, NULL);
    bool whole = true;
    for (int i = 0; i < N; i++) {
        whole = whole && r.fold[i] == r.fold[i / VIEWS * VIEWS];
        count[r.fold[i]]++;
        positives[r.fold[i]] += label[i];
    }
    bool even = true;
    for (int f = 0; f < FOLDS; f++)
        even = even && count[f] == N / FOLDS && positives[f] == N / 5 / FOLDS;
    ok(whole && even, "folds keep groups whole and are even in rows and positives");
    free(r.fold);
}

/* Groups of three rows, 3 of a hundred of the rare class. */
static void test_sample(void)
{
    enum { N_GROUPS = 3000, N = 3 * N_GROUPS };
    static int64_t group[N];
    static int32_t label[N];
    struct rows all = {.n = N, .n_groups = N_GROUPS, .group = group, .label = label}, s;
    for (int i = 0; i < N; i++) {
        group[i] = i / 3;
        label[i] = i % 500 == 7 ? -1 : i / 3 * 7 % 100 < 3;
    }
    int64_t taken[2] = {0}, last = -1;
    double sum[2] = {0}, weight[N_GROUPS] = {0};
    bool whole = true;
    row_sample_groups(&s, &all, 1200, NULL);
    for (int64_t i = 0; i < s.n; i++) {
        whole = whole && s.label[i] >= 0 && s.index[i] > last;
        whole = whole && (weight[s.group[i]] == 0 || weight[s.group[i]] == s.weight[i]);
        last = s.index[i];
        weight[s.group[i]] = s.weight[i];
        taken[s.label[i]]++;
        sum[s.label[i]] += s.weight[i];
    }
    int64_t n = 0;
    for (int64_t i = 0; i < N; i++)
        n += label[i] >= 0 && weight[group[i]] > 0;
    ok(whole && n == s.n && taken[1] >= 267 && n >= 1190 && n <= 1210,
       "a sample has whole groups and all of the rare class: %lld and %lld rows", (long long)taken[0],
       (long long)taken[1]);
    ok(fabs(sum[0] + sum[1] - N) < 40 && fabs(sum[1] - 270) <= 3, "its rows stand for all: %.1f and %.1f", sum[0],
       sum[1]);
    rows_release(&s);
    row_sample_groups(&s, &all, N, NULL);
    whole = s.n == rows_n_labelled(&all);
    for (int64_t i = 0; i < s.n; i++)
        whole = whole && s.weight[i] == 1;
    ok(whole, "a sample of all rows is all rows, each for itself");
    rows_release(&s);
}

/* A number of rows of each class, drawn anew each time, in the order of the rows. */
static void test_sample_per_class(void)
{
    enum { N = 60 };
    int32_t label[N];
    struct rows all = {.n = N, .label = label}, s[3];
    for (int i = 0; i < N; i++)
        label[i] = i < 4 ? 2 : i % 3 - 1;
    int status = 0, count[3] = {0};
    for (int i = 0; i < 3; i++)
        status += row_sample_per_class(&s[i], &all, 3, 5, 7, i / 2, NULL);
    bool ascending = true;
    for (int64_t i = 0; i < s[0].n; i++) {
        ascending = ascending && (i == 0 || s[0].index[i] > s[0].index[i - 1]);
        count[s[0].label[i]]++;
    }
    ok(status == 0 && ascending && count[0] == 5 && count[1] == 5 && count[2] == 4, "5 rows of a class, or all it has");
    size_t bytes = 14 * sizeof *s[0].index;
    ok(memcmp(s[0].index, s[1].index, bytes) == 0 && memcmp(s[0].index, s[2].index, bytes) != 0,
       "another draw, other rows");
    for (int i = 0; i < 3; i++)
        rows_release(&s[i]);
}

static struct rows with_contents(int64_t n, const uint8_t *first_byte, int64_t *group, int64_t n_groups)
{
    struct rows r = {.n = n, .group = group, .n_groups = n_groups};
    rows_reserve(&r, ROWS_CONTENT, n, NULL);
    for (int64_t i = 0; i < n; i++) {
        memset(r.content[i], 0, DIGEST_BYTES);
        r.content[i][0] = first_byte[i];
    }
    return r;
}

/* For folds: groups that share an image become one, and numbers stay as they were where none does. */
static void test_joined(void)
{
    static const uint8_t image[] = {1, 2, 2, 3, 0, 0, 1}, own[] = {1, 2, 3};
    static const int64_t expected[] = {0, 0, 0, 1, 2, 3, 0};
    int64_t group[] = {0, 0, 1, 2, 3, 4, 5}, apart[] = {0, 1, 2};
    struct rows r = with_contents(7, image, group, 6), single = with_contents(3, own, apart, 3);
    ok(groups_join(&r, NULL) == 0, "joined");
    is_int(r.n_groups, 4, "two of six are joined to the first; unknown contents join nothing");
    ok(memcmp(group, expected, sizeof expected) == 0, "numbered in order of first appearance");
    ok(groups_join(&single, NULL) == 0 && single.n_groups == 3 && apart[0] == 0 && apart[2] == 2,
       "none is joined where nothing is shared");
    free(r.content);
    free(single.content);
}

static void test_folds_by_image(void)
{
    static const uint8_t image[] = {1, 2, 2, 3};
    int64_t group[] = {0, 1, 2, 3};
    int32_t label[] = {0, 0, 1, 1};
    struct fmt_error e = {0};
    struct rows r = with_contents(4, image, group, 4);
    r.label = label;
    ok(groups_folds_apart(&r, NULL, 3, 1, &e) == 0 && r.fold[1] == r.fold[2] && r.fold[0] != r.fold[1] &&
           r.fold[0] != r.fold[3] && group[2] == 2,
       "an image of two groups is in one fold, and the groups keep their numbers");
    ok(groups_folds_apart(&r, NULL, 4, 1, &e) == FMT_INVALID, "%s", e.text);
    free(r.content);
    free(r.fold);
}

/* Six groups of one photograph; the first and the last, and two between, are of one site each. */
static void test_folds_by_site(void)
{
    static const uint8_t image[] = {1, 2, 3, 4, 5, 6};
    static const char *const site[] = {"a", "", "b", "b", "", "a"};
    int64_t group[] = {0, 1, 2, 3, 4, 5};
    int32_t label[] = {0, 1, 0, 1, 0, 1};
    struct fmt_error e = {0};
    struct rows r = with_contents(6, image, group, 6);
    r.label = label;
    ok(groups_folds_apart(&r, site, 4, 1, &e) == 0 && r.fold[0] == r.fold[5] && r.fold[2] == r.fold[3] &&
           r.fold[0] != r.fold[2] && r.fold[1] != r.fold[4] && r.fold[1] != r.fold[0] && group[5] == 5,
       "photographs of one site are in one fold; those without a site go their own ways");
    ok(groups_folds_apart(&r, site, 5, 1, &e) == FMT_INVALID, "%s", e.text);
    free(r.content);
    free(r.fold);
}

int main(void)
{
    test_numbers();
    test_folds();
    test_sample();
    test_sample_per_class();
    test_joined();
    test_folds_by_image();
    test_folds_by_site();
    return tap_done();
}
