/* checkpoint-name.h - the names of checkpoints: of a process's file, model_0000099.rank_0.ckpt, and of the file that
 * makes several of them a set, model_0000099.set.
 */
#ifndef CHECKPOINT_NAME_H
#define CHECKPOINT_NAME_H

#include <stdbool.h>
#include <stdint.h>

#define CHECKPOINT_NAME_MAX 64
enum { CHECKPOINT_SET = -1 }; /* as a rank: the set's file */

const char *checkpoint_name(int64_t iteration, int rank, char out[CHECKPOINT_NAME_MAX]);
/* Exactly such a name: no blanks, signs or digits too many, and no iteration beyond 2^53. */
bool checkpoint_parse_name(const char *name, int64_t *iteration, int *rank);

/* The path of another file of the set: any name in any folder that ends in ".rank_<r>.ckpt" or ".set" has its own end
 * replaced. For free(); NULL: no such name, or no memory. */
char *checkpoint_sibling(const char *path, int rank);

#endif
