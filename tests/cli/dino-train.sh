# dino-train: the rules of starting and resuming, outputs, messages, and what is refused.
. "$TESTS/cli/lib.sh"
. "$TESTS/cli/train-fixture.sh"
train_fixture || exit 1
train() { dino-train -c t.yaml -j2 "$@"; }
iterations() { ls "$1"/model_*.ckpt | sed 's/.*model_0*\([0-9]\+\)\.rank.*/\1/' | tr '\n' ' '; }

# ---- a run and its outputs
status 0 train
err_has '24 iterations of 4 images: each of the 30 images is seen 3.2 times'
err_has 'learning rate 0.00025 = optim.base_lr 0.004 x sqrt(batch 4 / 1024)'
err_has 'Random weights, drawn from train.seed 0'
err_has 'are planned (--plan lists them), this machine has'
err_has 'dino-train: before the first iteration: 5 nearest neighbours are right for'
check 'log.txt names the process' grep -q '\] dino-train [0-9.]* begins: processes: 1, ranks: 1; process [0-9]*, threads: 2$' run/log.txt
check 'a line of figures, with the time that is left' grep -qE 'iteration 10: loss [0-9.]+, gradient norm [0-9.]+, learning rate [0-9.e-]+, collapse: early; [0-9.]+ images/s, [0-9]+ % waiting for data, [0-9]+ s left$' run/log.txt
check 'the last three checkpoints are kept' test "$(iterations run)" = "15 19 23 "
check 'the teacher before the first step, every 8 iterations, and the best' \
    test "$(ls run/eval | tr '\n' ' ')" = "best initial training_15 training_23 training_7 "
best=$(sed 's/{"iteration": \(-*[0-9]*\), "knn_top1": {"5": \([0-9.]*\),.*/\2 \1/' run/evaluation.json | sort -s -k1,1gr | head -n 1)
case ${best#* } in -1) best=initial ;; *) best=training_${best#* } ;; esac
check 'the best by the first k, of equals the earlier, is kept' cmp {run/eval/best,run/eval/$best}/teacher_checkpoint.safetensors
check 'no .pth unless asked for' bash -c '! ls run/eval/*/*.pth'
check 'metrics at 0, 10, 20 and the last' test "$(sed 's/{"iteration": \([0-9]*\),.*/\1/' run/training_metrics.json | tr '\n' ' ')" = "0 10 20 23 "
check 'times beside them' test "$(wc -l <run/training_times.json)" -eq 4
check 'no times in the metrics' lacks _time run/training_metrics.json
check 'four lines of scores, the first of iteration -1' test "$(sed 's/{"iteration": \(-*[0-9]*\),.*/\1/' run/evaluation.json | tr '\n' ' ')" = "-1 7 15 23 "
check 'config.yaml says where values come from' grep -q 'batch_size_per_gpu: 4  # t.yaml:2' run/config.yaml
check 'settings travel with the teacher' grep -aqF '"settings":"{\"dino.loss_weight\":1.0,' run/eval/training_23/teacher_checkpoint.safetensors
status 0 bbu-info --verify run/model_0000023.rank_0.ckpt
status 0 dino-weights list run/eval/training_23/teacher_checkpoint.safetensors
no_leftovers run

# ---- the same command again; another setting; more of the same
cp -a run done
status 0 train
err_has 'Rank 0: Resumed training from checkpoint run/model_0000023.rank_0.ckpt at epoch 1, iteration 23'
err_has 'the run is complete'
same_results run done
status 0 train -f
err_has 'not used: it removes an old run only with train.resume=false'
same_results run done
status 1 train optim.base_lr=0.001 dino.koleo_loss_weight=0
err_has 'optim.base_lr: 0.004 there, 0.001 here'
err_has 'dino.koleo_loss_weight: 0.1 there, 0.0 here'
err_has 'belongs to another run: 2 settings differ'
status 1 train train.dataset_path=train
err_has 'train.dataset_path: other contents there than here'
err_has 'run/model_0000023.rank_0.ckpt: belongs to another run: 1 input differs'
err_lacks 'Resumed training'
status 1 train evaluation.knn_train= evaluation.knn_val=
err_has 'evaluation.knn_train: set there, not here'
status 0 train train.max_to_keep=1 train.saveckp_freq=5 train.num_workers=3 -q
same_results run done
status 0 train train.resume=true optim.base_lr=0.001
err_has 'dino-train: warning: differs from the checkpoint: optim.base_lr: 0.004 there, 0.001 here'

# ---- half a run extended by resume: true, in another folder, from exactly one checkpoint
status 0 train -q train.output_dir=half optim.epochs=1
status 1 train train.output_dir=half
err_has 'optim.epochs: 1 there, 2 here'
status 0 train train.output_dir=longer train.resume=true 'train.resume_path=half/model_0000007.rank_{rank}.ckpt'
err_has 'Resumed training from checkpoint half/model_0000007.rank_0.ckpt at epoch 0, iteration 7'
check 'it resumed after 7' test "$(iterations longer)" = "15 19 23 "
status 1 train train.output_dir=x train.resume=true train.resume_path=nowhere.ckpt
err_has 'Rank 0: No checkpoint found at nowhere.ckpt: No such file'
status 1 train train.output_dir=x train.resume=true
err_has 'No checkpoint found'
status 0 train train.output_dir=from-weights train.resume=true MODEL.WEIGHTS=half/model_0000011.rank_0.ckpt
err_has 'at epoch 0, iteration 11'
status 2 train train.resume_path=x
status 2 dino-train train.output_dir=unnamed
err_has 'train.dataset_path is not set; it must name shards or views'
check 'nothing is made for it' test ! -e unnamed

# ---- resume: false
status 1 train train.resume=false
err_has 'holds checkpoints and train.resume is false'
same_results run done
status 0 train -f train.resume=false train.output_dir=longer optim.epochs=1 -q
check 'the old run is removed' test "$(iterations longer)$(ls longer/eval | tr '\n' ' ')" = "3 7 11 best initial training_11 training_7 "
status 0 train train.resume=false train.output_dir=new optim.epochs=1 -q
same_results new longer

for own in MODEL.WEIGHTS=longer/eval/training_11/teacher_checkpoint.safetensors \
    MODEL.WEIGHTS=./longer/../longer/model_0000011.rank_0.ckpt \
    student.pretrained_weights=longer/eval/best/teacher_checkpoint.safetensors; do # not what -f would remove
    status 1 train -f train.resume=false train.output_dir=longer optim.epochs=1 $own
    err_has "${own#*=}: belongs to the run that would be removed"
    check 'it is there' test -s "${own#*=}"
done
same_results new longer

# ---- damage: the newest is skipped, then the one before it, then none is whole
newest=run/model_0000023.rank_0.ckpt
rm -rf run && cp -a done run
printf X | dd of=$newest bs=1 seek=$(($(stat -c %s $newest) / 2)) conv=notrunc 2>/dev/null
status 0 train
err_has "$newest"
err_has 'this checkpoint cannot be used and is skipped'
err_has 'Resumed training from checkpoint run/model_0000019.rank_0.ckpt'
same_results run done
for part in 2 3; do # cut at the end, cut to zero bytes
    truncate -s $((part == 2 ? 1000 : 0)) $newest
    status 0 train
    err_has 'is skipped'
    same_results run done
done
for f in run/model_*.ckpt; do truncate -s -1 "$f"; done
status 1 train
err_has 'run: none of its 3 checkpoints can be used'
status 1 train train.resume=true "train.resume_path=$newest"
err_has 'No checkpoint found at run/model_0000023'

# ---- JSON lines: half a line after the checkpoint is written again without a message; deleted or damaged ones are named
back_to_19() { rm -rf run && cp -a done run && rm run/model_0000023.rank_0.ckpt; }
back_to_19
for f in training_metrics evaluation; do head -c -20 done/$f.json >run/$f.json; done
status 0 train
err_lacks 'that are missing'
err_lacks 'damaged lines'
same_results run done
back_to_19 && rm run/training_metrics.json run/evaluation.json
status 0 train
err_has 'training_metrics.json: lines up to iteration 19 that are missing: 2, the first of iteration 0; they are not made again'
err_has 'evaluation.json: lines up to iteration 19 that are missing: 3, the first of iteration -1'
status 0 train
err_lacks 'that are missing'
back_to_19 && sed -i '2s/lr/l"r/' run/training_metrics.json && sed -i 2d run/evaluation.json
status 0 train
err_has 'training_metrics.json: damaged lines, left out: 1'
err_has 'training_metrics.json: lines up to iteration 19 that are missing: 1, the first of iteration 10'
err_has 'evaluation.json: lines up to iteration 19 that are missing: 1, the first of iteration 7'
check 'the lines around it are the same' cmp run/training_metrics.json <(sed 2d done/training_metrics.json)
check 'and those of the scores' cmp run/evaluation.json <(sed 2d done/evaluation.json)
back_to_19 && head -n 1 done/training_metrics.json >run/training_metrics.json
status 0 train
err_has 'training_metrics.json: lines up to iteration 19 that are missing: 1, the first of iteration 10'
check 'it is in log.txt, too' grep -q 'that are missing: 1, the first of iteration 10' run/log.txt

# ---- a checkpoint under the name of another iteration: its contents count, so it is skipped, or refused where it is named
rm -rf run && cp -a done run && cp run/model_0000015.rank_0.ckpt run/model_0000099.rank_0.ckpt
mv run/model_0000023.rank_0.ckpt run/model_0000021.rank_0.ckpt
status 0 train
err_has 'run/model_0000099.rank_0.ckpt: its name says iteration 99, and it holds iteration 15; this checkpoint cannot be used and is skipped'
err_has 'run/model_0000021.rank_0.ckpt: its name says iteration 21, and it holds iteration 23; this checkpoint'
err_has 'Resumed training from checkpoint run/model_0000019.rank_0.ckpt at epoch 1, iteration 19'
check 'no line is lost or doubled' cmp run/training_metrics.json done/training_metrics.json
status 1 train train.output_dir=x train.resume=true train.resume_path=run/model_0000099.rank_0.ckpt
err_has 'Rank 0: No checkpoint found at run/model_0000099.rank_0.ckpt: its name says iteration 99'
cp done/model_0000019.rank_0.ckpt any.ckpt
status 0 train -q train.output_dir=x train.resume=true train.resume_path=any.ckpt

# ---- weights to start from
teacher=done/eval/training_23/teacher_checkpoint.safetensors
status 0 train train.output_dir=w1 "student.pretrained_weights=$teacher" optim.epochs=1
err_has "Loaded pretrained weights from $teacher"
err_has '35 tensors loaded, 8 new; positions 4 x 4 will be interpolated'
status 0 train train.output_dir=w1 "student.pretrained_weights=$teacher" optim.epochs=1
err_has "student.pretrained_weights: ignored: resuming from a checkpoint"
status 1 train train.output_dir=w1 optim.epochs=1
err_has 'student.pretrained_weights: set there, not here'
status 1 train train.output_dir=w1 student.pretrained_weights=done/eval/initial/teacher_checkpoint.safetensors optim.epochs=1
err_has 'other contents there than here'
status 0 train train.output_dir=w2 "MODEL.WEIGHTS=done/model_0000023.rank_0.ckpt" "student.pretrained_weights=$teacher" optim.epochs=1
err_has 'Loaded pretrained weights from done/model_0000023.rank_0.ckpt'
err_has '43 tensors loaded, 0 new; positions 4 x 4 will be interpolated'
err_has 'both networks and the centres of iteration 23; the optimizer state is reset'
err_has 'student.pretrained_weights: ignored: starting from MODEL.WEIGHTS'
status 1 train train.output_dir=w7 MODEL.WEIGHTS=done/model_0000023.rank_0.ckpt student.depth=1 # tensors that the model does not have
err_has 'dino-train: done/model_0000023.rank_0.ckpt: student.backbone.blocks.1.norm1.weight belongs nowhere in this model'
err_has 'dino-train: done/model_0000023.rank_0.ckpt: teacher.backbone.blocks.1.ls2.gamma belongs nowhere in this model'
err_has 'tensors: 0 missing, 0 of wrong shape, 28 unexpected'
status 1 train train.output_dir=w7 MODEL.WEIGHTS=done/model_0000023.rank_0.ckpt student.qkv_bias=false
err_has 'tensors: 0 missing, 0 of wrong shape, 4 unexpected'
status 1 train train.output_dir=done train.resume=true student.depth=3
check 'all that are missing are listed' test $(grep -c 'blocks.2.* is missing' err) -eq 56
err_has 'tensors: 56 missing, 0 of wrong shape, 0 unexpected'
status 1 train train.output_dir=done train.resume=true optim.optimizer=sgd
err_has 'optimizer.v.backbone.cls_token belongs nowhere in this model'
check 'its teacher before the first step is that of the checkpoint' cmp <(dino-weights list w2/eval/initial/teacher_checkpoint.safetensors | grep -v initial) <(dino-weights list $teacher | grep -v training_23)
status 0 train train.output_dir=w3 "MODEL.WEIGHTS=$teacher" optim.epochs=1 -q
dino-weights convert -q "$teacher" -o t.pth # only a teacher, in the published container: fills both networks too
for key in MODEL.WEIGHTS student.pretrained_weights; do
    rm -rf w6
    status 0 train train.output_dir=w6 "$key=t.pth" optim.epochs=1
    err_has 'Loaded pretrained weights from t.pth'
    [ $key = MODEL.WEIGHTS ] && check 'its values' dino-weights compare w6/eval/initial/teacher_checkpoint.safetensors "$teacher"
done
status 1 train train.output_dir=w4 "MODEL.WEIGHTS=$teacher" student.embed_dim=64
err_has 'is [32'
status 0 train train.output_dir=w5 "student.pretrained_weights=$teacher" crops.global_crops_size=48 optim.epochs=1
err_has 'positions 4 x 4 will be interpolated'
status 0 train train.output_dir=w5 "student.pretrained_weights=$teacher" crops.global_crops_size=48 optim.epochs=1
err_has 'the run is complete'

# ---- views, from a file and from a pipe, are the same batches; a run that resumes skips those that were used
dino-augment -q -c t.yaml all -o t.views
status 0 train train.dataset_path=t.views train.output_dir=views -q
check 'views give the same metrics' cmp views/training_metrics.json done/training_metrics.json
check 'and the same teacher; the files name different data' dino-weights compare {views,done}/eval/training_23/teacher_checkpoint.safetensors
status 0 bash -c 'dino-augment -q -c t.yaml all -o - | dino-train -q -c t.yaml train.dataset_path=- train.output_dir=pipe'
same_results pipe views
dino-augment -q -c t.yaml -n 10 all -o short.views
status 1 train train.dataset_path=short.views train.output_dir=short
err_has 'the views end before iteration 10 of 24; the state is saved'
check 'the state is saved' test "$(iterations short)" = "3 7 9 "
status 0 train train.dataset_path=t.views train.output_dir=short train.resume=true -q
same_results short views
status 0 train train.output_dir=short train.resume=true
err_has 'differs from the checkpoint: train.dataset_path: other contents there than here'
status 1 train train.dataset_path=t.views train.output_dir=y train.batch_size_per_gpu=5
err_has 'batch'

# ---- two processes at once; inputs that cannot be read
mkfifo hold
train train.dataset_path=hold train.output_dir=both -q 2>/dev/null &
holder=$!
for i in $(seq 100); do [ -e both/log.txt ] && break; sleep 0.05; done
status 1 train train.output_dir=both
err_has 'another dino-train is already running in this directory'
kill $holder 2>/dev/null
: >hold 2>/dev/null & sleep 0.2; kill $! 2>/dev/null
wait 2>/dev/null
status 1 train train.output_dir=/proc/nothing
status 1 train train.dataset_path=nothing train.output_dir=z
err_has 'nothing'
status 1 train train.dataset_path=ImageNet:split=TRAIN train.output_dir=z
err_has 'a published data set'
status 1 train evaluation.knn_k=1000 train.output_dir=z
err_has 'evaluation.knn_k: every value exceeds the '

# ---- backup: a verified copy; a backup that fails warns and does not stop
status 0 train train.output_dir=b train.backup_dir=copies train.backup_period=8 optim.epochs=1
same b/model_0000011.rank_0.ckpt copies/model_0000011.rank_0.ckpt
err_has 'backup of model_0000011.rank_0.ckpt in copies, read back and compared'
status 0 train train.output_dir=b2 train.backup_dir=/proc/nothing optim.epochs=1
err_has 'training continues'

# ---- collapse and divergence: status 5
status 5 train train.output_dir=c $flat
err_has 'complete collapse'
status 5 train train.output_dir=c $flat
err_has 'the run is complete'
status 5 train train.output_dir=n student.layerscale=1e6 optim.base_lr=1000 optim.warmup_epochs=0 optim.clip_grad=0 train.max_bad_steps=3 evaluation.knn_train= evaluation.knn_val=
err_has 'is not finite; the step is skipped (3 in a row); its images: '
err_has 'training has diverged: 3 steps in a row were not finite'
err_has 'last saved: '

# ---- KoLeo: crops with an equal neighbour are left out and counted
mkdir same && for i in 1 2 3 4; do cp "$(ls bbu/train/*/*.jpeg | head -n 1)" same/$i.jpeg; done
bbu-index -q same -o same.index 2>/dev/null && bbu-pack -q same.index -o same.shards
status 0 train -q train.output_dir=equal train.dataset_path=same.shards $flat optim.epochs=1 augment.horizontal_flip=0 crops.global_crops_scale=[1,1] student.drop_path_rate=0 teacher.momentum_teacher=0.99
check 'all 8 of a step' grep -q '"koleo_left_out": 8,' equal/training_metrics.json
check 'none as a rule' bash -c '! grep -v "\"koleo_left_out\": 0," done/training_metrics.json'

# ---- the memory plan
status 0 train --plan
out_has 'in all; this machine has'
check 'nothing is made' test ! -e planned
status 0 dino-train --plan -c "$TESTS/../examples/vitg14.yaml"
out_has 'trains it only in a shortened form'
status 0 train --plan --json
out_has '{"report":"plan","what":"limit","of":"this machine","bytes":'
check 'lines of JSON' bash -c '! grep -v "^{\"report\":\"plan\",\"what\":\".*\",\"bytes\":[0-9]*}$" out'
check 'a full disk is an error' bash -c '! dino-train -c t.yaml --plan >/dev/full'

# ---- teacher_checkpoint.pth with chunked names
status 0 train -q train.output_dir=p optim.epochs=1 train.teacher_pth=true student.block_chunks=2
check 'chunked names in the .pth' grep -aq 'backbone.blocks.1.1.norm1.weight' p/eval/training_11/teacher_checkpoint.pth
check 'and not in the safetensors' lacks 'blocks.1.1.' p/eval/training_11/teacher_checkpoint.safetensors

# ---- an FFN that is the identity: trained, written and read again
status 0 train -q train.output_dir=id optim.epochs=1 student.ffn_layer=identity
status 0 dino-extract -w id/eval/training_11/teacher_checkpoint.safetensors val -o id.feat
err_has '2 blocks, 2 heads, no FFN'
done_testing
