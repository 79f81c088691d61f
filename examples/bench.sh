#!/bin/bash
# Speeds on this machine: make bench. Everything is drawn here and removed at the end.
# usage: examples/bench.sh [quick]      quick: the networks alone
set -eu
took=0
cd "$(dirname "$0")/.."
B=${B:-build}
export PATH="$PWD/$B:$PATH"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

timed() { # what command...
    local what=$1 start end
    shift
    start=$(date +%s.%N)
    "$@" >"$scratch/out" 2>&1 || { echo "$what: failed"; tail -n 3 "$scratch/out"; return; }
    end=$(date +%s.%N)
    took=$(awk -v a="$start" -v b="$end" 'BEGIN { print b - a }')
    printf '%-50s %8.2f s\n' "$what" "$took"
}

rates() { # count what count what: of the command before
    awk -v t="$took" -v a="$1" -v an="$2" -v b="$3" -v bn="$4" \
        'BEGIN { printf "%-50s %8.2f %s/s  %.1f %s/s\n", "", a / t, an, b / t, bn }'
}

"$B/tests/bench" peak
"$B/tests/bench" extract vit_small 224 8
"$B/tests/bench" extract vit_small 518 4
"$B/tests/bench" extract vit_base 224 4
"$B/tests/bench-step" -n 3 | tail -n 1
[ "${1:-}" = quick ] && exit 0

"$B/tests/datagen" "$scratch/bbu" >/dev/null
timed "bbu-index, the drawn photographs" bbu-index -q "$scratch/bbu" -o "$scratch/bbu.index"
timed "bbu-pack, the same" bbu-pack -q "$scratch/bbu.index" -o "$scratch/shards"
rates "$(find "$scratch/bbu" -name '*.jpeg' | wc -l)" images "$(du -sm "$scratch/bbu" | cut -f 1)" MB
timed "dino-augment, 8 batches of 16, as published" dino-augment -q -n 8 "$scratch/shards" train.batch_size_per_gpu=16 \
    -o "$scratch/x.views"
rates 128 images 1280 crops
rm -f "$scratch/x.views"
for part in "bank 33334 0" "query 667 40000"; do
    set -- $part
    "$B/tests/featgen" -c 10 -g "$2" -s 3 -d 384 --first "$3" -o "$scratch/$1.feat"
done
timed "feat-knn, 2,001 queries x 100,002 x 384" feat-knn -q -k 20 --no-thresholds --resamples 0 "$scratch/bank.feat" "$scratch/query.feat"
"$B/tests/featgen" -c 10 -g 3334 -s 3 -d 384 -o "$scratch/train.feat"
timed "feat-logreg, 10,002 x 384, 10 classes, 45 C" feat-logreg -q -t "$scratch/train.feat" --val "$scratch/query.feat" --resamples 0
