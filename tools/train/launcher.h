/* launcher.h - how this process was started: launchers say in the environment how many there are and which this is:
 * WORLD_SIZE and RANK (torchrun), SLURM_*, OMPI_COMM_WORLD_* (Open MPI), PMI_* (MPICH) and their kind. SLURM_NTASKS,
 * the tasks of a job, counts where none of them says how many were started. What is set and is no number is an error:
 * to ignore it could mean the same run several times side by side.
 */
#ifndef LAUNCHER_H
#define LAUNCHER_H

#include <stdbool.h>
#include <stdint.h>

#include "fmt.h"

/* For a program that is one process whatever starts it. FMT_UNSUPPORTED: it is one of several; FMT_INVALID: a variable
 * is no number. */
int launcher_check(struct fmt_error *e);

/* For a program that several processes run together. */
struct launch {
    const char *name; /* of the variable that says so; NULL: this is the only process */
    int64_t value;    /* of it: the number of processes, or a rank above 0 */
    bool mpi;         /* a launcher that MPI knows; else it starts processes that do not know of each other */
};
/* FMT_INVALID, with *l set all the same: a variable is no number, or MASTER_ADDR (torch) stands alone. `command`, for
 * the text, starts several processes. */
int launcher_find(struct launch *l, const char *command, struct fmt_error *e);

/* Whether a launcher says that this is not the first of its processes: what one of them prints for all is not its to
 * say. */
bool launcher_follows(void);

/* srun has started the processes and told MPI nothing (--mpi=none, its default): MPI would end them with a text of its
 * own. */
bool launcher_silent(const struct launch *l);

/* Whether it is left to this process to start n: no launcher has, and a job in which it runs is of as many tasks. */
bool launcher_leaves(const struct launch *l, int64_t n);

/* Once MPI is open: FMT_MISMATCH where l, found before, or a variable says otherwise, with a command that fits. */
int launcher_compare(const struct launch *l, int rank, int size, const char *mpi_name, struct fmt_error *e);

#endif
