#!/bin/bash
# demo.sh - from photographs to scores in a few minutes, on a machine without GPU and without any data of its own:
# draws base-band units, looks through them, packs them, trains a tiny network without labels, and compares the
# features before and after by nearest neighbours and by logistic regression. `make demo` calls it.
#
#   examples/demo.sh [FOLDER]      everything goes there [$B/demo]; B is the build folder [build]
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cd "$here/.."
build=$PWD/${B:-build}
out=${1:-$build/demo}
export PATH=$build:$PATH LC_ALL=C
groups=${DEMO_GROUPS:-160}
rm -rf "$out"
mkdir -p "$out"
cp examples/tiny.yaml "$out"
cd "$out"

say() { printf '\n== %s\n' "$*"; }
run() { # shows the command, then runs it
    printf '$ %s\n' "$*"
    "$@"
}

say "photographs of $groups installations, half of them with small faults (bbu/defects.tsv says which)"
run "$build/tests/datagen" -q --groups "$groups" --seed 1 bbu

say 'what is there, and is it whole?'
run bbu-index bbu -o bbu.index

say 'shards: one set for each split'
for split in train val test; do
    run bbu-pack -q --split $split bbu.index -o $split
done

say 'what training will see'
run dino-augment -q -c tiny.yaml train --sheet crops.jpg --rows 8

say 'training, without labels'
run dino-train -q --config tiny.yaml train.dataset_path=train train.output_dir=run \
    evaluation.knn_train=train evaluation.knn_val=val
teacher_before=run/eval/initial/teacher_checkpoint.safetensors
teacher_after=$(ls -d run/eval/training_* | sort -t _ -k 2 -n | tail -n 1)/teacher_checkpoint.safetensors

say 'features of the untrained and of the trained network'
for when in before after; do
    weights=teacher_$when
    for split in train val test; do
        run dino-extract -q -w "${!weights}" --tokens cls+mean --resize 224 --size 0 $split -o $when-$split.feat
    done
done

say 'scores on the installations of the test split, which nothing was chosen on'
for when in before after; do
    feat-knn -q -k 10,20 --val $when-val.feat $when-train.feat $when-test.feat -r $when-knn.txt
    feat-logreg -q -t $when-train.feat --val $when-val.feat --select auroc $when-test.feat -r $when-logreg.txt
done
for method in knn logreg; do
    for when in before after; do
        printf '%-7s %s training\n' $method $when
        grep -E -m 1 '^ +images' $when-$method.txt
        grep -E -m 3 '^(accuracy|balanced accuracy|AUROC) ' $when-$method.txt
    done
done
cat <<END

In brackets: 95 % intervals, from resamples of whole installations. Whether they overlap is the answer to "did it
help?"; a network this small, after minutes, on a few hundred photographs, need not.

Look at    $out/crops.jpg             crops that training saw
           $out/bbu/                  the photographs
           $out/after-logreg.txt      all scores
           $out/run/evaluation.json   nearest neighbours during training
Took $SECONDS seconds.
END
