#!/bin/bash
# dino-augment: views to files and pipes, contact sheets; the same bytes with any number of threads; what it refuses.
. "$TESTS/cli/lib.sh"

"$BUILD/tests/datagen" --groups 4 --seed 1 bbu >log 2>&1
bbu-index -q bbu -o bbu.index >>log 2>&1
bbu-pack -q bbu.index -o shards >>log 2>&1
small="train.batch_size_per_gpu=4 crops.global_crops_size=64 crops.local_crops_size=32 crops.local_crops_number=3"

# views
status 0 dino-augment shards $small -n 5 -o a.views
out_empty
status 0 dino-augment -j 1 $small shards --steps=5 --output=b.views
same a.views b.views
status 0 dino-augment -j 7 -q $small shards -n 5 -o -
same a.views out
status 0 env DINOTOOLS_ISA=base dino-augment $small shards -n 5 -o b.views
same a.views b.views
status 0 dino-augment $small train.dataset_path=shards -n 5 -o b.views
same a.views b.views
status 0 bbu-info --verify a.views
status 0 dino-augment $small shards -n 5 -o b.views --seed 1
differ a.views b.views
status 0 dino-augment $small shards -n 5 -o c.views train.seed=1
same b.views c.views
status 0 dino-augment $small shards -n 5 -o b.views augment.hue=0
differ a.views b.views

# as many batches as the run has; from a step on
status 0 dino-augment $small shards -o b.views optim.epochs=1 optim.warmup_epochs=0 optim.freeze_last_layer_epochs=0 \
    teacher.warmup_teacher_temp_epochs=0 train.OFFICIAL_EPOCH_LENGTH=3 --json
out_has '{"batches":3,"samples":12,"images":12,"bad_images":0,"replaced":0}'
status 0 dino-augment $small shards -n 2 --first-step 3 -o b.views
status 0 bbu-info --json b.views
check "it says where it begins" grep -q '"first_step": *3' out

# settings from a file
cat >s.yaml <<'Y'
train:
  batch_size_per_gpu: 4
crops:
  global_crops_size: 64
  local_crops_size: 32
  local_crops_number: 3
Y
status 0 dino-augment -c s.yaml shards -n 5 -o b.views
same a.views b.views

# without provenance, the batches have the same bytes
status 0 dino-augment $small shards -n 5 -o b.views --no-provenance
status 0 grep -qa 'mask_ratio_min_max' a.views
status 1 grep -qa 'mask_ratio_min_max' b.views

# contact sheets
status 0 dino-augment shards $small --sheet s.jpg --rows 3
err_has "s.jpg: 3 rows, "
check "it is a JPEG" bash -c 'head -c 2 s.jpg | od -An -tx1 | grep -q "ff d8"'
status 0 dino-augment -j 1 shards $small --sheet t.jpg --rows 3 -q
same s.jpg t.jpg
status 0 dino-augment shards $small --sheet t.jpg --rows 3 --first-step 1 -v
err_has 'row 3: '
differ s.jpg t.jpg
status 0 dino-augment shards --sheet t.jpg --rows 2 --json
out_has '{"rows":2,'

# a shard with damaged bytes inside: its images are named once each and replaced
cp -r shards damaged
file=$(ls damaged/*.shard)
printf 'XXXX' | dd of="$file" bs=1 seek=$(($(stat -c %s "$file") / 2)) conv=notrunc 2>>log
status 3 dino-augment -k damaged $small -n 9 -o c.views
err_has 'replaced by'
status 0 bbu-info --verify c.views

# refused
status 2 dino-augment
err_has 'no shards are named'
status 2 dino-augment shards trian.seed=1
err_has 'train.seed'
status 2 dino-augment shards train.batch_size_per_gpu=0
status 2 dino-augment shards -o x.views --sheet x.jpg
status 2 dino-augment shards --json -n 1 $small
status 2 dino-augment shards -n 0
status 2 dino-augment shards --rows 0 --sheet x.jpg
status 1 dino-augment shards -c nothere.yaml
status 2 dino-augment shards $small -o x.views --first-step 125000
err_has 'the run has 125000 steps'
status 1 dino-augment nothere -n 1 -o x.views
err_has 'nothere'
status 1 dino-augment bbu.index -n 1 -o x.views
err_has 'catalogue'
status 1 dino-augment a.views -n 1 -o x.views $small
err_has 'views, not shard'
status 1 dino-augment shards crops.local_crops_size=4 student.patch_size=4 crops.global_crops_size=8 -n 1 -o x.views
err_has 'at least 5'
check "no output of a failed run" test ! -e x.views

# outputs that fail
status 1 dino-augment shards $small -n 2 -o /dev/full
err_has '/dev/full: No space left on device'
status 1 dino-augment shards $small --sheet /dev/full
status 141 bash -c "env --default-signal=PIPE dino-augment -q shards $small -n 1000 2>err2 | head -c 1000 >/dev/null; exit \${PIPESTATUS[0]}"
check "a closed pipe is quiet" test ! -s err2
status 1 dino-augment shards $small -n 2 -o no/such/x.views
no_leftovers

# the golden image operations with every instruction set
golden=${GOLDEN:-tests/golden}
case $golden in /*) ;; *) golden=$TESTS/../$golden ;; esac
for isa in base avx2 avx512; do
    status 0 env DINOTOOLS_ISA=$isa GOLDEN="$golden" "$BUILD/tests/unit/test-image-golden"
done
done_testing
