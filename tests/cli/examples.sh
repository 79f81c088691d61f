# The examples that are scripts: they run where make install puts them, with no source or build beside them, and neither
# they nor make remove what they did not make.
. "$TESTS/cli/lib.sh"
root=$(cd "$TESTS/.." && pwd) source=$BUILD
unset B BUILD
status 0 make -s -C "$root" B="$source" DEPS=0 install DESTDIR="$PWD/dest" PREFIX=/usr
examples=$PWD/dest/usr/share/doc/dinotools/examples
check 'completions, too' test -s dest/usr/share/bash-completion/completions/feat-drift -a \
    -s dest/usr/share/zsh/site-functions/_feat-drift -a -s dest/usr/share/fish/vendor_completions.d/feat-drift.fish
check 'job scripts, too' test -x "$examples/slurm/train-node.sh" -a -s "$examples/cluster.md" -a -x "$examples/again.sh"
status 75 env PAUSE=0 "$examples/again.sh" sh -c 'kill -TERM "$PPID"; exit 75' # told to end: it starts nothing more
installed() { PATH=$scratch/dest/usr/bin:/usr/bin:/bin "$@"; }

# ---- the demo, into a folder of its own, again, and not into somebody's
status 0 installed "$examples/demo.sh" --quick 'my demo'
out_has "training, without labels: seconds"
out_has "These scores say nothing"
check "no minutes" lacks minute out
check 'a table of ten rows' test "$(grep -cE '(k-NN|logreg) +[01]\.[0-9]+ \[' 'my demo/scores.txt')" = 10
out_has "$PWD/my demo/crops.jpg"
check 'a verdict on each of the new installations' test "$(grep -c '^{"installation":.*"verdict":"\(pass\|review\|fail\)"' 'my demo/verdicts.json')" = 12
check 'and the page that shows them, with pictures' bash -c 'grep -q "data:image/jpeg" "$1" && grep -q "</html>" "$1"' - 'my demo/report.html'
check 'what was promised' grep -q '^at most  *50 %, 50 % sure  *50 % on average' out
. "$TESTS/cli/mpi-fixture.sh"
BUILD=$source
if why=$(mpi_missing); then
    skip "$why" 'the training of the demo by two processes'
    check 'nothing is said about them' lacks 'two ranks' out
else
    two=$(grep -A 1 'Another training, of two ranks' out | tail -n 1)
    status 0 installed bash -c "$two"
    err_has '2 processes by '
    err_has '4 iterations of 8 images'
    check 'in a folder of its own' test -s 'my demo/run-of-two/training_metrics.json'
fi
unset BUILD
echo precious >'my demo/notes'
cp 'my demo/scores.txt' first
status 0 installed "$examples/demo.sh" --quick 'my demo'
same first 'my demo/scores.txt'
check 'what else is there stays' test "$(cat 'my demo/notes')" = precious
mkdir theirs && echo precious >theirs/scores.txt
status 1 installed "$examples/demo.sh" --quick theirs
err_has 'demo.sh: theirs: is there and is no demo'
check 'it stays as it was' test "$(ls -A theirs) $(cat theirs/scores.txt)" = 'scores.txt precious'
status 2 installed "$examples/demo.sh" --nosuch
mkdir moved && cp -r "$examples" moved # away from the tools
status 1 env PATH=/usr/bin:/bin moved/examples/demo.sh --quick other
err_has 'demo.sh: bbu-index is not there'
# From an empty folder, by their path alone: they take the tools that were installed with them, not those on PATH.
mkdir -p empty wrong && printf '#!/bin/sh\necho wrong >&2\nexit 1\n' >wrong/bbu-index && chmod +x wrong/bbu-index
status 0 env -C empty PATH="$PWD/wrong:/usr/bin:/bin" "$examples/demo.sh" --quick
check 'in demo/ there' test -s empty/demo/scores.txt
status 1 env HELPERS=/nosuch PATH="$PWD/dest/usr/bin:/usr/bin:/bin" "$examples/demo.sh" --quick other
err_has 'demo.sh: datagen is not there'
check 'nothing is begun' test ! -e other

# ---- the other scripts
status 1 env HELPERS=/nosuch PATH="$PWD/dest/usr/bin:/usr/bin:/bin" "$examples/bench.sh" quick
err_has 'bench.sh: bench is not there'
check 'its helpers are there' test -x dest/usr/libexec/dinotools/bench -a -x dest/usr/libexec/dinotools/bench-step
status 0 dest/usr/libexec/dinotools/bench-run -n 1 -u runs -f 0 nothing true
status 2 installed "$examples/elpv.sh"
err_has 'which DATASET?'
"$source/tests/datagen" -q --groups 24 --width 64 --seed 4 cells
EPOCHS=3 status 0 installed "$examples/elpv.sh" cells compared
check 'six rows' test "$(grep -cE '^\| (plain|untrained|trained) \| (knn|logreg) \| [01]\.' compared/table.md)" = 6
check 'so few installations cannot promise what is asked' grep -Eq 'needs [0-9]+ faulty .*good installations' err
relabel() { # list: a negative installation is positive
    local group
    group=$(grep -m 1 '"gt_label": 0' "$1" | sed 's/.*"group_id": "\([^"]*\).*/\1/')
    sed -i "/\"group_id\": \"$group\"/s/\"gt_label\": 0/\"gt_label\": 1/" "$1"
}
relabel cells/annotations/train.json
EPOCHS=3 status 1 installed "$examples/elpv.sh" cells compared
err_has 'belongs to another run'
# ---- how often promises are kept
status 2 installed "$examples/promises-report.sh" features
err_has 'usage: promises-report.sh FEATURES FOLDER [KEY]'
"$source/tests/featgen" -q -g 60 -n 2 --cameras 10 -o cameras.feat
DIVISIONS=3 PROMISE=30%,0 status 0 installed "$examples/promises-report.sh" cameras.feat promises camera
check 'both promises, with folds of groups and of cameras' test \
    "$(grep -cE '^\| (groups|camera) \| (missed|alarms) 30%,0 \| 3 \| [0-9.]+ % \+- [0-9.]+ \| 2[0-9]\.[0-9] % \| [0-9]+ % \|$' out)" = 4
check 'cameras are set aside whole, four of ten, two of each label' test "$(wc -l <promises/known)" = 36
# ---- what precisions cost
status 2 installed "$examples/precision-report.sh" weights
err_has 'usage: precision-report.sh WEIGHTS FOLDER SET...'
status 2 installed "$examples/precision-report.sh" "$TESTS/golden/vit_plain.pth" report nosuch
err_has 'nosuch: no such folder'
status 1 installed "$examples/precision-report.sh" nosuch.pth report cells
err_has 'nosuch.pth'
mkdir pictures && cp cells/test/*/*-0.jpeg pictures
CHECK=5 RESIZE=56 LIMIT=1 status 0 installed "$examples/precision-report.sh" "$TESTS/golden/vit_plain.pth" report cells pictures
check 'a row of float32 for each set' test "$(grep -cE '^\| (cells|pictures) \| f32 \| 1 \| 1 \| 1 ' report/table.md)" = 2
if dino-extract -q -w "$TESTS/golden/vit_plain.pth" --precision bf16 pictures/*.jpeg -o bf16.feat 2>/dev/null; then
    check 'bf16: cosines, and differences with intervals' grep -qE '^\| cells \| bf16 \| [01]\.[0-9]+ \| [01]\.[0-9]+ \| [01]\.[0-9]+ \| [01]\.[0-9]+ \| [-+]0\.[0-9]+ \[[-+]0\.[0-9]+, [-+]0\.[0-9]+\] \| [01]\.[0-9]+ \| [-+]0\.[0-9]+ \[' report/table.md
    check 'pictures without labels: cosines' grep -qE '^\| pictures \| bf16 \| [01]\.[0-9]+ \| [01]\.[0-9]+ \| [01]\.[0-9]+ \| \| \| \| \|$' report/table.md
else
    skip 'no bf16 instructions' 'rows of bf16'
fi
status 0 installed make -f "$examples/experiment.mk" DATASET=cells RUNS=a SCORE='-C 1 --resamples 0' \
    TRAIN='optim.epochs=1 optim.warmup_epochs=0 train.OFFICIAL_EPOCH_LENGTH=1 train.batch_size_per_gpu=4' SIZE=48 PACK=--store=rgb
out_has 'a, untrained'

# ---- uninstall takes away what was installed, clean what was built
echo precious >"$examples/notes"
status 0 make -s -C "$root" B="$source" DEPS=0 uninstall DESTDIR="$PWD/dest" PREFIX=/usr
check 'one file is left' test "$(find dest ! -type d)" = "${examples#"$PWD/"}/notes"
mkdir -p tree/build-notes tree/build-x/formats tree/build/formats && touch tree/build-notes/precious
status 0 make -s -C tree -f "$root/Makefile" DEPS=0 clean
check 'clean removes builds, and no other folder' test "$(ls tree)" = build-notes
done_testing
