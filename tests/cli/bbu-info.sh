#!/bin/bash
# bbu-info: each of our kinds, files of weights, other files, damage.
. "$(dirname "$0")/lib.sh"
samples=$BUILD/tests/format-samples
for kind in catalogue shard views features checkpoint; do
    "$samples" $kind $kind
    "$samples" $kind $kind.bare bare
    status 0 bbu-info --verify $kind
    check "$kind: kind" grep -Eq "kind +$kind" out
    out_has 'verified        true'
    out_has 'tool          sample'
    out_has 'fraction    0.1'
    check "$kind: identity" grep -Eq 'identity +[0-9a-f]{64}' out
    identity=$(grep -m 1 -oE '[0-9a-f]{64}' out)
    status 0 bbu-info $kind.bare
    out_has "$identity"
    check "$kind: without provenance" grep -Eq 'provenance +null' out
    status 0 bbu-info --json --verify $kind
    check "$kind: one line" test "$(wc -l <out)" -eq 1
    case $kind in shard | features) version=1.1 ;; *) version=1.0 ;; esac
    out_has "{\"report\":\"file\",\"path\":\"$kind\",\"kind\":\"$kind\",\"version\":\"$version\",\"bytes\":$(stat -c %s $kind),"
    out_has '"verified":true}'
    status 0 bash -c "cat $kind | bbu-info --verify -"
    out_has 'verified        true'
    check "$kind is a legal zstd stream" bash -c "! command -v zstd >/dev/null || zstd -tq <$kind"

    # one byte changed in a block (the middle of the file), and a cut
    size=$(stat -c %s $kind)
    cp $kind bad
    at=$((size - 200))
    printf "\\x$(printf %02x $((0x$(tail -c +$((at + 1)) bad | head -c 1 | od -An -tx1 | tr -d ' ') ^ 1)))" |
        dd of=bad bs=1 seek=$at conv=notrunc status=none
    status 1 bbu-info --verify bad
    check "$kind: damage is reported" grep -Eq 'bad: .*(damaged|does not fit|add up)' err
    head -c $((size - 1)) $kind >cut
    status 1 bbu-info cut
    err_has 'cut: ends early'
done
# ---- how images and rows were made; which rows a classifier has seen
status 0 bbu-info --json shard features
check 'the recipe of shards' grep -q '"recipe":{"pack.short_side":"512","pack.quality":"95","pack.as_stored":"no"}' out
check 'the recipe of features' grep -q '"recipe":{"pack.short_side":"512",.*"resize":"256","fit":"crop"}' out
"$samples" classifier model.logreg
status 0 bbu-info --json model.logreg
out_has '"seen":{"fitted_images":3,"fitted_groups":1,"chosen_images":1,"chosen_groups":2}'
mkdir set && cp shard set/a.shard
mkdir fifos none
mkfifo fifos/shard-00000-of-00001.shard
for how in '' -c -l; do
    status 1 timeout -s KILL 20 bbu-info $how fifos
    status 1 bbu-info $how none
    err_has 'none: a folder without shards (*.shard)'
done
status 0 bbu-info --json set
check 'a folder of shards has its provenance, too' grep -q '"provenance":{"tool":"sample"' out
status 0 bbu-info catalogue
check 'images by split' grep -Eq 'train +2' out
check 'images by class' grep -Eq 'positive +1' out
status 0 bbu-info features
check 'rows' grep -Eq 'rows +5' out
check 'weights' grep -Eq 'weights +abcd0000' out
status 0 bbu-info -v checkpoint
check 'state with -v' grep -Eq 'epoch +3' out

# records
status 0 bbu-info --list catalogue
check 'images' test "$(wc -l <out)" -eq 3
out_has 'train/a/a-1.jpeg	train	a	1	negative	640 x 480 x 3	1000'
status 0 bbu-info --list shard
out_has 'train/a/a-2.jpeg	train	a	2	negative	2 x 2 x 3	rgb	12'
status 0 bbu-info --list checkpoint
out_has 'a	F32	[2,3]'
status 0 bbu-info --list features
check 'rows' test "$(wc -l <out)" -eq 5
status 0 bbu-info --list views
check 'samples' test "$(wc -l <out)" -eq 4

# a folder of shards
mkdir set && cp shard set/shard-00000-of-00001.shard
status 0 bbu-info --verify set
check 'a set' grep -Eq 'kind +shard set' out
out_has 'verified        true'
cp bad set/other.shard
status 1 bbu-info --verify set
mkdir none
status 1 bbu-info none
err_has 'none: a folder without shards'

# files of weights, and others
golden=$TESTS/golden
status 0 bbu-info "$golden/vit_plain.safetensors" "$golden/vit_plain_half.pth" "$golden/vit_plain_legacy.pth"
check 'safetensors' grep -Eq 'kind +safetensors' out
check '.pth, both containers' test "$(grep -Ec 'kind +pth' out)" -eq 2
check 'tensors' grep -Eq 'tensors +[1-9]' out
status 0 bash -c "cat '$golden/vit_plain_half.pth' | bbu-info -"
check '.pth from a pipe' grep -Eq 'kind +pth' out
echo 'just a text' >text
: >empty
printf '\xff\xd8\xff\xe0' >photo.jpeg
status 1 bbu-info text empty photo.jpeg missing catalogue
err_has 'text: not a file of dinotools, and not of weights'
err_has 'empty: is empty'
err_has 'photo.jpeg: not a file of dinotools: a JPEG image'
err_has 'missing: No such file or directory'
check 'the good one is described anyway' grep -Eq 'kind +catalogue' out
status 1 bbu-info --json text
out_has '"error":"text: not a file of dinotools'
status 2 bbu-info
status 2 bbu-info --list --json shard
status 1 bash -c 'bbu-info shard >/dev/full'
err_has 'No space left'

# names in another encoding: settings, classes and paths of a catalogue as they are, JSON in UTF-8
bad=$(printf 'b\xffd')
mkdir -p "latin/good/a" "latin/$bad/b"
cp "$golden/weights/picture.jpg" latin/good/a/1.jpg
cp "$golden/weights/picture.jpg" "latin/$bad/b/2.jpg"
printf '\xff\xd9' >>"latin/$bad/b/2.jpg"
status 0 bbu-index -q --layout classes --classes "good,$bad" -o latin.index latin
status 0 bbu-info --json latin.index
check 'JSON is UTF-8' iconv -f UTF-8 -t UTF-8 out
check 'the settings of the provenance' grep -qF "$(printf '"classes":"good,b\xef\xbf\xbdffd"')" out
check 'keys of the counts' grep -qF "$(printf '"classes":{"good":1,"b\xef\xbf\xbdffd":1}')" out
status 0 bbu-info --json --trace latin.index
check 'JSON of the trace is UTF-8' iconv -f UTF-8 -t UTF-8 out
done_testing
