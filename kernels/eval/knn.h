/* knn.h - nearest neighbours by cosine, exact, and their votes as the published evaluation counts them.
 *
 *   struct knn_memory m = {train_x, n_train, dim};
 *   struct knn_search s = {.bank = knn_memory_rows(&m), .k = 200};
 *   knn_search(&s, val_x, n_val, pool, similarity, index, e);       the 200 nearest of every query
 *   knn_votes(&v, similarity, index, n_val, votes);                 votes of the first k of them
 *   knn_top1(...)                                                   share of queries whose best class is theirs
 *
 * or all of it in one call, from memory: knn_evaluate.
 *
 * The bank is read in blocks, so that it may be larger than memory; queries of one call and their k neighbours
 * are in memory (callers cut them). Rows are divided by max(norm, 1e-12) on the way in, so callers pass features as
 * they are. Neighbours are in descending order of similarity, of equals the lower index first. Products are made on
 * tiles that lie at fixed places of bank and queries: bits depend on neither threads nor memory limits.
 */
#ifndef KNN_H
#define KNN_H

#include <stdint.h>

#include "fmt.h"
#include "thread.h"

#define KNN_TEMPERATURE 0.07
#define KNN_TILE_QUERIES 128 /* cut queries at multiples of this */

/* Feature rows in order: read gives rows first .. first + n - 1 as x [n,dim]. */
struct knn_rows {
    void *arg;
    int64_t n;
    int64_t dim;
    int (*read)(void *arg, int64_t first, int64_t n, float *x, struct fmt_error *e);
};

struct knn_memory {
    const float *x; /* [n,dim] */
    int64_t n, dim;
};
struct knn_rows knn_memory_rows(const struct knn_memory *m); /* m must outlive it */

/* Some rows of another source, in ascending order: position i is row pick[i]. */
struct knn_picked {
    struct knn_rows rows;
    const int64_t *pick; /* [n], ascending */
    int64_t n;
};
struct knn_rows knn_picked_rows(const struct knn_picked *p);

struct knn_search {
    struct knn_rows bank;
    int k;
    int64_t memory_bytes;      /* for blocks of the bank; 0: 32 MiB */
    const int64_t *bank_group; /* NULL, or [bank.n] and [n_queries]: rows of equal numbers are no neighbours */
    const int64_t *query_group;
};

/* similarity, index [n_queries,k]; where a query has fewer than k neighbours the rest is -INFINITY, -1.
 * A row that is not finite is FMT_NONFINITE. */
int knn_search(const struct knn_search *s, const float *queries, int64_t n_queries, struct thread_pool *pool,
               float *similarity, int64_t *index, struct fmt_error *e);

/* Weights exp(s / T) over their sum over all k neighbours; votes [n_ks,n_queries,n_classes] are the sums per class
 * of the first ks[i] weights (so they sum to 1 only where ks[i] >= k). ks ascending, each <= k. */
struct knn_vote {
    int k;                /* neighbours per query */
    double temperature;   /* KNN_TEMPERATURE */
    const int32_t *label; /* of the bank, 0 .. n_classes - 1 */
    int n_classes;
    const int *ks;
    int n_ks;
};
void knn_votes(const struct knn_vote *v, const float *similarity, const int64_t *index, int64_t n_queries,
               double *votes);

/* Share of the rows whose highest vote (of equals the lower class) is their label; rows with label < 0 do not count.
 */
double knn_top1(const double *votes, const int32_t *label, int64_t n, int n_classes);

/* Everything at once for features in memory, as the evaluation during training needs it: top1[i] for each ks[i]
 * (ascending; a k above n_train is an error). */
struct knn_problem {
    const float *train_x; /* [n_train,dim] */
    const int32_t *train_label;
    int64_t n_train;
    const float *val_x; /* [n_val,dim] */
    const int32_t *val_label;
    int64_t n_val;
    int64_t dim;
    int n_classes;
    const int *ks;
    int n_ks;
};
int64_t knn_evaluate_bytes(const struct knn_problem *p, int n_workers); /* memory it takes; looks at no row */
int knn_evaluate(const struct knn_problem *p, struct thread_pool *pool, double *top1, struct fmt_error *e);

#endif
