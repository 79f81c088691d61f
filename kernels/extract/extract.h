/* extract.h - features of pictures: resized and cut as the published evaluation does it, one forward pass each.
 *
 *   struct extract x;
 *   extract_open(&x, &device, &model, &settings, n_workers, e);
 *   extract_image(&x, worker, &photo, &row, e);          from several threads at once, each its own worker number
 *   extract_close(&x);
 *   extract_shards(&x, &shards, pool, &job, e);             or: many images of shards into memory
 *
 * A row depends on its picture, the model and the settings alone: every product is called with the rows of one
 * picture, in one thread. Memory belongs to the workers and is kept from picture to picture.
 */
#ifndef EXTRACT_H
#define EXTRACT_H

#include <stdbool.h>
#include <stdint.h>

#include "feat.h"
#include "image.h"
#include "head.h"
#include "vit.h"
#include "shard-set.h"
#include "thread.h"

/* What happens to a size that is no multiple of the patch. */
enum extract_fit {
    EXTRACT_RESIZE, /* the picture is scaled to the nearest multiple: nothing is lost, nothing is added */
    EXTRACT_CROP,   /* cut at all sides, down to a multiple */
    EXTRACT_PAD     /* zeros (after normalisation) at all sides, up to a multiple */
};

struct extract_model { /* all of it the caller's, for the life of struct extract */
    const struct vit *vit;
    const float *values;
    bool turned;             /* vit_transpose_weights was applied to the values */
    const struct head *head; /* for FEAT_HEAD, else NULL */
    struct pixel_norm pixel_norm;
};

struct extract_settings {
    enum feat_kind kind;
    int64_t resize; /* the shorter side becomes so many pixels; 0: the picture as it is */
    int64_t size;   /* then the square in the middle, so many pixels a side; 0: all of the picture */
    enum extract_fit fit;
    bool as_stored;    /* the EXIF orientation is not applied (extract_shards) */
    uint64_t layers;   /* bit i: block i; 0: the last one alone */
    bool no_norm;      /* block outputs as they are, without the final norm */
    bool unit;         /* each token (of a row of one token: the row) to unit length */
};

/* Transposes the weights of a model (vit_transpose_weights) where this machine gains by it: *turned. They can be
 * neither hashed nor written afterwards. */
int extract_transpose_weights(const struct vit *vit, float *values, const struct device *device, bool *turned,
                              struct fmt_error *e);

/* As the published k-NN evaluation has it: class token, 256, 224. */
struct extract_settings extract_published_settings(void);

enum { EXTRACT_DEPTH_MAX = 64 }; /* blocks: the mask of layers has as many bits */
int extract_check_depth(int64_t depth, struct fmt_error *e); /* FMT_LIMIT beyond it */
/* Reads "4" (the last four blocks), "3,7,11" (these) or "11," (this one) for a network of `depth` blocks. */
int extract_parse_layers(const char *text, int64_t depth, uint64_t *layers, struct fmt_error *e);

/* Where a picture goes: resized to full_h x full_w, of which rows x cols at (top, left) land at (at_y, at_x) of a
 * canvas (black elsewhere) of canvas_h x canvas_w, which lies at (net_y, net_x) of what the network sees. */
struct extract_geometry {
    int64_t full_h, full_w, top, left, rows, cols;
    int64_t canvas_h, canvas_w, at_y, at_x;
    int64_t net_h, net_w, net_y, net_x;
    double cut_away; /* share of the picture that the network does not see */
};
int extract_geometry(const struct extract_settings *s, int64_t patch, int64_t height, int64_t width,
                  struct extract_geometry *p, struct fmt_error *e);

struct extract {
    struct extract_model model;
    struct extract_settings settings; /* layers filled in */
    int64_t dim;                      /* values of a token */
    int64_t n_layers;
    struct extract_worker *worker;
    int n_workers;
};

/* A row and how it was made. */
struct extract_row {
    float *x;
    int64_t n_tokens; /* times dim: values of the row */
    int64_t room;
    struct extract_geometry place;
};

int extract_open(struct extract *x, const struct device *device, const struct extract_model *model,
                 const struct extract_settings *settings, int n_workers, struct fmt_error *e);
void extract_close(struct extract *x);

/* Memory of a worker for a picture so large, but for the picture itself. */
int extract_worker_bytes(struct extract *x, int64_t height, int64_t width, size_t *bytes, struct fmt_error *e);

/* Values of a row where settings.size fixes it; 0 if it differs from picture to picture (all patches of all of it). */
int64_t extract_width(const struct extract *x);
/* What the file's header says; classes, the weights' hash and the recipe are the caller's to add. */
struct feat_header extract_feat_header(const struct extract *x);
/* Adds to r how a picture becomes what the network sees, and those settings of the network that the hash of its weights
 * does not cover: heads, the resampling of positions, the epsilon of the norms. */
int extract_recipe(const struct extract *x, struct recipe *r, struct fmt_error *e);

/* row->x (NULL at first) is kept and grows as needed: free() it at the end. Errors have the reason only. */
int extract_image(struct extract *x, int worker, const struct image *photo, struct extract_row *row,
                  struct fmt_error *e);

/* Features of images of a shard set in memory, for scores during training. */
struct extract_shards_job {
    const int64_t *image;  /* [n] numbers in the set; NULL: all, n of them */
    int64_t n;
    float *out;            /* [n, extract_width] */
    uint8_t *failed;       /* [n]: 1 where an image could not be decoded; its row is zeros */
    int64_t n_failed;      /* set here */
    struct fmt_error first; /* why the first of them could not */
};
int extract_shards(struct extract *x, const struct shard_set *set, struct thread_pool *pool,
                   struct extract_shards_job *job, struct fmt_error *e);

#endif
