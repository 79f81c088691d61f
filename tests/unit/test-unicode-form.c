/* test-unicode-form.c - names in two Unicode forms are found equal, and one content of many names quickly. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "dataset-internal.h"
#include "file.h"
#include "unicode-form.h"
#include "tap.h"

static void forms(void)
{
    static const struct {
        const char *composed, *apart;
    } same[] = {
        {"Pr\u00fcfung", "Pru\u0308fung"},          {"caf\u00e9.jpg", "cafe\u0301.jpg"},
        {"\u00c5", "A\u030a"},                      {"Vi\u1ec7t", "Vie\u0323\u0302t"},
        {"\u01d7", "U\u0308\u0301"},                {"\u0439\u0451", "\u0438\u0306\u0435\u0308"},
        {"\u03ac\u0390", "\u03b1\u0301\u03b9\u0308\u0301"}, {"\u304c\u30d1", "\u304b\u3099\u30cf\u309a"},
        {"\ud55c\uae00", "\u1112\u1161\u11ab\u1100\u1173\u11af"}, {"\uac00", "\u1100\u1161"},
    };
    static const char *const other[] = {"", "a", "a\u0301", "ab", "b", "u", "u\u0308", "u\u0308\u0301", "\u00fb",
                                        "\xff", "\xfc", "a\xff", "\u4e00", "\u0301"};
    for (size_t i = 0; i < sizeof same / sizeof *same; i++)
        ok(unicode_form_compare(same[i].composed, same[i].apart) == 0 &&
               unicode_form_compare(same[i].apart, same[i].composed) == 0 && strcmp(same[i].composed, same[i].apart),
           "%s in two forms", same[i].composed);
    int bad = 0;
    size_t n = sizeof other / sizeof *other;
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < n; j++) {
            int c = unicode_form_compare(other[i], other[j]), back = unicode_form_compare(other[j], other[i]);
            bad += (c == 0) != (i == j) || (c > 0) != (back < 0);
        }
    is_int(bad, 0, "others stay apart, in an order");
    ok(unicode_form_is_ascii("a-1.jpg") && !unicode_form_is_ascii("\u00e9") && !unicode_form_is_ascii("\xff"),
       "plain names");
}

static void hints(void)
{
    struct fmt_error e = {0};
    struct file f;
    char *folder = file_join(tap_scratch(), "Pru\u0308fung"), *file = file_join(folder, "a\u0301.jpg");
    char *other = file_join(tap_scratch(), "Pr\u00fcfung/\u00e1.jpg");
    char *none = file_join(tap_scratch(), "Pr\u00fcfung/b\u00e1");
    ok(file_make_dirs(folder, &e) == 0 && file_save(file, "x", 1, &e) == 0, "a file as a Mac names it %s", e.text);
    errno = ENOENT;
    is_text(unicode_form_hint(other), UNICODE_FORM_HINT, "its folder and itself in another form");
    is_int(errno, ENOENT, "errno stays");
    is_text(unicode_form_hint(none), "", "the folder alone is no hint");
    is_text(unicode_form_hint(file), "", "nor is what is there");
    ok(file_open(&f, other, &e) == FMT_IO && strstr(e.text, UNICODE_FORM_HINT), "opening it says so: %s", e.text);
    if (chdir(folder))
        ok(false, "a folder to be in");
    is_text(unicode_form_hint("\u00e1.jpg"), UNICODE_FORM_HINT, "a name without a folder");
    free(folder), free(file), free(other), free(none);
}

/* A dataset of n images of one content; the CPU seconds of its check. */
static double check_one_content(struct dataset *d, int n, struct fmt_error *e)
{
    int status = dataset_init(d, "", e);
    for (int i = 0; i < n && status == 0; i++) {
        char path[20];
        snprintf(path, sizeof path, "%d.jpg", i);
        struct dataset_image im = {.path = path, .label = i == 0 ? -1 : i % 2, .group_view = -1, .read = true};
        status = dataset_add(d, &im, e) ? 0 : FMT_MEMORY;
    }
    status = status || dataset_add_class(d, "good", e) || dataset_add_class(d, "bad", e);
    clock_t begin = clock();
    ok(!status && dataset_check(d, e) == 0 && d->n_of_kind[DATASET_CONTENT_CONFLICT] == n - 1,
       "one content under %d names, two labels %s", n, e->text);
    return (double)(clock() - begin) / CLOCKS_PER_SEC;
}

/* Comparing each name with all others takes a hundred times as long for ten times as many names, and more than a minute
 * for N. The bound allows for sorting and caches. */
static void contents(void)
{
    enum { N = 300000, TIMES_MAX = 50 };
    struct dataset small, d;
    struct fmt_error e = {0};
    alarm(60);
    double first = check_one_content(&small, N / 10, &e), then = check_one_content(&d, N, &e);
    ok(then < TIMES_MAX * first, "ten times as many names take %.0f times as long", then / first);
    if (d.n_findings == N - 1) {
        is_text(d.finding[0].reason, "is labelled bad; the same content, 2.jpg, is labelled good", "the second");
        is_text(d.finding[N - 2].reason, "is labelled bad; the same content, 2.jpg, is labelled good", "the last");
        is_text(d.finding[1].reason, "is labelled good; the same content, 1.jpg, is labelled bad", "one between");
    }
    dataset_release(&small);
    dataset_release(&d);
    alarm(0);
}

int main(void)
{
    forms();
    hints();
    contents();
    return tap_done();
}
