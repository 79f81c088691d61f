/* extract-internal.h - the parts of extraction (extract.h), one file each. */
#ifndef EXTRACT_INTERNAL_H
#define EXTRACT_INTERNAL_H

#include "arena.h"
#include "extract-parts.h"
#include "extract.h"

/* Memory that only grows; growing discards its contents. */
struct extract_buffer {
    void *p;
    size_t bytes;
};

/* An image as the network's input, in host memory. */
struct extract_input {
    struct extract_geometry geometry;
    bool padded;
    struct extract_buffer canvas; /* [canvas_h,canvas_w,3] u8 */
    struct extract_buffer values; /* [3,net_h,net_w] f32 where padded: normalised, 0 around the canvas */
};

/* Memory of a forward pass. */
struct extract_memory {
    struct device_arena activations, scratch;
    struct arena host; /* lists of the network */
};

/* What forward passes run with, one pass at a time. */
struct extract_context {
    struct op_ctx c;
    struct extract_memory memory;
    struct extract_input_size {
        int64_t n, net_h, net_w;
        bool padded;
    } planned; /* the memory suffices for a batch of this size, computed by c.pool */
    struct vit_activations act;
    struct extract_buffer token_rows, tokens; /* host memory: indices of the tokens to copy back, and these tokens */
    double *sum;                              /* [C] scratch of means */
};

/* An image that is being processed. */
struct extract_slot {
    struct extract_input input;
    struct extract_row row;
    struct fmt_error failure;
    struct extract_part_list parts;
};

/* What a thread needs to prepare images. */
struct extract_worker {
    struct arena scratch; /* of resizing */
    struct extract_slot of_part;
};

/* Pixels of an image, or of a part of it. */
struct extract_window {
    const uint8_t *pixels;
    int64_t stride, height, width; /* bytes from row to row; pixels */
    int components;
};

/* extract-settings.c */
int extract_check_settings(const struct extract *x, struct fmt_error *e);
int64_t extract_row_tokens(const struct extract *x, int64_t net_h, int64_t net_w);

/* extract-input.c */
int extract_buffer_reserve(struct extract_buffer *b, size_t bytes, struct fmt_error *e);
/* Resizes, crops and pads. Errors do not name the image. */
int extract_prepare(const struct extract *x, struct extract_worker *w, const struct image *image,
                    struct extract_input *in, struct fmt_error *e);
/* The same of a window, by the geometry that is set in `in`. */
int extract_prepare_window(const struct extract *x, struct extract_worker *w, const struct extract_window *window,
                           struct extract_input *in, struct fmt_error *e);
bool extract_is_padded(const struct extract_geometry *g);
/* Memory of a worker and an input for an RGB image of this size. */
size_t extract_input_bytes(const struct extract_geometry *g, int64_t height, int64_t width);

/* extract-forward.c: runs the images of n slots, all of the same size, through the network and makes their rows. Errors
 * do not name an image. */
bool extract_same_size(const struct extract_slot *a, const struct extract_slot *b);
int extract_forward(const struct extract *x, struct extract_context *ctx, struct extract_slot *slot, int n,
                    struct fmt_error *e);
/* extract-part-rows.c: the rows of all parts of an image, one after the other. */
int extract_forward_parts(const struct extract *x, struct extract_worker *w, struct extract_context *ctx,
                          const struct extract_image *image, struct extract_slot *slot, struct fmt_error *e);
/* Memory of a forward pass over a batch of this size. */
int extract_forward_bytes(const struct extract *x, struct extract_context *ctx, struct extract_input_size size,
                          size_t *bytes, struct fmt_error *e);

/* extract-rows.c: rows from tokens. The tokens of an image that a row is made from: n tokens starting at `first`. */
struct extract_tokens {
    int64_t first, n;
};
struct extract_tokens extract_tokens(const struct extract *x, int64_t n_patches);
/* Allocates the row of an image of this geometry, and copies the geometry to it. */
int extract_reserve_row(const struct extract *x, const struct extract_geometry *g, struct extract_row *row,
                        struct fmt_error *e);
/* out [C] = mean over the patches [P,C]: sums in double [C], patch by patch. */
void extract_mean_patches(double *sum, const float *patches, int64_t P, int64_t C, float *out);
/* Divides by the length or, as in the published evaluation, by 1e-12 where that is larger. */
void extract_bring_to_unit_length(float *v, int64_t n);
/* values: the output for the image; layer l is at values + l * stride: its tokens [n,C], for the head [K]. sum [C] is
 * scratch. */
void extract_make_row(const struct extract *x, const float *values, int64_t stride, double *sum,
                      struct extract_row *row);

#endif
