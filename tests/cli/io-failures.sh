# Every tool when the disk is full, a read fails, a sync or a rename fails, or the reader of its pipe has gone:
# status 1, one line that says what, nothing half-written, the older output still there.
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

# output NAME: the command writes NAME, which exists and must survive every failure.
survives() { # name command...
    local name=$1 call
    shift
    for call in write fsync rename; do
        local path=${name##*/}
        cp -a "$name" before 2>/dev/null
        status 1 fail "$call,errno=28,path=$path" "$@"
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
feat-cat -q train.feat --json -o train.json
survives train.json feat-cat -q train.feat --json -o train.json
dino-weights -q convert tiny.safetensors -o tiny.pth
survives tiny.pth dino-weights -q convert tiny.safetensors -o tiny.pth

# A full disk and a closed pipe on standard output.
for command in "feat-cat --text train.feat" "bbu-info bbu.index" "feat-knn --allow-overlap train.feat val.feat" "bbu-index -h"; do
    status 1 bash -c "$command >/dev/full"
    err_has "No space left"
    check "$command into a closed pipe ends by itself" bash -c "set -o pipefail; timeout 60 $command 2>/dev/null | head -c 1 >/dev/null; [ \${PIPESTATUS[0]} -le 1 ]"
done
cd "$scratch" || exit 1
done_testing
