/* test-pack-plan - images of a catalogue in shards: limits, sizes, splits, parts, and images that are left out. */
#include <stdlib.h>
#include <string.h>

#include "pack-plan.h"
#include "tap.h"

enum { N = 20, BYTES = 100 };

static struct index_entry entries[N];
static struct index catalogue = {.entry = entries, .n_entries = N, .provenance = ""};

static void fill(void)
{
    for (int i = 0; i < N; i++)
        entries[i] = (struct index_entry){.labels = {.key = "k", .split = i % 5 == 4 ? "val" : "train", .group = "",
                                                     .extra = ""},
                                          .path = "p", .width = 40 + i, .height = 30, .components = 3, .bytes = BYTES};
}

static struct pack_plan open_plan(struct pack_how how)
{
    struct pack_plan p;
    struct fmt_error e = {0};
    ok(pack_plan_open(&p, &catalogue, &how, &e) == 0, "a plan %s", e.text);
    return p;
}

/* Every image is in one shard, in the order of the catalogue. */
static bool is_whole(const struct pack_plan *p, int n_left_out)
{
    bool good = p->n_images == N - n_left_out && p->first[0] == 0 && p->first[p->n_shards] == p->n_images;
    for (int64_t i = 1; i < p->n_images; i++)
        good &= p->entry[i] > p->entry[i - 1] && !p->failed[p->entry[i]];
    for (uint32_t s = 0; s < p->n_shards; s++)
        good &= p->first[s] < p->first[s + 1];
    return good;
}

static void test_shards(void)
{
    struct pack_plan p = open_plan((struct pack_how){.shard_bytes = 3 * BYTES});
    ok(is_whole(&p, 0) && p.n_shards == 7 && p.first[1] == 3, "three images fill a shard: %d shards", (int)p.n_shards);
    ok(p.side_max == 40 + N - 1 && p.pixels_max == (40 + N - 1) * 30 && p.stored_max == BYTES, "the largest image");
    p.failed[1] = p.failed[7] = true;
    p.n_failed = 2;
    pack_plan_divide(&p);
    ok(is_whole(&p, 2) && p.n_shards == 6 && p.entry[1] == 2, "two left out: the others move up");
    pack_plan_close(&p);
    p = open_plan((struct pack_how){.shard_bytes = 1});
    ok(is_whole(&p, 0) && p.n_shards == N, "an image larger than a shard has one of its own");
    pack_plan_close(&p);
    p = open_plan((struct pack_how){.shard_bytes = 1 << 20, .pixels = true, .short_side = 20});
    ok(p.n_shards == 1 && p.stored_max == 39 * 20 * 3, "scaled pixels: %d bytes at most", (int)p.stored_max);
    pack_plan_close(&p);
    p = open_plan((struct pack_how){.shard_bytes = 2 * BYTES, .split = "val"});
    ok(p.n_images == 4 && p.n_shards == 2 && p.entry[0] == 4, "a split");
    pack_plan_close(&p);
}

/* The shards of the parts are those of the whole. */
static void test_parts(int n)
{
    struct pack_plan whole = open_plan((struct pack_how){.shard_bytes = 3 * BYTES});
    int64_t shard = 0, image = 0;
    double bytes = 0;
    bool good = true;
    for (int i = 1; i <= n; i++) {
        struct pack_plan p = open_plan((struct pack_how){.shard_bytes = 3 * BYTES, .part = {i, n}});
        good &= p.n_shards == whole.n_shards && p.first_shard == shard && p.first_image == image;
        shard = p.end_shard, image = p.end_image;
        bytes += p.bytes;
        pack_plan_close(&p);
    }
    ok(good && shard == whole.n_shards && image == whole.n_images && bytes == whole.bytes, "%d parts are the whole", n);
    pack_plan_close(&whole);
}

static void test_refused(void)
{
    struct pack_plan p;
    struct fmt_error e = {0};
    ok(pack_plan_open(&p, &catalogue, &(struct pack_how){.shard_bytes = 1, .split = "test"}, &e) == FMT_INVALID &&
           strstr(e.text, "test: no image"),
       "%s", e.text);
    catalogue.n_entries = 0;
    e = (struct fmt_error){0};
    ok(pack_plan_open(&p, &catalogue, &(struct pack_how){.shard_bytes = 1}, &e) == FMT_INVALID, "%s", e.text);
}

int main(void)
{
    fill();
    test_shards();
    for (int n = 1; n <= 9; n += 2)
        test_parts(n);
    test_refused();
    return tap_done();
}
