/* knn-eval.h - does training help? Scores the teacher during training by k nearest neighbours among labelled shards
 * (evaluation.knn_train vote, evaluation.knn_val are scored), on exactly the features that dino-extract makes with the
 * exported teacher (extract.h) and with exactly the votes that feat-knn counts (knn.h).
 *
 *   knn_eval_open(&ev, config, world, log, e);   NULL where no shards are named or the period is 0
 *   knn_eval_run(ev, step, device, &scores, e);
 *   knn_eval_line(&scores, iteration, best_iteration, &out, e);      for evaluation.json
 *   knn_eval_close(ev);
 *
 * In a world of several processes each extracts its part of the images of both sets. The features of knn_train stay
 * where they are, and each process searches its part of them for the neighbours of all of knn_val (bank-search.h). The
 * scores are the same bytes for any number of processes, on all of them, and a failure of one is one of all.
 *
 * Images without a label are left out, and so is one that cannot be decoded, from then on: that does not stop a run.
 * Numbers of neighbours above the number of images that vote are left out, too.
 */
#ifndef KNN_EVAL_H
#define KNN_EVAL_H

#include <stdint.h>

#include "backend.h"
#include "config.h"
#include "digest.h"
#include "fmt.h"
#include "run-log.h"
#include "thread.h"
#include "world.h"

struct knn_eval;
struct step;

struct knn_eval_scores {
    int n;                    /* numbers of neighbours */
    int k[CONFIG_INTS_MAX];   /* in the order of the settings: the first decides which teacher is the best */
    double top1[CONFIG_INTS_MAX];
    int64_t n_train, n_val;
    int64_t n_failed;         /* images found now that cannot be decoded */
    struct fmt_error failed;  /* why the first of them cannot */
    uint8_t weights[DIGEST_BYTES];                         /* hash of the teacher's backbone */
    uint8_t train[DIGEST_BYTES], val[DIGEST_BYTES];        /* knn_eval_identity */
};

/* Memory beside that of training. The search starts when copy and extraction are released. */
struct knn_eval_bytes {
    int64_t features;   /* of knn_val and the own part of knn_train, as if all images had labels; the sets' indices */
    int64_t copy;       /* of the teacher's backbone */
    int64_t extraction; /* images and forward passes of all threads */
    int64_t search;
};

/* Warnings: what makes the scores optimistic or the sets hard to compare, numbers of neighbours that are left out. */
int knn_eval_open(struct knn_eval **ev, const struct config *config, const struct world *world, struct run_log *log,
                  struct fmt_error *e);
void knn_eval_close(struct knn_eval *ev); /* NULL is allowed */
/* What knn_eval_run will take in each of n_processes, without reading an image; all 0 where nothing is scored. */
int knn_eval_plan(const struct config *config, int n_processes, const struct device *device,
                  struct knn_eval_bytes *bytes, struct fmt_error *e);

const uint8_t *knn_eval_identity(const struct knn_eval *ev, bool val); /* [DIGEST_BYTES] of the shards */

/* All processes call it. */
int knn_eval_run(struct knn_eval *ev, struct step *step, const struct device *device, struct knn_eval_scores *scores,
                 struct fmt_error *e);
/* {"iteration": -1, "knn_top1": {"10": 0.91, ...}, "n_train": 100, "n_val": 50, "best_iteration": -1}, without a
 * newline */
int knn_eval_line(const struct knn_eval_scores *scores, int64_t iteration, int64_t best_iteration,
                  struct fmt_buffer *out, struct fmt_error *e);

#endif
