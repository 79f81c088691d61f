/* rank-check.h - whether all processes of a run still agree: settings, inputs, iteration, and every tensor of the state
 * of which each of them has a copy. Sharded tensors are not compared: each of their elements exists only once.
 *
 *   rank_check_settings(world, &config, e);                 first of all
 *   rank_check_open(&check, world, pool, step, e);
 *   rank_check_run(check, step, &state, e);                 at the start, then every train.check_ranks_every steps
 *   rank_check_close(check);
 *
 * All processes make the same calls. A check reads the state once and takes its SHA-256; each process sends 40 bytes,
 * and more only where they differ.
 */
#ifndef RANK_CHECK_H
#define RANK_CHECK_H

#include "config.h"
#include "fmt.h"
#include "run-state.h"
#include "world.h"

struct rank_check;
struct step;
struct thread_pool;

/* Settings that change the result, those that say when something is done, and the folder: FMT_MISMATCH names the first
 * that differs. Paths of inputs may differ, their contents not, which rank_check_run compares. */
int rank_check_settings(const struct world *world, const struct config *config, struct fmt_error *e);

/* pool: for the digests. Of one process: *check is NULL, for which the others do nothing. */
int rank_check_open(struct rank_check **check, const struct world *world, struct thread_pool *pool, struct step *step,
                    struct fmt_error *e);
/* FMT_MISMATCH, in all processes: "rank 2 differs from the other ranks in student.blocks.0.norm1.weight". */
int rank_check_run(struct rank_check *check, struct step *step, const struct run_state *state, struct fmt_error *e);
void rank_check_close(struct rank_check *check);

#endif
