/* test-part.c - parts of long jobs: texts, runs of items, tasks of job arrays, parts in the header of features. */
#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "feat.h"
#include "job-part.h"
#include "samples.h"
#include "tap.h"

static void test_texts(void)
{
    static const char *const wrong[] = {"", "/", "1", "1/", "/1", "0/3", "4/3", "-1/3", "1/-3", "+1/3", " 1/3", "1/3 ",
                                        "1/3/5", "01/3", "1/03", "a/b", "1/100000", "1/99999999999999", "0x1/3"};
    struct part p = {5, 9};
    struct fmt_error e = {0};
    char text[PART_TEXT];
    ok(part_parse("2/7", &p, &e) == 0 && p.i == 2 && p.n == 7, "2/7 %s", e.text);
    is_text(part_text(p, text), "2/7", "and back");
    ok(part_parse("99999/99999", &p, &e) == 0 && p.i == 99999, "as many as there may be %s", e.text);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct part before = p;
        ok(part_parse(wrong[i], &p, NULL) == FMT_INVALID && p.i == before.i && p.n == before.n, "refused: \"%s\"",
           wrong[i]);
    }
    part_parse("8/7", &p, &e);
    is_text(e.text, "part 8/7: parts are I/N, I from 1 to N, N at most 99999", "the reason");
}

/* Every item is in exactly one part; sizes differ by one at most. */
static void test_runs(void)
{
    static const int64_t items[] = {0, 1, 2, 6, 7, 8, 100, (int64_t)1 << 53};
    bool covered = true, even = true;
    for (size_t k = 0; k < sizeof items / sizeof *items; k++)
        for (int32_t n = 1; n <= 40; n++) {
            int64_t at = 0;
            for (int32_t i = 1; i <= n; i++) {
                struct part p = {i, n};
                int64_t size = part_end(p, items[k]) - part_first(p, items[k]);
                covered = covered && part_first(p, items[k]) == at;
                even = even && (size == items[k] / n || size == items[k] / n + 1);
                at += size;
            }
            covered = covered && at == items[k];
        }
    ok(covered, "each item is in one part, in order");
    ok(even, "sizes differ by one at most");
    is_int(part_first((struct part){0}, 9), 0, "the whole job: from its first item");
    is_int(part_end((struct part){0}, 9), 9, "to its last");
    is_int(part_first((struct part){2, 3}, 10), 3, "10 items in 3 parts: the second from 3");
    is_int(part_end((struct part){2, 3}, 10), 6, "to 6");
}

/* id, min, max, count, and the part they mean; n 0: refused. NULL: not set. */
static void test_slurm(void)
{
    static const struct {
        const char *id, *min, *max, *count;
        struct part part;
    } cases[] = {
        {"0", "0", "3", "4", {1, 4}},   {"3", "0", "3", "4", {4, 4}},    {"1", "1", "4", "4", {1, 4}},
        {"4", "1", "4", "4", {4, 4}},   {"1", "1", "1", "1", {1, 1}},    {"0", "0", "0", "1", {1, 1}},
        {"20", "0", "30", "4", {3, 4}}, {"7", "1", "7", "3", {3, 3}},    {"3", "1", "7", "3", {0, 0}},
        {"5", "5", "5", "1", {0, 0}},   {"12", "10", "12", "3", {0, 0}}, {"4", "0", "3", "4", {0, 0}},
        {"1", "0", "2", "2", {0, 0}},   {"1", "0", "3", "3", {0, 0}},    {"0", "0", "3", "0", {0, 0}},
        {"1", "1", "0", "2", {0, 0}},   {"x", "0", "3", "4", {0, 0}},    {"-1", "0", "3", "4", {0, 0}},
        {"1", "1", "1", "3", {0, 0}},   {"1", "0", "100000", "100001", {0, 0}},
        {NULL, "0", "3", "4", {0, 0}},  {"1", NULL, "3", "4", {0, 0}},   {"1", "0", NULL, "4", {0, 0}},
        {"1", "0", "3", NULL, {0, 0}},
    };
    static const char *const name[] = {"SLURM_ARRAY_TASK_ID", "SLURM_ARRAY_TASK_MIN", "SLURM_ARRAY_TASK_MAX",
                                       "SLURM_ARRAY_TASK_COUNT"};
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        const char *const value[] = {cases[k].id, cases[k].min, cases[k].max, cases[k].count};
        struct fmt_error e = {0};
        struct part p = {7, 7};
        for (int v = 0; v < 4; v++)
            if (value[v])
                setenv(name[v], value[v], 1);
            else
                unsetenv(name[v]);
        int status = job_part_parse("slurm", &p, &e);
        ok((status == 0) == (cases[k].part.n > 0) && p.i == cases[k].part.i && p.n == cases[k].part.n,
           "task %s of %s to %s, %s tasks: part %d of %d %s", value[0] ? value[0] : "?", value[1] ? value[1] : "?",
           value[2] ? value[2] : "?", value[3] ? value[3] : "?", p.i, p.n, e.text);
    }
    struct part p = {7, 7};
    ok(job_part_parse(NULL, &p, NULL) == 0 && p.n == 0, "without the option: the whole job");
    ok(job_part_parse("2/3", &p, NULL) == 0 && p.i == 2 && p.n == 3, "a part in words");
}

/* The header keeps the part as an item of the recipe, of which readers of version 1.1 know that it is no other. */
static void test_header(void)
{
    struct feat_header h = sample_feat_header(), read = {0};
    struct fmt_buffer plain = {0}, b = {0};
    struct fmt_error e = {0};
    ok(feat_header_put(&h, &plain, &e) == 0, "a whole file %s", e.text);
    h.part = (struct part){2, 7};
    ok(feat_header_put(&h, &b, &e) == 0, "a part %s", e.text);
    struct bytes c = bytes_over(b.data, b.bytes);
    ok(feat_header_take(&c, FEAT_MINOR, &read, &e) == 0 && read.part.i == 2 && read.part.n == 7, "is read %s", e.text);
    ok(read.recipe.n == h.recipe.n && !recipe_find(&read.recipe, "part"), "it is no item of the recipe in memory");
    ok(feat_compatible(&h, &read, false, &e) == 0, "rows of parts belong together %s", e.text);
    read.part = (struct part){0};
    b.bytes = 0;
    feat_header_put(&read, &b, &e);
    ok(b.bytes == plain.bytes && memcmp(b.data, plain.data, b.bytes) == 0, "without its part: the bytes of the whole");
    feat_header_release(&read);

    recipe_add(&h.recipe, "part", "8/7", &e);
    h.part = (struct part){0};
    b.bytes = 0;
    feat_header_put(&h, &b, &e);
    c = bytes_over(b.data, b.bytes);
    is_int(feat_header_take(&c, FEAT_MINOR, &read, &e), FMT_INVALID, "a part that cannot be: %s", e.text);
    fmt_buffer_release(&plain);
    fmt_buffer_release(&b);
    recipe_release(&h.recipe);
}

int main(void)
{
    test_texts();
    test_runs();
    test_slurm();
    test_header();
    return tap_done();
}
