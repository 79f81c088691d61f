/* rank-facts.h - what must be the same on all ranks, as names and digests; and which rank has something else.
 *
 *   struct rank_facts facts = {0};
 *   rank_facts_add(&facts, "train.seed", text, strlen(text), e);   in the same order on all ranks
 *   rank_facts_compare(world, &facts, e);                          all ranks call it, and all get the same verdict
 *   rank_facts_release(&facts);
 *
 * Where all facts are the same, 40 bytes of each rank are exchanged; else all of them, to find the first that is not.
 */
#ifndef RANK_FACTS_H
#define RANK_FACTS_H

#include <stddef.h>
#include <stdint.h>

#include "digest.h"
#include "fmt.h"
#include "world.h"

enum { RANK_FACT_NAME_MAX = 160 };

struct rank_fact {
    char name[RANK_FACT_NAME_MAX];
    uint8_t digest[DIGEST_BYTES];
};

struct rank_facts { /* zero-initialise */
    struct rank_fact *fact; /* [n] */
    int64_t n, capacity;
};

int rank_facts_add(struct rank_facts *f, const char *name, const void *bytes, size_t n, struct fmt_error *e);
/* With a digest that is filled in later, by its number: rank_facts.fact[i].digest. */
int rank_facts_add_name(struct rank_facts *f, const char *name, struct fmt_error *e);
void rank_facts_release(struct rank_facts *f);

/* FMT_MISMATCH, on all ranks: "rank 2 differs from the other ranks in optim.base_lr; and in 3 other things". What most
 * ranks have is right; where that is not more than half of them, one of these is named, of two ranks both: "rank 1
 * differs from rank 0 in ...". */
int rank_facts_compare(const struct world *w, const struct rank_facts *f, struct fmt_error *e);

/* The same verdict on one fact of which the digests of all ranks are known: all [n_ranks]. */
int rank_facts_judge(const uint8_t (*all)[DIGEST_BYTES], int n_ranks, const char *name, struct fmt_error *e);

#endif
