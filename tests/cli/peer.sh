# make bench PEER=PYTHON: rounds in turn, ratios, and what is said of a program that is missing. The other side is played
# by a script; serve.py itself is asked only what it says where nothing is installed.
. "$TESTS/cli/lib.sh"
compare=$TESTS/peer/compare.sh
PATH=$BUILD/tests:$PATH
export BENCH_DEPTH=3 # enough for a block in int8
cat >fake <<'END'
#!/bin/bash
# serve.py's side of the conversation: one program that takes twice as long in every round, one that fails.
echo "$*" >>"$ASKED"
printf 'contender\tSteady\nwithout\tAbsent\tModuleNotFoundError: no such thing\ncontender\tBroken\nready\n'
s=1
while read -r name; do
    echo "$name" >>"$ASKED"
    if [ "$name" = Broken ]; then echo "failed	out of paper"; else printf '%s\t%s\n' $s $((3 * s)); fi
    s=$((2 * s))
done
END
chmod +x fake

# ---- the conversation
export ASKED=$PWD/asked RECORD=$PWD/record
ROUNDS=3 status 0 env B="$BUILD" "$compare" "$PWD/fake" extract:vit_small:28:2
out_has 'vit_small/14 forward, 28 pixels, batch 2, 3 rounds'
out_has '  without Absent: ModuleNotFoundError: no such thing'
out_has '  Broken: failed'
check 'asked in turn' cmp <(sed 1d asked) <(printf 'Steady\nBroken\nSteady\nBroken\nSteady\nBroken\n')
check 'serve.py is named, and its work' grep -qE '/serve\.py extract vit_small 28 2$' asked
check 'the record has all rounds of those that answered' \
    test "$(cut -f 2,3 record | sort -u | grep -c 'ours f32\|Steady')" = 6
check 'seconds of ours are a number' awk -F'\t' 'NF != 5 || $4 <= 0 || $5 <= 0 {exit 1}' record
for precision in $(bench precisions); do
    check "ours in $precision" grep -qE "^  ours $precision +[0-9.]+ \[" out
done
ROUNDS=1 status 0 env B="$BUILD" "$compare" "$PWD/fake" knn:40:10 logreg:20 step:1:16:0 start
for work in 'k-NN, 30 x 120 x 384' 'logistic regression, 60 x 384' 'training step, vit_small/14, batch 1, 16 prototypes' \
    'start to the first feature'; do
    check "a table of $work" grep -qF "$work" out
done
check 'each has a ratio in both tables' test "$(grep -cE '^  Steady .*\] +[0-9.]+ \[' out)" = 8
ROUNDS=1 status 0 env B="$BUILD" "$compare" /no/such/python extract:vit_small:28:1
out_has '/no/such/python ended:'
check 'ours is timed all the same' grep -qE '^  ours f32 +[0-9.]+ \[' out
status 2 env B="$BUILD" "$compare" "$PWD/fake" nonsense:1
err_has 'compare.sh: nonsense:1: no such work'

# ---- ratios: medians of rounds of 1, 2 and 4 seconds against 2, 8 and 4; processors half of that
for round in 1:1:2 2:2:8 3:4:4; do
    IFS=: read -r i mine other <<<"$round"
    printf 'w\t%s\tours f32\t%s\t%s\nw\t%s\tother\t%s\t%s\n' "$i" "$mine" "$mine" "$i" "$other" "$other"
done | awk '{print} NR == 1 {print "another\t1\tours f32\t9\t9"}' >rounds
awk -F'\t' -v work=w -v title=t -v show=rate -f "$TESTS/peer/ratios.awk" rounds >out
check 'speed of ours' grep -qE '^  ours f32 +0\.50 \[0\.25, 1\.00\] *$' out
check 'speed and ratio of the other' grep -qE '^  other +0\.25 \[0\.12, 0\.50\] +2\.00 \[1\.00, 4\.00\] *$' out
check 'milliseconds of processors' grep -qE '^  other +4000 \[2000, 8000\] +2\.00 \[1\.00, 4\.00\] *$' out

# ---- serve.py where nothing is installed
if python3 -c 'import sys; assert sys.version_info >= (3, 8)' 2>/dev/null; then
    echo nonsense >asked
    status 0 python3 -S "$TESTS/peer/serve.py" knn no.npy no.npy 3 <asked
    check 'what is missing' grep -qE '^without	faiss	ModuleNotFoundError: ' out
    check 'then it is ready' grep -qx 'ready' out
    check 'an unknown name fails' grep -qE '^failed	KeyError' out
    status 1 python3 -S "$TESTS/peer/serve.py" nonsense
    err_has 'usage: serve.py extract'
else
    skip 'no python3' 'serve.py without its libraries'
fi
done_testing
