/* test-formats.c - our container and its kinds: what was written is read again, from memory, at offsets and from a
 * pipe; files that were cut or changed are refused. */
#include <errno.h>
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#include "bytes.h"
#include "finite.h"
#include "formatbed.h"
#include "rng.h"
#include "thread.h"
#include "verify.h"
#include "xxh64.h"

/* ---------------------------------------------------------------- sources */

static int verify_seeking(const void *data, size_t n, struct verify_counts *counts, struct fmt_error *e)
{
    struct fmt_memory m = {data, n, 0};
    struct fmt_reader io = fmt_memory_reader(&m);
    return verify_whole(&io, counts, NULL, NULL, e);
}

static int verify_piped(const void *data, size_t n, struct verify_counts *counts, struct fmt_error *e)
{
    struct pipe p;
    struct fmt_reader io = pipe_reader(&p, data, n, 7);
    return verify_whole(&io, counts, NULL, NULL, e);
}

static const char *name_of(int kind)
{
    return kind == SAMPLE_CKPT_PART ? "part of a checkpoint" : block_kind_name((enum block_kind)kind);
}

/* ---------------------------------------------------------------- all kinds */

static void test_bytes(int kind)
{
    static const int64_t n_records[] = {0, SAMPLE_IMAGES, SAMPLE_IMAGES, SAMPLE_BATCHES, SAMPLE_ROWS, SAMPLE_TENSORS,
                                        3, SAMPLE_READINGS, SAMPLE_PARTS,
                                        SAMPLE_BANK_PHOTOGRAPHS + SAMPLE_BANK_VECTORS, SAMPLE_MEMBERS, SAMPLE_TENSORS};
    struct fmt_buffer b = make(kind, true), again = make(kind, true), bare = make(kind, false);
    struct verify_counts n;
    struct fmt_error e = {0};
    ok(again.bytes == b.bytes && memcmp(again.data, b.data, b.bytes) == 0, "%s: equal work gives equal bytes",
       name_of(kind));
    ok(memcmp(b.data + 40, bare.data + 40, DIGEST_BYTES) == 0 && bare.bytes < b.bytes &&
           !memmem(bare.data, bare.bytes, "\"tool\"", 6) && memmem(b.data, b.bytes, "\"tool\"", 6),
       "%s: provenance can be left out, the identity stays", name_of(kind));
    ok(verify_seeking(b.data, b.bytes, &n, &e) == 0, "%s: whole by seeking %s", name_of(kind), e.text);
    is_int(n.n_records, n_records[kind], "%s: records", name_of(kind));
    ok(verify_piped(b.data, b.bytes, &n, &e) == 0, "%s: whole from a pipe %s", name_of(kind), e.text);
    is_int(n.n_records, n_records[kind], "%s: records from a pipe", name_of(kind));

    int cuts = 0, flips = 0;
    for (size_t i = 0; i < b.bytes; i++) {
        /* A copy of exactly that size: the address sanitizer detects a read beyond it. */
        uint8_t *cut = malloc(i + 1);
        memcpy(cut, b.data, i);
        cuts += verify_seeking(cut, i, &n, NULL) == 0;
        cuts += verify_piped(cut, i, &n, NULL) == 0;
        free(cut);
        for (int bit = 0; bit < 8; bit++) {
            b.data[i] ^= (uint8_t)(1 << bit);
            flips += verify_seeking(b.data, b.bytes, &n, NULL) == 0;
            flips += verify_piped(b.data, b.bytes, &n, NULL) == 0;
            b.data[i] ^= (uint8_t)(1 << bit);
        }
    }
    is_int(cuts, 0, "%s: cut at any of %zu bytes it is refused", name_of(kind), b.bytes);
    is_int(flips, 0, "%s: any flipped bit of them is refused", name_of(kind));

    fmt_buffer_append(&b, "", 1);
    ok(verify_seeking(b.data, b.bytes, &n, NULL) && verify_piped(b.data, b.bytes, &n, NULL),
       "%s: a byte after the end is refused", name_of(kind));
    e = (struct fmt_error){0};
    verify_seeking(b.data, b.bytes, &n, &e);
    ok(strstr(e.text, "1 byte after the end mark"), "... and so called: %s", e.text);
    b.bytes--;
    fmt_buffer_append(&b, bare.data, bare.bytes);
    e = (struct fmt_error){0};
    ok(verify_seeking(b.data, b.bytes, &n, &e) && strstr(e.text, "another file follows"), "%s: joined by cat: %s",
       name_of(kind), e.text);
    fmt_buffer_release(&b);
    fmt_buffer_release(&again);
    fmt_buffer_release(&bare);
}

/* The zstd library can walk and decode our files. */
static void test_legal(int kind)
{
    struct fmt_buffer b = make(kind, true);
    char out[65536];
    size_t got = ZSTD_decompress(out, sizeof out, b.data, b.bytes);
    ok(!ZSTD_isError(got), "%s: a legal zstd stream (%s)", name_of(kind), ZSTD_getErrorName(got));
    fmt_buffer_release(&b);
}

/* Sets one byte of the header, and the check to match. */
static int open_changed(int kind, size_t at, uint8_t value, struct fmt_error *e)
{
    struct fmt_buffer b = make(kind, true);
    struct bytes c = bytes_over(b.data + 4, 4);
    size_t end = 8 + bytes_u32(&c);
    uint8_t check[DIGEST_BYTES];
    struct verify_counts n;
    b.data[at] = value;
    digest_of(b.data, end - 16, check);
    memcpy(b.data + end - 16, check, 16);
    *e = (struct fmt_error){0};
    int status = verify_piped(b.data, b.bytes, &n, e);
    fmt_buffer_release(&b);
    return status;
}

static void test_header(void)
{
    struct fmt_error e;
    is_int(open_changed(BLOCK_INDEX, 16, 2, &e), FMT_VERSION, "a newer container is refused: %s", e.text);
    is_int(open_changed(BLOCK_FEAT, 19, 2, &e), FMT_VERSION, "a newer major version is refused: %s", e.text);
    ok(strstr(e.text, "newer version of dinotools") != NULL, "... in plain words");
    is_int(open_changed(BLOCK_FEAT, 18, BLOCK_LAST + 1, &e), FMT_VERSION, "an unknown kind is refused: %s", e.text);
    is_int(open_changed(BLOCK_FEAT, 21, 1, &e), FMT_INVALID, "a reserved bit is refused: %s", e.text);
    is_int(open_changed(BLOCK_FEAT, 36, 1, &e), FMT_INVALID, "a reserved word is refused: %s", e.text);
    is_int(open_changed(BLOCK_FEAT, 27, 0xff, &e), FMT_LIMIT, "a block size beyond the limit is refused: %s", e.text);
    is_int(open_changed(BLOCK_FEAT, 31, 0xff, &e), FMT_LIMIT, "fields beyond the limit are refused: %s", e.text);

    struct fmt_buffer b = make(BLOCK_SHARD, true);
    struct fmt_memory m = {b.data, b.bytes, 0};
    struct fmt_reader io = fmt_memory_reader(&m);
    struct feat f;
    e = (struct fmt_error){0};
    is_int(feat_open(&f, &io, &e), FMT_MAGIC, "another kind is refused: %s", e.text);
    fmt_buffer_release(&b);
    struct verify_counts n;
    e = (struct fmt_error){0};
    is_int(verify_seeking("", 0, &n, &e), FMT_TRUNCATED, "nothing at all: %s", e.text);
    e = (struct fmt_error){0};
    is_int(verify_seeking("hello, I am a text and no file of ours", 38, &n, &e), FMT_MAGIC, "another file: %s", e.text);
}

/* ---------------------------------------------------------------- the container's parts */

static void test_xxh64(void)
{
    /* From the published test vectors (seed 0) of the algorithm. */
    ok(xxh64("", 0) == 0xEF46DB3751D8E999, "xxh64 of nothing");
    ok(xxh64("a", 1) == 0xD24EC4F1A98C6E5B, "xxh64 of a");
    ok(xxh64("abc", 3) == 0x44BC2CF5AD770999, "xxh64 of abc");
}

static int full(void *arg, const void *data, size_t n)
{
    size_t *left = arg;
    (void)data;
    if (n > *left) {
        errno = ENOSPC;
        return -1;
    }
    *left -= n;
    return 0;
}

/* A disk that is full after any number of bytes: each writer reports it and releases its memory. */
static void test_full_disk(void)
{
    int quiet = 0;
    for (int kind = BLOCK_INDEX; kind <= SAMPLE_CKPT_PART; kind++) {
        struct fmt_buffer b = make(kind, true);
        for (size_t space = 0; space < b.bytes; space++) {
            size_t left = space;
            struct fmt_writer io = {&left, full};
            struct fmt_error e = {0};
            quiet += sample_write(kind, &io, true, &e) != FMT_FULL || !strstr(e.text, "No space left");
        }
        fmt_buffer_release(&b);
    }
    is_int(quiet, 0, "a full disk is reported wherever it happens");
}

static void test_provenance(void)
{
    struct provenance p;
    uint8_t a[DIGEST_BYTES], b[DIGEST_BYTES];
    sample_provenance(&p, true);
    provenance_identity(&p, BLOCK_FEAT, 1, a, NULL);
    provenance_identity(&p, BLOCK_SHARD, 1, b, NULL);
    ok(memcmp(a, b, DIGEST_BYTES) != 0, "identities of two kinds differ");
    provenance_int(&p, "number of another name", 42);
    provenance_identity(&p, BLOCK_FEAT, 1, b, NULL);
    ok(memcmp(a, b, DIGEST_BYTES) != 0, "a setting changes the identity");
    provenance_release(&p);
}

static void test_finite(void)
{
    enum { N = 40 };
    const float good[] = {0, -0.0f, FLT_MAX, -FLT_MAX, 0x1p-149f, 1}, bad[] = {INFINITY, -INFINITY, NAN, -NAN};
    float x[N];
    int n_right = 0, n_asked = 0;
    for (int i = 0; i < N; i++)
        x[i] = good[i % 6];
    for (int n = 0; n <= N; n++) {
        n_right += finite_all(x, n);
        n_asked++;
        for (int at = 0; at < N; at++, n_asked++) {
            float before = x[at];
            x[at] = bad[(at + n) % 4];
            n_right += finite_all(x, n) == (at >= n);
            x[at] = before;
        }
    }
    is_int(n_right, n_asked, "finite_all sees what is not finite, at any place");
}

int main(void)
{
    test_finite();
    test_xxh64();
    test_provenance();
    for (int kind = BLOCK_INDEX; kind <= SAMPLE_CKPT_PART; kind++) {
        test_legal(kind);
        test_bytes(kind);
    }
    test_header();
    test_full_disk();
    return tap_done();
}
