/* test-group-pattern.c - installations and views from names; how a list of photographs is put into order. */
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

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

/* ------------------------------------------------------------------ against the plain way */
/* Tries everything, the longest first: right, and for many a * without end. */
static bool try_all(const char *p, const char *s, char *group, int *view)
{
    size_t left = strcspn(s, "/");
    if (!*p)
        return !*s;
    if (*p == '*' || strncmp(p, "{group}", 7) == 0) {
        bool is_group = *p == '{';
        for (size_t n = left + 1; n-- > is_group;)
            if (try_all(p + (is_group ? 7 : 1), s + n, group, view)) {
                if (is_group)
                    sprintf(group, "%.*s", (int)n, s);
                return true;
            }
        return false;
    }
    if (strncmp(p, "{view}", 6) == 0) {
        size_t n = strspn(s, "0123456789");
        if (n < 1 || n > 2 || !try_all(p + 6, s + n, group, view))
            return false;
        sscanf(s, "%d", view);
        return true;
    }
    return *s == *p && try_all(p + 1, s + 1, group, view);
}

static unsigned drawn(unsigned *state, unsigned below)
{
    *state = *state * 1664525 + 1013904223;
    return (*state >> 16) % below;
}

static void draw_text(unsigned *state, const char *const *part, unsigned n_parts, int n, char *to)
{
    *to = 0;
    for (int i = 0; i < n; i++)
        strcat(to, part[drawn(state, n_parts)]);
}

static void test_drawn(void)
{
    static const char *const of_pattern[] = {"*", "a", "1", "-", "*", "{view}"};
    static const char *const of_name[] = {"a", "1", "-", "2"};
    unsigned state = 7;
    int n = 0, n_fit = 0, n_wrong = 0;
    while (n < 20000) {
        char before[40], after[40], pattern[100], name[20], group[20] = "";
        struct group_pattern p;
        struct group_match m;
        int view = -1;
        draw_text(&state, of_pattern, 6, (int)drawn(&state, 4), before);
        draw_text(&state, of_pattern, 6, (int)drawn(&state, 4), after);
        sprintf(pattern, "%s{group}%s", before, after);
        draw_text(&state, of_name, 4, 1 + (int)drawn(&state, 10), name);
        if (group_pattern_parse(&p, pattern, NULL))
            continue;
        bool fit = try_all(pattern, name, group, &view);
        bool same = group_pattern_match(&p, name, &m) == fit;
        same = same && (!fit || (strcmp(m.group, group) == 0 && m.view == view));
        if (!same && n_wrong++ < 3)
            printf("# %s of %s: %s %d\n", pattern, name, group, view);
        n_fit += fit;
        n++;
    }
    ok(n_wrong == 0 && n_fit > 2000, "drawn patterns and names: as by trying everything (%d of %d fit)", n_fit, n);
}

static double cpu_seconds(void)
{
    struct rusage r;
    getrusage(RUSAGE_SELF, &r);
    return (double)r.ru_utime.tv_sec + 1e-6 * (double)r.ru_utime.tv_usec;
}

/* Trying everything takes more steps here than there are atoms. */
static void test_hostile(void)
{
    char pattern[GROUP_PATTERN_MAX + 1], name[4200];
    struct group_pattern p;
    struct group_match m;
    struct fmt_error e = {0};
    pattern[0] = 0;
    while (strlen(pattern) < GROUP_PATTERN_MAX - 10)
        strcat(pattern, "*a");
    strcat(pattern, "{group}b");
    memset(name, 'a', sizeof name);
    name[4096] = 0;
    ok(group_pattern_parse(&p, pattern, &e) == 0, "a pattern of many * %s", e.text);
    alarm(60); /* ends the test */
    double begin = cpu_seconds();
    ok(!group_pattern_match(&p, name, &m), "does not fit");
    name[4095] = 'b';
    ok(group_pattern_match(&p, name, &m) && strcmp(m.group, "a") == 0, "fits when it can");
    double seconds = cpu_seconds() - begin;
    alarm(0);
    ok(seconds < 2, "... within bounded work");
    printf("# %.3f s\n", seconds);
    memset(name, 'a', sizeof name - 1);
    name[sizeof name - 1] = 0;
    ok(!group_pattern_match(&p, name, &m), "a longer name fits nothing");
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
    test_drawn();
    test_hostile();
    test_rules();
    test_lists();
    return tap_done();
}
