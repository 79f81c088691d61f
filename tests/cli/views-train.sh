#!/bin/bash
# Training from views: from a file and from a pipe to the same bytes as from shards; a pipe that falls silent; resuming
# from a stream that begins with earlier batches; views that do not fit. Without provenance, which names the inputs:
# shards or views.
. "$TESTS/cli/lib.sh"

"$BUILD/tests/datagen" --groups 3 --seed 2 bbu >log 2>&1
bbu-index -q bbu -o bbu.index >>log 2>&1
bbu-pack -q bbu.index -o shards >>log 2>&1
cat >s.yaml <<'Y'
student: {arch: vit_small, embed_dim: 48, depth: 2, num_heads: 2, patch_size: 8}
dino: {head_n_prototypes: 64, head_hidden_dim: 64, head_bottleneck_dim: 32}
crops: {global_crops_size: 48, local_crops_size: 24, local_crops_number: 2}
train: {batch_size_per_gpu: 4, OFFICIAL_EPOCH_LENGTH: 6}
optim: {epochs: 1, warmup_epochs: 0, freeze_last_layer_epochs: 0}
teacher: {warmup_teacher_temp_epochs: 0}
evaluation: {eval_period_iterations: 0}
Y
train() { dino-train -q --no-provenance -c s.yaml "$@"; }
teacher() { echo "$1"/eval/training_*/teacher_checkpoint.safetensors; }

status 0 train train.dataset_path=shards train.output_dir=from-shards
status 0 dino-augment -q -c s.yaml shards -o all.views
status 0 train train.dataset_path=all.views train.output_dir=from-file
same "$(teacher from-shards)" "$(teacher from-file)"
same from-shards/training_metrics.json from-file/training_metrics.json
check "from a pipe, and both programs succeed" bash -c 'set -o pipefail
    dino-augment -q -c s.yaml shards | dino-train -q --no-provenance -c s.yaml train.dataset_path=- train.output_dir=from-pipe'
same "$(teacher from-shards)" "$(teacher from-pipe)"

# a pipe that falls silent after one and a half batches: SIGTERM still saves; the same stream again resumes the run
mkfifo pipe
{ head -c 110000 all.views; exec sleep 30; } >pipe &
writer=$!
dino-train -q --no-provenance -c s.yaml train.dataset_path=pipe train.output_dir=stopped 2>err &
trainer=$!
for _ in $(seq 100); do grep -q '"iteration": 0' stopped/training_metrics.json 2>/dev/null && break; sleep 0.1; done
kill -TERM $trainer
wait $trainer
code=$?
kill $writer 2>/dev/null
check "SIGTERM ends the wait for a silent pipe with status 75, not $code" test $code -eq 75
check "a checkpoint was saved" bash -c 'ls stopped/model_*.ckpt'
check "the same stream again" bash -c 'set -o pipefail
    dino-augment -q -c s.yaml shards | dino-train -q --no-provenance -c s.yaml train.dataset_path=- train.output_dir=stopped'
same "$(teacher from-shards)" "$(teacher stopped)"

# a pipe that nobody writes into
mkfifo silent
dino-train -q --no-provenance -c s.yaml train.dataset_path=silent train.output_dir=never 2>err &
trainer=$!
for _ in $(seq 100); do test -e never/log.txt && break; sleep 0.1; done; sleep 0.5
kill -TERM $trainer
wait $trainer
code=$?
check "SIGTERM ends the wait for a writer with status 75, not $code" test $code -eq 75

# what does not fit
status 1 train train.dataset_path=all.views train.output_dir=x train.batch_size_per_gpu=3
err_has 'train.batch_size_per_gpu 4, the settings say 3'
status 1 train train.dataset_path=all.views train.output_dir=x augment.hue=0
err_has 'augment.hue'
dino-augment -q -c s.yaml shards -n 3 -o short.views
status 1 train train.dataset_path=short.views train.output_dir=short
err_has 'the views end before iteration 3'
head -c 200000 all.views >cut.views
status 1 train train.dataset_path=cut.views train.output_dir=x
err_has 'cut.views: ends early: no end mark'
head -c 60 all.views >cut.views
status 1 train train.dataset_path=cut.views train.output_dir=x
err_has 'cut.views: ends early'
{ head -c 300 all.views; printf x; tail -c +302 all.views; } >bad.views
status 1 train train.dataset_path=bad.views train.output_dir=x
err_has 'bad.views: the header is damaged'
done_testing
