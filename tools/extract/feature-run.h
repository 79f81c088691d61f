/* feature-run.h - images through the network into a file of features, as dino-extract writes it.
 *
 *   struct feature_run r = {.images = &images, .extract = &x, .as_stored = false, .left_out = msg_error};
 *   feature_run_open(&r, part, e);
 *   r.header.weights, class_name, recipe: the caller's; the recipe belongs to the run
 *   feature_run_shape(&r, e);
 *   feature_run_write(&r, "all.feat", &provenance, e);
 *   feature_run_close(&r);                               also after a failure
 */
#ifndef FEATURE_RUN_H
#define FEATURE_RUN_H

#include "extract.h"
#include "feat.h"
#include "image-set.h"
#include "part.h"
#include "progress.h"
#include "provenance.h"

struct feature_run {
    /* set by the caller */
    const struct image_set *images;
    struct extract *extract;
    bool as_stored;                             /* EXIF orientation is not applied */
    bool keep_going;                            /* images that cannot be decoded are left out */
    void (*left_out)(const char *format, ...); /* is told of each of them */
    /* the file */
    int64_t first, n; /* images of the part */
    struct feat_header header;
    int64_t rows_per_image; /* of the first image, where there are tiles or regions */
    /* what came of it */
    int64_t n_done, n_rows, n_skipped, n_filled; /* images, rows, images, images */
    int64_t n_damaged;                           /* images that show signs of damage */
    char damage[400];                            /* the first of them, and which */
    int least_percent;                           /* of the filled images: the least share of rows that came */
    int sample_max;                              /* of files with 16 bits */
    double cropped;                              /* sum over the images */
    /* of the run itself */
    struct image_set_slot *slot; /* [extract_slots]: records, until their rows are written */
    struct image *decoded;       /* [n_workers]: what a worker decodes into */
    struct feat_writer *writer;
    struct progress progress;
    struct fmt_error error; /* of the output */
    struct fmt_buffer extra;
};

int feature_run_open(struct feature_run *r, struct part part, struct fmt_error *e);
void feature_run_close(struct feature_run *r);

/* Where it depends on the images: the shape of the rows, and how many an image has, from the first image that can be
 * decoded. */
int feature_run_shape(struct feature_run *r, struct fmt_error *e);

/* As extract_job.read; arg is the run, i counts from the first image of the part. */
int feature_run_read(void *arg, int64_t i, int slot, int worker, struct extract_image *image, struct fmt_error *e);
/* Rows are in the order of the images. path: "-" standard output. */
int feature_run_write(struct feature_run *r, const char *path, const struct provenance *p, struct fmt_error *e);

#endif
