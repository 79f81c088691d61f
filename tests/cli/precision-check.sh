# dino-extract --check: a fast precision beside float32; what is said, in JSON, too, and the exit status where limits are
# missed. The network that misses them has attention so sharp that a rounding decides which token is looked at.
. "$TESTS/cli/lib.sh"
"$BUILD/tests/datagen" -q --groups 6 --width 96 --seed 6 bbu && bbu-index -q bbu -o x.index && bbu-pack -q x.index -o s || exit 1
w=$TESTS/golden/vit_plain.pth
dino-weights -q convert "$w" -o sharp.safetensors || exit 1
# Sets the 64 gains of blocks.0.norm1.weight to 100 (0x42c80000).
header=$(od -An -tu8 -N8 sharp.safetensors | tr -d ' ')
at=$(head -c $((8 + header)) sharp.safetensors | tail -c +9 | grep -o '"[a-z.]*blocks.0.norm1.weight":{[^}]*}' | sed 's/.*offsets":\[\([0-9]*\),.*/\1/')
for _ in $(seq 64); do printf '\0\0\310\102'; done | dd of=sharp.safetensors bs=1 seek=$((8 + header + at)) conv=notrunc 2>/dev/null

# ---- float32 has nothing to be compared with
status 0 dino-extract -w "$w" --check 5 s -o f32.feat --json
err_has '--check: not used: the features are computed in float32'
check 'no check in the report' lacks '"check"' out
status 2 dino-extract -w "$w" --check 5000 s -o f32.feat
err_has '--check'

if ! dino-extract -q -w "$w" --precision bf16 s -o bf16.feat 2>err; then
    err_has 'are not available; f32 and auto work'
    skip 'no bf16 instructions' 'a check of bf16'
    done_testing
fi

# ---- within the limits: notes, a status of 0, features that are as without
status 0 dino-extract -w "$w" --precision bf16 --check 5 s -o checked.feat --json
same bf16.feat checked.feat
err_has 'check: bf16 with float32: 5 images, 1280 patches'
err_has 'check: cosine of class token: mean 0.9999'
err_has ', limit 0.9999: '
err_has 'check: cosine of mean of patches: mean '
err_has 'check: cosine of patches: mean '
err_has ' of its patches'
err_has 'check: similarity of images by class token: changes by '
err_lacks 'below the limit'
out_has '"precision":"bf16","check":{"images":5,"failed":0,"patches":1280,"passed":true,"cls":{"mean_cosine":0.99'
out_has '"limit":0.9999,"image":"'
out_has '"neighbours_kept":'
status 0 dino-extract -q -w "$w" --precision bf16 --check 5 s -o checked.feat
check 'nothing is said by -q' test ! -s err

# ---- below them: warnings, the features all the same, a status of its own
status 6 dino-extract -q -w sharp.safetensors --precision bf16 --check 4000 s -o missed.feat --json
err_has 'check: cosine of patches: mean '
err_has ', below the limit of 0.999: '
err_has 'check: bf16 is too far from float32 with these weights and images (--precision f32)'
n=$(find bbu -name '*.jpeg' | wc -l)
out_has "\"check\":{\"images\":$n,"
out_has '"passed":false'
status 0 dino-extract -q -w sharp.safetensors --precision bf16 s -o plain.feat
same plain.feat missed.feat

# ---- layers and norm are those of the features; whole images; images that cannot be read
status 0 dino-extract -w "$w" --precision bf16 --check 3 --layers 2 --no-norm --size 0 --resize 42 --tokens patch s -o l.feat
err_has 'check: bf16 with float32: 3 images, '

# ---- of tiles and regions all are compared: the network that fails is seen to fail where the first tile tells nothing
status 0 dino-extract -w "$w" --precision bf16 --check 2 --tiles 56 s -o t.feat --json
err_has 'check: bf16 with float32: 2 images, 8 parts, 128 patches'
out_has '"check":{"images":2,"failed":0,"parts":8,"patches":128,"passed":true'
out_has '"part":"'
printf 'corner 0.0 0.0 0.5 0.5\n' >corner && printf 'corner 0.0 0.0 0.5 0.5\nother 0.5 0.5 0.5 0.5\nthird 0.5 0.0 0.5 0.5\n' >corners
status 0 dino-extract -w "$w" --precision bf16 --check 3 --regions corner --resize 0 --size 0 s -o t.feat --json
one=$(sed 's/.*"patch":{[^}]*"worst_cosine":\([^,]*\),.*/\1/' out)
status 0 dino-extract -w "$w" --precision bf16 --check 3 --regions corners --resize 0 --size 0 s -o t.feat --json
three=$(sed 's/.*"patch":{[^}]*"worst_cosine":\([^,]*\),.*/\1/' out)
check "the worst of three regions ($three) is below that of the first ($one)" awk "BEGIN {exit !($three < $one)}"
grep -q '"patch":{[^}]*"part":"\(other\|third\)"' out
check '... and stands in another' test $? = 0
printf 'no JPEG' >broken.jpeg
find bbu -name '*.jpeg' | sort | head -n 3 >names
echo broken.jpeg >>names
status 3 bash -c 'dino-extract -k -w "$1" --precision bf16 --check 9 - -o k.feat <names' - "$w"
err_has 'check: bf16 with float32: 3 images, 768 patches'
err_has 'check: 1 image could not be read'
status 3 bash -c 'dino-extract -q -k -w "$1" --precision bf16 --check 1 broken.jpeg "$(head -n 1 names)" -o k.feat' - "$w"
status 6 bash -c 'dino-extract -q -k -w "$1" --precision bf16 --check 1 --json $(head -n 1 names) broken.jpeg $(head -n 1 names) -o k.feat' - "$w"
err_has 'check: 1 image could not be read: nothing was compared'
err_lacks 'too far from float32'
out_has '"check":{"images":0,"failed":1,"patches":0,"passed":false}'
status 1 bash -c 'dino-extract -q -w "$1" --precision bf16 --check 9 - -o k2.feat <names' - "$w"
err_has 'broken.jpeg: '
check 'nothing was written' test ! -e k2.feat
no_leftovers
done_testing
