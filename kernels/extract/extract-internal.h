/* extract-internal.h - the parts of extraction (extract.h), one file each. */
#ifndef EXTRACT_INTERNAL_H
#define EXTRACT_INTERNAL_H

#include "arena.h"
#include "extract.h"

/* Memory that only grows; growing it loses what it held. */
struct extract_buffer {
    void *p;
    size_t bytes;
};

/* An image as the network takes it, in host memory. */
struct extract_input {
    struct extract_geometry geometry;
    bool padded;
    struct extract_buffer canvas; /* [canvas_h,canvas_w,3] u8 */
    struct extract_buffer values; /* [3,net_h,net_w] f32 where padded: normalised, 0 around the canvas */
};

/* What a thread prepares images with. */
struct extract_worker {
    struct arena scratch; /* of resizing */
};

/* Memory of a forward pass. */
struct extract_memory {
    struct device_arena activations, scratch;
    struct arena host; /* lists of the network */
};

/* What forward passes run with, one after the other. */
struct extract_context {
    struct op_ctx c;
    struct extract_memory memory;
    struct extract_input_size {
        int64_t n, net_h, net_w;
        bool padded;
    } planned; /* the memory is enough for a batch of this size */
    struct vit_activations act;
    struct extract_buffer token_rows, tokens; /* host memory: which tokens come back, and they */
    double *sum;                              /* [C] */
};

/* An image on its way to a row. */
struct extract_slot {
    struct extract_input input;
    struct extract_row row;
    struct fmt_error failure;
};

/* extract-settings.c */
int extract_check_settings(const struct extract *x, struct fmt_error *e);
int64_t extract_row_tokens(const struct extract *x, int64_t net_h, int64_t net_w);

/* extract-input.c */
int extract_buffer_reserve(struct extract_buffer *b, size_t bytes, struct fmt_error *e);
/* Resizes, crops and pads. Errors have the reason only. */
int extract_prepare(const struct extract *x, struct extract_worker *w, const struct image *image,
                    struct extract_input *in, struct fmt_error *e);
bool extract_is_padded(const struct extract_geometry *g);
/* Memory of a worker and an input for an RGB image of this size. */
size_t extract_input_bytes(const struct extract_geometry *g, int64_t height, int64_t width);

/* extract-forward.c: the images of n slots, all of one size, through the network to rows. Errors have the reason
 * only. */
bool extract_same_size(const struct extract_slot *a, const struct extract_slot *b);
int extract_forward(const struct extract *x, struct extract_context *ctx, struct extract_slot *slot, int n,
                    struct fmt_error *e);
/* Memory of a pass over a batch of this size. */
int extract_forward_bytes(const struct extract *x, struct extract_context *ctx, struct extract_input_size size,
                          size_t *bytes, struct fmt_error *e);

/* extract-rows.c: rows from tokens. Which tokens of an image a row is made of: n of them from `first` on. */
struct extract_tokens {
    int64_t first, n;
};
struct extract_tokens extract_tokens(const struct extract *x, int64_t n_patches);
/* Memory for the row of an image of this geometry, which the row remembers. */
int extract_reserve_row(const struct extract *x, const struct extract_geometry *g, struct extract_row *row,
                        struct fmt_error *e);
/* values: what came back for the image, that of layer l at values + l * stride: its tokens [n,C], of the head [K].
 * sum [C] is scratch. */
void extract_make_row(const struct extract *x, const float *values, int64_t stride, double *sum,
                      struct extract_row *row);

#endif
