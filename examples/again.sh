#!/bin/sh
# again.sh - runs a command again while its status asks for it, as a batch system does: 75, with which dino-train ends
# when it was stopped or another process hangs, and 205, with which mpirun of Open MPI ends when it has lost a machine.
#
#   again.sh mpirun --hostfile hosts ... dino-train ...
#
# PAUSE: seconds before the next start [30]. Any other status ends the loop and is that of again.sh. SIGINT (Ctrl-C) or
# SIGTERM to again.sh ends the loop, too, as soon as the command has ended, whatever its status.
[ $# -gt 0 ] || { echo "usage: again.sh COMMAND..." >&2; exit 2; }
trap 'exit $?' INT TERM
while "$@"; status=$?; [ $status -eq 75 ] || [ $status -eq 205 ]; do
    echo "again.sh: status $status; once more in ${PAUSE:-30} seconds" >&2
    sleep "${PAUSE:-30}"
done
exit $status
