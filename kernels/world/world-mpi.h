/* world-mpi.h - a world of processes that a launcher of MPI has started (mpirun, mpiexec, srun).
 *
 *   struct world world;
 *   if (world_mpi_name()) status = world_mpi_open(&world, e);    once, before any other thread is started
 *   ... world is passed down ...
 *   world_mpi_close(&world);                                     all ranks have come to their end
 *   world_mpi_abort(&world, EXIT_FAILED);                        this one cannot go on, whatever the others do
 *
 * MPI moves bytes; sums are ours (world-tree.h), since MPI_SUM promises no order. A sum over ranks is an exchange of
 * parts (each rank receives its part of the contribution of every other), the sum of these in the order of the tree,
 * and an exchange of results. Long arrays go through three buffers of 4 MiB each, in pieces, by the copies of the
 * device's backend.
 *
 * Calls are made one at a time: by the thread that has called world_mpi_open, or, where this MPI allows it
 * (MPI_THREAD_SERIALIZED), by that of a queue (world-queue.h). A failure within MPI is FMT_IO with the text of MPI. A
 * rank that dies is not survived: the launcher ends the others, with SIGTERM and soon SIGKILL.
 * What MPI cannot do at its very start, it reports by itself and ends the process.
 *
 * In a build without MPI there is no name, and world_mpi_open is FMT_UNSUPPORTED.
 */
#ifndef WORLD_MPI_H
#define WORLD_MPI_H

#include <stdbool.h>

#include "fmt.h"
#include "world.h"

/* "Open MPI 4.1.4", of the library that runs; NULL: built without MPI. */
const char *world_mpi_name(void);

/* Packages of Debian that bring this MPI, or one where there is none. */
const char *world_mpi_packages(void);

/* Options of this MPI's mpirun for `local` processes on this machine, whatever their number: ends with NULL. */
const char *const *world_mpi_local_options(void);

/* Of the three buffers. */
enum { WORLD_MPI_BYTES = 12 << 20 };

int world_mpi_open(struct world *w, struct fmt_error *e);
/* Sets w->turns, of any world; the buffers grow with them. Without it there is one turn. */
int world_mpi_take_turns(struct world *w, int turns, struct fmt_error *e);
/* Waits for the other ranks. Of a world that is not of MPI: nothing. */
void world_mpi_close(struct world *w);
/* Ends all processes of the run, this one too, if the world is of MPI; else it returns. */
void world_mpi_abort(const struct world *w, int exit_status);

/* Whether calls may be made by another thread than the one that has opened the world. */
bool world_mpi_any_thread(const struct world *w);

#endif
