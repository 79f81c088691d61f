# A run that is killed at any moment and resumed ends in the same bytes as one that was not, and so does a run with
# another number of threads. SIGKILL at random moments, at least ten times, with a checkpoint at every iteration, so
# that most kills come after one. KILL_SEED draws other moments, KILL_SIGNAL=TERM sends another signal.
. "$TESTS/cli/lib.sh"
. "$TESTS/cli/train-fixture.sh"
train_fixture || exit 1

# ---- not killed, one thread and three; the first run is timed
began=$(date +%s%N)
status 0 dino-train -q -j1 -c t.yaml train.output_dir=straight train.saveckp_freq=1 train.teacher_pth=true
took_ms=$((($(date +%s%N) - began) / 1000000))
status 0 dino-train -q -j3 -c t.yaml train.output_dir=threads train.saveckp_freq=1 train.teacher_pth=true
same_results straight threads

# ---- killed at random moments: most attempts first write a checkpoint, every fourth is killed at any time
command="dino-train -q -j2 -c t.yaml train.output_dir=killed train.saveckp_freq=1 train.teacher_pth=true"
newest() { find killed -name 'model_*.ckpt' 2>/dev/null | sort | tail -n 1; }
RANDOM=${KILL_SEED:-20241} kills=0 after=0
for attempt in $(seq 60); do # then the last attempt takes the time it needs
    before=$(newest)
    $command >out 2>err &
    pid=$!
    while [ $((attempt % 4)) -ne 0 ] && [ "$(newest)" = "$before" ] && kill -0 $pid 2>/dev/null; do
        sleep 0.005
    done
    wait_ms=$((RANDOM % (took_ms / 4 + 10)))
    sleep "$((wait_ms / 1000)).$(printf %03d $((wait_ms % 1000)))"
    kill -${KILL_SIGNAL:-KILL} $pid 2>/dev/null
    wait $pid 2>/dev/null
    got=$?
    [ $got -eq 137 ] || [ $got -eq 75 ] || [ $got -eq 0 ] || break
    [ $got -ne 0 ] && kills=$((kills + 1))
    [ $got -ne 0 ] && [ -n "$(newest)" ] && after=$((after + 1))
    [ $got -ne 0 ] && continue
    [ $kills -ge 12 ] && break
    # Over before twelve kills: start again and kill sooner. Every start must end in the same bytes.
    rm -rf killed
    took_ms=$((took_ms / 2))
done
status 0 $command
echo "# $kills kills, $after of them after a checkpoint, $(grep -c 'Resumed training' killed/log.txt) times resumed"
check "at least ten kills" test $kills -ge 10
check "most of them after a checkpoint" test $((2 * after)) -ge $kills
same_results straight killed
no_leftovers killed

# ---- stopped by SIGTERM: the step is finished, the state saved, 75; the same command resumes
dino-train -j2 -c t.yaml train.output_dir=stopped train.teacher_pth=true train.saveckp_freq=1000 >out 2>err &
stop_by_term $! stopped
got=$?
check "SIGTERM: status 75 (or the run was over: 0), not $got" test $got -eq 75 -o $got -eq 0
[ $got -eq 75 ] && err_has 'dino-train: SIGTERM: stopping after the current iteration is saved'
[ $got -eq 75 ] && err_has 'dino-train: stopped by SIGTERM after iteration'
check "the state is saved" bash -c 'ls stopped/model_*.ckpt'
status 0 dino-train -c t.yaml train.output_dir=stopped train.teacher_pth=true train.saveckp_freq=1000
[ $got -eq 75 ] && err_has 'Rank 0: Resumed training from checkpoint stopped/model_'
same_results straight stopped
done_testing
