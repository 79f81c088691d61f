/* launcher.h - how this process was started: launchers say in the environment how many there are and which this is. */
#ifndef LAUNCHER_H
#define LAUNCHER_H

#include "fmt.h"

/* FMT_UNSUPPORTED: one of several processes, by WORLD_SIZE and RANK (torchrun), SLURM_*, OMPI_COMM_WORLD_*, PMI_* and
 * their kind; SLURM_NTASKS, the tasks of a job, counts where none of them says how many were started.
 * A run is one process; extra processes would repeat the work. */
int launcher_check(struct fmt_error *e);

#endif
