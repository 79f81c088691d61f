#!/bin/bash
# Looks for MPI with headers: prints its name, the flags to compile and to link with it, separated by '|', as in
# "openmpi|-isystem DIR|-L DIR -lmpi"; nothing where there is none that $CC can link. Called by the Makefile and by
# install-packages.sh; MPI=0 of make leaves MPI out.
set -u
program='#include <mpi.h>
#ifdef OPEN_MPI
int openmpi_is_here;
#else
int mpich_is_here;
#endif
int main(void) { return MPI_Init_thread(0, 0, MPI_THREAD_FUNNELED, &(int){0}); }'
try() { # compile flags, link flags: prints the line if a program links
    local cflags libs name object
    cflags=$(printf '%s\n' $1 | sed -n 's/^-I/-isystem /p' | tr '\n' ' ')
    libs=$(printf '%s\n' $2 | grep -E '^(-L|-l)' | tr '\n' ' ') # mpi only; options of its packager stay out
    object=$(mktemp) || return 1
    if echo "$program" | ${CC:-cc} $cflags -x c - -o "$object" $libs 2>/dev/null; then
        name=mpich
        grep -q openmpi_is_here "$object" && name=openmpi
        echo "$name|$cflags|$libs"
    fi
    rm -f "$object"
    [ -n "${name:-}" ]
}
for package in ompi-c ompi mpich; do
    flags=$(pkg-config --cflags "$package" 2>/dev/null) && try "$flags" "$(pkg-config --libs "$package")" && exit
done
for wrapper in mpicc mpicc.openmpi mpicc.mpich; do
    shown=$($wrapper --showme 2>/dev/null) || shown=$($wrapper -show 2>/dev/null) || continue
    try "$shown" "$shown" && exit
done
exit 0
