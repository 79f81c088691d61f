/* test-inspector.c - members of several pieces are read whole, at offsets and in order; what breaks the rules is not
 * written, and a file that changes meanwhile is noticed. That any changed byte is refused is in test-formats.c. */
#include <stdlib.h>
#include <string.h>

#include "inspector.h"
#include "rng.h"
#include "samples.h"
#include "tap.h"

enum { LARGE = 2 * (1 << 20) + 12345 };

static int write_to(struct fmt_buffer *out, const struct sample_member *m, int n, struct fmt_error *e)
{
    struct inspector_part part[INSPECTOR_MEMBERS_MAX + 1];
    struct fmt_writer io = fmt_buffer_writer(out);
    struct provenance p;
    uint8_t identity[DIGEST_BYTES];
    *e = (struct fmt_error){0};
    out->bytes = 0;
    for (int i = 0; i < n; i++)
        part[i] = m[i].part;
    provenance_init(&p, "test", "1.0", false);
    int status = inspector_write(part, n, &p, &io, identity, e);
    provenance_release(&p);
    return status;
}

static uint8_t *draw(void)
{
    uint8_t *data = malloc(LARGE);
    struct rng r = rng_stream(14, 0, 0, RNG_TEST);
    for (size_t i = 0; i < LARGE; i++)
        data[i] = i < LARGE / 2 ? (uint8_t)rng_u32(&r) : 7;
    return data;
}

static void check_reads(const struct inspector *x, int i, const uint8_t *want)
{
    static const size_t at[][2] = {{0, LARGE}, {0, 1 << 20}, {1 << 20, 1 << 20}, {(1 << 20) - 1, 2}, {2 << 20, 12345},
                                   {5, 3}, {(2 << 20) + 5, 3}, {1 << 20, 3}, {LARGE - 1, 1}};
    struct inspector_source s;
    uint8_t *got = malloc(LARGE);
    inspector_source_init(&s, x, i);
    for (size_t k = 0; k < sizeof at / sizeof *at; k++)
        ok(fmt_read_at_exact(&s.reader, at[k][0], got, at[k][1], NULL) == 0 &&
               memcmp(got, want + at[k][0], at[k][1]) == 0,
           "%zu bytes from %zu on", at[k][1], at[k][0]);
    is_int(s.reader.read_at(s.reader.arg, LARGE, got, 1), 0, "nothing behind the end");
    ok(fmt_read_exact(&s.reader, got, LARGE, NULL) == 0 && memcmp(got, want, LARGE) == 0, "read in order");
    is_int(s.reader.read(s.reader.arg, got, 1), 0, "to the end");
    inspector_source_release(&s);
    free(got);
}

static void test_pieces(int level)
{
    uint8_t *data = draw(), *whole = NULL;
    struct sample_member m[3];
    struct fmt_buffer out = {0};
    struct fmt_error e;
    struct inspector x;
    int64_t n = 0;
    sample_part_of(&m[0], INSPECTOR_SETTINGS, "settings.json", "{}", 2, level);
    sample_part_of(&m[1], INSPECTOR_WEIGHTS, "w", data, LARGE, level);
    sample_part_of(&m[2], INSPECTOR_BANK, "b", data, 1, level);
    ok(write_to(&out, m, 3, &e) == 0, "level %d: written %s", level, e.text);
    ok(level == BLOCK_STORED ? out.bytes > LARGE : out.bytes < LARGE * 2 / 3, "%zu bytes", out.bytes);
    struct fmt_memory memory = {out.data, out.bytes, 0};
    struct fmt_reader io = fmt_memory_reader(&memory);
    ok(inspector_check(&io, NULL, NULL, &n, &e) == 0 && n == 3, "checked: three members %s", e.text);
    memory.at = 0;
    ok(inspector_open(&x, &io, &e) == 0 && x.n_members == 3, "opened %s", e.text);
    is_int(inspector_find(&x, INSPECTOR_BANK), 2, "the bank");
    is_int(inspector_find(&x, INSPECTOR_CLASSIFIER), -1, "no classifier");
    ok(inspector_load(&x, 1, &whole, &e) == 0 && memcmp(whole, data, LARGE) == 0 && whole[LARGE] == 0, "loaded whole");
    check_reads(&x, 1, data);
    free(whole);
    inspector_close(&x);
    fmt_buffer_release(&out);
    free(data);
}

static void refuses(const struct sample_member *m, int n, enum fmt_status want, const char *what)
{
    struct fmt_buffer out = {0};
    struct fmt_error e;
    is_int(write_to(&out, m, n, &e), want, "%s: %s", what, e.text);
    is_int((int64_t)out.bytes, 0, "... and nothing is written");
    fmt_buffer_release(&out);
}

static void test_rules(void)
{
    struct sample_member m[4], good[4];
    sample_part_of(&good[0], INSPECTOR_SETTINGS, "settings.json", "{}", 2, 0);
    sample_part_of(&good[1], INSPECTOR_WEIGHTS, "w", "w", 1, 0);
    sample_part_of(&good[2], INSPECTOR_CLASSIFIER, "c", "c", 1, 0);
    sample_part_of(&good[3], INSPECTOR_BANK, "b", "b", 1, 0);
    refuses(good, 0, FMT_LIMIT, "no member");
    refuses(good, 1, FMT_INVALID, "no weights");
    refuses(good, 2, FMT_INVALID, "nothing that judges");
    static const char *const name[] = {"", ".", "..", "a/b", "a\nb", "settings.json"};
    for (size_t i = 0; i < sizeof name / sizeof *name; i++) {
        memcpy(m, good, sizeof m);
        m[2].part.name = name[i];
        refuses(m, 4, FMT_INVALID, "a bad name");
    }
    memcpy(m, good, sizeof m);
    m[3].part.role = INSPECTOR_CLASSIFIER;
    refuses(m, 4, FMT_INVALID, "two classifiers");
    m[3].part.role = INSPECTOR_FAULTS;
    refuses(m, 4, FMT_INVALID, "faults without a bank");
    m[3].part.role = INSPECTOR_ROLE_LAST + 1;
    refuses(m, 4, FMT_LIMIT, "an unknown role");
    memcpy(m, good, sizeof m);
    sample_part_of(&m[1], INSPECTOR_WEIGHTS, "w", "", 0, 0);
    refuses(m, 4, FMT_LIMIT, "an empty member");
    static const char *const settings[] = {"[]", "{} {}", "{", "x", "{}\0"};
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++) {
        sample_part_of(&good[0], INSPECTOR_SETTINGS, "settings.json", settings[i], strlen(settings[i]) + (i == 4), 0);
        refuses(good, 4, FMT_INVALID, "settings that are no object");
    }
}

/* Another byte each time. */
static int64_t changing(void *arg, uint64_t offset, void *buffer, size_t n)
{
    (void)offset;
    memset(buffer, (*(int *)arg)++, n);
    return (int64_t)n;
}

static void test_change(void)
{
    struct sample_member m[3];
    struct fmt_buffer out = {0};
    struct fmt_error e;
    int n = 0;
    sample_part_of(&m[0], INSPECTOR_SETTINGS, "settings.json", "{}", 2, 0);
    sample_part_of(&m[1], INSPECTOR_WEIGHTS, "w", "w", 1, 0);
    sample_part_of(&m[2], INSPECTOR_CLASSIFIER, "c", "c", 1, 0);
    m[1].part.reader = (struct fmt_reader){&n, NULL, changing, 100};
    is_int(write_to(&out, m, 3, &e), FMT_MISMATCH, "a file that changes: %s", e.text);
    fmt_buffer_release(&out);
}

int main(void)
{
    test_pieces(BLOCK_STORED);
    test_pieces(3);
    test_rules();
    test_change();
    return tap_done();
}
