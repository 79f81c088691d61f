/* sample-order.h - which image is sample i of batch n: the images in a random order, epoch after epoch.
 *
 * Sample number s = n * batch + i is image order[s % n_images] of epoch s / n_images. The order of an epoch is drawn
 * from (seed, epoch, 0, RNG_ORDER). So a sample depends on nothing that happened before, and a run can begin anywhere.
 * An epoch here is one time through the images; that of the settings is train.OFFICIAL_EPOCH_LENGTH steps.
 */
#ifndef SAMPLE_ORDER_H
#define SAMPLE_ORDER_H

#include <stdint.h>

#include "fmt.h"

/* An image in an epoch: what the random streams of its crops are keyed by. */
struct sample {
    int64_t epoch, image;
};

struct sample_order {
    uint64_t seed;
    int64_t n_images, batch;
    int64_t *image; /* [n_images] of `epoch` */
    int64_t epoch;
};

/* n_images at least 1. */
int sample_order_open(struct sample_order *o, uint64_t seed, int64_t n_images, int64_t batch, struct fmt_error *e);
/* One call at a time: it may draw the order of another epoch. */
struct sample sample_order_at(struct sample_order *o, int64_t i_batch, int64_t i);
void sample_order_close(struct sample_order *o);

#endif
