/* topk.h - the k largest of a stream of (value, index), of equal values the lower index: a heap with the worst of them
 * at its root, and a fast comparison of many values that finds the few to be offered. */
#ifndef TOPK_H
#define TOPK_H

#include <math.h>
#include <stdint.h>

#include "isa.h"

struct topk_entry {
    float value;
    int64_t index;
};

/* The caller owns the memory: heap [k], and the count of entries in it, 0 at first. */
struct topk {
    struct topk_entry *heap;
    int k;
    int *n;
};

/* Values that are not above this would be refused, if their indices are higher than all before. */
static inline float topk_limit(const struct topk *t)
{
    return *t->n < t->k ? -INFINITY : t->heap[0].value;
}

void topk_offer(struct topk *t, float value, int64_t index); /* in any order of indices */
void topk_sort(struct topk *t);                              /* best first; nothing can be offered afterwards */

struct topk_loops {
    /* Writes the positions i with value[i] > limit[i] to at [n], ascending; returns how many. NaN is never above. */
    int (*above)(const float *value, const float *limit, int n, int32_t *at);
    /* Sum of the squares of x [n] in float64, 8 partial sums. */
    double (*squares)(const float *x, int64_t n);
    /* x [n] *= shrink, then /= by, each rounded. */
    void (*divide)(float *x, int64_t n, float shrink, float by);
};
#ifndef ISA
ISA_TABLE(const struct topk_loops, topk_loops)
#endif

#endif
