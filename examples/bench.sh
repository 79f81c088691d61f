#!/bin/bash
# bench.sh - speeds on this machine; make bench calls it. All data are generated here and removed at the end.
# usage: bench.sh [quick]      quick: only the networks
set -eu
. "$(dirname "$0")/find-tools.sh"
need bbu-index bbu-pack dino-augment dino-train dino-extract feat-knn feat-logreg bench bench-step bench-run datagen \
    featgen
. "$(dirname "$0")/bench-data.sh"

row() { # what count unit operations command...
    local what=$1 count=$2 unit=$3 operations=$4
    shift 4
    bench-run -n "$count" -u "$unit" -f "$operations" "$what" "$@" || true
}

bench peak
for precision in $(bench precisions); do
    bench -p "$precision" extract vit_small 224 8
    bench -p "$precision" extract vit_small 224 1
    bench -p "$precision" extract vit_small 518 8
    bench -p "$precision" extract vit_small 518 1
    bench -p "$precision" extract vit_base 224 8
done
for precision in $(bench precisions); do
    [ "$precision" = int8 ] || bench-step -n 3 -p "$precision"
done
[ "${1:-}" = quick ] && exit 0

make_photographs
images=$(find "$scratch/bbu" -name '*.jpeg' | wc -l)
row "bbu-index, the drawn photographs" "$images" images 0 bbu-index -q "$scratch/bbu" -o "$scratch/again.index"
row "bbu-pack, the same" "$images" images 0 bbu-pack -q "$scratch/bbu.index" -o "$scratch/again"
row "dino-augment, 2 + 8 crops, as published" 128 images 0 dino-augment -q -n 8 "$scratch/shards" \
    train.batch_size_per_gpu=16 -o "$scratch/x.views"
rm -f "$scratch/x.views"
make_weights
for precision in $(bench precisions); do
    bench-run -r 20 -p "$precision" "dino-extract, vit_small, one photograph" dino-extract -q -w "$weights" \
        --precision "$precision" "$photograph" -o "$scratch/x.feat" || true
done

make_rows bank 33334 0
make_rows query 667 40000
make_rows train 3334 0
sync -f "$scratch" # so that writing to the disk does not compete with what is measured
row "feat-knn, 2,001 x 100,002 rows of 384" 2001 queries "$((2 * 2001 * 100002 * 384))" feat-knn -q -k 20 \
    --no-thresholds --resamples 0 "$scratch/bank.feat" "$scratch/query.feat"
row "feat-logreg, 10,002 x 384, 10 classes, 45 C" 45 fits 0 feat-logreg -q -t "$scratch/train.feat" \
    --val "$scratch/query.feat" --resamples 0
