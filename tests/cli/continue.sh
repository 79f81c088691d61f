#!/bin/bash
# dino-train: continuing from published weights, whose grid of positions, 37 x 37, is not that of the crops. By the
# settings of examples/continue.yaml, in a network so small that a step takes milliseconds.
. "$TESTS/cli/lib.sh"
. "$TESTS/cli/train-fixture.sh"
train_fixture || exit 1
tiny="student.embed_dim=32 student.depth=2 student.num_heads=2 crops.local_crops_number=2 dino.head_n_prototypes=64
    dino.head_bottleneck_dim=16 dino.head_hidden_dim=32 ibot.head_n_prototypes=48 ibot.head_bottleneck_dim=16
    ibot.head_hidden_dim=32 train.dataset_path=all train.batch_size_per_gpu=4 train.micro_batch_size=3
    train.OFFICIAL_EPOCH_LENGTH=3 train.saveckp_freq=2 train.freeze_backbone_iterations=2 optim.epochs=2
    optim.warmup_epochs=0 optim.freeze_last_layer_epochs=0 optim.base_lr=0.01 teacher.warmup_teacher_temp_epochs=1
    evaluation.eval_period_iterations=3 evaluation.knn_train=val evaluation.knn_val=all evaluation.knn_k=[1,3]
    evaluation.allow_overlap=true evaluation.resize=46 evaluation.crop=42"
plain() { dino-train -c "$TESTS/../examples/continue.yaml" $tiny "$@"; }
train() { plain student.pretrained_weights=weights "$@"; }
augment() { dino-augment -q -c "$TESTS/../examples/continue.yaml" $tiny "$@"; }
teacher() { echo "$1"/eval/training_5/teacher_checkpoint.safetensors; }
numbers() { # folder: every loss and gradient of its metrics is a number, and patches were masked
    grep -q '"ibot_loss": [0-9.]*[1-9]' "$1/training_metrics.json" && ! grep -qiE 'nan|inf' "$1/training_metrics.json"
}
differ_in() { dino-weights compare "$1" "$2" | grep "^$3	differs"; }

# ---- weights as they are published: a backbone without settings, as .pth and as safetensors
status 0 plain -q student.pos_grid=37 crops.global_crops_size=56 train.OFFICIAL_EPOCH_LENGTH=1 \
    train.freeze_backbone_iterations=0 train.output_dir=maker
status 0 dino-weights -q convert --bare maker/eval/training_1/teacher_checkpoint.safetensors -o weights.pth
status 0 dino-weights -q convert --bare weights.pth -o weights.safetensors
check 'it says nothing of the run that made it' bash -c '! grep -aq global_crops_size weights.safetensors'
cp weights.pth weights
status 0 dino-weights list weights
out_has 'pos_embed	F32	[1,1370,32]'

# ---- crops of many sizes; the positions that are stored keep their grid, and learn
sizes="112 224 98 42 518"
if ldd "$BUILD/dino-train" 2>/dev/null | grep -q 'lib[atu]*san'; then
    sizes="112 98 42" # with a sanitizer the large ones take minutes, and memory is taken in the same way
fi
for size in $sizes; do
    status 0 train -j2 crops.global_crops_size=$size train.output_dir=run-$size
    err_has 'positions 37 x 37 will be interpolated to the crops'
    check 'all that is logged is a number' numbers run-$size
    status 0 dino-weights list "$(teacher run-$size)"
    out_has 'backbone.pos_embed	F32	[1,1370,32]'
    check 'they have learned' differ_in weights "$(teacher run-$size)" backbone.pos_embed
done
check 'the grid was found out' grep -q 'pos_grid: 37 ' run-112/config.yaml
check 'the backbone was frozen at first' bash -c 'head -n 1 run-112/training_metrics.json | grep "gradient_norm_backbone\": 0,"'

# ---- the same bytes: for any number of threads, from either form of the weights, killed and resumed, from views
status 0 train -q -j1 crops.global_crops_size=112 train.output_dir=one
same_results one run-112
cp weights.safetensors weights
status 0 train -q -j2 crops.global_crops_size=112 train.output_dir=other
same_results other run-112
cp -a run-112 resumed
for lost in 5 3; do # the backbone is trained, or still frozen
    rm resumed/model_000000[$lost-9].rank_0.ckpt
    status 0 train -j2 crops.global_crops_size=112 train.output_dir=resumed
    err_has "Resumed training from checkpoint resumed/model_000000$((lost - 2)).rank_0.ckpt"
    same_results resumed run-112
done
status 0 augment crops.global_crops_size=112 all -o all.views
status 0 train -q -j2 crops.global_crops_size=112 train.dataset_path=all.views train.output_dir=views
status 0 dino-weights compare "$(teacher views)" "$(teacher run-112)" # the files tell their data apart
status 0 augment crops.global_crops_size=112 all --rows 2 --sheet sheet.jpg

# ---- views whose masks have another grid, even if they keep no settings
status 0 augment --no-provenance crops.global_crops_size=112 crops.local_crops_size=112 student.patch_size=16 \
    evaluation.resize=48 evaluation.crop=48 all -o other.views
status 1 train crops.global_crops_size=112 crops.local_crops_size=112 train.dataset_path=other.views train.output_dir=x
err_has 'made with patches a side 7, the settings say 8'

# ---- the plan is that of the network with the weights' grid
planned() { plain --plan --json crops.global_crops_size=112 "$@" | grep -v '"program\|"total'; }
planned student.pos_grid=37 >asked && planned student.pretrained_weights=weights >found && planned >without
same asked found
differ found without
status 0 plain --plan student.pretrained_weights=nowhere
err_has 'nowhere: No such file'
err_has 'planned without it'

# ---- features of the teacher: those of the scores on the way, and of whole photographs, which are not square
for set in val all; do
    status 0 dino-extract -q -w "$(teacher run-112)" --resize 46 --size 42 $set -o $set.feat
done
grep '"iteration": 5,' run-112/evaluation.json | grep -o '"[13]": [0-9.]*' | tr -d '":' >said
feat-knn -q -k 1,3 --allow-overlap --resamples 0 --no-thresholds --json val.feat all.feat |
    sed -n 's/.*"k":\([0-9]*\),.*"level":"image",.*"accuracy":\([0-9.]*\),.*/\1 \2/p' >found
check 'two scores' test "$(wc -l <said)$(wc -l <found)" = 22
check 'evaluation.json has those of dino-extract and feat-knn' \
    cmp <(awk '{ printf "%d %.12f\n", $1, $2 }' said) <(awk '{ printf "%d %.12f\n", $1, $2 }' found)
status 0 dino-extract -q -w "$(teacher run-112)" --resize 46 --size 0 val -o whole.feat
status 0 bbu-info --verify whole.feat

# ---- larger crops later: the grid that was learned stays, whether it came from weights or from the first crops
own="student.num_register_tokens=0 train.freeze_backbone_iterations=0"
status 0 plain -q $own crops.global_crops_size=56 train.output_dir=small
for first in small run-112; do
    [ $first = small ] && what=$own grid='4 x 4' || what=student.pretrained_weights=weights grid='37 x 37'
    last=$first/model_0000005.rank_0.ckpt
    status 0 plain $what crops.global_crops_size=70 MODEL.WEIGHTS=$last train.output_dir=large-$first
    err_has "positions $grid will be interpolated"
    status 0 plain $what crops.global_crops_size=70 train.resume=true train.resume_path=$last \
        optim.epochs=3 train.output_dir=longer-$first
    check 'all that is logged is a number' numbers longer-$first
    check 'the grid stays' grep -q "pos_grid: ${grid%% *} " longer-$first/config.yaml
    cp -a longer-$first again && rm again/model_0000008.rank_0.ckpt
    status 0 plain -q $what crops.global_crops_size=70 optim.epochs=3 train.output_dir=again
    same_results again longer-$first
    rm -rf again
done
done_testing
