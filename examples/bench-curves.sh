#!/bin/bash
# bench-curves.sh - how time grows with images, resolution, prototypes, rows of a bank and threads on this machine, as
# pictures; make bench-curves calls it.
# usage: bench-curves.sh FOLDER [quick]      FOLDER gets NAME.svg and its numbers, NAME.tsv; quick: tiny sizes, which say
#                                            only that all works
#
# Columns of the numbers: precision, what grows, seconds, seconds of processors, bytes of memory. Time is that of
# processors, which a shared machine does not change much; of threads it is that of the clock. A dashed line shows what
# growth would be with the work alone: of resolution with the pixels, to which attention adds what grows with their
# square.
set -eu
. "$(dirname "$0")/find-tools.sh"
need bbu-index bbu-pack dino-train dino-extract feat-knn bench bench-step bench-run bench-plot datagen featgen
folder=${1:?which FOLDER?}
. "$(dirname "$0")/bench-data.sh"
images="1 4 16 64 256" resolutions="112 224 448 896 1344 2044" prototypes="1024 4096 16384 65536 131072"
bank="1002 3000 10002 30000 100002" queries=1002 network=224 groups=86 step=
if [ "${2:-}" = quick ]; then
    images="1 3" resolutions="14 42" prototypes="16 64" bank="30 90" queries=30 network=28 groups=2
    step="crops.global_crops_size=28 crops.local_crops_size=14"
fi
precisions=$(bench precisions)
training=${precisions//int8/} processors=$(nproc)
mkdir -p "$folder"

begin() { # name what-grows
    tsv=$folder/$1.tsv
    printf 'precision\t%s\tseconds\tseconds of processors\tbytes\n' "$2" >"$tsv"
}
point() { # precision x units command...: the command prints bare numbers (bench-row.h) for one unit, of which it did units
    local precision=$1 x=$2 units=$3
    shift 3
    "$@" | awk -F'\t' -v OFS='\t' -v p="$precision" -v x="$x" -v n="$units" '{print p, x, n * $1, n * $2, $4}' >>"$tsv"
}
draw() { # options of bench-plot
    bench-plot "$@" "$tsv" >"${tsv%.tsv}.svg"
    echo "${tsv%.tsv}.svg"
}

make_photographs --groups $groups --width 256
make_weights
find "$scratch/bbu" -name '*.jpeg' | sort >"$scratch/names"
begin images images
for precision in $precisions; do
    for n in $images; do
        head -n "$n" "$scratch/names" >"$scratch/some"
        point "$precision" "$n" 1 bench-run -t -r 1 extract sh -c \
            "dino-extract -q --precision $precision --size $network -w '$weights' -o '$scratch/x.feat' - <'$scratch/some'"
    done
done
draw -t "dino-extract, ViT-S/14, $network pixels, with its start" -x images -y 'seconds of processors' -c 4 -s 1 -l

begin resolution pixels
for precision in $precisions; do
    for n in $resolutions; do
        cold=
        [ "$n" -lt 500 ] || cold=-c # a second run would be no faster
        point "$precision" "$n" 1 bench -t $cold -n 1 -p "$precision" extract vit_small "$n" 1
    done
done
draw -t 'ViT-S/14 forward, one image' -x 'pixels of a side' -y 'seconds of processors' -c 4 -s 2

begin prototypes prototypes
for precision in $training; do
    for n in $prototypes; do
        point "$precision" "$n" 2 bench-step -t -n 1 -p "$precision" train.batch_size_per_gpu=2 \
            dino.head_n_prototypes="$n" $step
    done
done
draw -t 'training step, ViT-S/14, batch 2' -x prototypes -y 'seconds of processors' -c 4 -s 1 -l

begin bank rows
make_rows query $((queries / 3)) 40000
for n in $bank; do
    make_rows bank $((n / 3)) 0
    point f32 "$n" 1 bench-run -t -r 3 knn feat-knn -q -k 20 --no-thresholds --resamples 0 "$scratch/bank.feat" \
        "$scratch/query.feat"
done
draw -t "feat-knn, $queries queries, rows of 384, with reading" -x 'rows of the bank' -y 'seconds of processors' -c 4 \
    -s 1 -l

begin threads threads
threads=$(for ((n = 1; n < processors; n *= 2)); do echo "$n"; done; echo "$processors")
for precision in $precisions; do
    for n in $threads; do
        point "$precision" "$n" 1 bench -t -j "$n" -n 3 -p "$precision" extract vit_small "$network" $((4 * processors))
    done
done
draw -t "ViT-S/14 forward, $network pixels, images in parallel" -x threads -y 'seconds of an image, by the clock' -c 3 -s -1
