# No handler may interrupt a thread that computes (signals.h says why): SIGTERM and SIGINT are blocked in every thread
# of a tool at work, and caught by no handler. A tool that a signal ends leaves nothing half-written.
. "$TESTS/cli/lib.sh"
"$BUILD/tests/datagen" -q --groups 3 --width 64 bbu
bbu-index -q bbu -o bbu.index && bbu-pack -q bbu.index -o shards
cp "$TESTS/../examples/tiny.yaml" .

blocked() { # pid: all threads but the one that waits block SIGINT (bit 2) and SIGTERM (bit 4000), no handler is set
    local task mask n_open=0
    for task in /proc/"$1"/task/*; do
        mask=$((16#$(awk '/^SigBlk/ {print $2}' "$task/status")))
        [ $((mask & 0x4002)) -eq $((0x4002)) ] || n_open=$((n_open + 1))
    done
    [ $n_open -le 1 ] || return 1
    mask=$((16#$(awk '/^SigCgt/ {print $2}' "/proc/$1/status")))
    [ $((mask & 0x4002)) -eq 0 ]
}
wait_for() { # command...: until it succeeds, ten seconds at most
    local i
    for i in $(seq 200); do "$@" && return; sleep 0.05; done
    return 1
}

dino-train -q -c tiny.yaml train.dataset_path=shards train.batch_size_per_gpu=2 >out 2>err &
pid=$!
check "the run begins" wait_for test -e run/training_metrics.json
check "dino-train: signals reach no thread that computes" blocked $pid
kill -TERM $pid
wait $pid
check "SIGTERM: status 75" test $? -eq 75
no_leftovers .

dino-augment -q -c tiny.yaml train.dataset_path=shards train.batch_size_per_gpu=2 -o some.views >out 2>err &
pid=$!
check "the views begin" wait_for bash -c 'ls .some.views.*.tmp >/dev/null 2>&1'
check "dino-augment: signals reach no thread that computes" blocked $pid
kill -INT $pid
wait $pid
check "SIGINT ends it as it ends any program" test $? -eq 130
check "no views" test ! -e some.views
no_leftovers .
done_testing
