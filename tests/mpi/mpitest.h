/* mpitest.h - a program that mpirun starts several times (tests/cli/mpi.sh): each process makes all checks. Rank 0
 * prints them, the others print those that fail to standard error; the exit status of each counts. */
#ifndef MPITEST_H
#define MPITEST_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tap.h"
#include "world-mpi.h"

static inline struct world mpitest_open(void)
{
    struct world w;
    struct fmt_error e = {0};
    if (world_mpi_open(&w, &e)) {
        fprintf(stderr, "%s\n", e.text);
        exit(1);
    }
    if (w.rank > 0)
        dup2(STDERR_FILENO, STDOUT_FILENO);
    return w;
}

static inline int mpitest_done(struct world *w)
{
    int status = tap_done();
    world_mpi_close(w);
    return status;
}

#endif
