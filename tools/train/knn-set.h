/* knn-set.h - a set of the k-NN evaluation: the labelled images of shards, with memory for their features. Each process
 * of the run extracts its own part of them; the features of a set are held whole, or only those of the own part.
 *
 *   knn_set_open(&train, &config->evaluation.knn_train, dim, world->size, e);      each searches its own part ...
 *   knn_set_open(&val, &config->evaluation.knn_val, dim, 1, e);                    ... for all of these
 *   knn_set_compare(&train, &val, config, overlap, e);      may one be scored by the other?
 *   knn_set_divide(&train, world_share(world));
 *   ... extract_shards fills knn_set_own_x(&train) and train.failed, the processes exchange them ...
 *   knn_set_remove_failed(&train);
 *   knn_set_close(&train);
 */
#ifndef KNN_SET_H
#define KNN_SET_H

#include <stdbool.h>
#include <stdint.h>

#include "config.h"
#include "digest.h"
#include "overlap.h"
#include "part.h"
#include "rows.h"
#include "shard-set.h"
#include "text.h"

struct knn_set {
    struct shard_set shards;
    bool open;                      /* the shards are */
    uint8_t identity[DIGEST_BYTES]; /* of the shards */
    struct rows rows;               /* the labelled images; names and contents until knn_set_compare */
    struct text_pool text;          /* of the names */
    int64_t *image;                 /* [n] their numbers in the shards */
    uint8_t *failed;                /* [n] */
    bool whole;                     /* features of all rows are held, else of the own ones */
    int64_t own, n_own;             /* rows own .. own + n_own - 1 are this process's */
    float *x;                       /* [n or n_own, dim], the features of the rows that are held */
};

/* n_parts: features are held of a part of that many, 1: of all. FMT_INVALID: no image has a label. To be closed after a
 * failure, too. */
int knn_set_open(struct knn_set *s, const struct config_paths *paths, int64_t dim, int n_parts, struct fmt_error *e);
void knn_set_close(struct knn_set *s); /* harmless on zeros */

/* FMT_MISMATCH: other classes, photographs that were packed in another way, or images or groups that are in both unless
 * evaluation.allow_overlap says so. overlap: what they share, or "". Releases names and contents. */
int knn_set_compare(struct knn_set *train, struct knn_set *val, const struct config *config,
                    char overlap[OVERLAP_TEXT], struct fmt_error *e);

/* Which rows are the own ones; what the features of those that are held were is lost. */
void knn_set_divide(struct knn_set *s, struct part own);
float *knn_set_own_x(const struct knn_set *s); /* [n_own, dim] */
struct rows knn_set_own_rows(const struct knn_set *s); /* labels and features of the set's, not to be released */

/* Images whose entry in `failed` is set. */
int64_t knn_set_n_failed(const struct knn_set *s);
/* They are no part of the set any more. */
void knn_set_remove_failed(struct knn_set *s);

#endif
