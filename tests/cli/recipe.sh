#!/bin/bash
# Features that were made in different ways are not combined: each option of dino-extract and of bbu-pack that changes
# them is in the recipe, all three tools refuse a difference and name both values, and feat-cat copies it.
. "$(dirname "$0")/lib.sh"
"$BUILD/tests/datagen" -q --groups 12 --width 96 --seed 3 bbu && bbu-index -q bbu -o bbu.index || exit 1
for s in train test; do bbu-pack -q --split $s bbu.index -o $s || exit 1; done
bbu-pack -q --split test --short-side 48 bbu.index -o small
bbu-pack -q --split test --short-side 48 --quality 80 bbu.index -o coarse
bbu-pack -q --split test --store rgb --as-stored bbu.index -o stored
w=$TESTS/golden/vit_plain.pth
shape='arch: vit_small, patch_size: 14, embed_dim: 64, depth: 3, num_heads: 1, interpolate_antialias: false'
printf 'student: {%s, interpolate_offset: 0.1}\ncrops: {global_crops_size: 84}\naugment: {mean: [0.5, 0.5, 0.5]}\n' "$shape" >other.yaml
printf 'student: {%s, interpolate_offset: 0.0}\ncrops: {global_crops_size: 84}\n' "$shape" >offset.yaml
extract() { # name shards options...
    dino-extract -q -w "$w" -o "$1.feat" "${@:3}" "$2"
}
extract train train --resize 32 --size 0
extract test test --resize 32 --size 0
status 0 feat-logreg -q -t train.feat -C 1 --resamples 0 -m m.logreg -r /dev/null test.feat

# name, shards, the message, options
refused() {
    extract "$1" "$2" "${@:4}"
    status 1 feat-cat train.feat "$1.feat" -o both.feat
    err_has "$1.feat: is incompatible with train.feat: $3"
    status 1 feat-knn -q -k 3 train.feat "$1.feat"
    err_has "$1.feat: is incompatible with train.feat: $3"
    status 1 feat-logreg -q -m m.logreg "$1.feat"
    err_has "$1.feat: is incompatible with m.logreg: $3"
    status 1 feat-logreg -q -t train.feat --val "$1.feat"
    err_has "$3"
}
refused resize test 'resize 48, other file has 32' --resize 48 --size 0
refused size test 'size 28, other file has 0' --resize 32 --size 28
refused fit test 'fit crop, other file has resize' --resize 32 --size 0 --fit crop
refused orientation test 'as_stored yes, other file has no' --resize 32 --size 0 --as-stored
refused short-side small 'pack.short_side 48, other file has 0' --resize 32 --size 0
refused stored stored 'pack.as_stored yes, other file has no' --resize 32 --size 0
extract small small --resize 32 --size 0
extract coarse coarse --resize 32 --size 0
status 1 feat-cat small.feat coarse.feat -o both.feat
err_has 'pack.quality 80, other file has 95'
refused mean test 'mean 0.5,0.5,0.5, other file has 0.485' --resize 32 --size 0 -c other.yaml
refused offset test 'interpolate_offset 0, other file has 0.1' --resize 32 --size 0 -c offset.yaml

# ---- precision: float32 is not written, another is refused unless it is allowed, which reports say
extract plain test --resize 32 --size 0 --precision f32
same plain.feat test.feat
status 0 bbu-info test.feat
out_has 'precision       f32'
check 'float32 is not in the file' lacks '"precision"' <(bbu-info --json test.feat | sed 's/"precision":"f32",//')
drawn() { # name first-group options...
    "$BUILD/tests/featgen" --first "$2" -o "$1" "${@:3}"
}
drawn f32.feat 0
drawn bf16.feat 40 --precision bf16
drawn int8.feat 80 --precision int8
status 0 feat-logreg -q -t f32.feat -C 1 --resamples 0 -m f32.logreg -r /dev/null
refused_precision() { # the message, a command, options that let it pass
    status 1 "${@:2}"
    err_has "$1 (--allow-precision takes both)"
    status 0 "${@:2}" --allow-precision
}
unlike='is incompatible with f32.feat: precision bf16, other file has f32'
refused_precision "bf16.feat: $unlike" feat-knn -q -k 3 --resamples 0 f32.feat bf16.feat
out_has 'computed train in f32, query in bf16: in different precisions'
err_has 'bf16.feat: precision bf16; f32.feat has f32'
refused_precision "int8.feat: is incompatible with f32.feat: precision int8, other file has f32" feat-knn -q -k 3 --resamples 0 f32.feat --val int8.feat \
    -o predicted.txt f32.feat --allow-overlap
check 'predictions say it, too' grep -q '^# computed train in f32, query in f32, val in int8: in different' predicted.txt
refused_precision "bf16.feat: $unlike" feat-logreg -q -t f32.feat -C 1 --resamples 0 --val bf16.feat
refused_precision "bf16.feat: $unlike" feat-logreg -q -t f32.feat -C 1 --resamples 0 --json bf16.feat
out_has '"computed_in":{"train":"f32","query":"bf16"}'
refused_precision 'bf16.feat: is incompatible with f32.logreg: precision bf16, other file has f32' \
    feat-logreg -q -m f32.logreg bf16.feat
out_has 'computed model in f32, query in bf16'
refused_precision "bf16.feat: $unlike" feat-cat f32.feat bf16.feat -o mixed.feat
err_has 'bf16.feat: precision bf16; the rows before it: f32'
status 0 bbu-info mixed.feat
out_has 'precision       mixed'
status 1 feat-knn -q -k 3 mixed.feat bf16.feat --allow-overlap
err_has 'precision bf16, other file has mixed'
status 0 feat-cat mixed.feat -o alone.feat
err_lacks precision
refused_precision 'mixed.feat: precision mixed, other file has mixed' feat-knn -q -k 3 --resamples 0 mixed.feat mixed.feat --allow-overlap
refused_precision 'alone.feat: is incompatible with mixed.feat: precision mixed, other file has mixed' feat-cat mixed.feat alone.feat -o both.feat
status 0 feat-cat bf16.feat bf16.feat -o both.feat
err_lacks precision
status 0 bbu-info both.feat
out_has 'precision       bf16'
status 0 feat-knn -q -k 3 --resamples 0 f32.feat f32.feat --allow-overlap
check 'reports on float32 say nothing of it' lacks computed out
if dino-extract -q -w "$w" --resize 32 --size 0 --precision bf16 -o low.feat test 2>err; then
    refused precision test 'precision bf16, other file has f32' --resize 32 --size 0 --precision bf16
    status 0 bbu-info low.feat
    out_has 'precision       bf16'
    check 'recipe and provenance say it' test "$(grep -c 'precision  *bf16' out)" = 3
    differ low.feat test.feat
else
    err_has 'are not available; f32 and auto work'
    skip 'no bf16 instructions' 'features in bf16'
fi

# ---- sets that were packed in different ways are not extracted together
status 1 dino-extract -q -w "$w" --resize 32 --size 0 test small -o mixed.feat
err_has 'packed differently from'
err_has 'pack.short_side'

# ---- photographs read from their files equal shards that were not scaled
status 0 dino-extract -q -w "$w" --resize 32 --size 0 bbu/test/*/*.jpeg -o files.feat
status 0 feat-knn -k 3 -o predicted.txt train.feat files.feat
err_lacks 'cannot compare'
status 0 bbu-info --json files.feat
out_has '"recipe":{"pack.short_side":"0","pack.quality":"0","pack.as_stored":"no","resize":"32","size":"0","fit":"resize"'

# ---- an old file: every tool names what it does not record, and a joined file does not have it
old=$TESTS/golden/formats/must-decode-1.0/full.feat
"$BUILD/tests/format-samples" features new.feat
status 0 feat-cat new.feat "$old" -o joined.feat
err_has "new.feat, $old: cannot compare (missing in one file): pack.short_side, pack.quality, pack.as_stored, resize, fit"
status 0 bbu-info --json joined.feat
out_has '"recipe":{}'
status 0 feat-cat "$old" "$old" -o joined.feat
err_has 'cannot compare (missing in both files): how the photographs were resized, cut and normalised'
no_leftovers
done_testing
