/* test-loader-draws.c - what the draws of the batch loader depend on: crops on seed, epoch and image; masks on seed and
 * step. */
#include <string.h>

#include "batch-loader.h"
#include "loaderbed.h"
#include "tap.h"

enum { EPOCHS = 2 };

struct draws {
    uint8_t crop[EPOCHS][N_IMAGES][VIEWS_GLOBAL][DIGEST_BYTES]; /* the global crops */
    uint8_t masks[STEPS][DIGEST_BYTES];
    int n_seen; /* crops */
};

static void add_draws(struct draws *d, const struct views_header *h, const struct views_batch *b)
{
    size_t bytes = (size_t)views_global_bytes(h) / VIEWS_GLOBAL / (size_t)h->batch;
    for (int i = 0; i < h->batch; i++) {
        int64_t epoch = (b->step * h->batch + i) / N_IMAGES;
        for (int c = 0; c < VIEWS_GLOBAL && epoch < EPOCHS; c++, d->n_seen++)
            digest_of(b->global + (size_t)(c * (int)h->batch + i) * bytes, bytes, d->crop[epoch][b->image[i]][c]);
    }
    if (b->step < STEPS)
        digest_of(b->mask, (size_t)views_mask_bytes(h), d->masks[b->step]);
}

static void draw_two_epochs(struct draws *d, const char *path, const char *words)
{
    struct config c;
    struct fmt_error e = {0};
    struct batch_loader *l;
    const struct views_batch *b;
    small_config(&c);
    need(config_set(&c, "ibot.mask_sample_probability=1", &e) || config_set(&c, words, &e), &e);
    struct batch_loader_options options = {.config = &c, .paths = &path, .n_paths = 1, .n_threads = 2};
    *d = (struct draws){.n_seen = 0};
    need(batch_loader_open(&l, &options, &e), &e);
    while (d->n_seen < EPOCHS * N_IMAGES * VIEWS_GLOBAL) {
        need(batch_loader_next(l, &b, &e), &e);
        add_draws(d, batch_loader_header(l), b);
    }
    batch_loader_close(l);
    config_release(&c);
}

static int n_equal(const void *a, const void *b, int n)
{
    int equal = 0;
    for (int i = 0; i < n; i++)
        equal +=
            memcmp((const uint8_t *)a + i * DIGEST_BYTES, (const uint8_t *)b + i * DIGEST_BYTES, DIGEST_BYTES) == 0;
    return equal;
}

/* Crops are drawn for (seed, epoch, image), whatever the batches; masks for (seed, step). */
static void test_draws(void)
{
    static struct draws a, other;
    const char *shards = make_shards("draws", 0, 0, N_IMAGES);
    draw_two_epochs(&a, shards, "train.seed=5");
    is_int(n_equal(a.crop[0], a.crop[1], VIEWS_GLOBAL * N_IMAGES), 0, "no crop of an epoch is repeated in the next");
    int same = 0;
    for (int i = 0; i < N_IMAGES; i++)
        same += n_equal(a.crop[0][i][0], a.crop[0][i][1], 1);
    is_int(same, 0, "the two crops of an image differ");
    is_int(n_equal(a.masks[0], a.masks[1], STEPS - 2), 0, "no step has the masks of the one before");
    draw_two_epochs(&other, shards, "train.batch_size_per_gpu=3");
    is_int(n_equal(a.crop, other.crop, EPOCHS * N_IMAGES * VIEWS_GLOBAL), EPOCHS * N_IMAGES * VIEWS_GLOBAL,
           "batches of another size have the same crops");
    draw_two_epochs(&other, shards, "train.seed=6");
    is_int(n_equal(a.crop, other.crop, EPOCHS * N_IMAGES * VIEWS_GLOBAL), 0, "another seed, other crops");
    is_int(n_equal(a.masks, other.masks, 5), 0, "another seed, other masks");
}

int main(void)
{
    test_draws();
    return tap_done();
}
