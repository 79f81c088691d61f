/* knn.h - exact nearest neighbours by cosine similarity, and their votes as in the published evaluation. Results
 * are passed to a callback in parts.
 *
 *   struct knn_search s = {.bank = &train, .k = 200};
 *   knn_search(&s, &val, first, n, &device, &callback, e);    the 200 nearest of rows first .. first + n - 1
 *   knn_votes(&v, similarity, index, m, votes, stride);       votes of the first k of them
 *   knn_count_right(...)                                      queries classified correctly
 *
 * The bank is read in blocks, so it may be larger than memory; the queries of one call and their k neighbours must fit
 * in memory (callers split them). Rows are divided by max(norm, 1e-12) when loaded: callers pass features unscaled.
 * Neighbours are in descending order of similarity; of equal ones the lower index comes first. Products are computed on
 * tiles with fixed positions in bank and queries (nearest.h): bits depend on neither threads nor memory limits.
 */
#ifndef KNN_H
#define KNN_H

#include <stdbool.h>
#include <stdint.h>

#include "fmt.h"
#include "rows.h"

#define KNN_TEMPERATURE 0.07
#define KNN_BLOCKS_BYTES ((int64_t)16 << 20) /* two blocks of the bank: they stay in a processor's last cache */

struct knn_search {
    const struct rows *bank;
    int k;
    int64_t memory_bytes; /* for blocks of the bank; 0: KNN_BLOCKS_BYTES */
    bool exclude_own_group; /* rows of the query's group (column group of bank and queries) are not neighbours */
};

/* Finds the neighbours of queries first .. first + n - 1 and passes them to the callback in parts: similarity and index
 * [m,k] of queries q .. q + m - 1, q counted from `first`; if a query has fewer than k neighbours the rest is
 * -INFINITY, -1. A row that is not finite is FMT_NONFINITE, "query row 3" or "training row 3". */
struct knn_callback {
    void (*on_neighbours)(void *arg, int64_t q, int64_t m, const float *similarity, const int64_t *index);
    void *arg;
};
int knn_search(const struct knn_search *s, const struct rows *queries, int64_t first, int64_t n,
               const struct device *device, const struct knn_callback *callback, struct fmt_error *e);
/* Memory that a search uses on the device, results included; of the rows it reads only n and dim. */
int64_t knn_search_bytes(const struct knn_search *s, int64_t n_queries, const struct device *device);

/* A neighbour's weight is exp(s / T) over the sum over all k neighbours; votes are the sums per class of the first
 * ks[i] weights (so they sum to 1 only if ks[i] >= k). ks ascending, each <= k. */
struct knn_vote {
    int k;                /* neighbours per query */
    double temperature;   /* KNN_TEMPERATURE */
    const int32_t *label; /* of the bank, 0 .. n_classes - 1 */
    int n_classes;
    const int *ks;
    int n_ks;
};
int knn_sort_ks(int *ks, int n); /* sorts and removes duplicates; returns how many */
/* Votes of n queries: votes [n_ks,stride,n_classes], of which the first n of each stride are set. */
void knn_votes(const struct knn_vote *v, const float *similarity, const int64_t *index, int64_t n, double *votes,
               int64_t stride);

/* proba [n,n_classes] of votes [n,n_classes]: over their sum; a row without any neighbour has equal ones. */
void knn_probabilities(const double *votes, int64_t n, int n_classes, double *proba);

/* Queries classified correctly: the highest vote (of equal ones the lower class) is the label; rows with label < 0 do
 * not count. */
int64_t knn_count_right(const double *votes, const int32_t *label, int64_t n, int n_classes);

/* Votes of all rows of a set, in parts that fit into memory_bytes together with their neighbours. step: called after
 * each part with the number of rows done; may be NULL. votes [n_ks,queries->n,n_classes]. */
struct knn_voting {
    struct knn_search search;
    struct knn_vote vote;
    int64_t memory_bytes;
    void (*step)(void *arg, int64_t n_done);
    void *step_arg;
};
int knn_vote_rows(const struct knn_voting *v, const struct rows *queries, const struct device *device, double *votes,
                  struct fmt_error *e);

#endif
