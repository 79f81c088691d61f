# Every tool when the disk is full, a read, a sync or a rename fails, or the reader of its pipe has gone: status 1, one
# line with the reason, nothing incomplete, the older output unchanged.
. "$TESTS/cli/lib.sh"
. "$TESTS/cli/man-fixture.sh"
preload=$BUILD/tests/cli/fail-io.so
man_fixture "$scratch/work" || { check "the fixture is made" false; done_testing; }
cd work || exit 1

# Sanitizers and preloads do not go together.
if ldd "$BUILD/bbu-info" 2>/dev/null | grep -q 'lib[atu]*san'; then
    skip "sanitizer build" "failing calls"
    done_testing
fi
fail() { # settings command...
    local settings=$1
    shift
    FAIL_IO=$settings LD_PRELOAD=$preload "$@"
}
one_line() { check "one line on stderr" test "$(wc -l <err)" -eq 1; }

# The command writes NAME, which exists and must survive every failure, on file systems with and without unnamed files.
survives() { # name command...
    local name=$1 call
    shift
    for call in write,output fsync,output rename write,named fsync,named rename,named; do
        local path=,path=${name##*/}
        case $call in *output) path= ;; esac
        cp -a "$name" before 2>/dev/null
        status 1 fail "$call,errno=28$path" "$@"
        err_has "No space left"
        check "$name is as it was after a failing $call" diff -r "$name" before
        rm -rf before
        no_leftovers .
    done
    status 0 "$@"
    status 1 fail "read,after=1" "$@"
    err_has "nput/output error"
    no_leftovers .
}
survives bbu.index bbu-index -q bbu -o bbu.index
survives shards bbu-pack -q bbu.index -o shards
dino-augment -q shards --config tiny.yaml train.batch_size_per_gpu=2 -n 1 -o one.views
survives one.views dino-augment -q shards --config tiny.yaml train.batch_size_per_gpu=2 -n 1 -o one.views
survives train.feat dino-extract -q -w tiny.safetensors shards -o train.feat
# The weights are read and hashed at the same time: a read that fails in the midst of it ends both.
for j in 1 2 8; do
    for after in 3 30 60; do
        status 1 fail "read,after=$after,path=tiny.safetensors" dino-extract -q -j $j -w tiny.safetensors shards -o no.feat
        err_has "cannot read: Input/output error"
        one_line
        check "no output" test ! -e no.feat
        no_leftovers .
    done
    # ... and so does a block of a checkpoint whose hash is another than the one stored with it.
    cp "$(find run -name '*.ckpt' | sort | tail -n 1)" damaged.ckpt
    kib=$(($(stat -c %s damaged.ckpt) / 1024))
    dd if=/dev/zero of=damaged.ckpt bs=1K seek=$((kib * 2 / 5)) count=$((kib / 20)) conv=notrunc status=none
    status 1 dino-extract -q -j $j -w damaged.ckpt shards -o no.feat
    err_has "damaged.ckpt: teacher.backbone."
    err_has "cannot read: Bad message"
    one_line
    check "no output" test ! -e no.feat
    no_leftovers .
done
feat-cat -q train.feat --json -o train.json
survives train.json feat-cat -q train.feat --json -o train.json
dino-weights -q convert tiny.safetensors -o tiny.pth
survives tiny.pth dino-weights -q convert tiny.safetensors -o tiny.pth

# Unnamed files that cannot get a name, with an older file and without: the work is not lost.
for name in train.json new.json; do
    rm -rf before
    status 0 fail link,errno=1 feat-cat -q train.feat --json -o $name
    status 0 feat-cat -q train.feat --json -o before
    same $name before
done
status 1 fail link,errno=28 feat-cat -q train.feat --json -o other.json
err_has "other.json: No space left"
status 1 fail close,output feat-cat -q train.feat --json -o other.json
err_has "other.json: Input/output error"
check "no name was given" test ! -e other.json
no_leftovers .
# A folder replaces an older one even if the file system cannot exchange them in one step.
status 0 fail exchange,errno=22 bbu-pack -q bbu.index -o shards
no_leftovers .
check "nothing was left aside" bash -c '! ls -A | grep -F .old'

# Beyond ulimit -f a write fails, with its reason.
for mode in write,after=999999 write,after=999999,named; do
    status 1 bash -c "ulimit -f 1; FAIL_IO=$mode LD_PRELOAD=$preload exec bbu-pack -q bbu.index -o large"
    err_has "File too large"
    one_line
    check "nothing is there" test ! -e large
    no_leftovers .
done

# A full disk and a closed pipe on standard output. A tool whose reader has gone ends as other programs do: by SIGPIPE,
# without a message, and leaves nothing incomplete. If it was started with SIGPIPE ignored it reports an error.
closed() { # signal-setting command...: its standard output has no reader any more; its status
    (sleep 0.3; exec env "$1=PIPE" timeout --foreground 60 "${@:2}" 2>err) | true
    return "${PIPESTATUS[0]}"
}
while read -r command; do
    status 1 bash -c "$command >/dev/full"
    err_has "No space left"
    closed --default-signal $command
    check "$command into a closed pipe: SIGPIPE" test $? -eq 141
    err_lacks "roken pipe"
    closed --ignore-signal $command
    check "$command into a closed pipe, SIGPIPE ignored: status 1" test $? -eq 1
    err_has "standard output: Broken pipe"
    no_leftovers .
done <<'END'
feat-cat -q --text train.feat
feat-cat -q train.feat
feat-cat -q --npy --keys train.keys train.feat
feat-knn -q --allow-overlap train.feat val.feat
feat-logreg -q --allow-overlap -C 1 -t train.feat --val val.feat
bbu-info bbu.index
bbu-info -l train.feat
bbu-index -h
bbu-index -q --json bbu -o bbu.index
bbu-pack -q --json bbu.index -o shards
dino-augment -q shards --config tiny.yaml train.batch_size_per_gpu=2 -n 1
dino-extract -q -w tiny.safetensors shards
dino-train --print-config
dino-train --plan
dino-weights list tiny.safetensors
dino-weights -q convert tiny.safetensors -o -
END
mkfifo fifo
(sleep 0.3; exec feat-cat -q --text train.feat train.feat train.feat train.feat train.feat train.feat -o fifo 2>err; ) &
pid=$!
: <fifo
wait $pid
check "another pipe than standard output is reported: status 1" test $? -eq 1
err_has "fifo: Broken pipe"
cd "$scratch" || exit 1
done_testing
