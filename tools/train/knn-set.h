/* knn-set.h - a set of the k-NN evaluation: the labelled images of shards, with memory for their features.
 *
 *   knn_set_open(&train, config->evaluation.knn_train, dim, e);
 *   knn_set_open(&val, config->evaluation.knn_val, dim, e);
 *   knn_set_compare(&train, &val, config, overlap, e);      may one be scored by the other?
 *   ... extract_shards fills train.x and train.failed ...
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
    float *x;                       /* [n, dim], the features of the rows */
    uint8_t *failed;                /* [n] */
};

/* FMT_INVALID: no image has a label. To be closed after a failure, too. */
int knn_set_open(struct knn_set *s, const char *path, int64_t dim, struct fmt_error *e);
void knn_set_close(struct knn_set *s); /* harmless on zeros */

/* FMT_MISMATCH: other classes, photographs that were packed in another way, or images or groups that are in both unless
 * evaluation.allow_overlap says so. overlap: what they share, or "". Releases names and contents. */
int knn_set_compare(struct knn_set *train, struct knn_set *val, const struct config *config,
                    char overlap[OVERLAP_TEXT], struct fmt_error *e);

/* Images whose entry in `failed` is set are no part of the set any more. */
void knn_set_remove_failed(struct knn_set *s);

#endif
