/* quantize.h - weights in int8 (weights-quantized.h), fitted to images: the work of dino-weights quantize.
 *
 *   struct quantize q = {.network = &n, .device = &device, .images = paths, ...};
 *   quantize_fit(&q, e);
 *   quantize_write(&q, e);
 *   ... q.text, q.how, q.n_left_out ...
 *   quantize_release(&q);
 */
#ifndef QUANTIZE_H
#define QUANTIZE_H

#include "device.h"
#include "image-set.h"
#include "network.h"
#include "vit-quantize.h"
#include "weights-export.h"

struct quantize {
    struct network *network; /* complete, with a known number of heads */
    const struct device *device;
    const char *const *operand; /* [n_operands] shards, pictures, "-": the images (image-set.h); none: noise */
    int n_operands;
    int64_t n_images;        /* of them, evenly spread */
    int64_t resize, size;    /* pixels, as of extraction; 0: as the image is */
    bool keep_going, bare;
    const char *output;
    void (*begin)(int64_t n_images);  /* the work on as many images, */
    void (*step)(int64_t n_done);     /* so many of which are done, */
    void (*end)(void);
    void (*left_out)(const char *why); /* an image that cannot be decoded */
    /* results */
    char text[VIT_QUANTIZE_TEXT_MAX]; /* which products are in int8 */
    char how[100];           /* "64 of 1030 images, --resize 256 --size 224" */
    int64_t n_left_out;
    bool origin_changed;     /* network_origin */
    struct weights_export x; /* what was written */
    /* its own */
    struct device_arena memory;
    struct params_array values; /* in it */
    struct vit_quantization fit;
    char *inputs;            /* JSON: the images */
};

/* On failure, too, quantize_release is due. */
int quantize_fit(struct quantize *q, struct fmt_error *e);
int quantize_write(struct quantize *q, struct fmt_error *e);
void quantize_release(struct quantize *q);

#endif
