/* extract.h - features of images: each is resized and cropped as the published evaluation does it, goes through the
 * network, and becomes a row.
 *
 *   struct extract x;
 *   extract_open(&x, &device, &model, &settings, e);
 *   extract_run(&x, &job, e);                         job.read gives images, job.write is given rows, in order
 *   extract_shards(&x, &shard_set, &job, e);          or: images of shards, rows as one matrix in memory
 *   extract_close(&x);
 *
 * A row depends on its image, the model and the settings alone. Where the bits of an image depend on how many are
 * computed with it (batch_changes_bits of the backend: the CPU), a batch is one image: every product is called with
 * the rows of one image, each image in one thread, several images at once. Elsewhere images of one size go through the
 * network together, while the threads prepare the next ones.
 */
#ifndef EXTRACT_H
#define EXTRACT_H

#include <stdbool.h>
#include <stdint.h>

#include "backend.h"
#include "feat.h"
#include "head.h"
#include "image.h"
#include "pixel-norm.h"
#include "shard-set.h"
#include "vit.h"

struct extract_model { /* all of it the caller's, for the life of struct extract */
    const struct vit *vit;
    const struct params_array *values;
    bool weights_transposed; /* extract_transpose_weights said so of the values */
    const struct head *head; /* for FEAT_HEAD, else NULL */
    struct pixel_norm pixel_norm;
};

/* Transposes the weights of a model (vit_transpose_weights) where the device gains by it: *transposed. They can be
 * neither hashed nor written afterwards. */
int extract_transpose_weights(const struct device *device, const struct vit *vit, const struct params_array *values,
                              bool *transposed, struct fmt_error *e);

/* ------------------------------------------------------------------ settings */

/* What happens to a side that is no multiple of the patch. */
enum extract_fit {
    EXTRACT_RESIZE, /* the image is scaled to the nearest multiple: nothing is lost, nothing is added */
    EXTRACT_CROP,   /* cropped at all sides, down to a multiple */
    EXTRACT_PAD     /* zeros (after normalisation) at all sides, up to a multiple */
};

struct extract_settings {
    enum feat_kind kind;
    int64_t resize; /* pixels that the shorter side becomes; 0: the image as it is */
    int64_t size;   /* then the square in the middle, of so many pixels a side; 0: the whole image */
    enum extract_fit fit;
    bool as_stored;   /* the EXIF orientation is not applied (extract_shards) */
    uint64_t layers;  /* bit i: block i; 0: the last one alone */
    bool no_norm;     /* block outputs as they are, without the final norm */
    bool unit_length; /* each token (of a row of one token: the row) is brought to unit length */
};

/* As the published k-NN evaluation has it: class token, 256, 224. */
struct extract_settings extract_published_settings(void);

/* Reads "4" (the last four blocks), "3,7,11" (these) or "11," (this one) for a network of `depth` blocks. */
int extract_parse_layers(const char *text, int64_t depth, uint64_t *layers, struct fmt_error *e);

/* How an image becomes what the network sees: it is resized to full_h x full_w, of which rows x cols at (top, left)
 * come to (at_y, at_x) of a canvas (black elsewhere) of canvas_h x canvas_w; the canvas comes to (net_y, net_x) of the
 * network's input. All in pixels. */
struct extract_geometry {
    int64_t full_h, full_w, top, left, rows, cols;
    int64_t canvas_h, canvas_w, at_y, at_x;
    int64_t net_h, net_w, net_y, net_x;
    double cropped; /* share of the image that the network does not see */
};
int extract_geometry(const struct extract_settings *s, int64_t patch, int64_t height, int64_t width,
                     struct extract_geometry *g, struct fmt_error *e);

/* ------------------------------------------------------------------ extraction */

struct extract {
    const struct device *device;
    struct extract_model model;
    struct extract_settings settings; /* layers filled in */
    int64_t dim;                      /* values of a token */
    int64_t n_layers;
    int n_workers; /* threads that prepare images */
    int batch;     /* images of one forward pass, at most */
    struct extract_worker *worker; /* [n_workers] */
    struct extract_context *context; /* [n_workers] where a worker runs its own passes, else [1] */
};

int extract_open(struct extract *x, const struct device *device, const struct extract_model *model,
                 const struct extract_settings *settings, struct fmt_error *e);
void extract_close(struct extract *x); /* also of a zeroed one */

/* A row and how its image became the network's input. */
struct extract_row {
    float *values;    /* [n_tokens, dim] */
    int64_t n_tokens;
    int64_t capacity; /* values */
    struct extract_geometry geometry;
};

/* An image that is read, and what messages call it (NULL: nothing). Both must live until read is called again for the
 * same worker. */
struct extract_image {
    const struct image *image;
    const char *name;
};

struct extract_job {
    void *arg;
    int64_t n; /* images */
    /* Reads image i. Called by several threads at once, each with a worker number of its own; no two images that were
     * read and not yet written have one slot. A failure (with the image's name) makes the row fail. */
    int (*read)(void *arg, int64_t i, int slot, int worker, struct extract_image *image, struct fmt_error *e);
    /* Is given the row of image i, in the order of the images, one at a time; where failure->status is set, none.
     * Anything but 0 ends the run. */
    int (*write)(void *arg, int64_t i, int slot, const struct extract_row *row, const struct fmt_error *failure);
};
int extract_slots(const struct extract *x); /* slots are 0 .. n - 1 */
/* 0; what write returned; or a failure of the run as a whole, with the reason in e. */
int extract_run(struct extract *x, const struct extract_job *job, struct fmt_error *e);

/* Features of images of a shard set in memory, for scores during training. */
struct extract_shards_job {
    const int64_t *image;   /* [n] numbers in the set; NULL: all, n of them */
    int64_t n;
    float *out;             /* [n, extract_width] */
    uint8_t *failed;        /* [n]: 1 where an image could not be decoded; its row is zeros */
    int64_t n_failed;       /* set here */
    struct fmt_error first; /* set here: why the first of them could not */
};
int extract_shards(struct extract *x, const struct shard_set *set, struct extract_shards_job *job,
                   struct fmt_error *e);

/* Memory of a worker for an image so large, but for the image itself. */
int extract_worker_bytes(struct extract *x, int64_t height, int64_t width, size_t *bytes, struct fmt_error *e);

/* ------------------------------------------------------------------ description */

/* Values of a row where settings.size fixes it; 0 if it differs from image to image (all patches of all of it). */
int64_t extract_width(const struct extract *x);
/* What the file's header says; classes, the weights' hash and the recipe are the caller's to add. */
struct feat_header extract_feat_header(const struct extract *x);
/* Adds to r how an image becomes what the network sees, and those settings of the network that the hash of its weights
 * does not cover: heads, the resampling of positions, the epsilon of the norms. */
int extract_recipe(const struct extract *x, struct recipe *r, struct fmt_error *e);

#endif
