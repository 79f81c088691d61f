/* vit-quantize.h - int8 for a backbone: the smoothing of the input of each product, and which products are good enough.
 *
 * A row of an input is quantised with one scale, so that a channel which is much larger than the others takes their
 * digits. Part of its range is moved to the weight (SmoothQuant, Xiao et al. 2022, with an exponent of 1/2):
 *
 *   x w^T = (x / s) (w s)^T      s[k] = sqrt(range[k] / max over n of |w[n,k]|)
 *
 * range: the largest magnitude that was seen of the channel, but at least the median over the channels, because one
 * that happened to be quiet would have its noise enlarged.
 *
 * What stays in bf16: the first and the last block, which are a third of all the error of a trained ViT-S; and products
 * whose error, measured on the same inputs, exceeds VIT_QUANTIZE_ERROR_MAX (relative, of all elements together, the
 * largest of an image; those of a trained ViT-S have 0.5 to 2 %).
 *
 * Without images a picture of noise is seen, whose octaves are equally strong as those of photographs are: large
 * channels are large whatever is looked at (vit_quantize). With images (calibrate.h does it):
 *
 *   struct vit_quantization q;
 *   vit_quantization_init(&q, &vit, &values, e);
 *   request.observer = &(struct vit_observer){vit_quantization_see_range, &q};    forward passes over all images
 *   vit_quantization_smooth(&c, &q);
 *   request.observer = &(struct vit_observer){vit_quantization_see_error, &q};    the same once more
 *   vit_pack(&c, &vit, &values, PRECISION_INT8, &q, &arena, &packed);
 *   vit_quantization_release(&q);
 *
 * Passes that are seen compute in float32, one image at a time. Several threads may run them at once: of ranges and of
 * errors the largest is kept, so that the result does not depend on the order of the images.
 */
#ifndef VIT_QUANTIZE_H
#define VIT_QUANTIZE_H

#include <pthread.h>

#include "vit.h"

#define VIT_QUANTIZE_ERROR_MAX 0.03

struct vit_quantized_product {
    int64_t N, K;     /* 0: the network does not have it */
    float *range;     /* [K] */
    float *smoothing; /* [K], positive */
    bool excluded;    /* stays in bf16 whatever its error is */
    double error;     /* the largest of an image; a NaN stays */
};

struct vit_quantization {
    const struct vit *vit;
    const struct params_array *values; /* not packed */
    struct vit_quantized_product product[VIT_DEPTH_MAX][VIT_PRODUCTS];
    float *memory, *columns; /* of the products; what is copied from the device */
    pthread_mutex_t lock;    /* of ranges, errors and columns */
};

/* The row of a product's weight in the table; -1: there is none. */
int vit_product_row(const struct vit *v, int64_t block, enum vit_product product);

/* Nothing is seen yet: no smoothing (1), no errors; the first and the last block are excluded. */
int vit_quantization_init(struct vit_quantization *q, const struct vit *v, const struct params_array *values,
                          struct fmt_error *e);
void vit_quantization_release(struct vit_quantization *q); /* a zeroed struct is allowed */
/* The same, and excluded is what is not packed in int8. */
int vit_quantization_of_packed(struct vit_quantization *q, const struct vit *v, const struct params_array *values,
                               const struct vit_packed *packed, struct fmt_error *e);

/* For vit_observer.see; arg: the quantization. */
void vit_quantization_see_range(void *arg, struct op_ctx *c, int64_t block, enum vit_product product, struct tensor x);
void vit_quantization_see_error(void *arg, struct op_ctx *c, int64_t block, enum vit_product product, struct tensor x);
/* The smoothing of all products, from the ranges seen. No pass may run meanwhile. */
void vit_quantization_smooth(struct op_ctx *c, struct vit_quantization *q);

/* Fits to the picture of noise, in a pass that takes its memory as vit_forward does. */
int vit_quantize(struct op_ctx *c, struct vit_quantization *q, const struct vit_memory *memory, struct fmt_error *e);

/* packed I8 = w [N,K] quantised with smoothing [K], which is in host memory */
void vit_quantize_weight(struct op_ctx *c, struct tensor packed, struct tensor w, const float *smoothing);

static inline bool vit_is_quantized(const struct vit_quantized_product *p)
{
    return p->K > 0 && !p->excluded && p->error <= VIT_QUANTIZE_ERROR_MAX; /* not with a NaN */
}

/* -- vit-quantize-text.c -- */
/* "39 of 48 products in int8; in bf16 (first and last block, errors above 3 %): block 0, 3.fc2 (error 4.2 %), block 11;
 * patch embedding in float32"; what is too long for `out` is counted: ", and 12 more". */
enum { VIT_QUANTIZE_TEXT_MAX = 1600 };
extern const char *const vit_product_name[VIT_PRODUCTS]; /* "qkv", "proj", "fc1", "fc2" */
const char *vit_quantization_text(const struct vit_quantization *q, char out[VIT_QUANTIZE_TEXT_MAX]);

#endif
