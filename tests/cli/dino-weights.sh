# dino-weights: list, compare, convert; everything that is wrong is listed.
. "$TESTS/cli/lib.sh"
golden=${GOLDEN:-$TESTS/golden}
case $golden in /*) ;; *) golden=$TESTS/../$golden ;; esac

status 0 dino-weights list "$golden/vit_plain.pth"
out_has 'blocks.0.attn.qkv.weight	F32	['
out_has 'pth, '
out_has 'heads and resampling deduced'
hash_of() { dino-weights -q list "$1" | sed -n 's/.*: weights //p'; }
hash=$(hash_of "$golden/vit_plain.pth")
check 'the hash has 64 digits' test ${#hash} -eq 64
for other in vit_plain_legacy vit_plain_strided vit_plain_teacher_checkpoint; do
    check "$other has the same hash" test "$(hash_of "$golden/$other.pth")" = "$hash"
done
check 'half precision has another' test "$(hash_of "$golden/vit_plain_half.pth")" != "$hash"
status 0 dino-weights --json list "$golden/vit_reg4.pth"
out_has '{"report":"tensor","file":'
out_has '"report":"weights"'
out_has '"kind":"pth"'

status 0 dino-weights compare "$golden/vit_plain.pth" "$golden/vit_plain_strided.pth"
out_has ' 0 differ, 0 only in the first, 0 only in the second'
status 1 dino-weights compare "$golden/vit_plain.pth" "$golden/vit_plain_half.pth"
out_has 'differs	largest'
status 0 dino-weights compare -t 0.001 "$golden/vit_plain.pth" "$golden/vit_plain_half.pth"
status 1 dino-weights --json compare "$golden/vit_plain.pth" "$golden/vit_plain_teacher_checkpoint.pth"
out_has '"how":"only in the second"'

# Every form keeps every bit.
for name in vit_plain vit_reg4 vit_swiglu vit_chunked vit_plain_teacher_checkpoint; do
    status 0 dino-weights -q convert "$golden/$name.pth" -o "$name.safetensors"
    status 0 dino-weights -q convert "$name.safetensors" --chunks 2 -o "$name.pth"
    status 0 dino-weights compare "$golden/$name.pth" "$name.pth"
done
status 0 dino-weights list vit_chunked.pth
out_has 'teacher.backbone.blocks.0.1.norm1.weight'
status 0 dino-weights convert --bare --dtype f16 "$golden/vit_plain.pth" -o half.pth
status 0 dino-weights compare half.pth "$golden/vit_plain_half.pth"
status 0 dino-weights list half.pth
out_has 'cls_token	F16'
status 0 dino-weights convert --dtype bf16 "$golden/vit_plain.pth" -o bf16.safetensors
status 0 dino-weights compare bf16.safetensors "$golden/vit_plain_bfloat16.pth"
dino-weights -q convert "$golden/vit_plain.pth" -o - >piped.safetensors
same piped.safetensors vit_plain.safetensors
status 0 bash -c 'dino-weights compare - vit_plain.safetensors <piped.safetensors'
no_leftovers

# A bare file of a width from which no heads can be deduced: its tensors need none, features do.
odd=$golden/train_step_centering_shared.safetensors
status 0 dino-weights list "$odd"
out_has 'width 32, 2 blocks, unknown heads, '
check 'and its hash' test ${#hash} -eq "$(hash_of "$odd" | tr -d '\n' | wc -c)"
status 0 dino-weights convert "$odd" -o odd.pth
status 0 dino-weights convert odd.pth -o odd.safetensors
err_has 'odd.pth: the number of heads is unknown, the resampling deduced; --model or --config would put them into odd'
check 'the same hash in every form' test "$(hash_of odd.pth)$(hash_of odd.safetensors)" = "$(hash_of "$odd")$(hash_of "$odd")"
status 0 dino-weights compare odd.pth odd.safetensors
out_has ' 0 differ, 0 only in the first, 0 only in the second'
status 1 dino-weights compare odd.pth "$golden/vit_plain.pth"
out_has 'backbone.cls_token	other shape'
cp "$(find "$TESTS/fuzz/corpus" -name '*.jpeg' -o -name '*.jpg' | sort | head -n 1)" a.jpeg 2>/dev/null || : >a.jpeg
status 1 dino-extract -w odd.safetensors a.jpeg -o odd.feat
err_has 'the number of heads cannot be deduced from a width of 32; name the model or its settings'
printf 'student: {patch_size: 14, embed_dim: 32, depth: 2, num_heads: 4}\n' >odd.yaml
status 0 dino-weights convert -c odd.yaml odd.pth -o known.safetensors
status 0 dino-weights list known.safetensors
out_has 'width 32, 2 blocks, 4 heads, '
no_leftovers

# What is wrong.
status 2 dino-weights
status 2 dino-weights merge a b
err_has 'the commands are list, compare, convert and quantize'
status 2 dino-weights compare "$golden/vit_plain.pth"
status 2 dino-weights convert "$golden/vit_plain.pth"
status 2 dino-weights list -o x "$golden/vit_plain.pth"
status 1 dino-weights list missing.pth
err_has 'missing.pth: No such file or directory'
status 1 dino-weights convert --model dinov2_vits14 "$golden/vit_plain.pth" -o no.safetensors
err_has 'backbone.cls_token is [1,1,'
err_has 'backbone.blocks.11.ls2.gamma is missing'
check 'no output' test ! -e no.safetensors
status 2 dino-weights convert --model dinov2_vitx14 "$golden/vit_plain.pth" -o no.safetensors
err_has 'is not a published model'
head -c 100000 "$golden/vit_plain.pth" >cut.pth
status 1 dino-weights list cut.pth
err_has 'cut.pth: the end of the zip file is missing'
status 1 dino-weights convert "$golden/vit_plain.pth" -o /dev/full
err_has '/dev/full: No space left on device'
echo 'not weights' >text
status 1 dino-weights list text
err_has 'neither safetensors, .pth nor a checkpoint'
status 0 dino-weights list "$golden/eval.safetensors"
out_has 'no network: '
status 1 dino-weights --net student convert "$golden/vit_plain_teacher_checkpoint.pth" -o no.pth
err_has 'holds a teacher and no student'
status 0 dino-weights --net teacher list "$golden/vit_plain_teacher_checkpoint.pth"
err_lacks 'not used'
status 0 dino-weights --net student list "$golden/vit_plain.pth"
err_has 'vit_plain.pth holds one network'
done_testing
