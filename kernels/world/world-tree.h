/* world-tree.h - the order in which contributions of ranks are added, whatever process has computed them: one fixed
 * binary tree over n ranks. A leaf is a rank; the node of the ranks [a, b) is the sum of [a, m) and [m, b), m = a + the
 * largest power of two below b - a. Of 5 ranks: ((0 + 1) + (2 + 3)) + 4.
 *
 * A process that has computed several ranks in a row can so add whole nodes of the tree before it sends them, and the
 * bits do not depend on how ranks are spread over processes.
 */
#ifndef WORLD_TREE_H
#define WORLD_TREE_H

#include <stdint.h>

#include "dtype.h"
#include "world.h"

/* out [n] = the sum or the largest over in[0] .. in[n_ranks - 1], element by element; F32 or F64. The largest of
 * numbers among which one is NaN is NaN. out may be in[0], and overlaps no other. */
void world_tree_reduce(void *out, const void *const *in, int n_ranks, enum dtype dtype, int64_t n,
                       enum world_reduction how);

/* Where the node of the ranks [a, b) is cut; b - a >= 2. */
int world_tree_middle(int a, int b);

#endif
