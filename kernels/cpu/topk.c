/* topk.c - a binary heap, worst at the root. */
#include "topk.h"

#include <stdbool.h>
#include <stdlib.h>

/* Total order: no two entries of a stream are equal. */
static inline bool worse(struct topk_entry a, struct topk_entry b)
{
    return a.value < b.value || (a.value == b.value && a.index > b.index);
}

static void sift_up(struct topk_entry *heap, int i)
{
    struct topk_entry moving = heap[i];
    for (int parent; i > 0 && worse(moving, heap[parent = (i - 1) / 2]); i = parent)
        heap[i] = heap[parent];
    heap[i] = moving;
}

static void sift_down(struct topk_entry *heap, int n)
{
    struct topk_entry moving = heap[0];
    int i = 0;
    for (int child; (child = 2 * i + 1) < n; i = child) {
        if (child + 1 < n && worse(heap[child + 1], heap[child]))
            child++;
        if (!worse(heap[child], moving))
            break;
        heap[i] = heap[child];
    }
    heap[i] = moving;
}

void topk_offer(struct topk *t, float value, int64_t index)
{
    struct topk_entry entry = {value, index};
    if (*t->n < t->k) {
        t->heap[*t->n] = entry;
        sift_up(t->heap, (*t->n)++);
    } else if (worse(t->heap[0], entry)) {
        t->heap[0] = entry;
        sift_down(t->heap, t->k);
    }
}

static int best_first(const void *a, const void *b)
{
    const struct topk_entry *x = a, *y = b;
    return worse(*x, *y) ? 1 : -1;
}

void topk_sort(struct topk *t)
{
    qsort(t->heap, (size_t)*t->n, sizeof *t->heap, best_first);
}
