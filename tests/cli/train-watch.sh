# A run of several processes is watched: ranks that do not do the same, a rank that is slow, one that hangs, images that
# one of them cannot use.
. "$TESTS/cli/lib.sh"
. "$TESTS/cli/train-fixture.sh"
. "$TESTS/cli/mpi-fixture.sh"
several_processes 'watching several processes'
train_fixture || exit 1

# ---- a rank with other settings is named, and nothing is written
differ_in() { # text words-of-rank-1...
    local text=$1
    shift
    status 1 mpirun_n 1 dino-train -c t.yaml train.output_dir=x : -n 1 dino-train -c t.yaml train.output_dir=x "$@" :\
        -n 1 dino-train -c t.yaml train.output_dir=x
    err_has "rank 1 differs from the other ranks in $text"
    check 'nothing was written' bash -c '! ls x/model* x/config.yaml x/training_*'
}
differ_in optim.base_lr optim.base_lr=0.5
differ_in train.check_ranks_every train.check_ranks_every=7
differ_in train.saveckp_freq train.saveckp_freq=3
differ_in 'the contents of train.dataset_path' train.dataset_path=val
status 1 mpirun_n 1 dino-train -c t.yaml train.output_dir=y : -n 1 dino-train -c t.yaml train.output_dir=y train.seed=5
err_has 'rank 1 differs from rank 0 in train.seed'
check 'before the folder is made' test ! -e y
status 0 dino-train -c t.yaml --ranks 2 optim.epochs=1 train.check_ranks_every=1 train.output_dir=each
status 0 dino-train -c t.yaml --ranks 2 optim.epochs=1 train.check_ranks_every=0 train.output_dir=never
same each/model_0000011.rank_1.ckpt never/model_0000011.rank_1.ckpt
# ---- a rank that hangs is named, and the run ends to be started again
preload=$BUILD/tests/cli/fail-io.so
processes_of() { pgrep -f "^$BUILD/dino-train .*train.output_dir=$1"; } # folder: by rank, of --ranks
same_checkpoints() { # folder folder: the last of all ranks
    local f n=0
    for f in $(cd "$1" && ls model_0000023.*); do
        cmp "$1/$f" "$2/$f" || return 1
        n=$((n + 1))
    done
    [ $n -ge 2 ]
}
mkdir -p run/ranks && touch run/ranks/rank_2 # of three processes that were killed
status 0 dino-train -q -c t.yaml --ranks 2 train.output_dir=run
check 'no line of a rank is left' test ! -e run/ranks
mkdir -p fifo/ranks && mkfifo fifo/ranks/rank_1
status 1 dino-train -q -c t.yaml --ranks 2 train.output_dir=fifo
err_has 'rank 1: fifo/ranks/rank_1: '
hangs() { # folder rank: stopped, it does not answer, and nothing ends it but the others
    dino-train -q -c t.yaml --ranks 2 train.output_dir=$1 train.hang_seconds=5 optim.epochs=2 >hang.log 2>&1 &
    local pid=$! status
    wait_for $1/training_metrics.json || return 1
    kill -STOP "$(processes_of $1 | sed -n $((1 + $2))p)"
    wait $pid
    status=$?
    ! processes_of $1 && resumable $status
}
for rank in 0 1; do
    check "rank $rank is stopped: status 75, and no process is left" hangs h$rank $rank
    check 'it is named, by the other' grep -q \
        "dino-train: .*iteration [0-9]*: all_.* has not come back for 5 s (train.hang_seconds): .*rank $rank ($(hostname), silent for [0-9]* s) " \
        hang.log
    check 'in the log, too' grep -q "rank $rank ($(hostname), silent for" h$rank/log.txt
    status 0 dino-train -q -c t.yaml --ranks 2 train.output_dir=h$rank
    check 'the same command goes on to the same bytes' same_checkpoints run h$rank
    check 'and takes the lines of the ranks away' test ! -e h$rank/ranks
done
killed() { # rank 1, as by the kernel where memory runs out
    dino-train -q -c t.yaml --ranks 2 train.output_dir=k >killed.log 2>&1 &
    local pid=$! status
    wait_for k/training_metrics.json || return 1
    kill -KILL "$(processes_of k | sed -n 2p)"
    wait $pid
    status=$?
    case $status/$(cat "$BUILD/.mpi") in
    */mpich*) ! processes_of k ;;
    *) ! processes_of k && [ $status = 1 ] && grep -q 'dino-train: a process was ended by signal 9' killed.log ;;
    esac
}
check 'a rank is killed: no process is left, status 1, and the signal is named' killed
# One whose data do not come back is alive; it is not at a call, and the others wait there for it.
stuck() {
    mpirun_n 1 dino-train -q -c t.yaml train.output_dir=s train.hang_seconds=5 :\
        -n 1 env FAIL_IO=hang,path=all/,after=60 LD_PRELOAD="$preload" \
        dino-train -q -c t.yaml train.output_dir=s train.hang_seconds=5 >stuck.log 2>&1
    resumable $?
}
check 'a rank whose data do not come back: status 75' stuck
check 'its process is alive, which is said' \
    grep -q "rank 1 ($(hostname), its process is alive) has not arrived" stuck.log
suspended() { # longer than the limit, all of them: a batch system does that
    dino-train -q -c t.yaml --ranks 2 train.output_dir=p train.hang_seconds=2 >suspended.log 2>&1 &
    local pid=$!
    wait_for p/training_metrics.json || return 1
    kill -STOP $(processes_of p)
    sleep 4
    kill -CONT $(processes_of p)
    wait $pid
}
check 'a run that is suspended as a whole goes on' suspended
check 'to the same bytes' same_checkpoints run p
# ---- the check in mid-run
changed() { mpirun_n $1 "$BUILD/tests/mpi/test-run-check" t.yaml changed$1 >log 2>&1 || { cat log; return 1; }; }
for n in 2 3; do
    check "a state that becomes another one in one process of $n is found" changed $n
done
# ---- the slowest rank
plain="evaluation.eval_period_iterations=0 evaluation.knn_train= evaluation.knn_val= train.saveckp_freq=72"
check 'a line of times has the own time of ranks, and the slowest' grep -qE \
    '"own_time": [0-9.]+, "slowest_rank": [01], "slowest_time": [0-9.]+, "slowest_in": "(data|forward|backward|update)"}$' \
    run/training_times.json
status 0 mpirun_n 1 dino-train -c t.yaml $plain optim.epochs=2 train.output_dir=d :\
    -n 1 env FAIL_IO=slow,ms=250,path=all/ LD_PRELOAD="$preload" \
    dino-train -c t.yaml $plain optim.epochs=2 train.output_dir=d
check 'slow data of rank 1 are found' \
    grep -q '"slowest_rank": 1, "slowest_time": [0-9.]*, "slowest_in": "data"}' d/training_times.json
err_has "rank 1 ($(hostname)) is slower than the others, most in data: "
check 'a warning that is said once' test "$(grep -c 'is slower than the others' d/log.txt)" = 1
check 'and changes no byte' bash -c "dino-train -q -c t.yaml --ranks 2 $plain optim.epochs=2 train.output_dir=fast &&
    cmp d/model_0000023.rank_1.ckpt fast/model_0000023.rank_1.ckpt"

# ---- images that cannot be used are replaced, and all ranks know of each
damage() { # folder places...: in 32nds of the shard
    local at shard=$1/shard-00000-of-00001.shard
    shift
    for at in "$@"; do
        printf XXXX | dd of=$shard bs=1 seek=$(($(stat -c %s $shard) * at / 32)) conv=notrunc 2>/dev/null
    done
}
state_of() { bbu-info --json "$1" | grep -o '"replaced":{[^}]*}' | head -n 1; }
cp -r all holes
damage holes 9 20
four="train.dataset_path=holes train.max_replaced=0.1 train.ranks=4"
status 0 dino-train -c t.yaml $four train.output_dir=r1
check 'two images of thirty: two warnings' test "$(grep -c 'is damaged; replaced by ' err)" = 2
check 'the last line of the metrics counts their samples' grep -q '"replaced": [1-9]' r1/training_metrics.json
grep 'is damaged; replaced by ' err >named
for n in 2 4; do
    status 0 dino-train -c t.yaml $four --ranks $n train.output_dir=r$n
    check "$n processes: the same warnings, each once" cmp named <(grep 'is damaged; replaced by ' err)
    err_has 'samples used replacement images: 2 images of the data cannot be used'
    for f in training_metrics.json eval/training_23/teacher_checkpoint.safetensors; do
        same r1/$f r$n/$f
    done
    check 'the same in the checkpoints of all' test -n "$(state_of r1/model_0000023.rank_0.ckpt)" -a \
        "$(for r in $(seq 0 $((n - 1))); do state_of r$n/model_0000023.rank_$r.ckpt; done | sort -u)" = \
        "$(state_of r1/model_0000023.rank_0.ckpt)"
done
stopped() {
    dino-train -q -c t.yaml $four --ranks 2 train.output_dir=r3 &
    local pid=$!
    wait_for r3/training_metrics.json
    kill -TERM $pid
    wait $pid
    resumable $?
}
check 'stopped in between' stopped
status 0 dino-train -q -c t.yaml $four --ranks 4 train.output_dir=r3
same r1/training_metrics.json r3/training_metrics.json
# One too many ends all, with what was done saved and one message.
status 1 dino-train -c t.yaml $four --ranks 4 train.max_replaced=0.01 train.output_dir=many
err_has 'with it 2 of 30 images cannot be used, train.max_replaced=0.01 allows 1'
check 'said once' test "$(grep -c 'allows 1' err)" = 1
# A copy of the data that is damaged on one host alone.
ln -s all copy-0
ln -s holes copy-1
status 0 dino-train -c t.yaml --ranks 2 'train.dataset_path=copy-{rank}' train.max_replaced=0.1 train.output_dir=own
err_has 'replaced by '
check 'is known to both ranks' test -n "$(state_of own/model_0000023.rank_0.ckpt)" -a \
    "$(state_of own/model_0000023.rank_0.ckpt)" = "$(state_of own/model_0000023.rank_1.ckpt)"

# ---- views from a pipe are for one process
status 1 bash -c 'dino-augment -q -c t.yaml -n 2 all -o - |
    dino-train -c t.yaml --ranks 2 train.dataset_path=- train.output_dir=pipe'
err_has '-: a pipe cannot be read by 2 processes: write the views to a file (dino-augment -o FILE), or start one process, with train.ranks=2 for the same steps'
status 0 bash -c 'dino-augment -q -c t.yaml -n 48 all -o - |
    dino-train -q -c t.yaml train.ranks=2 train.dataset_path=- train.output_dir=pipe'
same run/training_metrics.json pipe/training_metrics.json
no_leftovers
done_testing
