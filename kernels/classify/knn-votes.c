/* knn-votes.c - votes of the neighbours that knn.c finds. */
#include "knn.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "nearest.h"
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

/* Weights sum to 1: limits a vote to 1, which rounding may exceed. */
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

void knn_probabilities(const double *votes, int64_t n, int n_classes, double *proba)
{
    for (int64_t i = 0; i < n; i++, votes += n_classes, proba += n_classes) {
        double sum = 0;
        for (int c = 0; c < n_classes; c++)
            sum += votes[c];
        for (int c = 0; c < n_classes; c++)
            proba[c] = sum > 0 ? votes[c] / sum : 1 / (double)n_classes;
    }
}

static int best_class(const double *votes, int n_classes)
{
    int best = 0;
    for (int c = 1; c < n_classes; c++)
        if (votes[c] > votes[best])
            best = c;
    return best;
}

int64_t knn_count_right(const double *votes, const int32_t *label, int64_t n, int n_classes)
{
    int64_t right = 0;
    for (int64_t i = 0; i < n; i++)
        right += label[i] >= 0 && best_class(votes + i * n_classes, n_classes) == label[i];
    return right;
}

/* ------------------------------------------------------------------ votes of whole sets */
struct voting {
    const struct knn_vote *vote;
    int64_t first, n; /* of the queries: this part's first, and all */
    double *votes;
};

static void count_votes(void *arg, int64_t q, int64_t m, const float *similarity, const int64_t *index)
{
    const struct voting *t = arg;
    knn_votes(t->vote, similarity, index, m, t->votes + (t->first + q) * t->vote->n_classes, t->n);
}

/* Number of queries in memory at once, in whole tiles. */
static int64_t part_rows(const struct knn_voting *v, int64_t dim)
{
    int64_t each = dim * (int64_t)sizeof(float) + (int64_t)v->vote.k * 28;
    return num_max(1, v->memory_bytes / each / NEAREST_QUERIES) * NEAREST_QUERIES;
}

int knn_vote_rows(const struct knn_voting *v, const struct rows *queries, const struct device *device, double *votes,
                  struct fmt_error *e)
{
    struct voting t = {&v->vote, 0, queries->n, votes};
    int64_t part = part_rows(v, queries->dim);
    int status = 0;
    for (int64_t n; !status && t.first < queries->n; t.first += n) {
        n = num_min(part, queries->n - t.first);
        status = knn_search(&v->search, queries, t.first, n, device, &(struct knn_callback){count_votes, &t}, e);
        if (!status && v->step)
            v->step(v->step_arg, t.first + n);
    }
    return status;
}
