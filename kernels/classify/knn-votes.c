/* knn-votes.c - votes of the neighbours that knn.c finds. */
#include "knn.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "num.h"

static int ascending(const void *a, const void *b)
{
    int x = *(const int *)a, y = *(const int *)b;
    return (x > y) - (x < y);
}

int knn_sort_ks(int *ks, int n)
{
    int n_unique = 0;
    qsort(ks, (size_t)n, sizeof *ks, ascending);
    for (int i = 0; i < n; i++)
        if (n_unique == 0 || ks[i] != ks[n_unique - 1])
            ks[n_unique++] = ks[i];
    return n_unique;
}

/* Weights that sum to 1 make no vote above 1, whatever rounding says. */
static void add_vote(double *vote, double weight)
{
    *vote = fmin(*vote + weight, 1);
}

static void vote_one(const struct knn_vote *v, const float *similarity, const int64_t *index, double *votes,
                     int64_t stride)
{
    int n = 0, i_k = 0;
    double sum = 0.0, best = (double)similarity[0];
    for (; n < v->k && index[n] >= 0; n++)
        sum += exp(((double)similarity[n] - best) / v->temperature);
    for (int i = 0; i < n && i_k < v->n_ks; i++) {
        double weight = exp(((double)similarity[i] - best) / v->temperature) / sum;
        for (int later = i_k; later < v->n_ks; later++)
            add_vote(&votes[later * stride * v->n_classes + v->label[index[i]]], weight);
        while (i_k < v->n_ks && v->ks[i_k] == i + 1)
            i_k++;
    }
}

void knn_votes(const struct knn_vote *v, const float *similarity, const int64_t *index, int64_t n, double *votes,
               int64_t stride)
{
    for (int i = 0; i < v->n_ks; i++)
        memset(votes + i * stride * v->n_classes, 0, (size_t)(n * v->n_classes) * sizeof *votes);
    for (int64_t q = 0; q < n; q++)
        vote_one(v, similarity + q * v->k, index + q * v->k, votes + q * v->n_classes, stride);
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
    int64_t chunk = num_min(queries->n, chunk_rows(t, queries->dim));
    float *similarity = malloc((size_t)chunk * (size_t)v->k * sizeof *similarity);
    int64_t *index = malloc((size_t)chunk * (size_t)v->k * sizeof *index);
    int status = similarity && index ? 0 : fmt_fail(e, FMT_MEMORY, "k-NN: out of memory");
    for (int64_t first = 0, n; !status && first < queries->n; first += n) {
        n = num_min(chunk, queries->n - first);
        status = knn_search(&t->search, queries, first, n, pool, similarity, index, e);
        if (status)
            break;
        knn_votes(v, similarity, index, n, votes + first * v->n_classes, queries->n);
        if (t->step)
            t->step(t->step_arg, first + n);
    }
    free(similarity);
    free(index);
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
    const struct rows *train = p->train, *val = p->val;
    if (k < 1 || k > train->n)
        return fmt_fail(e, FMT_INVALID, "k-NN: k = %d of %s", k, FMT_COUNT(train->n, "training row", "training rows"));
    struct knn_voting voting = {.search = {.bank = train, .k = k}, .memory_bytes = INT64_MAX,
                                .vote = {k, KNN_TEMPERATURE, train->label, p->n_classes, p->ks, p->n_ks}};
    size_t cells = (size_t)val->n * (size_t)p->n_classes;
    double *votes = malloc((size_t)p->n_ks * cells * sizeof *votes);
    int status = votes ? knn_vote_rows(&voting, val, pool, votes, e) : fmt_fail(e, FMT_MEMORY, "k-NN: out of memory");
    for (int i = 0; !status && i < p->n_ks; i++)
        top1[i] = knn_top1(votes + (size_t)i * cells, val->label, val->n, p->n_classes);
    free(votes);
    return status;
}
