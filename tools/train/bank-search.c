/* bank-search.c - queries pass in pieces, so that what all processes found for one fits into little memory. */
#include "bank-search.h"

#include <math.h>
#include <stdlib.h>

#include "nearest.h"
#include "num.h"

enum { FOUND_BYTES = 16 << 20 /* of all processes, for a piece */, PAIR_BYTES = sizeof(int64_t) + sizeof(float) };

/* The k best rows of each query of a piece, best first; where there are fewer the rest is -1. */
struct found {
    int64_t *index;    /* [piece,k] */
    float *similarity; /* [piece,k] */
};

struct pieces {
    const struct bank_search *s;
    int64_t piece; /* queries, a multiple of NEAREST_QUERIES */
    char *all;     /* [size] what each process found */
    int *at;       /* [size] how much of it is merged */
    struct found best;
    double *votes; /* [n_ks,piece,n_classes] */
};

static int64_t piece_of(int64_t n_queries, int k, int n_processes)
{
    int64_t most = FOUND_BYTES / PAIR_BYTES / k / n_processes / NEAREST_QUERIES,
            all = num_ceil_div(num_max(n_queries, 1), NEAREST_QUERIES);
    return NEAREST_QUERIES * num_max(1, num_min(most, all));
}

static struct found found_at(char *memory, int64_t i, int64_t pairs)
{
    char *at = memory + i * pairs * PAIR_BYTES;
    return (struct found){(int64_t *)(void *)at, (float *)(void *)(at + pairs * (int64_t)sizeof(int64_t))};
}

static int64_t votes_bytes(int64_t piece, const struct knn_vote *v)
{
    return piece * v->n_ks * v->n_classes * (int64_t)sizeof(double);
}

/* The room of `best` follows those of the processes. */
static int64_t found_bytes(int64_t piece, const struct knn_vote *v, int n_processes)
{
    return (n_processes + 1) * piece * v->k * PAIR_BYTES;
}

int64_t bank_search_bytes(const struct rows *own, int64_t n_queries, const struct knn_vote *vote, int n_processes,
                          const struct device *device)
{
    struct knn_search search = {.bank = own, .k = vote->k};
    if (vote->k < 1 || own->dim < 1 || n_queries < 1)
        return 0;
    int64_t piece = piece_of(n_queries, vote->k, n_processes);
    return knn_search_bytes(&search, num_min(piece, n_queries), device) + votes_bytes(piece, vote) +
           found_bytes(piece, vote, n_processes);
}

/* ---------------------------------------------------------------- a piece */
static void take_own(void *arg, int64_t q, int64_t m, const float *similarity, const int64_t *index)
{
    const struct pieces *p = arg;
    int64_t k = p->s->vote.k;
    struct found own = found_at(p->all, p->s->world->rank, p->piece * k);
    for (int64_t i = 0; i < m * k; i++) {
        own.similarity[q * k + i] = similarity[i];
        own.index[q * k + i] = index[i] < 0 ? -1 : p->s->first + index[i];
    }
}

static int search_own(struct pieces *p, const struct rows *queries, int64_t first, int64_t n,
                      const struct device *device, struct fmt_error *e)
{
    struct knn_search search = {.bank = p->s->own, .k = p->s->vote.k};
    struct found own = found_at(p->all, p->s->world->rank, p->piece * p->s->vote.k);
    for (int64_t i = 0; i < p->piece * p->s->vote.k; i++) {
        own.index[i] = -1;
        own.similarity[i] = -INFINITY;
    }
    if (p->s->own->n == 0)
        return 0;
    return knn_search(&search, queries, first, n, device, &(struct knn_callback){take_own, p}, e);
}

/* Rows of a process come before those of the next one: of equals the first process's is taken. */
static void merge(struct pieces *p, int64_t q)
{
    int64_t k = p->s->vote.k, pairs = p->piece * k;
    int size = p->s->world->size;
    for (int r = 0; r < size; r++)
        p->at[r] = 0;
    for (int64_t i = q * k; i < (q + 1) * k; i++) {
        int from = -1;
        float best = -INFINITY;
        for (int r = 0; r < size; r++) {
            struct found f = found_at(p->all, r, pairs);
            if (p->at[r] < k && f.index[q * k + p->at[r]] >= 0 && (from < 0 || f.similarity[q * k + p->at[r]] > best)) {
                best = f.similarity[q * k + p->at[r]];
                from = r;
            }
        }
        p->best.similarity[i] = best;
        p->best.index[i] = from < 0 ? -1 : found_at(p->all, from, pairs).index[q * k + p->at[from]++];
    }
}

static int count_piece(struct pieces *p, const struct rows *queries, int64_t first, int64_t n,
                       const struct device *device, int64_t *right, struct fmt_error *e)
{
    const struct knn_vote *v = &p->s->vote;
    const struct world *w = p->s->world;
    int status = world_agree(w, search_own(p, queries, first, n, device, e), e);
    if (!status)
        status = world_gather_shares(w, p->all, w->size, (size_t)(p->piece * v->k * PAIR_BYTES), e);
    if (status)
        return status;
    for (int64_t q = 0; q < n; q++)
        merge(p, q);
    knn_votes(v, p->best.similarity, p->best.index, n, p->votes, n);
    for (int i = 0; i < v->n_ks; i++)
        right[i] += knn_count_right(p->votes + i * n * v->n_classes, queries->label + first, n, v->n_classes);
    return 0;
}

/* ---------------------------------------------------------------- all of them */
int bank_search_count_right(const struct bank_search *s, const struct rows *queries, const struct device *device,
                            int64_t *right, struct fmt_error *e)
{
    const struct world *w = s->world;
    int64_t piece = piece_of(queries->n, s->vote.k, w->size);
    struct pieces p = {.s = s, .piece = piece};
    p.all = malloc((size_t)found_bytes(piece, &s->vote, w->size));
    p.at = calloc((size_t)w->size, sizeof *p.at);
    p.votes = malloc((size_t)votes_bytes(piece, &s->vote) + 1);
    int status = world_agree(w, p.all && p.at && p.votes ? 0 : fmt_fail(e, FMT_MEMORY, "k-NN: out of memory"), e);
    if (!status)
        p.best = found_at(p.all, w->size, piece * s->vote.k);
    for (int i = 0; i < s->vote.n_ks; i++)
        right[i] = 0;
    for (int64_t first = 0; first < queries->n && !status; first += piece)
        status = count_piece(&p, queries, first, num_min(piece, queries->n - first), device, right, e);
    free(p.all);
    free(p.at);
    free(p.votes);
    return status;
}
