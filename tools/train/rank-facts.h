/* rank-facts.h - what must be the same in all processes, as names and digests; and which process differs.
 *
 *   struct rank_facts facts = {0};
 *   rank_facts_add(&facts, "train.seed", text, strlen(text), e);   in the same order in all processes
 *   rank_facts_compare(world, &facts, e);                          all call it, and all get the same verdict
 *   rank_facts_release(&facts);
 *
 * Where all facts agree, each process sends 40 bytes; else all digests, to find the first that differs.
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
/* The same with a digest that the caller fills in later: f->fact[f->n - 1].digest after the call. */
int rank_facts_add_name(struct rank_facts *f, const char *name, struct fmt_error *e);
void rank_facts_release(struct rank_facts *f);

/* FMT_MISMATCH, in all processes: "rank 2 differs from the other ranks in optim.base_lr; and in 3 other things". What
 * more than half of the processes have is taken to be right; without such a majority the text names one to compare
 * with: "rank 1 differs from rank 0 in ...". */
int rank_facts_compare(const struct world *w, const struct rank_facts *f, struct fmt_error *e);

/* The same verdict on one fact of which the digests of all processes are known: all [n_ranks]. */
int rank_facts_judge(const uint8_t (*all)[DIGEST_BYTES], int n_ranks, const char *name, struct fmt_error *e);

#endif
