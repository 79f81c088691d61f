# dino-train by several processes: --ranks and mpirun, one log and one line of metrics a step, checkpoints of each rank,
# stop and resume to the same bytes, kills, failures of one rank, what is refused.
. "$TESTS/cli/lib.sh"
. "$TESTS/cli/train-fixture.sh"
. "$TESTS/cli/mpi-fixture.sh"
several_processes 'training by several processes'
train_fixture || exit 1
status 0 dino-train --version
out_has 'several processes: '
check 'by the MPI of the build' bash -c '! grep -q "built without" out'
same_of_all_ranks() { # folder folder: all that does not hold times
    local f n=0
    for f in $(cd "$1" && find . -type f ! -name log.txt ! -name training_times.json ! -name config.yaml); do
        cmp "$1/$f" "$2/$f" || return 1
        n=$((n + 1))
    done
    [ $n -ge 8 ]
}

# ---- a run of two
status 0 dino-train -c t.yaml --ranks 2
err_has 'dino-train: 2 processes by '
err_has "dino-train: ranks 0 to 1: host $(uname -n), device cpu, "
err_has '24 iterations of 8 images'
err_has 'x sqrt(batch 8 / 1024)'
err_has 'sent to other processes: '
err_lacks 'rank 1: '
check 'one line of metrics a period' test "$(wc -l <run/training_metrics.json)" = 4
check 'one log, begun once' test "$(grep -c 'dino-train .* begins' run/log.txt)" = 1
check 'checkpoints of both' test -s run/model_0000023.rank_0.ckpt -a -s run/model_0000023.rank_1.ckpt
check 'the settings say how many ranks' grep -q 'ranks: 2 ' run/config.yaml
status 0 bbu-info --verify run/model_0000023.rank_1.ckpt
status 0 dino-weights compare run/model_0000023.rank_0.ckpt run/model_0000023.rank_1.ckpt
status 0 mpirun_n 2 dino-train -q -j2 -c t.yaml train.output_dir=again
check 'mpirun and -j2: the same bytes' same_of_all_ranks run again
status 0 dino-train -c t.yaml --ranks 2
err_has 'the run is complete'
status 0 mpirun_n 3 dino-train -q -c t.yaml optim.epochs=1 train.output_dir=three
check 'three, too' test -s three/model_0000011.rank_2.ckpt

status 0 dino-train -c t.yaml --ranks 2 --plan
out_has 'sums over ranks'
out_has 'in all, in each of 2 processes ('
status 0 dino-train -c t.yaml --ranks 2 --print-config
out_has 'ranks: 2'

# ---- stopped and resumed: the same bytes
stop_and_resume() { # folder signal whom command...
    local folder=$1 signal=$2 whom=$3 pid
    shift 3
    "$@" train.output_dir=$folder >stopped 2>&1 &
    pid=$!
    wait_for $folder/training_metrics.json || return 1
    case $whom in
    launcher) kill -$signal $pid ;;
    rank1) kill -$signal "$(pgrep -f "dino-train .*train.output_dir=$folder" | tail -n 1)" ;;
    esac
    wait $pid
    resumable $? || return 1
    "$@" train.output_dir=$folder >resumed 2>&1 && same_of_all_ranks run $folder
}
check 'SIGTERM to dino-train --ranks' stop_and_resume t1 TERM launcher dino-train -c t.yaml --ranks 2
check 'which says where it stopped' grep -q 'dino-train: stopped by SIG.* after iteration [0-9]*; run the same command' stopped
check 'and both ranks after the same step' bash -c \
    'test "$(ls t1/model_*.rank_0.ckpt | sed s/rank_./rank/)" = "$(ls t1/model_*.rank_1.ckpt | sed s/rank_./rank/)"'
early() { # seconds: before the processes are there; or even before dino-train waits for signals
    rm -rf e1
    dino-train -c t.yaml --ranks 2 train.output_dir=e1 optim.epochs=500 >early.log 2>&1 &
    sleep $1
    kill -TERM $!
    wait $!
    local status=$?
    [ $status -eq 143 ] && [ ! -s early.log ] && return
    resumable $status
}
case $(cat "$BUILD/.mpi") in openmpi*) # the mpiexec of MPICH may crash when a signal comes so early
    for seconds in 0.05 0.12 0.2; do check "SIGTERM after $seconds seconds" early $seconds; done ;;
esac
check 'Ctrl-C' stop_and_resume t2 INT launcher dino-train -c t.yaml --ranks 2
check 'SIGTERM to one rank' stop_and_resume t3 TERM rank1 dino-train -c t.yaml --ranks 2

# ---- killed: the newest checkpoint that all ranks have
killed() { # folder
    dino-train -q -c t.yaml --ranks 2 train.output_dir=$1 >killed.log 2>&1 &
    local pid=$!
    wait_for $1/model_0000003.rank_0.ckpt
    kill -KILL "$(pgrep -f "dino-train .*train.output_dir=$1" | tail -n 1)"
    wait $pid
    [ $? -ne 0 ] || return 1
    ! pgrep -f "dino-train .*train.output_dir=$1"
}
check 'a rank that is killed takes the other with it' killed k1
check 'which is said' grep -qE 'dino-train: a process was ended by signal (9|15)|KILLED BY SIGNAL: 9|Killed .signal 9.' killed.log
status 0 dino-train -q -c t.yaml --ranks 2 train.output_dir=k1
check 'and the run resumes to the same bytes' same_of_all_ranks run k1
cp -r run half
rm half/model_0000023.rank_1.ckpt
status 0 dino-train -c t.yaml --ranks 2 train.output_dir=half
err_has 'half/model_0000023.set: the set is not complete: missing: rank 1; this checkpoint cannot be used'
err_has 'Resumed training from checkpoint half/model_0000019.set'
check 'an incomplete set is not taken' same_of_all_ranks run half
cp -r run damaged
dd if=/dev/zero of=damaged/model_0000023.rank_1.ckpt bs=1 seek=9000 count=64 conv=notrunc 2>/dev/null
status 0 dino-train -c t.yaml --ranks 2 train.output_dir=damaged
err_has 'damaged/model_0000023.rank_1.ckpt: '
err_has 'this checkpoint cannot be used and is skipped'
check 'nor one with a damaged file' same_of_all_ranks run damaged

# ---- a failure of one rank is one of all
cp -r run full
rm full/model_0000023.* full/model_0000019.rank_1.ckpt
mkdir full/model_0000019.rank_1.ckpt full/model_0000023.rank_1.ckpt
status 1 dino-train -c t.yaml --ranks 2 train.output_dir=full
err_has 'rank 1: full/model_0000023.rank_1.ckpt: '
err_has 'the last state is not saved; last saved: iteration 15'
status 1 dino-train -c t.yaml --ranks 2 train.output_dir=other 'train.dataset_path=data-{rank}'
err_has 'data-0'

mkdir broken
: >broken/eval
status 1 dino-train -c t.yaml --ranks 2 train.output_dir=broken
err_has 'rank 0: broken/eval'

ln -s all data-0
ln -s val data-1
status 1 dino-train -c t.yaml --ranks 2 train.output_dir=other 'train.dataset_path=data-{rank}'
err_has 'rank 1 differs from rank 0 in the contents of train.dataset_path'

# ---- ranks by turns: what a run of four ranks writes does not depend on the number of processes
status 0 dino-train -q -c t.yaml train.ranks=4 train.output_dir=by1
check 'four ranks, one process' test -s by1/model_0000023.rank_0.ckpt -a ! -e by1/model_0000023.rank_1.ckpt
for n in 2 4; do
    status 0 dino-train -q -c t.yaml --ranks $n train.ranks=4 train.output_dir=by$n
    for f in training_metrics.json evaluation.json eval/training_23/teacher_checkpoint.safetensors; do
        same by1/$f by$n/$f
    done
done
status 0 dino-weights compare by1/model_0000023.rank_0.ckpt by2/model_0000023.rank_1.ckpt
check 'but not with another number of ranks' bash -c '! cmp -s by1/training_metrics.json run/training_metrics.json'
six="train.ranks=6 optim.epochs=1 evaluation.knn_val=all evaluation.allow_overlap=true"
status 0 dino-train -q -c t.yaml --ranks 3 $six train.output_dir=six
for n in 1 2; do
    status 0 dino-train -q -c t.yaml --ranks $n $six train.output_dir=six$n
    same six/evaluation.json six$n/evaluation.json
done
check 'scores before the first step, in the middle, and at the end' test "$(wc -l <six/evaluation.json)" = 3
status 0 dino-train -c t.yaml train.ranks=4 --plan
out_has 'sums of gradients over ranks'
status 2 dino-train -c t.yaml --ranks 2 train.ranks=3 train.output_dir=x
err_has 'train.ranks: 3 ranks cannot be shared evenly by 2 processes; start a number that divides it, or one process'

# ---- what is not there yet, and launchers that do not fit
sharding() { # strategy: of every part
    local part
    for part in student.backbone student.dino_head student.ibot_head teacher.backbone teacher.dino_head teacher.ibot_head; do
        echo compute_precision.$part.sharding_strategy=$1
    done
}
for strategy in FULL_SHARD NO_SHARD; do # run has SHARD_GRAD_OP
    status 0 dino-train -q -c t.yaml --ranks 2 train.output_dir=$strategy $(sharding $strategy)
    for f in training_metrics.json evaluation.json eval/training_23/teacher_checkpoint.safetensors; do
        same run/$f $strategy/$f
    done
done
status 0 dino-train -q -c t.yaml --ranks 3 train.ranks=6 optim.epochs=1 train.output_dir=six3 $(sharding FULL_SHARD)
same six/training_metrics.json six3/training_metrics.json
# What is planned for a process is what it takes: of networks that are larger than the program.
planned_is_taken() { # processes strategy
    local ranks=
    [ $1 -gt 1 ] && ranks="--ranks $1"
    rm -rf large
    dino-train -c t.yaml $ranks train.ranks=4 train.output_dir=large student.embed_dim=384 student.num_heads=6 student.depth=6 \
        dino.head_n_prototypes=16384 optim.epochs=1 train.OFFICIAL_EPOCH_LENGTH=2 optim.warmup_epochs=0 evaluation.knn_train= \
        evaluation.knn_val= -j1 $(sharding $2) 2>log || return 1
    awk '/were taken at most/ {
        for (i = 2; i < NF; i++) {
            if ($(i + 1) ~ /^[KMG]iB/) n[++k] = $i * ($(i + 1) ~ /^G/ ? 1024 : 1)
        }
        print n[1] " taken, " n[2] " planned"
        exit !(n[1] > 0.8 * n[2] && n[1] < 1.1 * n[2])
    }' log
}
check 'memory of one process, four ranks' planned_is_taken 1 NO_SHARD
for strategy in NO_SHARD SHARD_GRAD_OP FULL_SHARD; do
    check "memory of each of two, $strategy" planned_is_taken 2 $strategy
done
check 'memory of each of four' planned_is_taken 4 FULL_SHARD
# Bytes of a step by the formula of bench-processes.sh: 6 blocks and a head, one turn.
bytes_by_formula() {
    awk '/sent to other processes/ {
        C = 384; D = 6; p = 8; h = 32; b = 16; K = 16384; W = 4
        block = 12 * C * C + 13 * C + 2 * C
        P = D * block + C * (3 * p * p + 1) + C * (16 + 3) + 2 * C
        H = C * h + h + h * h + h + h * b + b + K * (b + 1)
        want = (W - 1) / W * (4 * (4 * P - block + 3 * H) + 8 * K * 28) / 2 ^ 20
        for (i = 2; i < NF; i++) if ($(i + 1) == "MiB") got = $i
        print got " MiB sent, " want " by the formula"
        exit !(got > 0.98 * want && got < 1.02 * want)
    }' log
}
check 'and what each of them sends' bytes_by_formula
status 2 dino-train -c t.yaml --ranks 2 train.output_dir=x compute_precision.student.backbone.sharding_strategy=NO_SHARD
err_has 'compute_precision.*.sharding_strategy: of student and teacher one is NO_SHARD, the other not'
status 2 dino-train -c t.yaml train.output_dir=x compute_precision.student.backbone.sharding_strategy=HYBRID_SHARD
err_has 'compute_precision.student.backbone.sharding_strategy'
status 0 dino-train -q -c t.yaml --ranks 2 optim.epochs=1 train.output_dir=ns
status 0 dino-train -c ns/config.yaml --ranks 2 train.output_dir=ns2
check 'settings of a run are those of another one' cmp ns/eval/training_11/teacher_checkpoint.safetensors \
    ns2/eval/training_11/teacher_checkpoint.safetensors
status 1 dino-train -c t.yaml train.output_dir=run
err_has 'run/model_0000023.set: of a run of 2 ranks, and this one would have 1, as many as processes: train.ranks=2 resumes it'
status 1 dino-train -c t.yaml --ranks 3 train.output_dir=run
err_has 'run/model_0000023.set: of a run of 2 ranks, and this one would have 3, as many as processes: train.ranks=2 resumes it'
status 0 dino-train -q -c t.yaml --ranks 2 train.output_dir=y train.resume=true \
    'train.resume_path=run/model_0000019.rank_{rank}.ckpt'
same run/model_0000023.rank_1.ckpt y/model_0000023.rank_1.ckpt
status 1 dino-train -c t.yaml --ranks 2 'train.output_dir=z{rank}'
err_has 'rank 1 differs from rank 0 in train.output_dir'
status 2 mpirun_n 2 dino-train -c t.yaml --ranks 3 train.output_dir=x
err_has '--ranks: is 3, and 2 processes are started'
status 2 mpirun_n 2 env WORLD_SIZE=4 dino-train -c t.yaml train.output_dir=x
err_has 'WORLD_SIZE=4, but for '
status 0 mpirun_n 2 env WORLD_SIZE=2 SLURM_NTASKS=4 SLURM_STEP_NUM_TASKS=1 SLURM_PROCID=0 \
    dino-train -q -c t.yaml optim.epochs=1 train.output_dir=w
check 'nothing was begun by what was refused' test ! -e x/log.txt
status 1 env PATH="$PWD/nothing" "$BUILD/dino-train" -c t.yaml --ranks 2 train.output_dir=x
err_has 'mpirun: No such file or directory: it comes with '
no_leftovers
done_testing
