/* test-shard-set.c - shards opened together, by folder, file and pattern; sets that are not complete are refused. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "file.h"
#include "samples.h"
#include "shard-set.h"
#include "tap.h"

static char folder[4096];

static const char *in_folder(const char *name)
{
    static char path[4][8192];
    static int i;
    char *p = path[i++ % 4];
    snprintf(p, sizeof path[0], "%s/%s", folder, name);
    return p;
}

static void write_shard(const char *name, uint32_t i, uint32_t n)
{
    struct file_out f;
    struct fmt_error e = {0};
    if (file_create(&f, in_folder(name), &e))
        ok(false, "%s", e.text);
    struct fmt_writer io = file_writer(&f);
    if (sample_shard(&io, true, i, n, &e) || file_commit(&f, &e))
        ok(false, "%s", e.text);
}

static int open_one(struct shard_set *s, const char *path, struct fmt_error *e)
{
    *e = (struct fmt_error){0};
    return shard_set_open(s, &path, 1, e);
}

static void check_images(struct shard_set *s, int n_shards, const char *how)
{
    struct block_buffer b = {0};
    struct shard_image image;
    struct fmt_error e = {0};
    int bad = 0;
    is_int(s->n_images, n_shards * SAMPLE_IMAGES, "%s: images", how);
    for (int64_t i = 0; i < s->n_images; i++) {
        struct shard_image expected = sample_image((int)(i % SAMPLE_IMAGES));
        bad += shard_set_read(s, i, &b, &image, &e) || strcmp(image.labels.key, expected.labels.key) != 0 ||
               image.bytes != expected.bytes;
    }
    is_int(bad, 0, "%s: each of them by number %s", how, e.text);
    ok(shard_set_read(s, s->n_images, &b, &image, &e) != 0, "%s: none after the last", how);
    block_buffer_release(&b);
    shard_set_close(s);
}

int main(void)
{
    struct shard_set s;
    struct fmt_error e;
    snprintf(folder, sizeof folder, "%s", tap_scratch());
    write_shard("b.shard", 0, 3); /* names do not decide the order */
    write_shard("a.shard", 2, 3);
    write_shard("c.shard", 1, 3);
    if (ok(open_one(&s, folder, &e) == 0, "a folder %s", e.text)) {
        ok(strstr(shard_set_path(&s, 0), "b.shard") && strstr(shard_set_path(&s, 8), "a.shard"),
           "shards in the order of their numbers");
        check_images(&s, 3, "folder");
    }
    if (ok(open_one(&s, in_folder("?.shard"), &e) == 0, "a pattern %s", e.text))
        check_images(&s, 3, "pattern");

    is_int(open_one(&s, in_folder("b.shard"), &e), FMT_INVALID, "one of three: %s", e.text);
    ok(strstr(e.text, "shard 1 of 3 is missing") != NULL, "... names what is missing");
    const char *twice[] = {in_folder("?.shard"), in_folder("c.shard")};
    e = (struct fmt_error){0};
    is_int(shard_set_open(&s, twice, 2, &e), FMT_INVALID, "one shard twice: %s", e.text);
    const char *last_twice[] = {in_folder("?.shard"), in_folder("a.shard")};
    e = (struct fmt_error){0};
    is_int(shard_set_open(&s, last_twice, 2, &e), FMT_INVALID, "the last shard twice: %s", e.text);
    is_int(open_one(&s, in_folder("nothing*"), &e), FMT_IO, "no such pattern: %s", e.text);

    unlink(in_folder("c.shard"));
    is_int(open_one(&s, folder, &e), FMT_INVALID, "a shard is missing: %s", e.text);
    write_shard("c.shard", 1, 2);
    is_int(open_one(&s, folder, &e), FMT_INVALID, "a shard of a set of another size: %s", e.text);
    write_shard("c.shard", 1, 3);
    is_int(truncate(in_folder("c.shard"), 100), 0, "the last shard is cut");
    ok(open_one(&s, folder, &e) == FMT_TRUNCATED && strstr(e.text, "c.shard"), "a shard cut short: %s", e.text);
    ok(shard_set_is_name("a.shard") && !shard_set_is_name(".shard") && !shard_set_is_name(".a.shard") &&
           !shard_set_is_name("a.shard~") && !shard_set_is_name("shard") && !shard_set_is_name(""),
       "names of shards");
    return tap_done();
}
