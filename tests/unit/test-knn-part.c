/* test-knn-part - votes of parts as files: every bit of them, in any number of parts; what is not taken. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "file.h"
#include "knn-part.h"
#include "rng.h"
#include "tap.h"

enum { ROWS = 23, OTHERS = 5, KS = 2, CLASSES = 3, CELLS = KS * CLASSES };

static char names[ROWS][32];
static const char *keys[ROWS];
static double votes[2][ROWS * CELLS], found[2][ROWS * CELLS];
static char *classes[] = {"a", "b \"quoted\"", "c\n"};
static const int ks[KS] = {3, 20};
static const struct scores_plan plan = {.n_classes = CLASSES, .class_name = classes};
static struct score_inputs inputs;
static struct knn_part_job job = {.tool = "test", .plan = &plan, .inputs = &inputs, .ks = ks, .n_ks = KS,
                                  .temperature = 0.07, .n_rows = {ROWS, OTHERS}, .n_sets = 2};

static void draw(void)
{
    static const double odd[] = {0, 1, 5e-324, 2.2250738585072014e-308, 0.1, 1.0 / 3, 0.99999999999999989};
    struct rng r = rng_stream(3, 0, 0, RNG_TEST);
    for (int s = 0; s < 2; s++)
        for (int i = 0; i < ROWS * CELLS; i++)
            votes[s][i] = i % 3 ? rng_f64(&r) : odd[rng_below(&r, sizeof odd / sizeof *odd)];
    for (int i = 0; i < ROWS; i++) {
        snprintf(names[i], sizeof names[i], "%d/\"\xc3\xa4\t%d%s", i, i, i % 4 == 3 ? "\xff" : "");
        keys[i] = names[i];
    }
    uint8_t identity[DIGEST_BYTES] = {7};
    score_inputs_add(&inputs, "train", "x.feat", identity);
}

/* Rows [first, end) of a set, with their votes in memory of their own. */
struct own {
    struct rows rows;
    double votes[ROWS * CELLS];
};

static void take_part(struct own *own, int s, struct part p)
{
    int64_t n = job.n_rows[s], first = part_first(p, n), n_own = part_end(p, n) - first;
    own->rows = (struct rows){.n = n_own, .key = keys + first};
    for (int k = 0; k < KS; k++)
        memcpy(own->votes + k * n_own * CLASSES, votes[s] + (k * n + first) * CLASSES,
               (size_t)(n_own * CLASSES) * sizeof(double));
}

static char *path_of(int i)
{
    static char path[400];
    snprintf(path, sizeof path, "%s/part-%d", tap_scratch(), i);
    return path;
}

static int write_part(struct part p, struct fmt_error *e)
{
    static struct own own[2];
    struct knn_part_rows rows[2];
    for (int s = 0; s < 2; s++) {
        take_part(&own[s], s, p);
        rows[s] = (struct knn_part_rows){&own[s].rows, own[s].votes};
    }
    return knn_part_write(path_of(p.i), p, &job, rows, e);
}

static int read_part(int i, struct part *p, struct fmt_error *e)
{
    struct rows all[2] = {{.n = ROWS, .key = keys}, {.n = OTHERS, .key = keys}};
    struct knn_part_rows rows[2] = {{&all[0], found[0]}, {&all[1], found[1]}};
    return knn_part_read(path_of(i), &job, rows, p, e);
}

static void test_parts(int n)
{
    struct fmt_error e = {0};
    bool good = true;
    for (int s = 0; s < 2; s++)
        for (int i = 0; i < ROWS * CELLS; i++)
            found[s][i] = NAN;
    for (int i = n; i >= 1; i--) {
        struct part p;
        good &= write_part((struct part){i, n}, &e) == 0 && read_part(i, &p, &e) == 0 && p.i == i && p.n == n;
    }
    for (int s = 0; s < 2; s++)
        good &= memcmp(found[s], votes[s], (size_t)(job.n_rows[s] * CELLS) * sizeof(double)) == 0;
    ok(good, "%d parts: every vote as it was %s", n, e.text);
}

/* Without waiting for the disk. */
static bool overwrite(int i, const uint8_t *data, size_t bytes)
{
    FILE *f = fopen(path_of(i), "wb");
    bool good = f && fwrite(data, 1, bytes, f) == bytes;
    return f && fclose(f) == 0 && good;
}

/* With the digest of what the file holds now. */
static void sign(uint8_t *data, size_t bytes)
{
    enum { LINE = 11 + DIGEST_HEX - 1 + 3 };
    uint8_t digest[DIGEST_BYTES];
    char hex[DIGEST_HEX];
    digest_of(data, bytes - LINE, digest);
    digest_hex(digest, hex);
    memcpy(data + bytes - LINE + 11, hex, DIGEST_HEX - 1);
}

/* A file in which one text stands for another; both as long. */
static void refuse_changed(const char *from, const char *to, enum fmt_status status, const char *what)
{
    struct fmt_error e = {0};
    struct part p;
    uint8_t *data;
    size_t bytes;
    if (write_part((struct part){1, 2}, &e) || file_load(path_of(1), 1 << 20, &data, &bytes, &e)) {
        ok(false, "%s", e.text);
        return;
    }
    char *text = (char *)data, *at = NULL;
    for (size_t i = 0; i + strlen(from) <= bytes && !at; i++)
        at = memcmp(text + i, from, strlen(from)) == 0 ? text + i : NULL;
    if (at)
        memcpy(at, to, strlen(to));
    sign(data, bytes);
    ok(at && overwrite(1, data, bytes) && read_part(1, &p, &e) == (int)status && strstr(e.text, what), "%s: %s", to,
       e.text);
    free(data);
}

/* Cut at every byte: never taken. */
static void test_cut(void)
{
    struct fmt_error e = {0};
    struct part p;
    uint8_t *data;
    size_t bytes, n_taken = 0;
    if (write_part((struct part){2, 5}, &e) || file_load(path_of(2), 1 << 20, &data, &bytes, &e)) {
        ok(false, "%s", e.text);
        return;
    }
    for (size_t n = 0; n < bytes; n++)
        n_taken += !overwrite(2, data, n) || read_part(2, &p, &e) == 0;
    is_int((int64_t)n_taken, 0, "cut at any byte it is refused");
    free(data);
}

/* Bytes changed at random: found by the digest. Where that fits them, what is taken are numbers from 0 to 1. */
static void test_noise(void)
{
    struct fmt_error e = {0};
    struct part p;
    uint8_t *data;
    size_t bytes;
    struct rng r = rng_stream(3, 1, 0, RNG_TEST);
    int n_taken = 0, n_signed = 0;
    bool good = true;
    if (write_part((struct part){3, 4}, &e) || file_load(path_of(3), 1 << 20, &data, &bytes, &e)) {
        ok(false, "%s", e.text);
        return;
    }
    for (int i = 0; i < 3000; i++) {
        size_t at = rng_below(&r, (uint32_t)bytes);
        uint8_t before = data[at], other = (uint8_t)"0123456789.-e[]{}\",\n"[rng_below(&r, 21)];
        data[at] = i % 2 || other == before ? (uint8_t)(before ^ (1 + rng_below(&r, 255))) : other;
        good &= overwrite(3, data, bytes);
        n_taken += read_part(3, &p, &e) == 0;
        if (at < bytes - 80) {
            sign(data, bytes);
            good &= overwrite(3, data, bytes);
            n_signed += read_part(3, &p, &e) == 0;
        }
        data[at] = before;
        sign(data, bytes);
    }
    for (int s = 0; s < 2; s++)
        for (int i = 0; i < job.n_rows[s] * CELLS; i++)
            good &= found[s][i] >= 0 && found[s][i] <= 1;
    is_int(n_taken, 0, "a byte that has changed is found wherever it is");
    ok(good && n_signed > 0 && n_signed < 3000, "with the right digest %d are taken", n_signed);
    free(data);
}

int main(void)
{
    draw();
    for (int n = 1; n <= ROWS + 2; n += 1 + n / 3)
        test_parts(n);
    refuse_changed("\"part\":\"1/2\"", "\"part\":\"9/2\"", FMT_INVALID, "no votes of a part");
    refuse_changed("\"report\":\"votes\"", "\"report\":\"x    \"", FMT_INVALID, "no votes of a part");
    refuse_changed("\"k\":[3,20]", "\"k\":[3,21]", FMT_MISMATCH, "see \"k\"");
    refuse_changed("\"temperature\":0.07", "\"temperature\":0.08", FMT_MISMATCH, "see \"temperature\"");
    refuse_changed("\"leave_group_out\":false", "\"leave_group_out\":true ", FMT_MISMATCH, "see \"leave_group_out\"");
    refuse_changed("{\"identity\":\"07", "{\"identity\":\"08", FMT_MISMATCH, "see \"origins\"");
    refuse_changed("\"rows\":[23,5]", "\"rows\":[23,6]", FMT_MISMATCH, "see \"rows\"");
    refuse_changed("x.feat", "y.feat", 0, "");
    refuse_changed("\"key\":\"3/", "\"key\":\"4/", FMT_INVALID, "line 5: a row of 4/");
    refuse_changed("\"votes\":[[", "\"votes\":[{", FMT_INVALID, "line 2: no JSON");
    refuse_changed("\"votes\":", "\"vote_\":", FMT_INVALID, "line 2: expected 3 votes");
    test_cut();
    test_noise();
    return tap_done();
}
