#!/bin/bash
# demo.sh - from photographs to verdicts in a few minutes, without a GPU and without data of your own: draws photographs
# of base-band units, indexes and packs them, trains a tiny network without labels, and compares three kinds of features
# (mean and deviation of the colours, the untrained network, the trained one) by nearest neighbours and by logistic
# regression. Then makes an inspector, which judges new photographs, and a page that shows its verdicts. `make demo` calls
# it.
#
#   demo.sh [--quick] [FOLDER]     everything is written there [demo, in the source tree build/demo]
#
# --quick only shows that all works: few photographs, seconds of training, scores without meaning. FOLDER must be new or
# empty, or be that of an earlier demo, whose files are then made anew.
set -euo pipefail
. "$(dirname "$0")/find-tools.sh"
groups=${DEMO_GROUPS:-300} settings=() takes="a minute or two" trained="after minutes, on a few hundred photographs,"
worth= half=12 promises=(--missed 20%,80% --alarms 10%)
if [ "${1:-}" = --quick ]; then
    groups=${DEMO_GROUPS:-30} takes=seconds trained="after seconds, on a few dozen photographs,"
    worth="These scores say nothing: --quick only shows that all works.
"
    settings=(optim.epochs=1 optim.warmup_epochs=0 train.OFFICIAL_EPOCH_LENGTH=4 train.batch_size_per_gpu=8) half=4
    promises=(--missed 50%,50% --alarms 50%)
    shift
fi
case ${1:-} in -*) echo "demo.sh: $1: usage: demo.sh [--quick] [FOLDER]" >&2; exit 2 ;; esac
need bbu-index bbu-pack dino-augment dino-train dino-extract feat-knn feat-logreg bbu-inspect feat-report
need datagen plainfeat
out=${1:-${build:+$build/}demo}
if [ -e "$out" ] && [ ! -e "$out/.demo" ] && [ ! -e "$out/bbu/defects.tsv" ] && [ -n "$(ls -A "$out")" ]; then
    echo "demo.sh: $out: is there and is no demo: name another folder" >&2
    exit 1
fi
mkdir -p "$out"
cd "$out"
out=$PWD
: >.demo
rm -rf demo.yaml bbu bbu.index train val test crops.jpg run run-of-two scores.txt
rm -rf new new.index unseen.json site.logreg site.inspector verdicts.{tsv,json} report.html
for name in plain before after before-patch after-patch; do
    rm -f $name-{train,val,test}.feat $name-{knn,logreg}.txt
done
cp "$here/demo.yaml" .

say() { printf '\n== %s\n' "$*"; }
run() { # prints the command, then runs it
    printf '$ %s\n' "$*"
    "$@"
}
into() { # file command...: the same, its output into the file
    printf '$ %s >%s\n' "${*:2}" "$1"
    "${@:2}" >"$1"
}
features() { # name command...: name-train.feat, name-val.feat, name-test.feat
    local name=$1 split
    shift
    for split in train val test; do run "$@" $split -o $name-$split.feat; done
}
row() { # report score: its two columns, photographs and installations
    sed -n -E "s/^$2 +([-0-9.]+( \[[^]]*\])?) +([-0-9.]+( \[[^]]*\])?).*/\1\t\3/p" "$1" | head -n 1
}
line() { # title classifier report
    local image group balanced
    IFS=$'\t' read -r image group < <(row "$3" AUROC) || true
    IFS=$'\t' read -r balanced _ < <(row "$3" 'balanced accuracy') || true
    printf "$columns" "$1" "$2" "$image" "$group" "$balanced"
}
score() { # name title
    feat-knn -q -k 20 --val $1-val.feat $1-train.feat $1-test.feat -r $1-knn.txt
    feat-logreg -q -t $1-train.feat --val $1-val.feat --select auroc $1-test.feat -r $1-logreg.txt
    line "$2" k-NN $1-knn.txt
    line "$2" logreg $1-logreg.txt
}
columns='%-28s %-7s %-24s %-24s %s\n'

say "photographs of $groups installations, half of them with two or three faults (bbu/defects.tsv says which)"
run datagen -q --groups "$groups" --seed 2 bbu

say 'what is there, and is it whole?'
run bbu-index bbu -o bbu.index

say 'shards: one set for each split'
for split in train val test; do
    run bbu-pack -q --split $split bbu.index -o $split
done

say 'what training will see'
run dino-augment -q -c demo.yaml train --sheet crops.jpg --rows 8

say "training, without labels: $takes"
run dino-train -q --config demo.yaml train.dataset_path=train train.output_dir=run \
    evaluation.knn_train=train evaluation.knn_val=val ${settings[@]+"${settings[@]}"}
teacher_before=run/eval/initial/teacher_checkpoint.safetensors
teacher_after=$(ls -d run/eval/training_* | sort -t _ -k 2 -n | tail -n 1)/teacher_checkpoint.safetensors

say 'features: colours alone; the network before and after, a summary of each photograph (cls+mean) or all its patches'
features plain plainfeat -q
for when in before after; do
    weights=teacher_$when
    features $when dino-extract -q -w "${!weights}" --tokens cls+mean --resize 96 --size 0
    features $when-patch dino-extract -q -w "${!weights}" --tokens patch --resize 96 --size 0
done

say 'scores on the installations of the test split, which nothing was chosen on'
{
    printf "$columns" '' '' 'AUROC, photographs' 'AUROC, installations' 'balanced accuracy, photographs'
    score plain 'mean, deviation of colours'
    score before 'untrained network, summary'
    score after 'trained network, summary'
    score before-patch 'untrained network, patches'
    score after-patch 'trained network, patches'
} | tee scores.txt

say 'one file that judges; its thresholds keep promises on installations that the classifier had not seen'
run feat-logreg -q -t after-patch-train.feat -m site.logreg --out-of-fold unseen.json --json -r /dev/null
run bbu-inspect --make site.inspector -w "$teacher_after" -m site.logreg --choose unseen.json "${promises[@]}" \
    --test after-patch-test.feat

say 'new photographs: a verdict on each installation, and the page that shows why'
run datagen -q --groups 12 --seed 9 new
run bbu-index -q new -o new.index
into verdicts.tsv bbu-inspect -q --verdicts-only site.inspector new.index
awk -F '\t' '$1 == "installation" {printf "%-10s %-10s %s\n", $2, $6, $7}' verdicts.tsv
into verdicts.json bbu-inspect -q --verdicts-only --json site.inspector new.index
run feat-report -q -c new.index -o report.html verdicts.json
cat <<END

${worth}An AUROC of 0.5 is guessing, 1 is perfect. In brackets: 95 % intervals, from resamples of whole installations.
Did training help? Compare the trained lines with the untrained ones, and mind how far the intervals overlap: a network
this small, $trained does no wonders.
To k-NN all parts of a feature are equal, and it finds similar units in similar light; the regression learns which parts
tell of faults. What training told as right is k-NN on the validation split with the class token alone, in per cent of
all photographs: no figure of this table.
The inspector has the classifier of the last line. Between its two thresholds a person should look: how many that are is
the price of the promises, and with features like these a high one.

Look at    $out/report.html           the verdicts on new photographs, in a browser
           $out/crops.jpg             crops that training saw
           $out/bbu/                  the photographs
           $out/scores.txt            the table above
           $out/after-logreg.txt      all scores of one of its lines
           $out/run/evaluation.json   nearest neighbours during training
Took $SECONDS seconds.
END
dino-train --version | grep -q 'built without MPI' || cat <<END
Another training, of two ranks, each with half of the images of a step, by two processes:
    cd $(printf %q "$out") && $(command -v dino-train) --ranks 2 --config demo.yaml train.dataset_path=train train.output_dir=run-of-two evaluation.knn_train=train evaluation.knn_val=val${settings[*]:+ ${settings[*]}} train.batch_size_per_gpu=$half
END
