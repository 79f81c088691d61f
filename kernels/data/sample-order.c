/* sample-order.c - the order of one epoch at a time is in memory. */
#include "sample-order.h"

#include <inttypes.h>
#include <stdlib.h>

#include "num.h"
#include "rng.h"

static void draw_epoch(struct sample_order *o, int64_t epoch)
{
    struct rng r = rng_stream(o->seed, (uint64_t)epoch, 0, RNG_ORDER);
    rng_permutation(&r, o->n_images, o->image);
    o->epoch = epoch;
}

int sample_order_open(struct sample_order *o, uint64_t seed, int64_t n_images, int64_t batch, struct fmt_error *e)
{
    size_t bytes;
    *o = (struct sample_order){.seed = seed, .n_images = n_images, .batch = batch};
    if (!num_mul((size_t)n_images, sizeof *o->image, &bytes) || !(o->image = malloc(bytes)))
        return fmt_fail(e, FMT_MEMORY, "out of memory for the order of %" PRId64 " images", n_images);
    draw_epoch(o, 0);
    return 0;
}

struct sample sample_order_at(struct sample_order *o, int64_t i_batch, int64_t i)
{
    int64_t s = i_batch * o->batch + i, epoch = s / o->n_images;
    if (epoch != o->epoch)
        draw_epoch(o, epoch);
    return (struct sample){epoch, o->image[s % o->n_images]};
}

void sample_order_close(struct sample_order *o)
{
    free(o->image);
    *o = (struct sample_order){0};
}
