/* knn.h - nearest neighbours by cosine, exact, and their votes as the published evaluation counts them.
 *
 *   struct knn_search s = {.bank = &train, .k = 200};
 *   knn_search(&s, &val, first, n, &device, &callback, e);       the 200 nearest of rows first .. first + n - 1
 *   knn_votes(&v, similarity, index, m, votes, stride);       votes of the first k of them
 *   knn_top1(...)                                             share of queries whose best class is theirs
 *
 * or all of it in one call, from memory: knn_evaluate.
 *
 * The bank is read in blocks, so that it may be larger than memory; queries of one call and their k neighbours are in
 * memory (callers cut them). Rows are divided by max(norm, 1e-12) on the way in, so callers pass features as they are.
 * Neighbours are in descending order of similarity, of equals the lower index first. Products are made on tiles with
 * fixed positions in bank and queries (nearest.h): bits depend on neither threads nor memory limits.
 */
#ifndef KNN_H
#define KNN_H

#include <stdbool.h>
#include <stdint.h>

#include "fmt.h"
#include "rows.h"

#define KNN_TEMPERATURE 0.07
struct knn_search {
    const struct rows *bank;
    int k;
    int64_t memory_bytes; /* for blocks of the bank; 0: 32 MiB */
    bool exclude_own_group;    /* rows of one group (column group of bank and queries) are no neighbours */
};

/* Gives the neighbours of queries first .. first + n - 1 part by part: those of m queries from query q on, similarity
 * and index [m,k]; where a query has fewer than k neighbours the rest is -INFINITY, -1. A row that is not finite is
 * FMT_NONFINITE, "query row 3" or "training row 3". */
struct knn_callback {
    void (*on_neighbours)(void *arg, int64_t q, int64_t m, const float *similarity, const int64_t *index);
    void *arg;
};
int knn_search(const struct knn_search *s, const struct rows *queries, int64_t first, int64_t n,
               const struct device *device, const struct knn_callback *callback, struct fmt_error *e);
/* Memory that it takes, results included; of rows reads n and dim only. */
int64_t knn_search_bytes(const struct knn_search *s, int64_t n_queries, int n_workers);

/* Weights exp(s / T) over their sum over all k neighbours; votes are the sums per class of the first ks[i] weights (so
 * they sum to 1 only where ks[i] >= k). ks ascending, each <= k. */
struct knn_vote {
    int k;                /* neighbours per query */
    double temperature;   /* KNN_TEMPERATURE */
    const int32_t *label; /* of the bank, 0 .. n_classes - 1 */
    int n_classes;
    const int *ks;
    int n_ks;
};
int knn_sort_ks(int *ks, int n); /* ascending, each once; returns how many */
/* Of n queries; those of each ks[i] are stride queries after the ones before: votes [n_ks,stride,n_classes]. */
void knn_votes(const struct knn_vote *v, const float *similarity, const int64_t *index, int64_t n, double *votes,
               int64_t stride);

/* Share of the rows whose highest vote (of equals the lower class) is their label; rows with label < 0 do not count. */
double knn_top1(const double *votes, const int32_t *label, int64_t n, int n_classes);

/* The votes of all rows of a set, by parts that fit into memory_bytes together with their neighbours. step: called
 * after each part with the rows that are done; may be NULL. votes [n_ks,queries->n,n_classes]. */
struct knn_voting {
    struct knn_search search;
    struct knn_vote vote;
    int64_t memory_bytes;
    void (*step)(void *arg, int64_t n_done);
    void *step_arg;
};
int knn_vote_rows(const struct knn_voting *v, const struct rows *queries, const struct device *device, double *votes,
                  struct fmt_error *e);

/* Everything at once for features in memory, as the evaluation during training needs it: top1[i] for each ks[i]
 * (ascending; a k above the rows of train is an error). */
struct knn_problem {
    const struct rows *train, *val;
    int n_classes;
    const int *ks;
    int n_ks;
};
int64_t knn_evaluate_bytes(const struct knn_problem *p, int n_workers); /* memory it takes; reads n and dim only */
int knn_evaluate(const struct knn_problem *p, const struct device *device, double *top1, struct fmt_error *e);

#endif
