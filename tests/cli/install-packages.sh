# tests/install-packages.sh installs missing packages with one command. It waits for locks that other programs hold, but
# for no other failure.
# This test installs nothing: apt-get, the compiler, sleep and id are stand-ins.
. "$TESTS/cli/lib.sh"
mkdir bin
stand_in() { printf '#!/bin/bash\n%s\n' "$2" >"bin/$1" && chmod +x "bin/$1"; }
stand_in id 'echo 0'
stand_in sleep 'echo "$1" >>slept'
stand_in cc '[ -e installed ]'
# The n-th call does what the n-th line of "calls" says.
stand_in apt-get 'echo "$*" >>asked
n=$(wc -l <asked)
eval "$(sed -n ${n}p calls)"'
# MPI is here if there is a file "mpi".
stand_in pkg-config '[ -e mpi ] && echo -lmpi'
for wrapper in mpicc mpicc.openmpi mpicc.mpich; do stand_in $wrapper 'exit 1'; done
touch mpi
deps() { PATH=$PWD/bin:$PATH B=$PWD/b CC=cc "$TESTS/install-packages.sh"; }
fresh() { rm -f asked slept installed b/.deps && cat >calls; }
lock='echo "E: Could not get lock /var/lib/apt/lists/lock. It is held by process 1 (apt)" >&2; exit 100'

fresh <<'END'
touch installed
END
status 0 deps
out_has 'sudo apt-get install -y --no-install-recommends '
check 'once' test "$(wc -l <asked)" = 1
check 'apt waits for its own lock' grep -q '^-o DPkg::Lock::Timeout=[0-9]* install -y .*libjpeg-dev' asked
status 0 deps
check 'what was found is remembered' test "$(wc -l <asked)" = 1
fresh <<END
echo 'E: Unable to locate package' >&2; exit 100
$lock
$lock
true
touch installed
END
status 0 deps
check 'the lists, as soon as they are free' test "$(cut -d ' ' -f 3 asked | tr '\n' ' ')" = 'install update update update install '
check 'it waits between' test "$(wc -l <slept)" = 2
err_has 'waiting for the lock'
fresh <<END
$lock
touch installed
END
status 0 deps
check 'packages, too' test "$(wc -l <slept)" = 1
fresh <<'END'
echo 'E: Unable to locate package' >&2; exit 100
echo 'E: no network' >&2; exit 100
END
status 1 deps
err_has 'no network'
check 'another failure is not waited for' test ! -e slept

# ---- MPI: installed where it can be, and never a failure
rm mpi
fresh <<'END'
touch installed mpi
END
status 0 deps
check 'with what is needed' grep -q 'libjpeg-dev .*libopenmpi-dev openmpi-bin' asked
rm mpi b/.deps
fresh <<'END'
touch mpi
END
touch installed
status 0 deps
check 'alone, where nothing else is missing' grep -q 'install -y --no-install-recommends libopenmpi-dev openmpi-bin$' asked
rm mpi
fresh <<'END'
echo 'E: no network' >&2; exit 100
echo 'E: no network' >&2; exit 100
END
touch installed
status 0 deps
err_has 'no network'
rm b/.deps
stand_in id 'echo 1000'
stand_in sudo 'exit 1'
status 0 deps
out_has 'MPI is not here: a training run will be one process'
rm b/.deps
status 0 env MPI=0 PATH="$PWD/bin:$PATH" B="$PWD/b" CC=cc "$TESTS/install-packages.sh"
out_empty

# ---- what check-cluster needs: root installs it, and nothing fails without it
mkdir only
for command in bash tr dirname mktemp tee grep rm cat sed wc; do ln -s "$(command -v $command)" only/$command; done
cluster() { PATH=$PWD/bin:$PWD/only "$TESTS/install-packages.sh" cluster; }
for command in ip munged slurmctld mpirun; do stand_in $command true; done
fresh </dev/null
status 0 cluster
check 'nobody but root' test ! -e asked
stand_in id 'echo 0'
fresh </dev/null
status 0 cluster
out_has 'apt-get install -y --no-install-recommends slurmd slurm-client'
check 'what is missing, once' grep -q ' install -y --no-install-recommends slurmd slurm-client$' asked
fresh <<'END'
echo 'E: no network' >&2; exit 100
echo 'E: no network' >&2; exit 100
END
status 0 cluster
err_has 'They cannot be installed.'
for command in slurmd sbatch; do stand_in $command true; done
fresh </dev/null
status 0 cluster
out_empty
done_testing
