# dino-weights quantize: weights in int8, fitted to images or to noise; what they are used for, and where they are refused.
. "$TESTS/cli/lib.sh"
"$BUILD/tests/datagen" -q --groups 8 --width 96 --seed 6 bbu && bbu-index -q bbu -o x.index && bbu-pack -q x.index -o s || exit 1
dino-weights -q convert "$TESTS/golden/vit_plain.pth" -o w.safetensors || exit 1

# ---- wrong usage
status 2 dino-weights quantize w.safetensors s
err_has '-o FILE is missing'
status 2 dino-weights quantize -o q.safetensors
err_has 'this command takes one file'
status 0 dino-weights list --images 5 -k w.safetensors
err_has '--images: not used: it is for quantize'
err_has '--keep-going: not used: it is for quantize'

if ! dino-weights -q quantize w.safetensors -o noise.safetensors 2>err; then
    err_has 'int8: instructions for it (AVX-512 VNNI and BF16) are not available'
    check 'nothing was written' test ! -e noise.safetensors
    skip 'no instructions of int8' 'weights in int8'
    done_testing
fi

# ---- fitted to images: the same bytes with any number of threads, and from the same files in any shards
status 0 dino-weights quantize -j1 w.safetensors s --images 10 -o q.safetensors --json
err_has 'w.safetensors: 4 of 12 products in int8; in bf16 (first and last block, errors above 3 %): block 0, block 2; patch embedding in float32; fitted to 10 of '
out_has '{"report":"quantized","products":"4 of 12 products in int8; in bf16 (first and last block, errors above 3 %): block 0, block 2; patch embedding in float32","calibration":"10 of '
status 0 dino-weights -q quantize -j3 w.safetensors s --images 10 -o again.safetensors
same q.safetensors again.safetensors
rm again.safetensors
status 0 dino-weights -q quantize --bare w.safetensors s --images 3 --resize 70 --size 70 -o bare.safetensors
status 0 dino-weights list bare.safetensors
out_has 'blocks.1.attn.qkv.smoothing	F32	[64]'
status 0 dino-weights list q.safetensors
out_has 'backbone.blocks.1.attn.qkv.weight	I8	[192,64]'
out_has 'backbone.blocks.1.attn.qkv.weight_scale	F32	[192]'
out_has 'backbone.blocks.0.attn.qkv.weight	BF16	[192,64]'
out_has 'q.safetensors: weights '
hash_of() { dino-weights -q list "$1" | sed -n 's/.*: weights //p'; }
check 'another hash than that of float32' test "$(hash_of q.safetensors)" != "$(hash_of w.safetensors)"
check 'of bare weights the same where they are' test "$(hash_of bare.safetensors | wc -c)" -eq 65
status 0 bash -c 'dino-weights list - <q.safetensors'

# ---- dino-extract: int8 and auto; without images the features are those of float32 weights, but for their hash
status 0 dino-extract -w noise.safetensors --precision int8 s -o noise.feat
err_has '4 of 12 products in int8; in bf16 (first and last block, errors above 3 %): block 0, block 2; patch embedding in float32'
status 0 dino-extract -q -w w.safetensors --precision int8 s -o w.feat
feat-cat --text noise.feat >noise.text && feat-cat --text w.feat >w.text
same noise.text w.text
status 0 dino-extract -q -j1 -w q.safetensors --precision auto s -o auto.feat
status 0 dino-extract -q -j3 -w q.safetensors --precision int8 s -o int8.feat
same auto.feat int8.feat
bbu-info auto.feat >info
check 'the features say so' grep -q 'precision.*int8' info
check 'they have the hash of the weights' grep -q "$(hash_of q.safetensors)" info

# ---- the check needs the weights in float32 that they were made from
status 2 dino-extract -w q.safetensors --precision int8 --check 5 s -o c.feat
err_has '--check of quantised weights needs --reference'
status 0 dino-extract -w q.safetensors --precision int8 --check 5 --reference w.safetensors s -o c.feat
err_has 'check: int8 with float32: 5 images, '
same c.feat int8.feat
dino-weights -q convert "$TESTS/golden/vit_reg4.pth" -o reg4.safetensors
status 1 dino-extract -w q.safetensors --precision int8 --check 5 --reference reg4.safetensors s -o c2.feat
dino-weights -q convert --dtype bf16 w.safetensors -o rounded.safetensors
status 1 dino-extract -w q.safetensors --precision int8 --check 5 --reference rounded.safetensors s -o c2.feat
err_has 'rounded.safetensors: not the weights that q.safetensors was made from'
status 1 dino-extract -w q.safetensors --precision int8 --check 5 --reference q.safetensors s -o c2.feat
err_has 'quantised to int8; this needs the weights in float32'
status 0 dino-extract -w w.safetensors --precision int8 --reference w.safetensors s -o c2.feat
err_has '--reference: not used: the weights themselves are in float32'

# ---- refused where float32 is needed
for precision in f32 bf16; do
    status 1 dino-extract -w q.safetensors --precision $precision s -o no.feat
    err_has "q.safetensors: quantised to int8: --precision int8 or auto, not $precision"
done
status 1 dino-extract -w q.safetensors s -o no.feat
err_has 'not f32'
needs='q.safetensors: quantised to int8; this needs the weights in float32 that it was made from'
status 1 dino-weights compare q.safetensors w.safetensors
err_has "$needs"
status 1 dino-weights convert q.safetensors -o no.pth
err_has "$needs"
status 1 dino-weights quantize q.safetensors s -o no.safetensors
err_has "$needs"
status 1 dino-train -q --config "$TESTS/../examples/tiny.yaml" train.dataset_path=s train.output_dir=run \
    student.pretrained_weights=q.safetensors student.patch_size=14 student.embed_dim=64 student.depth=3 \
    student.num_heads=1 crops.global_crops_size=84 crops.local_crops_size=42
err_has "$needs"
check 'nothing was written' test ! -e no.feat -a ! -e no.pth -a ! -e no.safetensors

# ---- where it came from
status 0 bbu-info --trace auto.feat
out_has 'q.safetensors'
out_has 'w.safetensors'

# ---- images that cannot be decoded; none at all; a full disk
find bbu -name '*.jpeg' | sort | head -n 3 >names
printf 'no JPEG' >broken.jpeg
echo broken.jpeg >>names
status 1 bash -c 'dino-weights -q quantize w.safetensors - -o broken.safetensors <names'
err_has 'broken.jpeg: '
status 3 bash -c 'dino-weights quantize -k w.safetensors - -o broken.safetensors <names'
err_has '; left out'
err_has 'fitted to 3 of 4 images'
status 0 bash -c 'head -n 3 names | dino-weights -q quantize w.safetensors - -o whole.safetensors'
status 1 dino-weights quantize -k w.safetensors broken.jpeg -o none.safetensors
err_has 'no image can be decoded'
status 1 dino-weights quantize w.safetensors -o /dev/full
err_has '/dev/full: No space left on device'
status 1 dino-weights quantize "$TESTS/golden/train_step_centering_shared.safetensors" -o none.safetensors
err_has 'the number of heads is unknown (--model or --config)'
check 'nothing else was written' test ! -e none.safetensors
no_leftovers
done_testing
