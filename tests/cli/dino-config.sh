# Settings on the command line: their origin, words over files over defaults, helpful errors; the manual page has the
# table.
. "$TESTS/cli/lib.sh"

# ---- the manual page matches config.def
cp "$TESTS/../man/dino-config.5" page
chmod u+w page
"$BUILD/tests/config-page" --replace page
check 'dino-config(5) lists the keys as the table has them (build/tests/config-page --replace man/dino-config.5)' \
    cmp page "$TESTS/../man/dino-config.5"

# ---- the settings in examples/
for f in "$TESTS"/../examples/*.yaml; do
    status 0 dino-train --config "$f" --print-config
done
check 'the vitg14 example is the published ViT-g' bash -c "dino-train -c '$TESTS/../examples/vitg14.yaml' --print-config | grep -q 'arch: vit_giant2'"

# ---- where values come from
printf 'train:\n  seed: 3\n  batch_size_per_gpu: 8\n' >c.yaml
status 0 dino-train -c c.yaml train.seed=4 --print-config
out_has "  seed: 4  # command line"
out_has "  batch_size_per_gpu: 8  # c.yaml:3"
out_has "  max_to_keep: 3  # default"
out_has "# computed"
check 'what is printed is settings again' bash -c 'cp out again.yaml && dino-train -c again.yaml --print-config | sed "s/  #.*//" | cmp - <(sed "s/  #.*//" out)'
check 'and a pipe of it' bash -c 'dino-train -c <(cat again.yaml) --print-config | grep -q "seed: 4"'
status 0 dino-train -c c.yaml --print-config --json
check 'one line of JSON' bash -c 'test $(wc -l <out) -eq 1 && grep -q "\"train.seed\":3" out'
status 0 dino-train -c out --print-config

# ---- errors: status 2, one line, the key, its line, the nearest name
status 2 dino-train train.sed=4 --print-config
err_has 'dino-train: train.sed: no such setting; the nearest is train.seed'
status 2 dino-train seed=4 --print-config
err_has 'the nearest is train.seed'
printf 'optim:\n  base_lr: fast\n' >bad.yaml
status 2 dino-train -c bad.yaml --print-config
err_has 'bad.yaml:2: optim.base_lr: fast is not a number'
status 2 dino-train optim.base_lr=-1 --print-config
err_has 'optim.base_lr: -1 is not between 0 and 1000'
status 2 dino-train train.resume_path=x --print-config
err_has 'train.resume_path: has a meaning only with train.resume: true'
status 2 dino-train nonsense
err_has 'not of the form key=value'
status 1 dino-train -c nothing.yaml --print-config
err_has 'nothing.yaml: No such file'
check 'a full disk is an error' bash -c '! dino-train --print-config >/dev/full'
for n in 1 2 3; do printf 'a%d: &a%d [*a%d,*a%d]\n' $n $n $((n - 1)) $((n - 1)); done >bomb.yaml
status 2 dino-train -c bomb.yaml --print-config
head -c 2000000 /dev/zero | tr '\0' '#' >huge.yaml
status 2 dino-train -c huge.yaml --print-config
err_has 'more than'
printf 'train:\n  output_dir: ${oc.env:HOME}/run\n' >home.yaml
status 2 dino-train -c home.yaml --print-config
err_has 'home.yaml:2: train.output_dir: ${oc.env:HOME}/run: an interpolation; settings have none, write the value'
status 2 dino-train train.saveckp_freq=None --print-config
err_has "train.saveckp_freq: None is Python's; use null"
status 0 env HOME="$PWD" dino-train 'train.output_dir=~/home' 'evaluation.knn_train=~/a' evaluation.knn_val=./~ --print-config
out_has "  output_dir: '$PWD/home'"
out_has "  knn_val: './~'"
status 2 dino-train 'train.output_dir=~root/home' --print-config
err_has 'only ~/ is the home folder'
status 0 dino-train optim.lr=0.5 --print-config
err_has 'optim.lr: ignored; computed as'

# ---- settings without effect are named, once for each key, and marked
status 0 dino-train compute_precision.student.backbone.mixed_precision.buffer_dtype=bf16 train.num_workers=3 \
    compute_precision.teacher.backbone.mixed_precision.reduce_dtype=bf16 train.cache_dataset=true ibot.head_nlayers=2 --print-config
err_has 'dino-train: warning: compute_precision.student.backbone.mixed_precision.buffer_dtype: has no effect: type of buffers; here float32'
err_has 'compute_precision.teacher.backbone.mixed_precision.reduce_dtype: has no effect: '
err_has 'train.num_workers: has no effect: loader processes; here threads'
err_has 'ibot.head_nlayers: has no effect: ibot.separate_head is false'
check 'and nothing else' test "$(wc -l <err)" -eq 4
out_has "        buffer_dtype: 'bf16'  # command line; without effect"
out_has '  cache_dataset: true  # command line; without effect'
out_has '  num_workers: 3  # command line; without effect'
sed 's/  #.*//' out >printed.yaml
status 0 dino-train -c printed.yaml train.num_workers=10 --print-config
check 'defaults that a file repeats are not told' test "$(wc -l <err)" -eq 3
status 0 dino-train 'MODEL.WEIGHTS=a/model_0000009.rank_{rank}.ckpt' --print-config
out_has "WEIGHTS: 'a/model_0000009.rank_0.ckpt'  # command line"
status 2 dino-train optim.optimizer=adam --print-config
err_has 'optim.weight_decay and optim.weight_decay_end must be 0'
status 0 dino-train optim.optimizer=adam optim.weight_decay=0 optim.weight_decay_end=0 --print-config

# ---- half precision stands for float32, which is said once
status 0 dino-train compute_precision.student.backbone.mixed_precision.param_dtype=fp16 \
    compute_precision.teacher.backbone.mixed_precision.param_dtype=fp16 --print-config
err_has 'dino-train: warning: compute_precision: fp16 is computed as fp32 (float32)'
check 'and nothing else' test "$(wc -l <err)" -eq 1
out_has "param_dtype: fp32  # computed"
done_testing
