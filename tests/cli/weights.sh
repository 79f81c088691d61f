# Foreign weights: which network of a file is read, under which names, and what is said of a file that has none.
. "$TESTS/cli/lib.sh"
golden=${GOLDEN:-$TESTS/golden}
case $golden in /*) ;; *) golden=$TESTS/../$golden ;; esac
others=$golden/weights
picture=$others/picture.jpg
extract() { dino-extract -q --resize 16 --size 16 "$picture" "$@"; }
values() { feat-cat -q --text "$1" | cut -f 6- | tr '\t' '\n'; }
near() { # features wanted-values: as PyTorch computes them from the same half-precision values
    paste <(values "$1") "$2" | awk '{ n++; d = $1 - $2; if (d < 0) d = -d; if (!(d < 5e-4)) bad = 1 } END { exit bad || !n }'
}

# ---- names of transformers 5
status 0 extract -w "$others/transformers-5.safetensors" -o five.feat
check 'the class token is that of transformers 5' near five.feat "$others/transformers-5.want"
status 0 dino-weights convert "$others/transformers-5.safetensors" -o five.safetensors
status 0 dino-weights compare "$others/transformers-5.safetensors" five.safetensors
status 0 extract -w five.safetensors -o again.feat
check 'and under published names' near again.feat "$others/transformers-5.want"

# ---- config.json beside them, and their folder
dinov2() { printf '{"model_type":"dinov2","num_attention_heads":%s,"layer_norm_eps":%s,"patch_size":%s}' "$@"; }
mkdir hf && cp "$others/transformers-5.safetensors" hf/model.safetensors
printf 'student: {patch_size: 4, embed_dim: 64, depth: 1, num_heads: 2, mlp_ratio: 1}\n' >two.yaml
dinov2 2 1e-06 4 >hf/config.json
status 0 dino-extract --resize 16 --size 16 "$picture" -w hf -o hf.feat
err_has 'Loaded pretrained weights from hf/model.safetensors: '
err_has ', 2 heads, '
err_has 'heads as config.json says, resampling deduced'
status 0 extract -w hf/model.safetensors -o file.feat
same hf.feat file.feat
status 0 extract -w "$others/transformers-5.safetensors" -c two.yaml -o two.feat
same hf.feat two.feat
check 'two heads are not one' bash -c '! cmp -s <(feat-cat -q --npy hf.feat) <(feat-cat -q --npy five.feat)'
status 0 dino-weights convert hf -o hf.safetensors
status 0 dino-weights list hf.safetensors
out_has ', 2 heads, '
status 0 extract -w hf.safetensors -o converted.feat
same hf.feat converted.feat
status 0 dino-weights list hf
out_has 'heads as config.json says, resampling deduced'
dinov2 1 1e-06 4 >hf/config.json
status 0 dino-extract --resize 16 --size 16 "$picture" -w hf -c two.yaml -o told.feat
err_has 'hf/config.json says num_attention_heads 1, here 2'
same hf.feat told.feat
dinov2 2 0.01 4 >hf/config.json
status 0 extract -w hf -o eps.feat
check 'another epsilon gives other features' bash -c '! cmp -s <(feat-cat -q --npy hf.feat) <(feat-cat -q --npy eps.feat)'
status 0 dino-weights -q convert hf -o eps.safetensors
status 0 extract -w eps.safetensors -o again.feat
same eps.feat again.feat
status 0 dino-weights list eps.safetensors
out_has ', epsilon 0.01'
dinov2 2 1e-06 14 >hf/config.json
status 1 extract -w hf -o no.feat
err_has 'the accompanying config.json says patch_size 14, the tensors have 4'
status 0 dino-weights list hf
out_has 'no network: '
mkdir bin empty
dino-weights -q convert --bare --format pth five.safetensors -o bin/pytorch_model.bin
status 0 extract -w bin -o bin.feat
check 'pytorch_model.bin of a folder' near bin.feat "$others/transformers-5.want"
status 1 extract -w empty -o no.feat
err_has 'empty: a folder without model.safetensors, pytorch_model.bin or an index of their parts'

# ---- training starts from them
. "$TESTS/cli/train-fixture.sh"
train_fixture
dinov2 1 1e-06 4 >hf/config.json
for start in student.pretrained_weights=hf MODEL.WEIGHTS=hf; do
    status 0 dino-train -c t.yaml train.output_dir=${start%%[.=]*} train.OFFICIAL_EPOCH_LENGTH=1 optim.epochs=1 \
        optim.warmup_epochs=0 evaluation.eval_period_iterations=0 evaluation.knn_train= evaluation.knn_val= \
        student.patch_size=4 student.embed_dim=64 student.depth=1 student.mlp_ratio=1 crops.global_crops_size=16 \
        crops.local_crops_size=8 $start
    err_has 'Loaded pretrained weights from hf/model.safetensors'
    err_has 'hf/config.json says num_attention_heads 1, here 2'
done

# ---- what holds no network that can be read says why
status 1 extract -w "$others/model_0000124.rank_0.pth" -o no.feat
err_has "flat parameters of sharded training (FSDP), one process's part"
err_has 'the teacher file under eval/'
status 0 dino-weights list "$others/model_0000124.rank_0.pth"
out_has 'no network: '
out_has 'flat parameters of sharded training'
status 1 extract -w "$others/script.pt" -o no.feat
err_has 'TorchScript'
status 1 dino-weights list "$others/script.pt"
err_has 'state_dict()'
printf '<!DOCTYPE html>\n<html><title>Log in</title>' >page.pth
status 1 extract -w page.pth -o no.feat
err_has 'page.pth: neither safetensors, .pth nor a checkpoint: an HTML page'
gzip -c five.safetensors >five.safetensors.gz
status 1 extract -w five.safetensors.gz -o no.feat
err_has 'compressed by gzip, to be unpacked first'
printf 'version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 88251324\n' >lfs.safetensors
for tool in "dino-weights list" "bbu-info" "extract -o no.feat -w"; do
    status 1 $tool lfs.safetensors
done
err_has 'a pointer of git LFS'
check 'also through a pipe' bash -c 'dino-weights list - <lfs.safetensors 2>&1 | grep -q "a pointer of git LFS"'
check 'no output of what failed' test ! -e no.feat
no_leftovers
done_testing
