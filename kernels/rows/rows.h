/* rows.h - n rows of features with their labels, groups, names, and what a classifier predicts.
 *
 * A struct rows is a set of columns of n entries each; a column that is NULL is unknown for all rows. To work on a
 * subset, make a struct rows of it: the columns are copied, the features are shared.
 *
 *   struct rows r = {0};
 *   rows_reserve(&r, ROWS_LABEL | ROWS_KEY, n, e);     the caller fills the columns and sets r.n
 *   rows_select(&part, &r, pick, n_pick, e);           rows pick[0], pick[1] ... of r
 *   rows_load(&part, first, n, &c, x, e);              copies their features to a tensor x [n,dim]
 *   rows_release(&part);  rows_release(&r);
 */
#ifndef ROWS_H
#define ROWS_H

#include <stdbool.h>
#include <stdint.h>

#include "digest.h"
#include "fmt.h"
#include "op.h"

enum rows_columns {
    ROWS_LABEL = 1 << 0, ROWS_GROUP_VIEW = 1 << 1, ROWS_KEY = 1 << 2, ROWS_GROUP_NAME = 1 << 3, ROWS_EXTRA = 1 << 4,
    ROWS_CONTENT = 1 << 5, ROWS_GROUP = 1 << 6, ROWS_FOLD = 1 << 7, ROWS_WEIGHT = 1 << 8, ROWS_PROBA = 1 << 9,
    ROWS_INDEX = 1 << 10
};

struct rows {
    int64_t n;
    int32_t *label;                              /* 0 .. n_classes - 1, -1 none */
    int32_t *group_view;                         /* number of the view of the installation, -1 none */
    const char **key, **group_name, **extra;     /* "" none; the texts are not owned */
    uint8_t (*content)[DIGEST_BYTES];            /* SHA-256 of the image's file; zeros: unknown */
    int64_t *group;                              /* 0 .. n_groups - 1 (groups.h) */
    int *fold;                                   /* of cross-validation (groups.h) */
    double *weight;                              /* how many rows this one represents */
    double *proba;                               /* [n,n_classes] */
    int64_t n_groups;
    int n_classes;

    /* Features, not owned: row i has the values of row index[i] of the source, or of row i where `index` is NULL. The
     * source is one of three: a tensor on the device, an array on the host, or a function, called by one thread at a
     * time, that returns row `first` and as many of the rows after it as are contiguous in memory, at most n. */
    int64_t dim;
    int64_t *index;
    struct tensor x;     /* [..,dim] */
    const float *host_x; /* [..,dim] */
    int (*read)(void *arg, int64_t first, int64_t n, const float **x, int64_t *n_read, struct fmt_error *e);
    void *arg;
};

/* Allocates memory for n rows in these columns; existing entries are preserved. Set n_classes before ROWS_PROBA. */
int rows_reserve(struct rows *r, unsigned columns, int64_t n, struct fmt_error *e);
void rows_drop(struct rows *r, unsigned columns);
/* *out = rows pick[0 .. n - 1] of `from`, with every column that it has; pick NULL: its first n rows. */
int rows_select(struct rows *out, const struct rows *from, const int64_t *pick, int64_t n, struct fmt_error *e);
/* The labelled rows; if part is not NULL, only those with this number in part [n]. */
int rows_select_labelled(struct rows *out, const struct rows *from, const int32_t *part, int32_t number,
                         struct fmt_error *e);
void rows_release(struct rows *r);

/* Copies the features of rows first .. first + n - 1 to a tensor [n,dim]. */
int rows_load(const struct rows *r, int64_t first, int64_t n, struct op_ctx *c, struct tensor to, struct fmt_error *e);
int64_t rows_n_labelled(const struct rows *r);

static inline int64_t rows_index(const struct rows *r, int64_t i)
{
    return r->index ? r->index[i] : i;
}

#endif
