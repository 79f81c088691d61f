#!/bin/bash
# bench.sh - speeds on this machine; make bench calls it. All data are generated here and removed at the end.
# usage: bench.sh [quick]      quick: only the networks
set -eu
. "$(dirname "$0")/find-tools.sh"
need bbu-index bbu-pack dino-augment dino-train dino-extract feat-knn feat-logreg bench bench-step bench-run datagen \
    featgen
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

row() { # what count unit operations command...
    local what=$1 count=$2 unit=$3 operations=$4
    shift 4
    bench-run -n "$count" -u "$unit" -f "$operations" "$what" "$@" || true
}

bench peak
for precision in f32; do
    bench -p $precision extract vit_small 224 8
    bench -p $precision extract vit_small 224 1
    bench -p $precision extract vit_small 518 8
    bench -p $precision extract vit_small 518 1
    bench -p $precision extract vit_base 224 8
done
bench-step -n 3
[ "${1:-}" = quick ] && exit 0

datagen "$scratch/bbu" >/dev/null
images=$(find "$scratch/bbu" -name '*.jpeg' | wc -l)
row "bbu-index, the drawn photographs" "$images" images 0 bbu-index -q "$scratch/bbu" -o "$scratch/bbu.index"
row "bbu-pack, the same" "$images" images 0 bbu-pack -q "$scratch/bbu.index" -o "$scratch/shards"
row "dino-augment, 2 + 8 crops, as published" 128 images 0 dino-augment -q -n 8 "$scratch/shards" \
    train.batch_size_per_gpu=16 -o "$scratch/x.views"
rm -f "$scratch/x.views"

# A network of a single training step: weights are weights.
dino-train -q train.dataset_path="$scratch/shards" train.output_dir="$scratch/run" student.arch=vit_small \
    student.patch_size=14 student.drop_path_rate=0 crops.local_crops_size=98 crops.local_crops_number=1 \
    train.batch_size_per_gpu=2 dino.head_n_prototypes=16 ibot.separate_head=false optim.epochs=1 \
    optim.warmup_epochs=0 train.OFFICIAL_EPOCH_LENGTH=1
weights=$(find "$scratch/run" -name teacher_checkpoint.safetensors)
photograph=$(find "$scratch/bbu" -name '*.jpeg' -print -quit)
bench-run -r 20 "dino-extract, vit_small, one photograph" dino-extract -q -w "$weights" "$photograph" \
    -o "$scratch/x.feat" || true

for part in "bank 33334 0" "query 667 40000"; do
    set -- $part
    featgen -c 10 -g "$2" -s 3 -d 384 --first "$3" -o "$scratch/$1.feat"
done
sync -f "$scratch" # so that writing to the disk does not compete with what is measured
row "feat-knn, 2,001 x 100,002 rows of 384" 2001 queries "$((2 * 2001 * 100002 * 384))" feat-knn -q -k 20 \
    --no-thresholds --resamples 0 "$scratch/bank.feat" "$scratch/query.feat"
featgen -c 10 -g 3334 -s 3 -d 384 -o "$scratch/train.feat"
row "feat-logreg, 10,002 x 384, 10 classes, 45 C" 45 fits 0 feat-logreg -q -t "$scratch/train.feat" \
    --val "$scratch/query.feat" --resamples 0
