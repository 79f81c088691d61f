/* replaced-count.h - which images cannot be used, and how many samples were made of others: one count for all processes
 * of a run, whichever of them met the images.
 *
 *   replaced_count_open(&c, world, &images, batch, e);
 *   replaced_count_restore(&c, &before, same_data, e);      what an earlier part of the run counted
 *   replaced_count_add(&c, origins, n_turns, &report, e);    after each step; all processes
 *   replaced_count_close(&c);
 *
 * Images are added in the order of batches, which is that of turns and processes, then of samples. So count, order and
 * keys do not depend on how many processes there are. Of a step in which nothing was replaced one number is exchanged.
 */
#ifndef REPLACED_COUNT_H
#define REPLACED_COUNT_H

#include <stdbool.h>
#include <stdint.h>

#include "fmt.h"
#include "image-loader.h"
#include "replaced-images.h"
#include "world.h"

struct replaced_count {
    const struct world *world;
    const struct image_loader *images;
    int64_t batch;              /* samples of a batch */
    struct replaced_images all; /* until now */
    uint8_t *seen;              /* a bit for each image that is among them */
    int64_t *fresh;             /* [batch] samples of a batch whose images are not */
};

int replaced_count_open(struct replaced_count *c, const struct world *world, const struct image_loader *images,
                        int64_t batch, struct fmt_error *e);
void replaced_count_close(struct replaced_count *c);

/* same_data: the images of `before` are numbers in these data; else only its samples count. */
int replaced_count_restore(struct replaced_count *c, const struct replaced_images *before, bool same_data,
                           struct fmt_error *e);

/* Told of each image when it is met for the first time, in all processes. */
struct replaced_report {
    void (*bad_image)(void *arg, const char *reason, const char *replaced_by); /* may be NULL */
    void *arg;
};
/* origins [n_turns][batch]: what the samples of this process's batches of a step were made of. FMT_LIMIT: an image more
 * than train.max_replaced allows; then nothing of the step is counted. A failure is one of all processes. */
int replaced_count_add(struct replaced_count *c, const struct sample_origin *const *origins, int n_turns,
                       const struct replaced_report *report, struct fmt_error *e);

#endif
