/* test-format-files.c - kinds of photographs' files, and how they are decoded, in catalogues, shards and readings: what
 * is written is read, in the lowest version that can say it; what makes no sense is refused. */
#include <string.h>

#include "block.h"
#include "index.h"
#include "readings.h"
#include "samples.h"
#include "shard.h"
#include "tap.h"

/* Kinds of files and how they are decoded: records of 1.2, which 1.1 refuses. */
static void test_shard_files(void)
{
    static const uint8_t png[] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n', 0}, tiff[] = {'M', 'M', 0, 42, 1},
                         jpeg[] = {0xff, 0xd8, 1};
    static const struct {
        enum shard_store store;
        const uint8_t *data;
        size_t bytes;
        struct index_decoding decoding;
        enum fmt_status status, status_of_1_1;
    } of[] = {{SHARD_PNG, png, sizeof png, {0, false, 0}, 0, FMT_INVALID},
              {SHARD_PNG, png, sizeof png, {12, false, 0}, 0, FMT_INVALID},
              {SHARD_TIFF, tiff, sizeof tiff, {16, false, 0}, 0, FMT_INVALID},
              {SHARD_JPEG, jpeg, sizeof jpeg, {0, true, 0}, 0, FMT_INVALID},
              {SHARD_JPEG, jpeg, sizeof jpeg, {0, true, 62}, 0, FMT_INVALID},
              {SHARD_JPEG, jpeg, sizeof jpeg, {0, false, 0}, 0, 0},
              {SHARD_JPEG, jpeg, sizeof jpeg, {12, false, 0}, FMT_LIMIT, FMT_INVALID},
              {SHARD_PNG, png, sizeof png, {0, true, 0}, FMT_INVALID, FMT_INVALID},
              {SHARD_PNG, png, sizeof png, {8, false, 0}, FMT_LIMIT, FMT_INVALID},
              {SHARD_TIFF, png, sizeof png, {0, false, 0}, FMT_INVALID, FMT_INVALID},
              {SHARD_PNG, png, 7, {0, false, 0}, FMT_INVALID, FMT_INVALID},
              {(enum shard_store)6, png, sizeof png, {0, false, 0}, FMT_INVALID, FMT_INVALID}};
    enum { N = sizeof of / sizeof *of };
    for (int files = 0; files < 2; files++) {
        struct fmt_buffer b = {0};
        struct fmt_writer to = fmt_buffer_writer(&b);
        struct shard_header h = {0, 1, 2, 2, 4, sample_classes, 2, files, {.n = 0}};
        struct shard_writer w;
        struct provenance p;
        struct fmt_error e = {0};
        sample_provenance(&p, true);
        shard_create(&w, &to, &h, &p, &e);
        for (int i = 0; i < N; i++) {
            struct shard_image t = {sample_labels(i % SAMPLE_IMAGES), of[i].store, 2, 2, 1, of[i].decoding, {0},
                                    of[i].data, of[i].bytes};
            is_int(shard_add(&w, &t, NULL), files ? of[i].status : of[i].status_of_1_1, "shard: %s record %d",
                   files ? "1.2," : "1.1,", i);
        }
        is_int(shard_finish(&w, &e), 0, "shard: written %s", e.text);
        struct fmt_memory m = {b.data, b.bytes, 0};
        struct fmt_reader io = fmt_memory_reader(&m);
        struct shard s;
        struct block_buffer buffer = {0};
        struct shard_image t;
        ok(shard_open(&s, &io, &e) == 0 && s.block.header.minor == 1 + files && s.header.files == files,
           "shard: the lowest version that can say it %s", e.text);
        int wrong = 0, i = 0;
        while (shard_next(&s, &buffer, &t, &e) == 0) {
            while ((files ? of[i].status : of[i].status_of_1_1) != 0)
                i++;
            wrong += t.store != of[i].store || t.decoding.bits != of[i].decoding.bits ||
                     t.decoding.filled != of[i].decoding.filled ||
                     t.decoding.decoded_percent != of[i].decoding.decoded_percent ||
                     memcmp(t.data, of[i].data, t.bytes) != 0;
            i++;
        }
        is_int(wrong, 0, "shard: what was written is what is read %s", e.text);
        is_int(s.block.n_records, files ? 6 : 1, "shard: all of it");
        block_buffer_release(&buffer);
        shard_close(&s);
        provenance_release(&p);
        fmt_buffer_release(&b);
    }
}

static void test_index_files(void)
{
    static const struct {
        enum index_kind kind;
        struct index_decoding decoding;
        enum fmt_status status;
        int minor;
    } of[] = {{INDEX_JPEG, {0, false, 0}, 0, 0}, {INDEX_PNG, {0, false, 0}, 0, 1},  {INDEX_TIFF, {12, false, 0}, 0, 1},
              {INDEX_JPEG, {0, true, 0}, 0, 1}, {INDEX_JPEG, {0, true, 62}, 0, 1},
              {INDEX_JPEG, {0, true, 101}, FMT_LIMIT, 0},  {INDEX_TIFF, {0, true, 0}, FMT_INVALID, 0},
              {INDEX_PNG, {17, false, 0}, FMT_LIMIT, 0}, {(enum index_kind)3, {0, false, 0}, FMT_LIMIT, 0}};
    for (size_t i = 0; i < sizeof of / sizeof *of; i++) {
        struct index x = {0}, back;
        struct fmt_buffer b = {0};
        struct fmt_writer io = fmt_buffer_writer(&b);
        struct fmt_error e = {0};
        struct provenance p;
        struct index_entry t = {{"a", "", "", "", -1, -1}, "a", 1, 1, 1, 1, of[i].kind, of[i].decoding, {0}};
        is_int(index_add(&x, &t, NULL), of[i].status, "index: kind %d", (int)of[i].kind);
        sample_provenance(&p, true);
        index_write(&x, &p, &io, &e);
        struct fmt_memory m = {b.data, b.bytes, 0};
        struct fmt_reader from = fmt_memory_reader(&m);
        struct block_reader r;
        block_open(&r, &from, BLOCK_INDEX, &e);
        is_int(r.header.minor, of[i].minor, "index: the lowest version that can say it");
        block_close(&r);
        m.at = 0;
        ok(index_read(&back, &from, &e) == 0 &&
               (of[i].status || (back.entry[0].kind == of[i].kind &&
                                 back.entry[0].decoding.bits == of[i].decoding.bits &&
                                 back.entry[0].decoding.filled == of[i].decoding.filled &&
                                 back.entry[0].decoding.decoded_percent == of[i].decoding.decoded_percent)),
           "index: what was written is what is read %s", e.text);
        index_release(&back);
        index_release(&x);
        provenance_release(&p);
        fmt_buffer_release(&b);
    }
}

static void test_readings_files(void)
{
    struct fmt_buffer b = {0};
    struct fmt_writer to = fmt_buffer_writer(&b);
    struct readings_header h = {{1, 1}, 1, true};
    struct image_reading t = {"a", READING_GOOD, 7, 3, 4, 1, INDEX_TIFF, {12, false, 0}, 4095, {1}, "", ""}, back = {0};
    struct readings_writer w;
    struct readings r;
    struct provenance p;
    struct fmt_error e = {0};
    sample_provenance(&p, true);
    ok(readings_create(&w, &to, &h, &p, &e) == 0 && readings_add(&w, &t, &e) == 0 && readings_finish(&w, &e) == 0,
       "readings: of other files are written %s", e.text);
    struct fmt_memory m = {b.data, b.bytes, 0};
    struct fmt_reader io = fmt_memory_reader(&m);
    ok(readings_open(&r, &io, &e) == 0 && readings_next(&r, &back, &e) == 0 && back.kind_of_file == INDEX_TIFF &&
           back.decoding.bits == 12 && !back.decoding.filled && back.sample_max == 4095,
       "readings: and read %s", e.text);
    is_int(r.block.header.minor, 1, "readings: as version 1.1");
    readings_close(&r);
    provenance_release(&p);
    fmt_buffer_release(&b);
}

int main(void)
{
    test_shard_files();
    test_index_files();
    test_readings_files();
    return tap_done();
}
