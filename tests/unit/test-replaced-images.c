/* test-replaced-images.c - as JSON and back, the digest, and text that replaced_images_write does not write. */
#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "replaced-images.h"
#include "tap.h"

static void need(int status, const struct fmt_error *e)
{
    if (status) {
        fprintf(stderr, "%s\n", e->text);
        exit(1);
    }
}

static bool reads(const char *json, struct replaced_images *r)
{
    cJSON *o = cJSON_Parse(json);
    struct fmt_error e = {0};
    int status = replaced_images_read(r, o, &e);
    cJSON_Delete(o);
    return status == 0;
}

static void test_round_trip(void)
{
    struct replaced_images a = {.samples = 200}, b;
    struct fmt_buffer text[2] = {{0}, {0}};
    struct fmt_error e = {0};
    uint8_t digest[3][DIGEST_BYTES];
    for (int i = 0; i < 150; i++)
        need(replaced_images_add(&a, 7 * i, i == 3 ? "with \"quotes\"\xff" : "photo", &e), &e);
    need(replaced_images_write(&a, &text[0], &e) || fmt_buffer_append(&text[0], "", 1), &e);
    ok(reads((char *)text[0].data, &b) && b.samples == 200 && b.n_images == 150 && b.n_keys == REPLACED_IMAGES_KEYS_MAX,
       "150 images, the first 100 with their keys, and back");
    need(replaced_images_write(&b, &text[1], &e) || fmt_buffer_append(&text[1], "", 1), &e);
    is_text((char *)text[1].data, (char *)text[0].data, "to the same text");
    replaced_images_digest(&a, digest[0]);
    replaced_images_digest(&b, digest[1]);
    ok(memcmp(digest[0], digest[1], DIGEST_BYTES) == 0, "and the same digest");
    b.image[149]++;
    replaced_images_digest(&b, digest[2]);
    ok(memcmp(digest[0], digest[2], DIGEST_BYTES) != 0, "another image, another digest");
    replaced_images_release(&a);
    replaced_images_release(&b);
    fmt_buffer_release(&text[0]);
    fmt_buffer_release(&text[1]);
}

static void test_wrong(void)
{
    struct replaced_images b;
    static const char *const wrong[] = {
        "{}", "[]", "{\"samples\":1,\"images\":[0]}", "{\"samples\":-1,\"images\":[],\"keys\":[]}",
        "{\"samples\":1,\"images\":[0,1],\"keys\":[]}", "{\"samples\":1,\"images\":[0],\"keys\":[5]}",
        "{\"samples\":1,\"images\":[\"0\"],\"keys\":[]}", "{\"samples\":1,\"images\":0,\"keys\":[]}"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        ok(!reads(wrong[i], &b), "%s is refused", wrong[i]);
        replaced_images_release(&b);
    }
}

static void test_cut(void)
{
    struct replaced_images a = {.samples = 3};
    struct fmt_error e = {0};
    for (int i = 0; i < 3; i++)
        need(replaced_images_add(&a, i, "photo", &e), &e);
    replaced_images_cut(&a, 1);
    need(replaced_images_add(&a, 9, "another", &e), &e);
    ok(a.n_images == 2 && a.n_keys == 2 && a.image[1] == 9, "images that were cut off are gone");
    is_text(a.key[1], "another", "with its keys");
    replaced_images_release(&a);
}

int main(void)
{
    test_round_trip();
    test_wrong();
    test_cut();
    return tap_done();
}
