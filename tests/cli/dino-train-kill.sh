# A run that is killed at any moment and resumed ends in the same bytes as one that was not, and so does a run with
# another number of threads. SIGKILL at random moments, at least ten times, with a checkpoint at every iteration, so
# that most kills fall behind one.
. "$TESTS/cli/lib.sh"
. "$TESTS/cli/train-fixture.sh"
train_fixture || exit 1

# ---- straight, one thread and three; the whole run once to know how long it takes
began=$(date +%s%N)
status 0 dino-train -q -j1 -c t.yaml train.output_dir=straight train.saveckp_freq=1 train.teacher_pth=true
took_ms=$((($(date +%s%N) - began) / 1000000))
status 0 dino-train -q -j3 -c t.yaml train.output_dir=threads train.saveckp_freq=1 train.teacher_pth=true
same_results straight threads

# ---- killed: each attempt gets a random time, longer and longer, so that it ends in the end
command="dino-train -q -j2 -c t.yaml train.output_dir=killed train.saveckp_freq=1 train.teacher_pth=true"
RANDOM=20241 kills=0 behind=0
for attempt in $(seq 40); do # then the last attempt takes the time it needs
    wait_ms=$((10 + RANDOM % (took_ms / 3 + 20)))
    $command >out 2>err &
    pid=$!
    sleep "$((wait_ms / 1000)).$(printf %03d $((wait_ms % 1000)))"
    kill -KILL $pid 2>/dev/null
    wait $pid 2>/dev/null
    got=$?
    [ $got -eq 137 ] || [ $got -eq 0 ] || break
    [ $got -eq 137 ] && kills=$((kills + 1))
    [ $got -eq 137 ] && ls killed/model_*.ckpt >/dev/null 2>&1 && behind=$((behind + 1))
    # A run that was over before ten kills begins again: every beginning must end in the same bytes.
    [ $got -eq 0 ] && { [ $kills -ge 12 ] && break || rm -rf killed; }
done
status 0 $command
echo "# $kills kills, $behind of them behind a checkpoint, $(grep -c 'Resumed training' killed/log.txt) times resumed"
check "at least ten kills" test $kills -ge 10
check "most of them behind a checkpoint" test $((2 * behind)) -ge $kills
same_results straight killed
no_leftovers killed

# ---- stopped politely: the step is finished, the state saved, 75; the same command goes on
dino-train -j2 -c t.yaml train.output_dir=stopped train.teacher_pth=true train.saveckp_freq=1000 >out 2>err &
pid=$!
for i in $(seq 200); do
    [ -s stopped/training_metrics.json ] && break
    sleep 0.02
done
kill -TERM $pid
wait $pid
got=$?
check "SIGTERM: status 75 (or the run was over: 0), not $got" test $got -eq 75 -o $got -eq 0
[ $got -eq 75 ] && err_has 'dino-train: SIGTERM: the run stops when what is in work is done and saved'
[ $got -eq 75 ] && err_has 'dino-train: stopped by SIGTERM behind iteration'
check "the state is saved" bash -c 'ls stopped/model_*.ckpt'
status 0 dino-train -c t.yaml train.output_dir=stopped train.teacher_pth=true train.saveckp_freq=1000
[ $got -eq 75 ] && err_has 'Rank 0: Resumed training from checkpoint stopped/model_'
same_results straight stopped
done_testing
