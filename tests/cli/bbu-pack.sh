# bbu-pack: what is stored, for which images; the same bytes with any number of threads; complete folders or none.
. "$TESTS/cli/lib.sh"
"$BUILD/tests/datagen" -q --groups 10 --width 96 --seed 6 d && bbu-index -q d -o x.index || exit 1
cat_shards() { "$BUILD/tests/shardcat" "$@" >"${1%/}.txt"; }
shard=shard-00000-of-00001.shard
a=$(ls d/train | sed -n 1p)

# ---- everything, one split; labels and keys are copied
status 0 bbu-pack x.index -o s
err_has '30 images in 1 shard'
cat_shards s
check 'all images' test "$(wc -l <s.txt)" -eq 30
check 'JPEG bytes' bash -c '! grep -v " jpeg 96x72x3 stored 96x72 " s.txt'
check 'labels, views, groups, splits, further keys' \
    grep -qE "^train/$a/$a-1.jpeg jpeg .* label [01] view 1 group $a split train extra ..site.:.*date.:.2024" s.txt
check 'the bytes are those of the file' bash -c 'zstd -dc s/$2 | grep -aqF "$(head -c 60 "d/train/$1/$1-0.jpeg" | tr -d "\0\n" | tail -c 8)"' - "$a" $shard
for j in 1 2 7; do
    status 0 bbu-pack -q -j$j x.index -o j$j
    same s/$shard j$j/$shard
done
status 0 bbu-pack --split val x.index -o v
err_has '6 images in 1 shard'
cat_shards v
check 'only the split' bash -c '! grep -v " split val " v.txt'
status 1 bbu-pack --split nothing x.index -o n
err_has 'nothing: no image of the catalogue is in this split'
check 'nothing is made' test ! -e n
status 0 bash -c 'bbu-index -q d | bbu-pack -q - -o piped'
same s/$shard piped/$shard

# ---- pixels
status 0 bbu-pack -q --store rgb x.index -o rgb
cat_shards rgb
check 'decoded pixels' bash -c '! grep -v " rgb 96x72x3 " rgb.txt'
check 'the same pixels as the JPEG bytes give' bash -c 'cmp <(sed "s/.* pixels //" s.txt) <(sed "s/.* pixels //" rgb.txt)'
status 0 bbu-pack -q -j1 --store rgb x.index -o rgb1
same rgb/$shard rgb1/$shard

# ---- few large images wait to be written: with images just above the limit of size, less memory is needed.
peak() { # width: KiB for 12 images
    "$BUILD/tests/datagen" -q --groups 1 --width "$1" w"$1"
    for i in 1 2 3; do cp -r w"$1"/train w"$1"/train$i; done
    bbu-index -q --layout folder w"$1" -o w"$1".index 2>/dev/null
    "$BUILD/tests/peak" bbu-pack -q -j4 --store rgb w"$1".index -o w"$1".shards 2>&1 | tail -n 1
}
if ldd "$BUILD/bbu-pack" 2>/dev/null | grep -q 'lib[atu]*san'; then
    skip 'sanitizers do not reuse freed memory' 'memory of large images'
else
    under=$(peak 1360) over=$(peak 1376) # 3.97 and 4.06 MiB of pixels
    check "$over KiB where 12 slots take $under" test "$over" -gt 0 -a $((over * 100)) -lt $((under * 87))
    check 'all of them' test "$(bbu-info -l w1376.shards | wc -l)" -eq 12
fi

# ---- scaled once, never up
status 0 bbu-pack -q --store rgb --short-side 36 x.index -o small
cat_shards small
check 'short side 36' bash -c '! grep -v " rgb 48x36x3 " small.txt'
status 0 bbu-pack -q --short-side 36 x.index -o smallj
cat_shards smallj
check 'scaled JPEG' bash -c '! grep -v " jpeg 48x36x3 " smallj.txt'
status 0 bbu-pack -q --short-side 36 --quality 30 x.index -o smallq
check 'a lower quality is smaller' bash -c 'test $(stat -c %s smallq/*) -lt $(stat -c %s smallj/*)'
status 0 bbu-pack -q --store rgb --short-side 500 x.index -o large
check 'nothing is scaled up' bash -c '"$BUILD/tests/shardcat" large | cmp - rgb.txt'

# ---- one channel remains one
"$BUILD/tests/datagen" -q --groups 2 --width 64 --grey g && bbu-index -q g -o g.index
status 0 bbu-pack -q g.index -o gj
status 0 bbu-pack -q --store rgb --short-side 24 g.index -o gp
cat_shards gj && cat_shards gp
check 'grey JPEG' bash -c '! grep -v " jpeg 64x48x1 " gj.txt'
check 'grey pixels' bash -c '! grep -v " grey 32x24x1 " gp.txt'

# ---- orientation
with_orientation() { head -c 2 "$1"; printf '\xff\xe1\x00\x22Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0'; printf "\\x$2"; printf '\0\0\0\0\0\0\0'; tail -c +3 "$1"; }
mkdir -p o/a
for k in 1 2 3 4 5 6 7 8; do with_orientation "d/train/$a/$a-0.jpeg" 0$k >o/a/a-$k.jpeg; done
status 0 bbu-index -q o -o o.index
status 0 bbu-pack -q o.index -o oj
status 0 bbu-pack -q --store rgb o.index -o op
cat_shards oj && cat_shards op
check 'four have width and height swapped' test "$(grep -c ' jpeg 72x96x3 stored 96x72 ' oj.txt)" -eq 4
check 'pixels are upright' test "$(grep -c ' rgb 72x96x3 ' op.txt)" -eq 4
check 'eight different images' test "$(sed 's/.* pixels //' op.txt | sort -u | wc -l)" -eq 8
check 'the same from JPEG bytes and from pixels' bash -c 'cmp <(sed "s/.* pixels //" oj.txt) <(sed "s/.* pixels //" op.txt)'
status 0 bbu-pack -q --as-stored o.index -o sj
status 0 bbu-pack -q --as-stored --store rgb o.index -o sp
cat_shards sj && cat_shards sp
check 'as stored they are all the same' bash -c 'test "$(cat sj.txt sp.txt | sed "s/.* pixels //" | sort -u)" = "$(sed -n "1s/.* pixels //p" rgb.txt)"'

# ---- several shards
status 0 bbu-pack -q --shard-bytes 30000 x.index -o many
n=$(ls many | wc -l)
check 'several shards' test "$n" -gt 3
check 'each name has the number of all' bash -c '! ls many | grep -v -- "-of-$(printf %05d $1).shard$"' - "$n"
cat_shards many
check 'the same images' cmp s.txt many.txt
status 0 bbu-pack -q -j5 --shard-bytes 30000 x.index -o many5
check 'the same bytes' diff -r many many5
rm many/shard-00001-*
check 'a set that is not complete is refused' bash -c '! "$BUILD/tests/shardcat" many'

# ---- an output that exists
status 0 bbu-pack -q --split test x.index -o many5
check 'an older set is replaced' bash -c 'test "$(ls many5)" = shard-00000-of-00001.shard'
mkdir photos && cp "d/train/$a/$a-0.jpeg" photos/mine.jpeg
status 1 bbu-pack -q x.index -o photos
err_has 'photos: holds mine.jpeg, which is no shard: not replaced'
check 'and left alone' test -e photos/mine.jpeg
mkdir named && echo precious >named/diary.shard
status 1 bbu-pack -q x.index -o named
err_has 'named: holds diary.shard, which is no shard: not replaced'
check 'whatever it is called' test "$(cat named/diary.shard)" = precious
rm named/diary.shard && mkdir named/a.shard
status 1 bbu-pack -q x.index -o named
err_has 'named: holds a.shard, which is no shard: not replaced'
echo text >plain
status 1 bbu-pack -q x.index -o plain
err_has 'not a folder'
mkdir empty
status 0 bbu-pack -q x.index -o empty

# ---- images that fail: all are named, no folder; -k leaves them out
cp -r d bad && bbu-index -q bad -o bad.index
printf 'x' >>"bad/train/$a/$a-0.jpeg"
rm "bad/train/$a/$a-1.jpeg"
status 1 bbu-pack bad.index -o b
err_lacks ' images in ' # the line of what was done, and in how much time
err_has "train/$a/$a-0.jpeg: changed since it was indexed"
err_has "train/$a/$a-1.jpeg: No such file"
err_has 'b: no shards written: 2 images failed'
check 'no folder' test ! -e b
status 3 bbu-pack -k bad.index -o b
err_has '28 images in 1 shard'
err_has '2 images left out'
cat_shards b
check 'without them' test "$(wc -l <b.txt)" -eq 28
status 3 bbu-pack -q -k -j1 bad.index -o b1
same b/$shard b1/$shard
status 3 bash -c 'bbu-pack -k --json bad.index -o b'
out_has '{"report":"summary","images":28,"left_out":2,"shards":1,"bytes":'
mv bad elsewhere
status 1 bbu-pack -q -k bad.index -o c
err_has 'no image is left'
status 3 bbu-pack -q -k --root elsewhere bad.index -o c
same b/$shard c/$shard
status 1 bbu-pack -q --max-pixels 100 x.index -o c2
err_has 'more than the limit of 100'

# ---- a fifo in the place of a photograph or a shard is not waited for
in_time() { timeout -s KILL 20 "$@"; }
cp -r d fifo && bbu-index -q fifo -o fifo.index
rm "fifo/train/$a/$a-0.jpeg" "fifo/train/$a/$a-1.jpeg" && mkfifo "fifo/train/$a/$a-0.jpeg" && ln -s /dev/zero "fifo/train/$a/$a-1.jpeg"
status 1 in_time bbu-pack -q fifo.index -o f
err_has "fifo/train/$a/$a-0.jpeg: not a regular file"
err_has "fifo/train/$a/$a-1.jpeg: not a regular file"
status 3 in_time bbu-pack -k fifo.index -o f
err_has '28 images in 1 shard'
mkdir shardfifo && mkfifo shardfifo/$shard
status 1 in_time dino-augment -q -n 1 shardfifo -o f.views
err_has "shardfifo/$shard: not a regular file"

# ---- provenance, wrong usage, broken input, full disks
status 0 bbu-pack -q --no-provenance x.index -o np
differ s/$shard np/$shard
cat_shards np
check 'the same images without provenance' cmp s.txt np.txt
status 2 bbu-pack x.index
status 2 bbu-pack -o y
status 2 bbu-pack x.index -o y --store png
status 2 bbu-pack x.index -o y --short-side 3x
status 1 bbu-pack nothere -o y
head -c 900 x.index >cut.index
status 1 bbu-pack cut.index -o y
err_has 'cut.index: '
status 1 bbu-pack "$TESTS/cli/lib.sh" -o y
status 1 env FAIL_IO=write,after=1,errno=28,output LD_PRELOAD="$BUILD/tests/cli/fail-io.so" bbu-pack -q x.index -o y
err_has 'No space left'
status 1 env FAIL_IO=fsync,output LD_PRELOAD="$BUILD/tests/cli/fail-io.so" bbu-pack -q x.index -o y
status 1 env FAIL_IO=read,path=jpeg LD_PRELOAD="$BUILD/tests/cli/fail-io.so" bbu-pack -q x.index -o y
err_has 'Input/output error'
check 'nothing is made of it' test ! -e y

# A folder of shards replaces another in one step, or in two where the file system cannot exchange folders.
status 0 bbu-pack -q x.index -o y
status 0 env FAIL_IO=exchange,errno=22 LD_PRELOAD="$BUILD/tests/cli/fail-io.so" bbu-pack -q --shard-bytes=20K x.index -o y
check 'the new shards are there' bash -c '[ $(ls y | wc -l) -gt 1 ]'
status 0 bbu-info -q --verify y/*
status 0 bbu-pack -q x.index -o y
check 'and now the old ones again' bash -c '[ $(ls y | wc -l) -eq 1 ]'
no_leftovers
status 0 bbu-pack --help
done_testing
