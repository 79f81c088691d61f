# Weights of others: which network of a file is meant, what is read under which names, what is told of what is none.
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

# ---- what holds no network that can be read says why
status 1 extract -w "$others/model_0000124.rank_0.pth" -o no.feat
err_has "flat parameters of sharded training (FSDP), one process's part"
err_has 'the teacher under eval/'
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
