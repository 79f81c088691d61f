/* world-tree.c - the tree by a binary counter: two neighbouring nodes of as many ranks are added at once, and after the
 * last rank what is left is added from the right. It is done once for each block of elements: blocks that are small
 * enough for the stack, with one of them for each slot. */
#include "world-tree.h"

#include <string.h>

enum { BLOCK = 256 }; /* elements */

int world_tree_nodes(int n, int n_ranks)
{
    int digits = 0;
    for (int rest = n; rest > 0; rest /= 2)
        digits += rest % 2;
    return n == n_ranks && n > 0 ? 1 : digits;
}

int world_tree_slots(int each, int n_ranks)
{
    int most = 1;
    for (int n = each; n < n_ranks; n += each)
        most = world_tree_nodes(n, n_ranks) > most ? world_tree_nodes(n, n_ranks) : most;
    return most;
}

static double larger(double a, double b)
{
    return a > b || a != a ? a : b;
}

/* x = x and y */
static void combine_f32(float *x, const float *y, int64_t n, enum world_reduction how)
{
    if (how == WORLD_SUM)
        for (int64_t i = 0; i < n; i++)
            x[i] += y[i];
    else
        for (int64_t i = 0; i < n; i++)
            x[i] = (float)larger((double)x[i], (double)y[i]);
}

static void combine_f64(double *x, const double *y, int64_t n, enum world_reduction how)
{
    if (how == WORLD_SUM)
        for (int64_t i = 0; i < n; i++)
            x[i] += y[i];
    else
        for (int64_t i = 0; i < n; i++)
            x[i] = larger(x[i], y[i]);
}

/* Nodes of a block of elements, from the left; the ranks of all but the last ones are powers of two, descending. */
struct nodes {
    enum dtype dtype;
    enum world_reduction how;
    int64_t n; /* elements */
    int count;
    int ranks[WORLD_SLOTS_MAX + 1];
    union {
        float f32[BLOCK];
        double f64[BLOCK];
    } sum[WORLD_SLOTS_MAX + 1];
};

static void put(struct nodes *k, int n_ranks, const char *from)
{
    memcpy(&k->sum[k->count], from, (size_t)k->n * dtype_bytes(k->dtype));
    k->ranks[k->count++] = n_ranks;
}

static void add_last_two(struct nodes *k)
{
    int right = --k->count, left = right - 1;
    if (k->dtype == DTYPE_F64)
        combine_f64(k->sum[left].f64, k->sum[right].f64, k->n, k->how);
    else
        combine_f32(k->sum[left].f32, k->sum[right].f32, k->n, k->how);
    k->ranks[left] += k->ranks[right];
}

/* The nodes of n ranks: one for each binary digit 1, the largest first. */
static void load(struct nodes *k, void *const *slot, int n, size_t at)
{
    int size = 1;
    while (size <= n / 2)
        size *= 2;
    k->count = 0;
    for (; n > 0; size /= 2)
        if (n >= size) {
            put(k, size, (const char *)slot[k->count] + at);
            n -= size;
        }
}

void world_tree_push(void *const *slot, int n_before, const void *const *in, int n_in, int n_ranks, enum dtype dtype,
                     int64_t n, enum world_reduction how)
{
    struct nodes k = {.dtype = dtype, .how = how};
    size_t each = dtype_bytes(dtype);
    for (int64_t first = 0; first < n; first += BLOCK) {
        size_t at = (size_t)first * each;
        k.n = n - first < BLOCK ? n - first : BLOCK;
        load(&k, slot, n_before, at);
        for (int r = 0; r < n_in; r++) {
            put(&k, 1, (const char *)in[r] + at);
            while (k.count > 1 && k.ranks[k.count - 2] == k.ranks[k.count - 1])
                add_last_two(&k);
        }
        while (n_before + n_in == n_ranks && k.count > 1)
            add_last_two(&k);
        for (int i = 0; i < k.count; i++)
            memcpy((char *)slot[i] + at, &k.sum[i], (size_t)k.n * each);
    }
}

void world_tree_reduce(void *out, const void *const *in, int n_ranks, enum dtype dtype, int64_t n,
                       enum world_reduction how)
{
    world_tree_push(&out, 0, in, n_ranks, n_ranks, dtype, n, how);
}
