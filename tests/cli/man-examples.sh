# Runs the EXAMPLES of every manual page as printed: lines that begin with "$ " (continued by a backslash and "> ").
# All in one folder, as dinotools(7) says, those of that page first: they make the files that the others need.
. "$TESTS/cli/lib.sh"
. "$TESTS/cli/man-fixture.sh"
. "$TESTS/cli/mpi-fixture.sh"
no_mpi=$(mpi_missing) # why; empty where several processes can be started

mkdir typed
"$BUILD/tests/datagen" --groups 12 --seed 1 typed/bbu 2>datagen.err || check 'the dataset is drawn' cat datagen.err
cp "$TESTS/../examples/tiny.yaml" typed
first=$TESTS/../man/dinotools.7
for page in "$first" "$TESTS"/../man/*.[15]; do
    name=$(basename "$page")
    commands_of "$page" >commands
    if [ ! -s commands ]; then
        case $name in *.[17]) check "$name has examples" false ;; esac
        continue
    fi
    while IFS= read -r command; do
        case $command in 'srun '*) continue ;; esac # tests/cluster/slurm.sh runs them
        case $command in *--ranks*|*mpirun*|*ranks/*) [ -z "$no_mpi" ] || { skip "$no_mpi" "$name: $command"; continue; } ;; esac
        check "$name: $command" bash -c 'cd typed && eval "$1" </dev/null' - "$command"
    done <commands
done
done_testing
