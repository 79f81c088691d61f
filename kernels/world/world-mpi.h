/* world-mpi.h - a world of processes that a launcher of MPI has started (mpirun, mpiexec, srun).
 *
 *   struct world world;
 *   if (world_mpi_name()) status = world_mpi_open(&world, e);    once, before any other thread is started
 *   ... world is passed down ...
 *   world_mpi_close(&world);                                     all processes have come to their end
 *   world_mpi_abort(&world, EXIT_FAILED);                        this one cannot go on, whatever the others do
 *
 * MPI moves bytes; sums are ours (world-tree.h), since MPI_SUM promises no order. A sum over ranks is an exchange of
 * parts (each process receives its part of every contribution), the sum of these in the order of the tree, and an
 * exchange of results. Long arrays go through three buffers of 4 MiB each, in pieces, by the copies of the
 * device's backend.
 *
 * Calls are made one at a time: by the thread that has called world_mpi_open, or, where this MPI allows it
 * (MPI_THREAD_SERIALIZED), by that of a queue (world-queue.h). A failure within MPI is FMT_IO with the text of MPI.
 * When a process dies the run is over: the launcher ends the others, by SIGTERM and soon SIGKILL. If MPI cannot start
 * at all, it prints its own message and ends the process.
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

/* Options that make this MPI's mpirun start any number of processes on this machine, unbound; the last one is NULL. */
const char *const *world_mpi_local_options(void);

/* Of the three buffers together. */
enum { WORLD_MPI_BYTES = 12 << 20 };

int world_mpi_open(struct world *w, struct fmt_error *e);
/* Sets w->turns, in any world, and enlarges the buffers for them. Before it there is one turn. */
int world_mpi_take_turns(struct world *w, int turns, struct fmt_error *e);
/* Waits for the other processes. Does nothing in a world that is not MPI's. */
void world_mpi_close(struct world *w);
/* Ends all processes of the run, this one too; in a world that is not MPI's it returns. */
void world_mpi_abort(const struct world *w, int exit_status);

/* Whether calls may be made by another thread than the one that has opened the world. */
bool world_mpi_any_thread(const struct world *w);

#endif
