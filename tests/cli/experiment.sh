#!/bin/bash
# examples/experiment.mk: a changed setting, or changed data, remake only what depends on them; settings side by side.
. "$(dirname "$0")/lib.sh"
mk=$TESTS/../examples/experiment.mk
"$BUILD/tests/datagen" --groups 24 --seed 1 "my bbu's" >/dev/null 2>&1
train='optim.epochs=1 optim.warmup_epochs=0 train.OFFICIAL_EPOCH_LENGTH=2 train.batch_size_per_gpu=4'
run() { make -f "$mk" DATASET="my bbu's" BIN="$BUILD" "TRAIN=$train" SCORE='--resamples 20 -C 1' SIZE=48 "$@"; }
stamp() { stat -c '%n %y' experiment/*.feat experiment/*.json experiment/trained-*.safetensors | sort >"$1"; }
relabel() { # list: a negative installation is positive
    local group
    group=$(grep -m 1 '"gt_label": 0' "$1" | sed 's/.*"group_id": "\([^"]*\).*/\1/')
    sed -i "/\"group_id\": \"$group\"/s/\"gt_label\": 0/\"gt_label\": 1/" "$1"
}

status 2 make -f "$mk"
err_has 'which DATASET?'
status 2 make -f "$mk" OUT='my own' DATASET=bbu
err_has 'one name without spaces'
status 2 run DATASET=nosuch
err_has "experiment.mk: nosuch: no such folder"
check 'a dataset that is not there makes nothing' test ! -e experiment/indexed.index
status 0 run
check 'four rows, with and without training' test "$(cut -d '|' -f 2 experiment/table.txt | tr -d ' \n')" = 'features---a,untrainedab,untrainedb'
check 'images and groups' bash -c 'head -n 1 experiment/table.txt | grep -q "auroc, images .*auroc, groups "'
check 'scores with intervals' test "$(grep -cE '^\| [ab].*( [01]\.[0-9]{3} \[[01]\.[0-9]{3}, [01]\.[0-9]{3}\] +\|){4}$' experiment/table.txt)" = 4
number() { grep "\"level\":\"$2\"" "experiment/$1.scores.json" | sed -E "s/^.*\"tries\"//; s/^[^{]*[,{]\"$3\":([0-9.]+).*/\1/" | xargs printf '%.3f'; }
check 'the numbers are those of the report' grep -qE "^\| b +\| $(number b image auroc) .* \| $(number b group auroc) " experiment/table.txt
check 'one training for both' test "$(ls -d experiment/run-* | wc -l)" = 1
stamp before
status 0 run
stamp after
same before after
check 'no stage runs again' lacks 'bbu-' out
status 0 run SIZE_b=64
stamp after
check 'another size for b: a and the training stay' bash -c 'diff <(grep -v "/b\." before) <(grep -v "/b\." after)'
check 'b is extracted and scored again' bash -c '! diff <(grep "/b\.\(feat\|scores\)" before) <(grep "/b\.\(feat\|scores\)" after) >/dev/null'
status 0 run SIZE_b=64 'SCORE_a=--resamples 0 -C 0.1'
stamp again
check 'other scores for a: nothing is extracted' bash -c 'diff <(grep "feat " after) <(grep "feat " again)'
check 'a is scored again' bash -c '! diff <(grep "/a.scores" after) <(grep "/a.scores" again) >/dev/null'
check 'no intervals where none are asked for' grep -qE '^\| a +\| [01]\.[0-9]+ +\|' experiment/table.txt
status 0 run SIZE_b=64 "TRAIN_b=$train train.seed=5"
check 'a second training' test "$(ls -d experiment/run-* | wc -l)" = 2
status 0 run COLUMNS='image.mcc group.accuracy' UNTRAINED=
check 'other scores' test "$(head -n 1 experiment/table.txt | tr -d ' ')" = '|features|mcc,images|accuracy,groups|'
check 'only trained networks' test "$(wc -l <experiment/table.txt)" = 4
status 2 run COLUMNS=image.auROC
err_has 'there is no score auROC'

# ---- the data are what is in the folder: a corrected label and a deleted group make a new table
status 0 run
stamp before
find "my bbu's" -name '*.jpeg' -exec touch {} +
status 0 run
stamp after
check 'touched photographs: looked at, and nothing else' diff before after
out_has 'bbu-index'
relabel "my bbu's/annotations/train.json"
status 0 run
stamp after
check 'a corrected label: all is remade' bash -c '! diff before after >/dev/null'
out_has 'feat-logreg'
test_group=$(ls -d "my bbu's"/test/* | head -n 1)
rows() { grep '"level":"image"' experiment/a.scores.json | grep -o '"rows":[0-9]*' | head -n 1 | cut -d : -f 2; }
rows_before=$(rows)
rm -r "$test_group"
status 2 run
err_has 'No such file'
sed -i "/$(basename "$test_group")/d" "my bbu's/annotations/test.json"
status 0 run
check 'a deleted group: three photographs fewer are scored' test "$(rows)" = $((rows_before - 3))

# ---- nothing is written or removed where something else is
mkdir theirs && echo precious >theirs/notes
status 2 run OUT=theirs
err_has 'theirs: something is there that was not made here'
status 2 make -f "$mk" OUT=theirs clean
check 'it stays' test "$(cat theirs/notes)" = precious
echo precious >experiment/notes.feat && mkdir experiment/run-mine
status 0 make -f "$mk" clean
check 'clean leaves what it did not make' test "$(ls -A experiment | tr '\n' ' ')" = 'notes.feat run-mine '
status 0 make -f "$mk" OUT=nosuch clean

# ---- another configuration and other shards are another training; the teacher of the last step is the one taken
cp "$TESTS/../examples/tiny.yaml" of_mine.yaml
mine() { status 0 make -f "$mk" DATASET=bbu BIN="$BUILD" CONFIG=of_mine.yaml OUT=my_own RUNS=a UNTRAINED= "TRAIN=$train train.OFFICIAL_EPOCH_LENGTH=12 evaluation.eval_period_iterations=9" SCORE='--resamples 0 -C 1' SIZE=48 "$@"; }
"$BUILD/tests/datagen" --groups 24 --seed 1 bbu >/dev/null 2>&1
mine
check 'the last teacher' cmp my_own/run-*/eval/training_11/teacher_checkpoint.safetensors my_own/trained-*.safetensors
cp my_own/trained-*.safetensors first
sed -i 's/drop_path_rate: 0.0/drop_path_rate: 0.2/' of_mine.yaml
mine
differ first my_own/trained-*.safetensors
cp my_own/trained-*.safetensors second
mine PACK='--store jpeg'
differ second my_own/trained-*.safetensors
sed -i 's/drop_path_rate: 0.2/drop_path_rate: 0.0/' of_mine.yaml
mine
same first my_own/trained-*.safetensors
status 0 make -f "$mk" OUT=my_own clean
check 'clean leaves nothing else' test ! -e my_own
done_testing
