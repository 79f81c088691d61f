#!/bin/bash
# elpv.sh - real photographs, from index to scores with one command: solar cells, good and broken, in
# ../shared/data/elpv-cells. Trains on the training images without their labels, then compares three kinds of features
# with the same classifiers: the trained network, the same network untrained, and mean and deviation of the grey values.
# Prints a table. Then gives verdicts on the groups of test cells, by thresholds that are to keep two promises, and counts
# what became of these.
#
# usage: elpv.sh [DATASET [FOLDER]]     [in the source tree ../shared/data/elpv-cells build/elpv; else FOLDER is elpv]
#   EPOCHS=N     epochs of 20 iterations of 24 images [20]          SEED=N  seed of the training [0]
# A run that is in FOLDER is resumed; one of other images or settings is refused: name another FOLDER.
set -eu
. "$(dirname "$0")/find-tools.sh"
need bbu-index bbu-pack dino-train dino-extract feat-cat feat-knn feat-logreg feat-verdict plainfeat
dataset=${1:-${build:+$here/../../shared/data/elpv-cells}} folder=${2:-${build:+$build/}elpv}
epochs=${EPOCHS:-20} seed=${SEED:-0} start=$SECONDS
[ -n "$dataset" ] || { echo "elpv.sh: which DATASET? a folder of photographs with lists" >&2; exit 2; }
[ -d "$dataset" ] || { echo "elpv.sh: $dataset is not there" >&2; exit 1; }
dataset=$(cd "$dataset" && pwd)
mkdir -p "$folder" && cd "$folder"

bbu-index -q "$dataset" -o now.index
cmp -s now.index elpv.index && [ -e val ] || {
    bbu-pack -q --store rgb now.index -o shards
    bbu-pack -q --store rgb --split train now.index -o train
    bbu-pack -q --store rgb --split val now.index -o val
    mv now.index elpv.index
}
rm -f now.index

# A cell has no upright orientation, so crops are flipped and rotated. A crack is a line of a few pixels: crops are
# taken at nearly full resolution, and features are those of whole images. Without evaluation.* the untrained teacher
# would not be saved.
dino-train --config "$here/tiny.yaml" train.dataset_path=train train.output_dir=run train.seed="$seed" \
    optim.epochs="$epochs" optim.warmup_epochs=2 crops.global_crops_scale=[0.1,0.3] crops.local_crops_scale=[0.03,0.1] \
    augment.vertical_flip=0.5 augment.rotate90=0.5 augment.blur_probability_global1=0 \
    augment.blur_probability_global2=0 augment.blur_probability_local=0 \
    evaluation.knn_train=train evaluation.knn_val=val evaluation.resize=288 evaluation.crop=288 \
    evaluation.eval_period_iterations=200
last=$(find run/eval -name 'training_*' | sort -t_ -k2 -n | tail -n 1)

features() { # name command...: name.train.feat, name.val.feat, name.test.feat
    local name=$1 split
    shift
    "$@" -o "$name.feat"
    for split in train val test; do feat-cat -q --split $split "$name.feat" -o "$name.$split.feat"; done
}
extract() { dino-extract -q -w "$1" --tokens cls+mean --resize 288 --size 288 "${@:2}" shards; }
features plain plainfeat -q shards
features untrained extract run/eval/initial/teacher_checkpoint.safetensors
features trained extract "$last/teacher_checkpoint.safetensors"

for name in plain untrained trained; do
    feat-knn -q -k 20 --val $name.val.feat --json -r $name.knn.json $name.train.feat $name.test.feat
    feat-logreg -q -t $name.train.feat --val $name.val.feat --select auroc --json -m $name.logreg \
        -o $name.predictions.json -r $name.logreg.json $name.test.feat
done

# "value [low, high]" of a score in the line of a level
field() { # file level key
    grep -h "\"level\":\"$2\"" "$1" | head -n 1 | sed "s/^.*\"tries\"//" |
        sed -E "s/^.*[,{]\"$3\":([0-9.e-]+),.*\"intervals\":\{[^}]*\"$3\":\[([0-9.e-]+),([0-9.e-]+)\].*\"confusion\".*/\1 \2 \3/" |
        awk '{printf "%.3f [%.3f, %.3f]", $1, $2, $3}'
}
{
    printf '| features | classifier | AUROC, images | average precision, images | accuracy, images | AUROC, groups |\n'
    printf '| --- | --- | --- | --- | --- | --- |\n'
    for name in plain untrained trained; do
        for way in knn logreg; do
            f=$name.$way.json
            printf '| %s | %s | %s | %s | %s | %s |\n' $name $way "$(field $f image auroc)" \
                "$(field $f image average_precision)" "$(field $f image accuracy)" "$(field $f group auroc)"
        done
    done
    printf '\nscored: the test split; in brackets 95 %% intervals that resample groups; C and thresholds from the val split\n'
    printf 'trained: %s x 20 iterations of 24 pictures, seed %s; all of it took %d s on %d processors\n' "$epochs" "$seed" \
        $((SECONDS - start)) "$(nproc)"
} | tee table.md

# Promises: thresholds from the groups of both other splits, out of fold, because those of val are too few.
feat-cat -q trained.train.feat trained.val.feat -o trained.fit.feat
feat-logreg -q -t trained.fit.feat --select auroc --json -m trained.fit.logreg --out-of-fold trained.seen.json \
    -r trained.fit.json
feat-logreg -q -m trained.fit.logreg --json -o trained.new.json -r trained.new.scores.json trained.test.feat
printf '\n'
rm -f promises.txt
# Too few installations, or a promise is broken: it says so.
feat-verdict -q -c trained.seen.json --group-score learned --views 0 --missed 5%,95% --alarms 5%,95% --verdicts-only \
    -o verdicts.txt -r promises.txt trained.new.json || :
if [ -e promises.txt ]; then cat promises.txt; fi
