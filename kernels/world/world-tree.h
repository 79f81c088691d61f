/* world-tree.h - the order in which contributions of ranks are added, whatever process has computed them: one fixed
 * binary tree over n ranks. A leaf is a rank; the node of the ranks [a, b) is the sum of [a, m) and [m, b), m = a + the
 * largest power of two below b - a. Of 5 ranks: ((0 + 1) + (2 + 3)) + 4.
 *
 * Contributions come in the order of their ranks, some at a time. What has come is kept as the sums of a few nodes of
 * the tree, in slots: of n ranks as many as n has binary digits 1, the largest node first; of all ranks one. So the
 * bits do not depend on how many come at a time, and ranks that one process computes one after another need the memory
 * of few.
 */
#ifndef WORLD_TREE_H
#define WORLD_TREE_H

#include <stdint.h>

#include "dtype.h"
#include "world.h"

/* Slots that hold the sums of the first n of n_ranks ranks. */
int world_tree_nodes(int n, int n_ranks);
/* The most that are needed where `each` ranks come at a time; at most WORLD_SLOTS_MAX. */
int world_tree_slots(int each, int n_ranks);

/* The sums, or the largest, of the first n_before of n_ranks ranks are in slot[0], slot[1], ...; in[0] .. in[n_in - 1]
 * are the contributions of the next ones, n elements each, F32 or F64. The slots then hold those of n_before + n_in.
 * The largest of numbers among which one is NaN is NaN. in[0] may be slot[0] where n_before is 0; nothing else
 * overlaps. */
void world_tree_push(void *const *slot, int n_before, const void *const *in, int n_in, int n_ranks, enum dtype dtype,
                     int64_t n, enum world_reduction how);
/* All ranks at once: out [n]. */
void world_tree_reduce(void *out, const void *const *in, int n_ranks, enum dtype dtype, int64_t n,
                       enum world_reduction how);

#endif
