#!/bin/bash
# examples/experiment.mk: a changed setting makes anew only what depends on it; two settings side by side.
. "$(dirname "$0")/lib.sh"
mk=$TESTS/../examples/experiment.mk
"$BUILD/tests/datagen" --groups 24 --seed 1 bbu >/dev/null 2>&1
train='optim.epochs=1 optim.warmup_epochs=0 train.OFFICIAL_EPOCH_LENGTH=2 train.batch_size_per_gpu=4 evaluation.eval_period_iterations=0'
run() { make -f "$mk" DATASET=bbu BIN="$BUILD" "TRAIN=$train" SCORE='--resamples 0 -C 1' SIZE=48 "$@"; }
stamp() { stat -c '%n %y' experiment/*.feat experiment/*.json experiment/run-*/teacher.safetensors | sort >"$1"; }

status 2 make -f "$mk"
err_has 'which DATASET?'
status 0 run
out_has 'auroc'
check 'two columns' bash -c 'head -n 1 experiment/table.txt | grep -q " a  *b$"'
check 'one training for both' test "$(ls -d experiment/run-* | wc -l)" = 1
stamp before
status 0 run
stamp after
same before after
status 0 run SIZE_b=64
stamp after
check 'another size for b: a and the training stay' bash -c 'diff <(grep -v "/b\." before) <(grep -v "/b\." after)'
check 'b is extracted and scored anew' bash -c '! diff <(grep "/b\.\(feat\|scores\)" before) <(grep "/b\.\(feat\|scores\)" after) >/dev/null'
status 0 run SIZE_b=64 'SCORE_a=--resamples 0 -C 0.1'
stamp again
check 'other scores for a: nothing is extracted' bash -c 'diff <(grep "feat " after) <(grep "feat " again)'
check 'a is scored anew' bash -c '! diff <(grep "/a.scores" after) <(grep "/a.scores" again) >/dev/null'
status 0 run SIZE_b=64 "TRAIN_b=$train train.seed=5"
check 'a second training' test "$(ls -d experiment/run-* | wc -l)" = 2

# ---- what training is refused to go on with begins anew; the teacher of the last step is the one taken
cp "$TESTS/../examples/tiny.yaml" of_mine.yaml
mine() { status 0 make -f "$mk" DATASET=bbu BIN="$BUILD" CONFIG=of_mine.yaml OUT=my_own RUNS=a "TRAIN=$train train.OFFICIAL_EPOCH_LENGTH=12 evaluation.eval_period_iterations=9" SCORE='--resamples 0 -C 1' SIZE=48 "$@"; }
mine
check 'the last teacher' cmp my_own/run-*/eval/training_11/teacher_checkpoint.safetensors my_own/run-*/teacher.safetensors
cp my_own/run-*/teacher.safetensors first
sed -i 's/drop_path_rate: 0.0/drop_path_rate: 0.2/' of_mine.yaml
mine
differ first my_own/run-*/teacher.safetensors
cp my_own/run-*/teacher.safetensors first
mine PACK='--store jpeg'
differ first my_own/run-*/teacher.safetensors
done_testing
