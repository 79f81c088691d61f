/* disjoint-sets.h - which of n things belong together, told pair by pair (union-find with path halving). Of each
 * set the least member stands for all.
 *
 *   for (i < n) set[i] = i;  disjoint_join(set, a, b) ...;  disjoint_of(set, i) == disjoint_of(set, k)
 */
#ifndef DISJOINT_SETS_H
#define DISJOINT_SETS_H

#include <stdint.h>

static inline int64_t disjoint_of(int64_t *set, int64_t i)
{
    while (set[i] != i) {
        set[i] = set[set[i]];
        i = set[i];
    }
    return i;
}

static inline void disjoint_join(int64_t *set, int64_t a, int64_t b)
{
    a = disjoint_of(set, a);
    b = disjoint_of(set, b);
    set[a > b ? a : b] = a < b ? a : b;
}

#endif
