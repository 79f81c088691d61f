/* world-tree.c - the tree is walked once for each block of elements: blocks that are small enough for the stack, with
 * one of them for each level of the tree. */
#include "world-tree.h"

#include <string.h>

enum { BLOCK = 512 }; /* elements */

int world_tree_middle(int a, int b)
{
    int half = 1;
    while (2 * half < b - a)
        half *= 2;
    return a + half;
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

/* Elements [first, first + n) of all ranks. */
struct block {
    const void *const *in;
    enum dtype dtype;
    enum world_reduction how;
    int64_t first, n;
};

static void reduce_node(const struct block *k, int a, int b, void *out)
{
    union {
        float f32[BLOCK];
        double f64[BLOCK];
    } right;
    size_t each = dtype_bytes(k->dtype);
    if (b - a == 1) {
        memmove(out, (const char *)k->in[a] + (size_t)k->first * each, (size_t)k->n * each);
        return;
    }
    int m = world_tree_middle(a, b);
    reduce_node(k, a, m, out);
    reduce_node(k, m, b, &right);
    if (k->dtype == DTYPE_F64)
        combine_f64(out, right.f64, k->n, k->how);
    else
        combine_f32(out, right.f32, k->n, k->how);
}

void world_tree_reduce(void *out, const void *const *in, int n_ranks, enum dtype dtype, int64_t n,
                       enum world_reduction how)
{
    for (int64_t first = 0; first < n; first += BLOCK) {
        struct block k = {in, dtype, how, first, n - first < BLOCK ? n - first : BLOCK};
        reduce_node(&k, 0, n_ranks, (char *)out + (size_t)first * dtype_bytes(dtype));
    }
}
