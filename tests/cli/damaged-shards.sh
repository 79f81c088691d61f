# Shards with damaged bytes: images are replaced by others, drawn from the whole set. That is reported, counted in
# metrics and checkpoints, is the same with any number of threads and restarts, and ends the run where more than
# train.max_replaced are replaced.
. "$TESTS/cli/lib.sh"
. "$TESTS/cli/train-fixture.sh"
train_fixture || exit 1
train() { dino-train -c t.yaml -j2 train.dataset_path=damaged "$@"; }
shard=shard-00000-of-00001.shard
damage() { # percent...: changes four bytes there, in a copy of the shards
    rm -rf damaged && cp -r all damaged
    local at size=$(stat -c %s damaged/$shard)
    for at in "$@"; do
        printf 'XXXX' | dd of=damaged/$shard bs=1 seek=$((size * at / 100)) conv=notrunc 2>>log
    done
}
state() { bbu-info --json "$1" | tr -d '\n\t '; } # of a checkpoint
key_of() { bbu-info -l all/$shard | sed -n $(($1 + 1))p | cut -f1; }
replaced() { sed 's/.*"replaced": \([0-9]*\).*/\1/' "$1"/training_metrics.json | tr '\n' ' '; }

# ---- nothing is damaged: nothing is replaced, and the checkpoint has no count
status 0 dino-train -c t.yaml train.output_dir=clean
err_lacks 'replaced'
check 'the metrics count none' test "$(replaced clean)" = "0 0 0 0 "
check 'nor does the checkpoint' bash -c '! bbu-info --json clean/model_0000023.rank_0.ckpt | grep -q replaced'

# ---- one image of thirty: the run continues, names it once, and reports at the end how much was replaced
damage 50
status 0 train train.output_dir=one
check 'it is reported once' test "$(grep -c '; replaced by' err)" -eq 1
key=$(sed -n 's/dino-train: warning: \(.*\): damaged\/shard-00000-of-00001.shard: block [0-9]* is damaged; replaced by .*/\1/p' err)
image=$(sed -n 's/.*: block \([0-9]*\) is damaged; replaced by .*/\1/p' err)
check "the key of image $image, as in the undamaged shards: $key" test -n "$key" -a "$key" = "$(key_of "$image")"
last=$(replaced one | awk '{print $NF}')
check "the metrics count: $(replaced one)" test "$last" -ge 2
err_has "$last of 96 samples used replacement images: 1 image of the data cannot be used"
check 'log.txt has it, too' grep -q "$last of 96 samples used replacement images" one/log.txt
state one/model_0000023.rank_0.ckpt >state
check 'and the checkpoint' grep -qF "\"replaced\":{\"samples\":$last,\"images\":[$image],\"keys\":[\"$key\"]}" state
identity() { bbu-info --json "$1" | sed -n 's/.*"identity": *"\([0-9a-f]*\)".*/\1/p'; }
check 'its identity is not that of the clean run' test "$(identity one/model_0000023.rank_0.ckpt)" != "$(identity clean/model_0000023.rank_0.ckpt)"
bbu-info one/model_0000023.rank_0.ckpt >info
check 'bbu-info shows both' grep -q "^  replaced samples $last" info
check 'and the provenance' grep -q '^      replaced [0-9a-f]\{64\}$' info

# ---- the same bytes with other threads, and in parts
status 0 train -j1 train.output_dir=threads
same_results one threads
for iteration in 3 11 15; do # resumed before and after the first replacement
    rm -rf parts && mkdir parts && cp -a one/eval one/training_metrics.json one/evaluation.json parts
    status 0 train -q train.output_dir=half train.max_to_keep=100
    cp half/model_00000$(printf %02d $iteration).rank_0.ckpt parts
    status 0 train train.output_dir=parts
    same_results one parts
done
err_has "$last of 96 samples used replacement images"
check 'what was reported before the checkpoint is not reported again' test "$(grep -c '; replaced by' err)" -le 1
rm -rf killed
newest() { find killed -name 'model_*.ckpt' 2>/dev/null | sort | tail -n 1; }
for i in $(seq 6); do # each after another checkpoint
    before=$(newest)
    dino-train -q -c t.yaml train.dataset_path=damaged train.output_dir=killed train.saveckp_freq=1 2>err &
    pid=$!
    while [ "$(newest)" = "$before" ] && kill -0 $pid 2>/dev/null; do sleep 0.01; done
    kill -KILL $pid 2>/dev/null
    wait $pid 2>/dev/null
done
status 0 train train.output_dir=killed train.saveckp_freq=1
check 'it was killed and resumed' test "$(grep -c 'Resumed training' killed/log.txt)" -ge 2
same_results one killed
status 0 train train.dataset_path=all train.output_dir=half train.resume=true # repaired in between: counts remain
state half/model_0000023.rank_0.ckpt >state
check 'a repaired shard does not reset the count' grep -qF "\"replaced\":{\"samples\":$last,\"images\":[$image]" state

# ---- resumed with other data: the count remains, the numbers of the images mean nothing there
cp -r train other && damage 50
cp -a one other-run && rm other-run/model_0000023.rank_0.ckpt
status 0 train train.dataset_path=other train.output_dir=other-run train.resume=true
err_has "of 96 samples used replacement images, before the run resumed with other data"
err_lacks '0 images of the data'
state other-run/model_0000023.rank_0.ckpt >state
check 'the count without the images' grep -q '"replaced":{"samples":[1-9][0-9]*,"images":\[\],"keys":\[\]}' state

# ---- two of thirty are more than 0.01, rounded up: an error that names the shard, and the state is saved
damage 30 70
status 1 train train.output_dir=two
err_has "damaged/$shard: block "
err_has 'with it 2 of 30 images cannot be used, train.max_replaced=0.01 allows 1'
check 'the state is saved' bash -c 'ls two/model_*.ckpt'
status 0 train train.output_dir=two train.max_replaced=0.05
err_has 'of 96 samples used replacement images: 2 images of the data cannot be used'
status 0 train -q train.output_dir=straight train.max_replaced=0.05
same_results two straight
status 1 train train.output_dir=none train.max_replaced=0
err_has 'train.max_replaced=0 allows 0'

# ---- most of the shard
damage $(seq 10 2 90)
status 1 train train.output_dir=most
err_has "damaged/$shard: block "
err_has 'train.max_replaced=0.01 allows 1'
status 0 train train.output_dir=most train.max_replaced=1
status 0 train -q -j1 train.output_dir=most1 train.max_replaced=1
same_results most most1

# ---- views: replaced only with -k; then the count, and the keys of the images that were used
damage 50
few="-c t.yaml -n 20"
status 1 dino-augment $few damaged -o v.views
err_has "$key: damaged/$shard: block $image is damaged; nothing is replaced without -k"
check 'there is no output' test ! -e v.views
status 3 dino-augment $few -j2 -k damaged -o v.views --json
err_has "$key: damaged/$shard: block $image is damaged; replaced by "
by=$(sed -n 's/.*; replaced by //p' err)
n=$(sed 's/.*"replaced":\([0-9]*\)}.*/\1/' out)
out_has '"bad_images":1,"replaced":'
err_has "$n of the samples used replacement images: 1 image cannot be used"
bbu-info -l v.views >lines
check "$key is not in the views" lacks "$key" lines
check "$by is" grep -qF "$by" lines
dino-augment -q $few all -o w.views && bbu-info -l w.views >clean-lines
check "$n samples differ from those of the undamaged shards" test "$(diff lines clean-lines | grep -c '^<')" -eq "$n"
check 'and no image of theirs is another one' test "$(diff lines clean-lines | grep '^>' | cut -f3 | sort -u)" = "$key"
status 3 dino-augment -q $few -j1 -k damaged -o x.views
same v.views x.views
status 0 dino-augment -q $few -k all -o x.views
check 'the views say that images may have been replaced' bash -c 'bbu-info x.views | grep -q keep_going && ! bbu-info w.views | grep -q keep_going'
status 1 dino-augment $few damaged --sheet s.jpg --rows 40
err_has 'nothing is replaced without -k'
check 'there is no sheet' test ! -e s.jpg
status 3 dino-augment $few -k damaged --sheet s.jpg --rows 40
err_has 'replaced by'
damage $(seq 10 2 90)
status 1 dino-augment $few -k damaged -o most.views
err_has "damaged/$shard: block "
err_has 'train.max_replaced=0.01 allows 1'
no_leftovers
done_testing
