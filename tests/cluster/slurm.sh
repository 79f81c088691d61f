# A Slurm of two nodes, and the scripts of examples/slurm: submitted, stopped, cancelled, short of time, put back into the
# queue, with a process that hangs or a node that is gone; all end in the bytes of one process.
. "$TESTS/cluster/hosts-fixture.sh"
enter_hosts 'munged slurmctld slurmd sbatch srun scancel scontrol mpirun'
. "$TESTS/cli/lib.sh"
. "$TESTS/cli/train-fixture.sh"
. "$TESTS/cli/man-fixture.sh"
. "$TESTS/cli/mpi-fixture.sh"
join_hosts
if why=$(no_open_mpi); then
    skip "$why" 'jobs of Slurm'
    done_testing
fi
scripts=$TESTS/../examples/slurm

# ---- Slurm, all of whose files are here
start_slurm() {
    mkdir -p slurm/state slurm/{spool,tmp}.{node1,node2} slurm/munge || return
    (umask 077 && head -c 64 /dev/urandom >slurm/key) || return
    munged --force --key-file="$PWD/slurm/key" --socket="$PWD/slurm/munge/socket" --pid-file="$PWD/slurm/munge/pid" \
        --log-file="$PWD/slurm/munge/log" --seed-file="$PWD/slurm/munge/seed" --num-threads=2 || return
    export SLURM_CONF=$PWD/slurm/slurm.conf
    cat >"$SLURM_CONF" <<END
ClusterName=dinotools
SlurmctldHost=node1
SlurmctldPort=16817
SlurmdPort=16818
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket=$PWD/slurm/munge/socket
CredType=cred/munge
StateSaveLocation=$PWD/slurm/state
SlurmdSpoolDir=$PWD/slurm/spool.%n
SlurmctldPidFile=$PWD/slurm/slurmctld.pid
SlurmdPidFile=$PWD/slurm/slurmd.%n.pid
SlurmctldLogFile=$PWD/slurm/slurmctld.log
SlurmdLogFile=$PWD/slurm/slurmd.%n.log
TmpFS=$PWD/slurm/tmp.%n
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerParameters=sched_interval=1,sched_min_interval=0,batch_sched_delay=0
SlurmdParameters=config_overrides
KillWait=5
SlurmdTimeout=15
ReturnToService=2
OverTimeLimit=3
MpiDefault=none
NodeName=node[1-2] CPUs=8 State=UNKNOWN
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP
END
    slurmctld && slurmd && on_node2 slurmd
}
until_true() { # seconds command...
    local i tries=$(($1 * 10))
    shift
    for ((i = 0; i < tries; i++)); do
        ! "$@" || return 0
        sleep 0.1
    done
    return 1
}
both_idle() { [ "$(sinfo -h -N -o %T 2>/dev/null | grep -c idle)" = 2 ]; }
check 'Slurm starts' start_slurm
check 'with two nodes' until_true 30 both_idle
kinds='node nodes nodes-mpirun'
if ! srun --mpi=list 2>&1 | grep -q pmix; then
    skip 'this srun has no pmix' train-nodes.sh
    kinds='node nodes-mpirun'
fi

train_fixture || exit 1
status 2 srun -N 2 -n 2 dino-train -c t.yaml
err_has 'dino-train: SLURM_STEP_NUM_TASKS=2: srun has started these processes and told MPI nothing of them: start them by srun --mpi=pmix'

# ---- references, by one process
long='optim.epochs=10 evaluation.knn_train= evaluation.knn_val='
status 0 dino-train -q -c t.yaml train.ranks=4 $long train.output_dir=whole
status 0 dino-extract -q -w whole/eval/training_119/teacher_checkpoint.safetensors --size 32 all -o one.feat
same_as() { # folder folder: all that does not depend on the number of processes or on time
    local f n=0
    for f in $(cd "$1" && find . -name 'teacher_*' -o -name training_metrics.json -o -name evaluation.json); do
        cmp "$1/$f" "$2/$f" || return 1
        n=$((n + 1))
    done
    [ $n -ge 2 ]
}

# ---- jobs
# kind: node, nodes or nodes-mpirun, of the script; two processes.
submit() { # kind folder [options of sbatch... -- words for dino-train...]: sets job
    local kind=$1 folder=$2 options=(--ntasks-per-node=1)
    shift 2
    [ $kind != node ] || options=(--ntasks=2)
    while [ "${1:---}" != -- ]; do options+=("$1"); shift; done
    job=$(sbatch --parsable --cpus-per-task=1 "${options[@]}" "$scripts/train-$kind.sh" -c t.yaml train.ranks=4 $long \
        train.output_dir="$folder" "${@:2}") && [ -n "$job" ]
}
field() { # name: of the job
    scontrol show job -o "$job" | grep -o " $1=[^ ]*" | head -n 1 | cut -d = -f 2
}
over() { case $(field JobState) in PENDING|RUNNING|COMPLETING|CONFIGURING) return 1 ;; esac; }
ends() { # state and status: of the job
    until_true 60 over
    [ "$(field JobState) $(field ExitCode)" = "$1" ] ||
        { scontrol show job "$job"; tail -n 5 ./*-"$job".out; return 1; }
}
begun() { until_true 60 compgen -G "$1/*.set" >/dev/null; } # folder
resumed() { until_true 60 grep -q Resumed "dino-train-$job.out"; }
waits_again() { [ "$(field JobState)" = PENDING ] && [ "$(field Restarts)" -ge 1 ]; }
# A job that was put back waits for two minutes; and one that begins in the second in which it ended, is killed.
hurry() { scontrol update JobId=$job TimeLimit=10 StartTime=now+2; }
goes_back() { until_true 60 waits_again && hurry; }

# ---- stopped, put back, cancelled, submitted again with too little time
signal() { # kind: SIGUSR1, to whom its script says
    local batch=--batch
    [ "$1" != nodes ] || batch=
    scancel $batch --signal=USR1 $job
}
ranks() { # folder: the processes of the job that compute
    local p
    for p in $(pgrep -f "^[^ ]*dino-train .*train.output_dir=$1( |$)"); do
        ! grep -qz '^PMIX_RANK=' "/proc/$p/environ" || echo "$p"
    done
}
none_of() { [ -z "$(ranks "$1")" ]; }
signalled() { # process: SIGUSR1 waits for it
    (( 0x$(sed -n 's/^ShdPnd:\t//p' "/proc/$1/status" 2>/dev/null || echo 0) & 1 << ($(kill -l USR1) - 1) ))
}
put_back() { # processes, which sleep: of the job
    ! signalled $1 || kill -CONT "$@"
    [ "$(field Restarts)" -ge 1 ] && [ "$(field JobState)" != COMPLETING ]
}
declare -A held=()
for kind in $kinds; do
    check "train-$kind.sh: a job begins" submit $kind $kind-again
    check 'a run' begun $kind-again
    signal $kind
    check 'SIGUSR1: saved, and back in the queue' goes_back
    check 'the run goes on' resumed
    scancel $job
    check 'scancel ends the job' ends 'CANCELLED 0:15'
    check 'and leaves nothing' until_true 20 none_of $kind-again
    check 'submitted again, with a minute' submit $kind $kind-again --time=1
    check 'the run goes on' resumed
    processes=$(ranks $kind-again)
    kill -STOP $processes # or it would be done before its time is up
    held[$kind]="$job $processes"
done

# ---- undisturbed
check 'settings that are wrong' submit node wrong -- train.ranks=3
check 'a job that fails is not put back' ends 'FAILED 2:0'
for kind in $kinds; do
    check "train-$kind.sh: submitted" submit $kind $kind
    check 'it is completed' ends 'COMPLETED 0:0'
    check 'the bytes are those of one process' same_as whole $kind
done
check 'the table says who is where' grep -q 'ranks 0 to 1: host node1' dino-train-*.out
check 'on two nodes' grep -q 'rank 1: host node2' dino-train-*.out

check 'a job begins' submit nodes-mpirun kept
check 'a run' begun kept
scontrol update JobId=$job Requeue=0
signal nodes-mpirun
check 'with Requeue=0 SIGUSR1 saves and ends the job' ends 'FAILED 75:0'
check 'submitted again, with four tasks on one node' submit node kept --ntasks=4
check 'it goes on to its end' ends 'COMPLETED 0:0'
check 'the bytes are those of a run that nothing disturbed' same_as whole kept

# ---- a job array for features, and its join
weights=whole/eval/training_119/teacher_checkpoint.safetensors
extract() { # words for sbatch: sets array, and job: the join
    mkdir -p parts
    array=$(sbatch --parsable --cpus-per-task=1 "$@" "$scripts/extract-array.sh" -q -w $weights --size 32 all) &&
        job=$(sbatch --parsable --dependency=afterok:"$array" "$scripts/extract-join.sh" joined.feat)
}
check 'extract-array.sh and extract-join.sh: submitted' extract --array=1-3
check 'the join is completed' ends 'COMPLETED 0:0'
check 'it waited for three tasks' test "$(ls parts)" = "$(printf '%s.feat\n' 1 2 3)"
same one.feat joined.feat
rm -r parts joined.feat
mkdir -p parts/2.feat # in the way of a task
check 'a task will fail' extract --array=1-4
task_2() { [ "$(scontrol show job -o "${array}_2" | grep -o ' JobState=[A-Z]*')" = " JobState=$1" ]; }
check 'it fails' until_true 60 task_2 FAILED
check 'the join is cancelled' ends 'CANCELLED 0:0'
rmdir parts/2.feat
scontrol requeue "${array}_2"
scontrol update JobId="${array}_2" StartTime=now+2
check 'the task alone, once more' until_true 60 task_2 COMPLETED
job=$(sbatch --parsable "$scripts/extract-join.sh" joined.feat)
check 'and the join' ends 'COMPLETED 0:0'
same one.feat joined.feat

# Slurm looks at its clock twice a minute.
for kind in $kinds; do
    read -r job processes <<<"$(echo ${held[$kind]})"
    check "train-$kind.sh: the time is nearly up: saved, and back in the queue" until_true 90 put_back $processes
    ! waits_again || hurry # or it has gone on already
    held[$kind]=$job
done
for kind in $kinds; do
    job=${held[$kind]}
    check "train-$kind.sh: the run is completed" ends 'COMPLETED 0:0'
    check 'the bytes are those of a run that nothing disturbed' same_as whole $kind-again
done

# ---- a process that hangs, and a node that is gone
if [[ $kinds == *nodes\ * ]]; then
    SLURM_WAIT=3 check 'a job begins' submit nodes hang -- train.hang_seconds=2
    check 'a run' begun hang
    kill -STOP "$(ranks hang | tail -n 1)"
    check 'a process hangs: the job is back in the queue' goes_back
    check 'as the others ended by themselves' grep -q 'hang_seconds): .*; the run ends' dino-train-$job.out
    check 'the run is completed' ends 'COMPLETED 0:0'
    check 'the bytes are those of a run that nothing disturbed' same_as whole hang
    check 'a job begins' submit nodes lost
    check 'a run' begun lost
    plug out
    check 'a node is gone: Slurm puts the job back' until_true 90 waits_again
    plug in
    clean() { both_idle && none_of lost && ! pgrep -x slurmstepd >/dev/null; }
    check 'the node is back, and rid of the job' until_true 180 clean
    hurry
    check 'the run is completed' ends 'COMPLETED 0:0'
    check 'the bytes are those of a run that nothing disturbed' same_as whole lost
fi

# ---- dinotools(7)
commands_of "$TESTS/../man/dinotools.7" | grep -E '^(dino-train --ranks|srun)' >commands
check 'dinotools(7) has a command of srun' test "$(wc -l <commands)" = 2
cp "$TESTS/../examples/tiny.yaml" .
ln -s all shards
if [[ $kinds == *nodes\ * ]]; then
    while IFS= read -r command; do check "$command" bash -c "$command" </dev/null; done <commands
    check 'the same bytes' same_as ranks by-srun
fi

stop_slurm() {
    scontrol shutdown && until_true 20 no_slurm && pkill -x munged
}
no_slurm() { ! pgrep -x 'slurmctld|slurmd|slurmstepd' >/dev/null; }
check 'Slurm ends, and no job is left' stop_slurm
done_testing
