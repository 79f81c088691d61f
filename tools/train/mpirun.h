/* mpirun.h - starts a program several times on this machine by the mpirun of the MPI that it is built with. */
#ifndef MPIRUN_H
#define MPIRUN_H

#include <stdint.h>

#include "fmt.h"

/* Runs `mpirun -n N PROGRAM argv[1] ...` and waits for it; PROGRAM is this one. *exit_status: of mpirun. It has a
 * process group of its own, so that Ctrl-C reaches this process alone: signals (signals.h) that arrive meanwhile are
 * passed on as SIGUSR1, which mpirun gives to all processes. mpirun ends with this process. Standard input of
 * the processes is empty.
 *
 * FMT_UNSUPPORTED, returned in the child, which has then to end: there is no mpirun. FMT_STOPPED: a signal came before
 * mpirun was ready for it, and nothing was begun. */
int mpirun_start(int64_t n, int argc, char **argv, int *exit_status, struct fmt_error *e);

#endif
