/* rank-facts.c - one digest of all facts first: that it differs is rare, and what differs may then take its time. */
#include "rank-facts.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "num.h"

int rank_facts_add_name(struct rank_facts *f, const char *name, struct fmt_error *e)
{
    int status = fmt_grow(&f->fact, f->n, &f->capacity, sizeof *f->fact, e);
    if (status)
        return status;
    struct rank_fact *fact = &f->fact[f->n++];
    *fact = (struct rank_fact){.digest = {0}};
    snprintf(fact->name, sizeof fact->name, "%s", name);
    return 0;
}

int rank_facts_add(struct rank_facts *f, const char *name, const void *bytes, size_t n, struct fmt_error *e)
{
    int status = rank_facts_add_name(f, name, e);
    if (!status)
        digest_of(bytes, n, f->fact[f->n - 1].digest);
    return status;
}

void rank_facts_release(struct rank_facts *f)
{
    free(f->fact);
    *f = (struct rank_facts){0};
}

/* ---------------------------------------------------------------- which is the odd one */
static bool alike(const uint8_t (*all)[DIGEST_BYTES], int a, int b)
{
    return memcmp(all[a], all[b], DIGEST_BYTES) == 0;
}

/* How many ranks have what this one has. */
static int count_alike(const uint8_t (*all)[DIGEST_BYTES], int n, int rank)
{
    int n_alike = 0;
    for (int r = 0; r < n; r++)
        n_alike += alike(all, r, rank);
    return n_alike;
}

/* "rank 3 differs", "ranks 3, 5 and 7 differ", "ranks 3, 5, ... and 20 others differ" */
static void odd_text(const uint8_t (*all)[DIGEST_BYTES], int n, int right, char *out, size_t bytes)
{
    enum { NAMED_MAX = 8 };
    int n_odd = 0, i = 0;
    for (int r = 0; r < n; r++)
        n_odd += !alike(all, r, right);
    int named = n_odd > NAMED_MAX ? NAMED_MAX - 1 : n_odd;
    size_t used = (size_t)snprintf(out, bytes, n_odd == 1 ? "rank" : "ranks");
    for (int r = 0; r < n && i < named; r++)
        if (!alike(all, r, right)) {
            const char *join = i == 0 ? " " : i == n_odd - 1 ? " and " : ", ";
            used += (size_t)snprintf(out + used, bytes - used, "%s%d", join, r);
            i++;
        }
    if (named < n_odd)
        used += (size_t)snprintf(out + used, bytes - used, " and %d others", n_odd - named);
    snprintf(out + used, bytes - used, n_odd == 1 ? " differs" : " differ");
}

int rank_facts_judge(const uint8_t (*all)[DIGEST_BYTES], int n_ranks, const char *name, struct fmt_error *e)
{
    char odd[160], right[32] = "the other ranks";
    int best = 0, most = count_alike(all, n_ranks, 0);
    if (most == n_ranks)
        return 0;
    for (int r = 1; r < n_ranks; r++) {
        int n_alike = count_alike(all, n_ranks, r);
        if (n_alike > most)
            best = r, most = n_alike;
    }
    if (2 * most <= n_ranks)
        snprintf(right, sizeof right, "rank %d", best);
    odd_text(all, n_ranks, best, odd, sizeof odd);
    return fmt_fail(e, FMT_MISMATCH, "%s from %s in %.160s", odd, right, name);
}

/* ---------------------------------------------------------------- comparing */
struct summary {
    int64_t n;
    uint8_t digest[DIGEST_BYTES];
};

static struct summary summarise(const struct rank_facts *f)
{
    struct summary s = {.n = f->n};
    struct digest d;
    digest_init(&d);
    for (int64_t i = 0; i < f->n; i++)
        digest_add(&d, f->fact[i].digest, DIGEST_BYTES);
    digest_end(&d, s.digest);
    return s;
}

/* The verdict on fact i of each rank's part of all facts: the first text remains. */
static int judge_one(const struct world *w, const uint8_t (*all)[DIGEST_BYTES], int64_t i, int64_t n_part,
                     const char *name, uint8_t (*of_ranks)[DIGEST_BYTES], struct fmt_error *e)
{
    for (int r = 0; r < w->size; r++)
        memcpy(of_ranks[r], all[r * n_part + i], DIGEST_BYTES);
    return rank_facts_judge((const uint8_t(*)[DIGEST_BYTES])of_ranks, w->size, name, e);
}

/* All facts, in parts that a call takes, of which one differs. all, of_ranks: room for a part of each rank, and for one
 * fact of each. */
static int find_first(const struct world *w, const struct rank_facts *f, int64_t n_part, uint8_t (*all)[DIGEST_BYTES],
                      uint8_t (*mine)[DIGEST_BYTES], uint8_t (*of_ranks)[DIGEST_BYTES], struct fmt_error *e)
{
    int64_t n_differ = 0;
    for (int64_t first = 0; first < f->n; first += n_part) {
        int64_t n = num_min(n_part, f->n - first);
        struct fmt_error broken = {0};
        for (int64_t i = 0; i < n_part; i++)
            memcpy(mine[i], f->fact[first + (i < n ? i : 0)].digest, DIGEST_BYTES);
        int status = world_all_gather_host(w, all, mine, (size_t)n_part * DIGEST_BYTES, &broken);
        if (status) {
            *e = broken;
            return status;
        }
        for (int64_t i = 0; i < n; i++)
            n_differ += judge_one(w, (const uint8_t(*)[DIGEST_BYTES])all, i, n_part, f->fact[first + i].name, of_ranks,
                                  e) != 0;
    }
    size_t used = strlen(e->text);
    if (n_differ > 1)
        snprintf(e->text + used, sizeof e->text - used, "; and in %s",
                 FMT_COUNT(n_differ - 1, "other thing", "other things"));
    return FMT_MISMATCH;
}

static int name_first(const struct world *w, const struct rank_facts *f, struct fmt_error *e)
{
    int64_t n_part = num_min(f->n, WORLD_GATHER_MAX / DIGEST_BYTES);
    size_t rows = (size_t)n_part * (size_t)(w->size + 1) + (size_t)w->size;
    uint8_t(*all)[DIGEST_BYTES] = calloc(rows, sizeof *all);
    int status = world_agree(w, all ? 0 : fmt_no_memory(e), e);
    if (!status)
        status = find_first(w, f, n_part, all, all + n_part * w->size, all + n_part * (w->size + 1), e);
    free(all);
    return status;
}

int rank_facts_compare(const struct world *w, const struct rank_facts *f, struct fmt_error *e)
{
    struct summary mine = summarise(f), *all = calloc((size_t)w->size, sizeof *all);
    bool same = true, same_n = true;
    int status = world_agree(w, all ? 0 : fmt_no_memory(e), e);
    if (!status)
        status = world_all_gather_host(w, all, &mine, sizeof mine, e);
    for (int r = 1; r < w->size && !status; r++) {
        same_n = same_n && all[r].n == all[0].n;
        same = same && memcmp(all[r].digest, all[0].digest, DIGEST_BYTES) == 0;
    }
    free(all);
    if (!status && !same_n)
        status = fmt_fail(e, FMT_MISMATCH, "the ranks are not of one dino-train");
    else if (!status && !same)
        status = name_first(w, f, e);
    return status;
}
