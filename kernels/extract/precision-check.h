/* precision-check.h - a fast precision beside float32: the same images go through the same network in both, and their
 * tokens are compared.
 *
 *   struct precision_check_job job = {.arg = ..., .n = 16, .read = read_image};
 *   struct precision_check c;
 *   precision_check_run(&c, &device, &model, &settings, &job, e);    model: in the precision that is checked
 *   if (!precision_check_passed(&c)) ...
 *
 * Compared is what features are made of: the tokens of the layers, size and norm that the settings name, whatever their
 * kind. The cosine of two vectors is a.b / (|a| |b|). A cosine that is no number counts as -1.
 *
 * Two scores depend on the features alone and are compared, too: the similarity (cosine) of two images, which votes of
 * k-NN are made of, and whether an image keeps its nearest neighbour among the others. Of tiles and regions each is
 * compared; the similarity of two images is then that of the sums over their parts.
 */
#ifndef PRECISION_CHECK_H
#define PRECISION_CHECK_H

#include "extract-parts.h"

enum { PRECISION_CHECK_MAX = 4096 }; /* images */
enum { PRECISION_CHECK_NAME = 200 }; /* bytes of an image's name, which is cut */

enum precision_check_part {
    PRECISION_CHECK_CLS,   /* class token */
    PRECISION_CHECK_MEAN,  /* mean of the patches of an image */
    PRECISION_CHECK_PATCH, /* each patch */
    PRECISION_CHECK_PARTS,
    PRECISION_CHECK_SUMMARIES = PRECISION_CHECK_PATCH /* those that an image has one of */
};

struct precision_check {
    enum precision precision;
    int64_t n_images, n_parts, n_patches; /* compared; parts: all tiles and regions of the images, or the images */
    int64_t n_failed;            /* images that could not be read */
    struct precision_check_cosine {
        double mean, worst;
        int64_t image;       /* of the worst: its number in the job, and name */
        char name[PRECISION_CHECK_NAME];
        char part[EXTRACT_PART_NAME_MAX]; /* which part of it; "": the whole image */
        int64_t row, column; /* of the worst patch, in patches */
    } cosine[PRECISION_CHECK_PARTS];
    struct precision_check_neighbours {
        double change; /* largest change of a similarity */
        int64_t n_kept; /* images with the same nearest neighbour */
    } neighbours[PRECISION_CHECK_SUMMARIES]; /* where there are two images or more */
};

struct precision_check_job {
    void *arg;
    int64_t n;                                      /* images, at most PRECISION_CHECK_MAX */
    int (*read)(void *arg, int64_t i, int slot, int worker, struct extract_image *image,
                struct fmt_error *e);               /* as in extract_job; each image is read twice */
    void (*step)(void *arg, int64_t n_done);        /* NULL: none */
};

/* The reference is computed from the model's reference values, or else its values, which vit_pack must not have packed
 * in place. Images that cannot be read are left out. */
int precision_check_run(struct precision_check *c, const struct device *device, const struct extract_model *model,
                        const struct extract_settings *settings, const struct precision_check_job *job,
                        struct fmt_error *e);

/* The least cosine that the precision is allowed; NAN: there is no limit. */
double precision_check_limit(enum precision precision, enum precision_check_part part);
/* Whether the worst cosine is below the limit. */
bool precision_check_missed(const struct precision_check *c, enum precision_check_part part);
bool precision_check_passed(const struct precision_check *c); /* images were compared, and no part missed its limit */

/* precision-check-text.c: "cosine of class token: mean 0.999985, worst 0.999955, limit 0.9999: NAME"; then what becomes
 * of neighbours. */
enum { PRECISION_CHECK_TEXT = PRECISION_CHECK_NAME + EXTRACT_PART_NAME_MAX + 200 };
const char *precision_check_cosine_text(const struct precision_check *c, enum precision_check_part part,
                                        char out[PRECISION_CHECK_TEXT]);
const char *precision_check_neighbours_text(const struct precision_check *c, enum precision_check_part part,
                                            char out[PRECISION_CHECK_TEXT]);
/* Tells the user all of it; what was missed is a warning. */
void precision_check_tell(const struct precision_check *c, void (*note)(const char *format, ...),
                          void (*warn)(const char *format, ...));
struct cJSON;
void precision_check_json(const struct precision_check *c, struct cJSON *o); /* adds all of it; NULL: no memory */

#endif
