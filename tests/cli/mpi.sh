# Collectives and steps among processes of MPI: tests/mpi/*.c, by one to five processes.
. "$TESTS/cli/lib.sh"
. "$TESTS/cli/mpi-fixture.sh"
several_processes 'collectives among processes'
# The output of a failure: what is not ok, of any process.
processes() { mpirun_n "$@" >log 2>&1 && grep -q '^1\.\.[0-9]' log && no_leaks log || { grep -v '^ok' log; return 1; }; }
for n in 1 2 3 5; do
    check "collectives of $n" processes $n "$BUILD/tests/mpi/test-collectives"
done
check 'collectives of 3, of memory that the host cannot reach' processes 3 env TEST_DEVICE=foreign "$BUILD/tests/mpi/test-collectives"
for n in 1 2 3 4; do
    check "steps of $n" processes $n "$BUILD/tests/mpi/test-step"
    check "steps of $n against the published code" processes $n env -C "$TESTS/.." "$BUILD/tests/mpi/test-step-golden"
done
for n in 2 3; do
    check "one state of $n, and one that is another" processes $n "$BUILD/tests/mpi/test-rank-check"
done
dies() { ! mpirun_n 3 "$BUILD/tests/mpi/test-dies" 2>log && grep -q 'rank 1 ends' log; }
check 'a process that ends all ends all' dies
# What calls no MPI does not load it: that takes longer than most tools run.
not_linked() { ! ldd "$BUILD/$1" | grep -E 'libmpi(ch)?\.so'; }
check 'bbu-info is not linked with MPI' not_linked bbu-info
check 'dino-extract neither' not_linked dino-extract
done_testing
