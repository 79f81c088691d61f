/* calibrate.h - fits int8 (vit-quantize.h) to images, or to a picture of noise where there are none.
 *
 *   vit_quantization_init(&q, &vit, &values, e);
 *   struct calibrate_job job = {.images = &images, .n = 64};
 *   calibrate(&q, &device, &model, &settings, &job, e);     model: q's vit and values in float32, not packed
 *   calibrate_without_images(&q, &device, e);               instead
 *
 * The images pass through the network twice, in float32: for the ranges, and for the errors with the smoothing of these
 * ranges. Of both the largest counts, so that the result depends neither on threads nor on the order of the images.
 */
#ifndef CALIBRATE_H
#define CALIBRATE_H

#include "extract.h"
#include "image-set.h"

struct calibrate_job {
    const struct image_set *images;
    int64_t n;       /* of them, evenly spread over all; at most all */
    bool keep_going; /* those that cannot be decoded are left out */
    void (*step)(void *arg, int64_t n_done);   /* of 2 n passes; NULL: none */
    void (*left_out)(void *arg, const char *why); /* an image, once; NULL: none */
    void *arg;
    int64_t n_left_out; /* output */
};

int calibrate(struct vit_quantization *q, const struct device *device, const struct extract_model *model,
              const struct extract_settings *settings, struct calibrate_job *job, struct fmt_error *e);
int calibrate_without_images(struct vit_quantization *q, const struct device *device, struct fmt_error *e);

#endif
