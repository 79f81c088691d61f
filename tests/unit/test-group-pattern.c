/* test-group-pattern.c - installations and views from names; how a list of photographs is put into order. */
#include <string.h>

#include "photo-list.h"
#include "tap.h"

static void matches(const char *pattern, const char *name, const char *group, int view)
{
    struct group_pattern p;
    struct group_match m = {.view = -2};
    struct fmt_error e = {0};
    bool good = group_pattern_parse(&p, pattern, &e) == 0 && group_pattern_match(&p, name, &m) == (group != NULL) &&
                (!group || (strcmp(m.group, group) == 0 && m.view == view));
    ok(good, "%s of %s: %s %d %s", pattern, name, group ? group : "none", view, e.text);
}

static void test_patterns(void)
{
    matches(GROUP_PATTERN_DEFAULT, "A17-0.jpg", "A17", 0);
    matches(GROUP_PATTERN_DEFAULT, "A17_12.jpeg", "A17", 12);
    matches(GROUP_PATTERN_DEFAULT, "line 3/A-17-2.jpg", "line 3/A-17", 2);
    matches(GROUP_PATTERN_DEFAULT, "a-1.b/c.jpg", NULL, 0);
    matches(GROUP_PATTERN_DEFAULT, "IMG_1234.jpg", NULL, 0);
    matches(GROUP_PATTERN_DEFAULT, "-1.jpg", NULL, 0);
    matches(GROUP_PATTERN_DEFAULT, "A-1.tar.jpg", NULL, 0);
    matches(GROUP_PATTERN_DEFAULT, "A-1", "A", 1);
    matches(GROUP_PATTERN_DEFAULT, ".A-1", ".A", 1);
    matches("{group}/*", "x/A17/IMG_1234.jpg", "x/A17", -1);
    matches("{group}/*", "IMG_1234.jpg", NULL, 0);
    matches("{group}/cam{view}", "A17/cam2.jpg", "A17", 2);
    matches("cam{view}/{group}", "x/cam2/A17.jpg", "x/A17", 2);
    matches("*_{group}_v{view}*", "2026-11-30_A17_v2_left.jpg", "A17", 2);
    matches("{view}{group}", "12A.jpg", "A", 12);
    matches("{group}.{view}|{group}", "A17.3.jpg", "A17", 3);
    matches("{group}.{view}|{group}", "A17.jpg", "A17", -1);
    matches("{group}", "a/b", "a/b", -1);
}

static void refuses(const char *pattern, int status)
{
    struct group_pattern p;
    struct fmt_error e = {0};
    is_int(group_pattern_parse(&p, pattern, &e), status, "%s", e.text);
}

static void test_rules(void)
{
    char many[GROUP_PATTERN_MAX + 2];
    memset(many, 'a', sizeof many - 1);
    many[sizeof many - 1] = 0;
    refuses("", FMT_INVALID);
    refuses("{view}", FMT_INVALID);
    refuses("{group}{group}", FMT_INVALID);
    refuses("{group}{view}{view}", FMT_INVALID);
    refuses("{group}{x}", FMT_INVALID);
    refuses("{group}|", FMT_INVALID);
    refuses("{group}|{group}|{group}|{group}|{group}|{group}|{group}|{group}|{group}", FMT_LIMIT);
    refuses(many, FMT_LIMIT);
}

static void is_group(const char *relative, bool in_folder, const char *group)
{
    struct group_pattern p;
    struct group_match m;
    group_pattern_parse(&p, GROUP_PATTERN_DEFAULT, NULL);
    photo_list_group(relative, in_folder, &p, &m);
    ok(strcmp(m.group, group) == 0, "%s%s belongs to %s", relative, in_folder ? " in a folder" : "", m.group);
}

static void test_lists(void)
{
    struct photo_list l = {.n = 0};
    struct group_pattern p;
    struct fmt_error e = {0};
    static const char *const name[] = {"b-1.jpg", "x.jpg", "a-1.jpg", "b-0.jpg", "y.jpg", "a-0.jpg"};
    static const char *const want[] = {"b-0.jpg", "b-1.jpg", "x.jpg", "a-0.jpg", "a-1.jpg", "y.jpg"};
    is_group("A17-0.jpg", true, "A17");
    is_group("A17/IMG_1234.jpg", true, "A17");
    is_group("A17/IMG_1234.jpg", false, "A17/IMG_1234");
    is_group("IMG_1234.jpg", true, "IMG_1234");
    group_pattern_parse(&p, GROUP_PATTERN_DEFAULT, NULL);
    for (int i = 0; i < 6; i++)
        ok(photo_list_add(&l, name[i], 0, false, NULL, -1, &p, &e) == 0, "%s is added %s", name[i], e.text);
    ok(photo_list_sort(&l, &e) == 0 && l.n_groups == 4, "four installations %s", e.text);
    for (int i = 0; i < 6; i++)
        ok(strcmp(l.photo[i].name, want[i]) == 0, "photograph %d: %s", i, l.photo[i].name);
    ok(l.photo[1].i_group == 0 && l.photo[2].i_group == 1 && l.photo[5].i_group == 3, "numbers of installations");
    photo_list_close(&l);
    ok(photo_list_add(&l, "a", 0, false, "", 0, &p, &e) == 0 && photo_list_add(&l, "b", 0, false, "", 0, &p, &e) == 0 &&
           photo_list_sort(&l, &e) == 0 && l.n_groups == 2, "without a name each is one of its own %s", e.text);
    photo_list_close(&l);
    ok(photo_list_is_image("a.JPG") && photo_list_is_image("a.heic") && !photo_list_is_image(".a.jpg") &&
           !photo_list_is_image("a.txt") && !photo_list_is_image("@a.jpg"), "endings of images");
}

int main(void)
{
    test_patterns();
    test_rules();
    test_lists();
    return tap_done();
}
