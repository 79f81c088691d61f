/* knn-votes.c - votes of the neighbours that knn.c finds. */
#include "knn.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "num.h"

/* Weights that sum to 1 make no vote above 1, whatever rounding says. */
static void add_vote(double *vote, double weight)
{
    *vote = fmin(*vote + weight, 1);
}

static void vote_one(const struct knn_vote *v, const float *similarity, const int64_t *index, int64_t n_queries,
                     double *votes)
{
    int n = 0, i_k = 0;
    double sum = 0.0, best = (double)similarity[0];
    for (; n < v->k && index[n] >= 0; n++)
        sum += exp(((double)similarity[n] - best) / v->temperature);
    for (int i = 0; i < n && i_k < v->n_ks; i++) {
        double weight = exp(((double)similarity[i] - best) / v->temperature) / sum;
        for (int later = i_k; later < v->n_ks; later++)
            add_vote(&votes[later * n_queries * v->n_classes + v->label[index[i]]], weight);
        while (i_k < v->n_ks && v->ks[i_k] == i + 1)
            i_k++;
    }
}

void knn_votes(const struct knn_vote *v, const float *similarity, const int64_t *index, int64_t n_queries,
               double *votes)
{
    memset(votes, 0, (size_t)(v->n_ks * n_queries * v->n_classes) * sizeof *votes);
    for (int64_t q = 0; q < n_queries; q++)
        vote_one(v, similarity + q * v->k, index + q * v->k, n_queries, votes + q * v->n_classes);
}

static int best_class(const double *votes, int n_classes)
{
    int best = 0;
    for (int c = 1; c < n_classes; c++)
        if (votes[c] > votes[best])
            best = c;
    return best;
}

double knn_top1(const double *votes, const int32_t *label, int64_t n, int n_classes)
{
    int64_t right = 0, all = 0;
    for (int64_t i = 0; i < n; i++) {
        all += label[i] >= 0;
        right += label[i] >= 0 && best_class(votes + i * n_classes, n_classes) == label[i];
    }
    return all ? (double)right / (double)all : NAN;
}

/* ------------------------------------------------------------------ votes of whole sets */
/* What a search gives of some queries. */
struct found {
    float *similarity;
    int64_t *index;
    double *votes;
};

static int found_open(struct found *f, const struct knn_vote *v, int64_t n, struct fmt_error *e)
{
    size_t pairs = (size_t)n * (size_t)v->k;
    f->similarity = malloc(pairs * sizeof *f->similarity);
    f->index = malloc(pairs * sizeof *f->index);
    f->votes = malloc((size_t)v->n_ks * (size_t)n * (size_t)v->n_classes * sizeof *f->votes);
    return f->similarity && f->index && f->votes ? 0 : fmt_fail(e, FMT_MEMORY, "k-NN: out of memory");
}

static void found_close(struct found *f)
{
    free(f->similarity);
    free(f->index);
    free(f->votes);
}

/* Queries that are in memory at once, a multiple of the tiles of the search. */
static int64_t chunk_rows(const struct knn_voting *t, int64_t dim)
{
    int64_t each = dim * (int64_t)sizeof(float) + (int64_t)t->vote.k * 28;
    return num_max(1, t->memory_bytes / each / KNN_TILE_QUERIES) * KNN_TILE_QUERIES;
}

int knn_vote_rows(const struct knn_voting *t, const struct rows *queries, struct thread_pool *pool, double *votes,
                  struct fmt_error *e)
{
    const struct knn_vote *v = &t->vote;
    int64_t chunk = num_min(queries->n, chunk_rows(t, queries->dim)), K = v->n_classes;
    struct found f;
    int status = found_open(&f, v, chunk, e);
    for (int64_t first = 0, n; !status && first < queries->n; first += n) {
        n = num_min(chunk, queries->n - first);
        status = knn_search(&t->search, queries, first, n, pool, f.similarity, f.index, e);
        if (status)
            break;
        knn_votes(v, f.similarity, f.index, n, f.votes);
        for (int i = 0; i < v->n_ks; i++)
            memcpy(votes + (i * queries->n + first) * K, f.votes + i * n * K, (size_t)(n * K) * sizeof *votes);
        if (t->step)
            t->step(t->step_arg, first + n);
    }
    found_close(&f);
    return status;
}

int64_t knn_evaluate_bytes(const struct knn_problem *p, int n_workers)
{
    struct knn_search s = {.bank = p->train, .k = p->n_ks > 0 ? p->ks[p->n_ks - 1] : 0};
    if (p->val->n <= 0 || p->train->dim <= 0)
        return 0;
    return knn_search_bytes(&s, p->val->n, n_workers) +
           p->n_ks * p->val->n * p->n_classes * (int64_t)sizeof(double);
}

int knn_evaluate(const struct knn_problem *p, struct thread_pool *pool, double *top1, struct fmt_error *e)
{
    int k = p->n_ks > 0 ? p->ks[p->n_ks - 1] : 0;
    const struct rows *val = p->val;
    if (k < 1 || k > p->train->n)
        return fmt_fail(e, FMT_INVALID, "k-NN: k = %d of %s", k,
                        FMT_COUNT(p->train->n, "training row", "training rows"));
    struct knn_search s = {.bank = p->train, .k = k};
    struct knn_vote v = {k, KNN_TEMPERATURE, p->train->label, p->n_classes, p->ks, p->n_ks};
    struct found f;
    int status = found_open(&f, &v, val->n, e);
    if (!status)
        status = knn_search(&s, val, 0, val->n, pool, f.similarity, f.index, e);
    if (!status)
        knn_votes(&v, f.similarity, f.index, val->n, f.votes);
    for (int i = 0; !status && i < p->n_ks; i++)
        top1[i] = knn_top1(f.votes + i * val->n * p->n_classes, val->label, val->n, p->n_classes);
    found_close(&f);
    return status;
}
