# No handler may interrupt a thread that computes (see signals.h): signals are blocked in every thread of a tool, and no
# handler catches them. A tool that a signal ends leaves nothing incomplete; dino-train saves.
. "$TESTS/cli/lib.sh"
. "$TESTS/cli/train-fixture.sh"
preload=$BUILD/tests/cli/fail-io.so
train_fixture || exit 1
ulimit -c 0

masked=$((0x6806a07)) # 1 HUP, 2 INT, 3 QUIT, 10 USR1, 12 USR2, 14 ALRM, 15 TERM, 24 XCPU, 26 VTALRM, 27 PROF
blocked() { # pid: all threads but the one that waits block the signals (bit n - 1 is signal n), and no handler is set
    local task mask n_open=0
    for task in /proc/"$1"/task/*; do
        mask=$((16#$(awk '/^SigBlk/ {print $2}' "$task/status")))
        [ $((mask & masked)) -eq $masked ] || n_open=$((n_open + 1))
    done
    [ $n_open -le 1 ] || return 1
    mask=$((16#$(awk '/^SigCgt/ {print $2}' "/proc/$1/status")))
    [ $((mask & masked)) -eq 0 ]
}
wait_for() { # command...: until it succeeds, ten seconds at most
    local i
    for i in $(seq 200); do "$@" && return; sleep 0.05; done
    return 1
}
nameless() { ls -l /proc/"$1"/fd 2>/dev/null | grep -q '/#[0-9]* (deleted)'; } # pid: has a file that has no name yet
writes() { nameless "$1" || ls -A | grep -q '^\..*\.tmp$'; }
begin() { # command...: in the background, pid in $pid; its signals are as a shell in the foreground would have them
    "$@" >out 2>err &
    pid=$!
}

# ---- dino-train: the step is finished, the state saved, 75
for signal in TERM INT HUP USR1 USR2 XCPU ALRM VTALRM PROF; do
    rm -rf run
    begin dino-train -c t.yaml optim.epochs=1000
    wait_for test -s run/training_metrics.json
    [ $signal != TERM ] || check "dino-train: signals reach no thread that computes" blocked $pid
    kill -$signal $pid
    wait $pid
    check "dino-train, SIG$signal: status 75" test $? -eq 75
    check "the state is saved" bash -c 'ls run/model_*.ckpt'
    err_has "stopped by SIG$signal after iteration"
    no_leftovers .
done
rm -rf run
begin dino-train -c t.yaml optim.epochs=1000
wait_for test -s run/training_metrics.json
kill -QUIT $pid
wait $pid
check "dino-train, SIGQUIT: it ends at once" test $? -eq 131
rm -rf run
status 75 bash -c 'ulimit -S -t 1; exec dino-train -c t.yaml optim.epochs=100000'
err_has 'stopped by SIGXCPU after iteration'
rm -rf run
begin bash -c 'trap "" USR1; exec dino-train -q -c t.yaml optim.epochs=1000'
wait_for test -s run/training_metrics.json
kill -USR1 $pid
lines=$(wc -l <run/training_metrics.json)
wait_for bash -c '[ $(wc -l <run/training_metrics.json) -gt '$((lines + 1))' ]'
check "a signal that is ignored stays so" kill -0 $pid
kill -TERM $pid
wait $pid

# ---- the others end as the signal ends any program
begin dino-augment -q -c t.yaml -o some.views -n 100000 all
check "the views begin" wait_for writes $pid
check "dino-augment: signals reach no thread that computes" blocked $pid
kill -INT $pid
wait $pid
check "SIGINT ends it as it ends any program" test $? -eq 130
check "no views" test ! -e some.views
no_leftovers .

# Even SIGKILL leaves nothing of a file on a file system with unnamed files.
for before in new old; do
    begin dino-augment -q -c t.yaml -o some.views -n 100000 all
    wait_for writes $pid
    nameless $pid && has=1 || has=
    kill -KILL $pid
    wait $pid 2>/dev/null
    if [ "$has" ]; then no_leftovers .; else skip "this file system has only named files" "SIGKILL"; fi
    rm -f .*.tmp
    [ $before = new ] && check "nor the file" test ! -e some.views
    [ $before = old ] && check "the older file is as it was" cmp some.views t.yaml
    cp t.yaml some.views
done
rm some.views

if ldd "$BUILD/bbu-info" 2>/dev/null | grep -q 'lib[atu]*san'; then
    skip "sanitizer build" "slow reads"
    done_testing
fi
number_of() { kill -l "$1"; }
for signal in HUP INT QUIT TERM USR1 USR2 XCPU ALRM VTALRM PROF; do
    # A folder, and a file on a file system without unnamed files.
    begin env FAIL_IO=slow LD_PRELOAD="$preload" bbu-pack -q -j1 bbu.index -o packed
    wait_for writes $pid
    kill -$signal $pid
    wait $pid
    check "bbu-pack, SIG$signal" test $? -eq $((128 + $(number_of $signal)))
    begin env FAIL_IO=slow,named LD_PRELOAD="$preload" dino-augment -q -j1 -c t.yaml -o some.views -n 100000 all
    wait_for writes $pid
    kill -$signal $pid
    wait $pid
    check "dino-augment, SIG$signal" test $? -eq $((128 + $(number_of $signal)))
    check "no output" test ! -e packed -a ! -e some.views
    no_leftovers .
done

# ---- bbu-pack, ended while shards get their names: the whole folder is removed
"$BUILD/tests/datagen" -q --groups 8 --width 96 packed && bbu-index -q packed -o packed.index
mkdir pack
for i in $(seq 30); do
    bbu-pack -q -j2 packed.index -o pack/o --shard-bytes 4K 2>/dev/null &
    worker=$!
    sleep "0.0$((i % 5))$((i % 10))"
    kill -TERM $worker 2>/dev/null
    wait $worker
done 2>/dev/null
check 'nothing half-written is left of 30 packs' bash -c '! ls -A pack | grep -v "^o$"'
done_testing
