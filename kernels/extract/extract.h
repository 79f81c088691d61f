/* extract.h - features of images: each image is resized and cropped as in the published evaluation, passed through the
 * network, and becomes a row.
 *
 *   struct extract x;
 *   extract_open(&x, &device, &model, &settings, e);
 *   extract_run(&x, &job, e);                         job.read supplies images, job.write gets the rows, in order
 *   extract_shards(&x, &shard_set, &job, e);          or: images of shards, rows as one matrix in memory
 *   extract_close(&x);
 *
 * A row depends only on its image, the model and the settings. Where the bits of a row depend on the batch size
 * (batch_changes_bits of the backend: the CPU), a batch is one image: every product is called with the rows of one
 * image, each image runs in one thread, and several images run at once; where too few are left for that, as with a
 * single image, all threads compute one image after the other. Elsewhere images of the same size pass through the
 * network together while the threads prepare the next ones.
 */
#ifndef EXTRACT_H
#define EXTRACT_H

#include <stdbool.h>
#include <stdint.h>

#include "backend.h"
#include "extract-regions.h"
#include "feat.h"
#include "head.h"
#include "image.h"
#include "pixel-norm.h"
#include "shard-set.h"
#include "vit-pack.h"
#include "vit.h"

struct extract_model { /* owned by the caller; must outlive struct extract */
    const struct vit *vit;
    const struct params_array *values;
    enum precision precision;
    const struct vit_packed *packed; /* extract_pack_weights in this precision, or NULL */
    const struct params_array *reference; /* of precision-check.h: values in float32; NULL: those above */
    const struct vit_observer *observer;  /* of every pass, from several threads; or NULL */
    const struct head *head; /* for FEAT_HEAD, else NULL */
    struct pixel_norm pixel_norm;
};

/* The weights of a model in the order that the device is fastest with (vit_pack). Afterwards values in float32 can be
 * neither hashed nor written. given: for int8, NULL: fitted to a picture of noise (vit_quantize), else as it says. */
int extract_pack_weights(const struct device *device, const struct vit *vit, const struct params_array *values,
                         enum precision precision, const struct vit_quantization *given, struct packed_weights *packed,
                         struct fmt_error *e);

/* ------------------------------------------------------------------ settings */

/* What happens to a side that is not a multiple of the patch. */
enum extract_fit {
    EXTRACT_RESIZE, /* the image is scaled to the nearest multiple: nothing is lost, nothing is added */
    EXTRACT_CROP,   /* cropped on all sides, down to a multiple */
    EXTRACT_PAD,    /* zeros (after normalisation) on all sides, up to a multiple */
    EXTRACT_SQUEEZE, /* the whole image becomes the square of `size`, a multiple or rounded to one; resize is 0 */
    EXTRACT_TILES   /* nothing of it: the resized image is cut into squares of `size`, a multiple (extract-parts.h) */
};

struct extract_settings {
    enum feat_kind kind;
    int64_t resize; /* the shorter side after resizing, in pixels; 0: not resized */
    int64_t size;   /* side of the square that is then cut from the middle, in pixels; 0: the whole image */
    enum extract_fit fit;
    int64_t overlap;  /* EXTRACT_TILES: of neighbours, in pixels, at least; up to half of size */
    struct extract_regions regions; /* rows are of these, not of the whole image; resize and size count for each */
    bool as_stored;   /* the EXIF orientation is not applied (extract_shards) */
    uint64_t layers;  /* bit i: block i; 0: only the last block */
    bool no_norm;     /* block outputs without the final norm */
    bool unit_length; /* each token (a row with one token: the row) is scaled to unit length */
    bool with_cls;    /* FEAT_PATCH: the class token before the patches; not for files (precision-check.h) */
};

/* As in the published k-NN evaluation: class token, resize 256, size 224. */
struct extract_settings extract_published_settings(void);

/* Reads "4" (the last four blocks), "3,7,11" (these) or "11," (this one) for a network of `depth` blocks. */
int extract_parse_layers(const char *text, int64_t depth, uint64_t *layers, struct fmt_error *e);

/* How an image becomes the network's input: it is resized to full_h x full_w, of which rows x cols at (top, left) are
 * placed at (at_y, at_x) of a canvas of canvas_h x canvas_w (black elsewhere); the canvas is placed at (net_y, net_x)
 * of the network's input of net_h x net_w. All in pixels. */
struct extract_geometry {
    int64_t full_h, full_w, top, left, rows, cols;
    int64_t canvas_h, canvas_w, at_y, at_x;
    int64_t net_h, net_w, net_y, net_x;
    double cropped; /* fraction of the image area that is cropped */
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
    int batch;     /* images per forward pass, at most */
    struct extract_worker *worker; /* [n_workers] */
    struct extract_context *context; /* [n_workers] where a worker runs its own passes, else [1] */
};

int extract_open(struct extract *x, const struct device *device, const struct extract_model *model,
                 const struct extract_settings *settings, struct fmt_error *e);
void extract_close(struct extract *x); /* a zeroed struct is allowed */

/* A row and how its image became the network's input. With tiles or regions: the rows of an image, one for each part
 * (extract-parts.h). */
struct extract_part;
struct extract_row {
    float *values;    /* [n_parts, n_tokens, dim] */
    int64_t n_tokens;
    int64_t capacity; /* values */
    struct extract_geometry geometry; /* of the first part */
    int64_t n_parts;
    const struct extract_part *part; /* [n_parts]; NULL: the whole image is the only one */
};

/* An image that was read, and its name in messages (NULL: none). Both must live until read is called again for the same
 * worker. view: its number in its group, for regions of some views; -1 unknown. */
struct extract_image {
    const struct image *image;
    const char *name;
    int view;
};

struct extract_job {
    void *arg;
    int64_t n; /* images */
    /* Reads image i. Called by several threads at once, each with its own worker number; from read until write an image
     * has its slot to itself. A failure (its text has the image's name) makes the row fail. */
    int (*read)(void *arg, int64_t i, int slot, int worker, struct extract_image *image, struct fmt_error *e);
    /* Receives the row of image i, in the order of the images, one at a time; if failure->status is set there is no
     * row. A nonzero result ends the run. */
    int (*write)(void *arg, int64_t i, int slot, const struct extract_row *row, const struct fmt_error *failure);
};
int extract_slots(const struct extract *x); /* slots are 0 .. n - 1 */
/* Returns 0, the nonzero result of write, or a failure of the whole run, with the reason in e. */
int extract_run(struct extract *x, const struct extract_job *job, struct fmt_error *e);

/* Features of images of a shard set in memory, for scores during training. */
struct extract_shards_job {
    const int64_t *image;   /* [n] image numbers in the set; NULL: all n images */
    int64_t n;
    float *out;             /* [n, extract_width] */
    uint8_t *failed;        /* [n] output: 1 where an image could not be decoded; its row is zeros */
    int64_t n_failed;       /* output */
    struct fmt_error first; /* output: the error of the first of them */
};
int extract_shards(struct extract *x, const struct shard_set *set, struct extract_shards_job *job,
                   struct fmt_error *e);

/* Memory of a worker for an image of this size, excluding the image. */
int extract_worker_bytes(struct extract *x, int64_t height, int64_t width, size_t *bytes, struct fmt_error *e);

/* ------------------------------------------------------------------ description */

/* Values per row if settings.size determines it; 0 if it differs from image to image (all patches of whole images). */
int64_t extract_width(const struct extract *x);
/* The header of a file of these features; the caller adds classes, the weights' hash and the recipe. */
struct feat_header extract_feat_header(const struct extract *x);
/* The settings that features with this header were made with, layers filled in. FMT_INVALID: they are not of a network,
 * or their recipe does not say how images became its input, as in files of earlier versions. */
int extract_settings_from(const struct feat_header *h, struct extract_settings *s, struct fmt_error *e);
/* Adds to r how an image becomes the network's input, the settings of the network that the hash of its weights does not
 * cover (heads, the resampling of positions, the epsilon of the norms), and a precision other than float32. */
int extract_recipe(const struct extract *x, struct recipe *r, struct fmt_error *e);

#endif
