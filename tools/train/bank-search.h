/* bank-search.h - votes of nearest neighbours (knn.h) in a bank of which each process of a world holds a part. Each
 * searches its own part for all queries, and what the processes found is merged: descending similarity, of equals the
 * lower number first. So neighbours, votes and counts are those of one process, on all of them.
 *
 *   struct bank_search s = {.world = world, .own = &rows, .first = 4000, .vote = {k, KNN_TEMPERATURE, label, ...}};
 *   bank_search_count_right(&s, &queries, device, right, e);
 */
#ifndef BANK_SEARCH_H
#define BANK_SEARCH_H

#include <stdint.h>

#include "knn.h"
#include "world.h"

struct bank_search {
    const struct world *world;
    const struct rows *own; /* this process's part of the bank; may be empty */
    int64_t first;          /* number of its first row in the bank */
    struct knn_vote vote;   /* label: of the whole bank */
};

/* right[i]: queries that vote.ks[i] neighbours classify correctly (knn_count_right). Queries are the same in every
 * process. All processes call it, and what fails in one has failed in all. */
int bank_search_count_right(const struct bank_search *s, const struct rows *queries, const struct device *device,
                            int64_t *right, struct fmt_error *e);
/* Memory that it uses with so many processes; of the rows it reads only n and dim. */
int64_t bank_search_bytes(const struct rows *own, int64_t n_queries, const struct knn_vote *vote, int n_processes,
                          const struct device *device);

#endif
