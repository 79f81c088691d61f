# An output that cannot be written is an error before the work: every tool checks its outputs before it opens an input.
# The inputs here are fifos that nobody writes to: a tool that opened them first would wait.
. "$TESTS/cli/lib.sh"
mkfifo in && mkdir folder && echo >plain
told() { # file reason command...
    local file=$1 reason=$2
    shift 2
    status 1 timeout -s KILL 20 "$@"
    err_has "$file: $reason"
    check 'and nothing else' test "$(wc -l <err)" -eq 1
}
for place in 'nosuch/x:No such file or directory' 'folder:Is a directory' 'plain/x:Not a directory'; do
    x=${place%%:*} reason=${place#*:}
    told "$x" "$reason" dino-extract -w in in -o "$x"
    told "$x" "$reason" dino-augment -c in in -o "$x"
    told "$x" "$reason" dino-augment -c in in --sheet "$x"
    told "$x" "$reason" feat-cat in -o "$x"
    told "$x" "$reason" feat-cat in -o f --keys "$x"
    told "$x" "$reason" feat-knn in in -o "$x"
    told "$x" "$reason" feat-knn in in -r "$x"
    told "$x" "$reason" feat-logreg -t in -m "$x"
    told "$x" "$reason" feat-logreg -t in in -o "$x"
    told "$x" "$reason" feat-logreg -t in in -r "$x"
    told "$x" "$reason" dino-weights convert in -o "$x"
    told "$x" "$reason" bbu-index --layout annotations -o "$x" none
done
told nosuch/ 'Is a directory' feat-cat in -o nosuch/
"$BUILD/tests/datagen" -q --groups 2 d && bbu-index -q d -o d.index
told nosuch/x 'No such file or directory' bbu-pack -o nosuch/x d.index
told plain/x 'Not a directory' bbu-pack -o plain/x d.index
status 0 bbu-pack -q -o shards/ d.index
status 0 bbu-pack -q -o ./shards d.index
chmod 555 folder
nobody=$([ "$(id -u)" -ne 0 ] || echo setpriv --reuid 65534 --clear-groups)
if chmod 755 . && mkfifo -m 644 open && $nobody test -x "$BUILD/feat-cat" -a -r . 2>/dev/null; then
    told folder/x 'Permission denied' $nobody "$BUILD/feat-cat" open -o folder/x
else
    skip 'root may write everywhere, and nobody else can be tried' 'a folder that may not be written to'
fi
if command -v script >/dev/null 2>&1; then
    status 1 script -qec "timeout -s KILL 20 feat-cat in" /dev/null
    out_has 'standard output is a terminal'
else
    skip 'there is no script(1)' 'a terminal'
fi
status 0 timeout -s KILL 20 bash -c 'bbu-index -q d -o /dev/null && bbu-index -q d >x.index && bbu-index -q d -o z.index && cmp x.index z.index'
mkfifo drain
status 0 timeout -s KILL 20 bash -c 'cat drain >y.index & bbu-index -q d -o drain && wait && cmp x.index y.index'
no_leftovers
done_testing
