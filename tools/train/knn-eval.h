/* knn-eval.h - does it help? The teacher scored during training: k nearest neighbours among labelled shards
 * (evaluation.knn_train vote, evaluation.knn_val are scored): the very features that dino-extract makes of the
 * teacher's file (extract.h) and the very votes that feat-knn counts (eval/knn.h).
 *
 *   evaluate_open(&ev, config, e);               NULL where no shards are named or the period is 0
 *   evaluate_teacher(ev, step, pool, &scores, e);
 *   evaluate_line(&scores, iteration, best_iteration, &out, e);      for evaluation.json
 *   evaluate_close(ev);
 *
 * Images without a label are left out, and so is one that cannot be decoded, from then on: that does not stop a run.
 * Numbers of neighbours above the images that vote are left out, too.
 */
#ifndef KNN_EVAL_H
#define KNN_EVAL_H

#include <stdint.h>

#include "config.h"
#include "digest.h"
#include "fmt.h"
#include "thread.h"

struct evaluate;
struct step;

struct evaluate_scores {
    int n;                    /* numbers of neighbours */
    int k[CONFIG_INTS_MAX];   /* in the order of the settings: the first decides which teacher is the best */
    double top1[CONFIG_INTS_MAX];
    int64_t n_train, n_val;
    int64_t n_failed;         /* images found now that cannot be decoded */
    struct fmt_error failed;  /* why the first of them cannot */
    uint8_t weights[DIGEST_BYTES];                         /* hash of the teacher's backbone */
    uint8_t train[DIGEST_BYTES], val[DIGEST_BYTES];        /* evaluate_identity */
};

/* Memory beside that of training. The search comes when copy and passes are given back. */
struct evaluate_bytes {
    int64_t features; /* of both sets, as if all images had labels, and the sets' indices */
    int64_t copy;     /* of the teacher's backbone */
    int64_t passes;   /* pictures and passes of all threads */
    int64_t search;
};

int evaluate_open(struct evaluate **ev, const struct config *config, struct fmt_error *e);
void evaluate_close(struct evaluate *ev); /* NULL is allowed */
/* What evaluate_teacher will take, without reading an image; all 0 where nothing is scored. */
int evaluate_plan(const struct config *config, int n_workers, struct evaluate_bytes *bytes, struct fmt_error *e);

/* A shard of the two sets that does not say how its photographs were prepared, so that it was not compared; or NULL. */
const char *evaluate_unsaid(const struct evaluate *ev);
const uint8_t *evaluate_identity(const struct evaluate *ev, bool val); /* [DIGEST_BYTES] of the shards */
const char *evaluate_overlap(const struct evaluate *ev); /* what the sets share, which makes scores too good; or "" */
int evaluate_ks_left_out(const struct evaluate *ev);                   /* settings that were too large */

int evaluate_teacher(struct evaluate *ev, struct step *step, struct thread_pool *pool, struct evaluate_scores *scores,
                     struct fmt_error *e);
/* {"iteration": -1, "knn_top1": {"10": 0.91, ...}, "n_train": 100, "n_val": 50, "best_iteration": -1}, without a
 * newline */
int evaluate_line(const struct evaluate_scores *scores, int64_t iteration, int64_t best_iteration,
                  struct fmt_buffer *out, struct fmt_error *e);

#endif
