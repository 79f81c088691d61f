/* linear.h - a linear classifier of features (feat-logreg(5)): weights, the features that they apply to, thresholds.
 *
 *   struct linear m;  linear_read(&m, &io, e);  feat_compatible(&m.features, &f.header, false, e);  linear_release(&m);
 *
 * One row of weights for two classes (its sigmoid is the probability of class 1), else one row per class (softmax). A
 * row is dim weights and the intercept, float64.
 */
#ifndef LINEAR_H
#define LINEAR_H

#include <stdbool.h>
#include <stdint.h>

#include "feat.h"

#define LINEAR_MAJOR 1
#define LINEAR_MINOR 2 /* 1.1: features of version 1.1, rows that the classifier has seen; 1.2: tile_mean_of */
#define LINEAR_POINTS_MAX 1000000
#define LINEAR_SEEN_MAX ((uint32_t)1 << 18)

enum linear_level { LINEAR_IMAGES, LINEAR_GROUPS };
enum { LINEAR_LEVELS = LINEAR_GROUPS + 1 };

struct linear_point { /* an operating point: what reaches the threshold is called positive */
    int32_t class_index;
    enum linear_level level;
    bool at_recall;           /* the target is a recall, else a precision */
    double target, threshold; /* threshold NAN: the target cannot be reached */
    double precision, recall; /* on the rows that chose the threshold; NAN if that is NAN */
};

/* Rows that the classifier has seen: images by the first eight bytes, little-endian, of the SHA-256 of their file,
 * groups by the XXH64 of their name. Ascending, without duplicates. If there are more, only the LINEAR_SEEN_MAX
 * smallest are stored, as a sample. */
struct linear_seen {
    uint64_t *image, *group;
    uint32_t n_images, n_groups;
};

struct linear {
    struct feat_header features; /* of the rows that it was fitted on, with the classes */
    int32_t positive;            /* the positive one of two classes */
    bool group_mean;             /* the score of a group is the mean, else the largest of its images' */
    int32_t tile_mean_of;        /* the score of a photograph is the mean of the largest of its tiles or regions, so
                                    many: 1 the largest, INT32_MAX all; 0 is written as 1 */
    int n_rows;
    int64_t dim;
    double *theta;      /* [n_rows,dim + 1] */
    double C, gradient; /* penalty; largest entry of the gradient over n at the end of the fit */
    struct linear_point *point;
    int n_points;
    bool has_seen;                     /* false in files of version 1.0: nothing is known of the rows */
    struct linear_seen fitted, chosen; /* rows of the fit; further rows that C and thresholds were chosen on */
    uint8_t identity[DIGEST_BYTES]; /* set by reading and writing */
    char *provenance;               /* JSON or ""; set by reading */
};

void linear_seen_release(struct linear_seen *s);

int linear_write(struct linear *m, const struct provenance *p, const struct fmt_writer *io, struct fmt_error *e);
int linear_read(struct linear *m, const struct fmt_reader *io, struct fmt_error *e); /* m need not be initialised */
void linear_release(struct linear *m);

#endif
