/* test-common.c - numbers, arenas, random streams, threads, files. */
#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "arena.h"
#include "bytes.h"
#include "digest.h"
#include "printable.h"
#include "file.h"
#include "num.h"
#include "rng.h"
#include "tap.h"
#include "thread.h"

static void test_numbers(void)
{
    int64_t v = 7;
    double d = 7;
    ok(num_i64("-12", &v) && v == -12, "num_i64 takes a sign");
    ok(!num_i64("12x", &v) && !num_i64("", &v) && !num_i64(" 1", &v) && !num_i64("99999999999999999999", &v),
       "num_i64 refuses 12x, nothing, blanks and what does not fit");
    ok(num_size("3K", &v) && v == 3072 && num_size("2G", &v) && v == (int64_t)2 << 30, "num_size knows K and G");
    ok(!num_size("3KB", &v) && !num_size("-1", &v) && !num_size("9999999999G", &v),
       "num_size refuses 3KB, -1, overflow");
    ok(num_f64("1e-3", &d) && d == 1e-3 && num_f64(".5", &d) && d == 0.5, "num_f64");
    ok(!num_f64("nan", &d) && !num_f64("inf", &d) && !num_f64("0x1p3", &d) && !num_f64("1,5", &d) &&
           !num_f64("1e999", &d),
       "num_f64 refuses nan, inf, hexadecimal, a comma, overflow");
    size_t r = 5;
    ok(!num_mul(SIZE_MAX, 2, &r) && r == 5 && !num_add(SIZE_MAX, 1, &r) && num_mul(6, 7, &r) && r == 42,
       "checked products and sums");
}

static void test_digest(void)
{
    uint8_t out[DIGEST_BYTES];
    char hex[DIGEST_HEX];
    digest_of("abc", 3, out);
    digest_hex(out, hex);
    is_text(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", "SHA-256 of abc (FIPS 180-4)");
    struct digest d;
    digest_init(&d);
    char block[1000];
    memset(block, 'a', sizeof block);
    for (int i = 0; i < 1000; i++)
        digest_add(&d, block, sizeof block);
    digest_end(&d, out);
    digest_hex(out, hex);
    is_text(hex, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0", "SHA-256 of a million a");
    for (size_t cut = 0; cut < 130; cut += 13) {
        uint8_t whole[DIGEST_BYTES];
        digest_of(block, 130, whole);
        digest_init(&d);
        digest_add(&d, block, cut);
        digest_add(&d, block + cut, 130 - cut);
        digest_end(&d, out);
        ok(memcmp(whole, out, sizeof out) == 0, "SHA-256 in pieces cut at %zu", cut);
    }
}

static void test_rng(void)
{
    /* Known answers of Philox4x32-10 (Random123): zero counter and key. */
    struct rng zero = {.left = 0};
    uint32_t want[4] = {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8};
    bool same = true;
    for (int i = 0; i < 4; i++)
        same &= rng_u32(&zero) == want[i];
    ok(same, "Philox4x32-10 gives its known answer");
    struct rng a = rng_stream(1, 2, 3, RNG_TEST), b = rng_stream(1, 2, 3, RNG_TEST), c = rng_stream(1, 2, 4, RNG_TEST);
    uint64_t x = rng_u64(&a);
    ok(x == rng_u64(&b) && x != rng_u64(&c), "a stream is named by its keys");
    int64_t count[7] = {0}, permutation[50];
    for (int i = 0; i < 70000; i++)
        count[rng_below(&a, 7)]++;
    double chi = 0;
    for (int i = 0; i < 7; i++)
        chi += ((double)count[i] - 10000) * ((double)count[i] - 10000) / 10000;
    ok(chi < 25, "rng_below is uniform (chi squared %.1f for 6 degrees of freedom)", chi);
    rng_permutation(&a, 50, permutation);
    uint64_t seen = 0;
    for (int i = 0; i < 50; i++)
        seen |= (uint64_t)1 << permutation[i];
    ok(seen == ((uint64_t)1 << 50) - 1, "a permutation holds every number");
    double sum = 0, squares = 0;
    for (int i = 0; i < 100000; i++) {
        double n = rng_normal(&a);
        sum += n, squares += n * n;
    }
    ok(fabs(sum / 1e5) < 0.02 && fabs(squares / 1e5 - 1) < 0.02, "rng_normal has mean 0 and deviation 1");
}

static void test_arena(void)
{
    struct arena a = {0};
    struct fmt_error e = {0};
    ok(arena_take(&a, 10) == NULL && ARENA_TAKE(&a, float, 100) == NULL, "planning counts and gives nothing");
    size_t plan = a.high;
    ok(arena_init(&a, plan, &e) == 0, "an arena of %zu bytes", plan);
    char *p = arena_take(&a, 10);
    float *q = ARENA_TAKE(&a, float, 100);
    memset(p, 1, 10);
    for (int i = 0; i < 100; i++)
        q[i] = 1;
    ok(((uintptr_t)p | (uintptr_t)q) % 64 == 0 && a.used == plan, "pieces are aligned and the plan was exact");
    arena_release(&a);
}

struct sums {
    _Atomic int64_t total;
    int64_t seen[1000];
};

static void add_item(void *arg, int64_t item, int worker)
{
    (void)worker;
    struct sums *s = arg;
    atomic_fetch_add(&s->total, item);
    s->seen[item]++;
}

struct line {
    int64_t n, slots[5], written, sum;
    bool ordered;
    int fail_at;
};

static int line_read(void *arg, int slot, int64_t item)
{
    struct line *l = arg;
    if (item == l->n)
        return FMT_END;
    l->slots[slot] = item;
    return 0;
}

static int line_compute(void *arg, int slot, int64_t item, int worker)
{
    (void)worker;
    struct line *l = arg;
    l->slots[slot] *= 2;
    return item == l->fail_at ? FMT_INVALID : 0;
}

static int line_write(void *arg, int slot, int64_t item)
{
    struct line *l = arg;
    l->ordered &= item == l->written && l->slots[slot] == 2 * item;
    l->written++;
    return 0;
}

/* Loops of a few items, one after the other: a worker may still be on its way from the one before. */
static void test_short_loops(void)
{
    enum { LOOPS = 20000, ITEMS_MAX = 5 };
    for (int n = 2; n <= 4; n++) {
        struct thread_pool *pool = thread_open(n, NULL);
        struct sums s = {0};
        int64_t expected = 0;
        bool complete = true;
        for (int i = 0; i < LOOPS; i++) {
            int64_t n_items = 1 + i % ITEMS_MAX;
            thread_for(pool, n_items, add_item, &s);
            expected += n_items * (n_items - 1) / 2;
            complete = complete && s.total == expected;
        }
        ok(complete, "%d workers: a loop has ended when its call returns", n);
        thread_close(pool);
    }
}

static void count_one(void *arg)
{
    ++*(int *)arg;
}

static void test_task(void)
{
    int n = 0;
    struct thread_task t;
    thread_task_start(&t, count_one, &n);
    thread_task_wait(&t);
    is_int(n, 1, "a task has run when it was waited for");
    thread_task_wait(&t);
    is_int(n, 1, "and runs once");
    t = (struct thread_task){.run = count_one, .arg = &n};
    thread_task_wait(&t);
    is_int(n, 2, "one that could not be started runs when it is waited for");
}

static double cpu_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void test_idle_pool(void)
{
    const struct timespec pause = {.tv_nsec = 200000000};
    struct thread_pool *pool = thread_open(thread_processors(), NULL);
    struct sums s = {0};
    thread_for(pool, 1000, add_item, &s);
    double start = cpu_seconds();
    nanosleep(&pause, NULL);
    double used = cpu_seconds() - start;
    ok(used < 0.1, "an idle pool sleeps: %.3f s of processor time in 0.2 s", used);
    thread_close(pool);
}

static void test_threads(void)
{
    struct fmt_error e = {0};
    for (int n = 1; n <= 8; n += 3) {
        struct thread_pool *pool = thread_open(n, &e);
        struct sums s = {0};
        for (int round = 0; round < 50; round++)
            thread_for(pool, 1000, add_item, &s);
        bool each = true;
        for (int i = 0; i < 1000; i++)
            each &= s.seen[i] == 50;
        ok(each && s.total == 50 * 499500, "%d workers do every item once", n);
        struct line l = {.n = 500, .ordered = true, .fail_at = -1};
        struct thread_pipe pipe = {&l, 5, line_read, line_compute, line_write};
        ok(thread_pipe_run(pool, &pipe) == 0 && l.ordered && l.written == 500, "a pipeline of %d workers keeps order",
           n);
        struct line f = {.n = 500, .ordered = true, .fail_at = 77};
        pipe.arg = &f;
        ok(thread_pipe_run(pool, &pipe) == FMT_INVALID && f.written <= 78, "a failure stops the pipeline");
        thread_close(pool);
    }
}

static void test_files(void)
{
    struct fmt_error e = {0};
    char *path = file_join(tap_scratch(), "out.bin"), *dir = file_join(tap_scratch(), "folder"), *temporary;
    struct file_out out;
    ok(file_create(&out, path, &e) == 0 && !file_exists(path), "nothing under the final name while writing");
    uint8_t block[5000] = {7};
    for (int i = 0; i < 100; i++)
        file_put(&out, block, sizeof block);
    ok(file_commit(&out, &e) == 0 && file_exists(path), "a commit gives the name");
    uint8_t *data;
    size_t n;
    ok(file_load(path, 1 << 20, &data, &n, &e) == 0 && n == 500000 && data[5000] == 7, "what was written is read");
    free(data);
    ok(file_load(path, 1000, &data, &n, &e) == FMT_LIMIT, "a limit holds");
    ok(file_create(&out, path, &(struct fmt_error){0}) == 0, "again");
    file_put(&out, "x", 1);
    file_abort(&out);
    ok(file_load(path, 1 << 20, &data, &n, NULL) == 0 && n == 500000, "an abort leaves the older file");
    free(data);
    struct fmt_error full = {0};
    ok(file_create(&out, "/dev/full", &full) == 0 &&
           (file_put(&out, block, 10), file_commit(&out, &full)) == FMT_FULL &&
           strstr(full.text, "/dev/full: No space left"),
       "a full disk is an error: %s", full.text);
    struct fmt_error none = {0};
    struct file in;
    ok(file_open(&in, "/nowhere/at/all", &none) == FMT_IO && strstr(none.text, "/nowhere/at/all: No such file"),
       "a missing file is named: %s", none.text);
    e = (struct fmt_error){0};
    for (int round = 0; round < 2; round++) {
        ok(file_create_dir(dir, &temporary, &e) == 0, "a folder beside");
        char *inside = file_join(temporary, "a");
        ok(file_save(inside, "a", 1, &e) == 0, "a file in it");
        free(inside);
        ok(file_commit_dir(temporary, dir, true, &e) == 0 && file_is_dir(dir), "renamed: %s", e.text);
    }
    char **names;
    int64_t n_names;
    ok(file_list(tap_scratch(), &names, &n_names, &e) == 0 && n_names == 2, "no temporary is left");
    file_list_free(names, n_names);
    free(path);
    free(dir);
}

/* An output is complete under its name even if others write it; its mode follows the umask; names of any length. */
static void test_outputs(void)
{
    struct fmt_error e = {0};
    char *folder = file_join(tap_scratch(), "outputs"), *temporary[2], name[300], *path, *longest, *too_long;
    ok(file_make_dirs(folder, &e) == 0, "a folder");
    path = file_join(folder, "same");
    struct file_out a, b;
    ok(file_create(&a, path, &e) == 0 && file_create(&b, path, &e) == 0, "two writers of one name");
    file_put(&b, "bb", 2);
    file_put(&a, "a", 1);
    uint8_t *data = NULL;
    size_t n = 0;
    ok(file_commit(&a, &e) == 0 && file_load(path, 10, &data, &n, &e) == 0 && n == 1 && *data == 'a',
       "the first of two writers has its file: %s", e.text);
    free(data);
    data = NULL;
    ok(file_commit(&b, &e) == 0 && file_load(path, 10, &data, &n, &e) == 0 && n == 2 && *data == 'b',
       "then the second: %s", e.text);
    free(data);
    mode_t mask = umask(027);
    struct stat st = {0};
    ok(file_save(path, "x", 1, &e) == 0 && stat(path, &st) == 0 && (st.st_mode & 0777) == 0640,
       "the mode follows the umask: %o", st.st_mode & 0777u);
    memset(name, 'n', 256);
    name[255] = 0;
    longest = file_join(folder, name);
    ok(file_save(longest, "x", 1, &e) == 0 && file_save(longest, "y", 1, &e) == 0, "a name of 255 bytes: %s", e.text);
    unlink(longest);
    ok(file_create_dir(longest, &temporary[0], &e) == 0 && file_create_dir(longest, &temporary[1], &e) == 0 &&
           strcmp(temporary[0], temporary[1]) != 0,
       "two folders in the making have two names: %s", e.text);
    ok(stat(temporary[0], &st) == 0 && (st.st_mode & 0777) == 0750, "the mode of a folder: %o", st.st_mode & 0777u);
    ok(file_commit_dir(temporary[0], longest, true, &e) == 0 && file_commit_dir(temporary[1], longest, true, &e) == 0,
       "both get the name: %s", e.text);
    umask(mask);
    memset(name, 'n', 256);
    name[256] = 0;
    too_long = file_join(folder, name);
    e = (struct fmt_error){0};
    ok(file_create(&a, too_long, &e) == FMT_IO && strstr(e.text, "name too long"), "256 bytes are refused at once: %s",
       e.text);
    char **names;
    int64_t n_names;
    ok(file_list(folder, &names, &n_names, &e) == 0 && n_names == 2, "no temporary is left");
    file_list_free(names, n_names);
    free(folder), free(path), free(longest), free(too_long);
}

static void test_bytes(void)
{
    struct fmt_buffer b = {0};
    bytes_put_u16(&b, 0x1234), bytes_put_u64(&b, 0x0102030405060708u), bytes_put_f32(&b, 1.5f),
        bytes_put_f64(&b, -2.25);
    struct bytes c = bytes_over(b.data, b.bytes);
    ok(b.data[0] == 0x34 && b.data[2] == 8, "little-endian");
    ok(bytes_u16(&c) == 0x1234 && bytes_u64(&c) == 0x0102030405060708u && bytes_f32(&c) == 1.5f &&
           bytes_f64(&c) == -2.25,
       "what was put is taken");
    ok(bytes_ok(&c) && bytes_left(&c) == 0 && bytes_u8(&c) == 0 && !bytes_ok(&c) && bytes_u32(&c) == 0 && !bytes_ok(&c),
       "a read past the end gives 0 and stays bad");
    fmt_buffer_release(&b);
}

static void test_folders(void)
{
    static const char *const want[][2] = {{"a/b", "a"},  {"a/b/", "a"}, {"a//b", "a"}, {"b", "."},
                                          {"b/", "."},   {"/b", "/"},   {"/", "/"},    {"../b", ".."}};
    for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
        char *folder = file_directory(want[i][0]);
        is_text(folder, want[i][1], "the folder of %s", want[i][0]);
        free(folder);
    }
}

/* '?' replaces control characters of ASCII and of UTF-8, nothing else, and no bytes that are not UTF-8. */
static void test_clean(void)
{
    char text[] = "a\x1b[31m\tb \xc2\x9b\xc2\xa0 \xc3\xbc \x9b\x7f\xc2";
    printable_text(text, sizeof text - 1);
    char field[80], *at = field;
    for (const char *c = "a\tb\\c\nd\x1b \xc3\xbc"; *c; c++)
        at += printable_escape(*c, at);
    *at = 0;
    is_text(field, "a\\tb\\\\c\\nd\\033 \xc3\xbc", "in fields they are escaped");
    is_text(text, "a?[31m?b ??\xc2\xa0 \xc3\xbc \x9b?\xc2", "control characters");
}

int main(void)
{
    test_clean();
    test_numbers();
    test_digest();
    test_rng();
    test_arena();
    test_threads();
    test_short_loops();
    test_task();
    test_idle_pool();
    test_files();
    test_outputs();
    test_bytes();
    test_folders();
    return tap_done();
}
