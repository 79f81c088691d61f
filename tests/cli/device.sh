# --device: named in each tool that computes; on a device whose memory the host cannot reach (tests/foreign.c) training,
# extraction, k-NN and regression write the bytes that they write on the CPU; an address of a device is no pointer.
. "$TESTS/cli/lib.sh"
. "$TESTS/cli/train-fixture.sh"
foreign=$BUILD/tests/foreign-tools
train_fixture || exit 1

# ---- one way of naming it
for tool in dino-train dino-extract feat-knn feat-logreg feat-bank; do
    status 0 "$tool" -h
    out_has '--device=auto|cpu'
done
status 2 dino-extract --device abacus -w none.pth all
err_has 'dino-extract: abacus: this build has no such device, only cpu'
status 2 dino-train --device foreign -c t.yaml
err_has 'foreign: this build has no such device, only cpu'
status 2 "$foreign/dino-train" --device abacus -c t.yaml
err_has 'only cpu, foreign'

# ---- training: centering and Sinkhorn-Knopp, micro-batches, drop path, evaluation on the way; then on after a stop
runs() { # device key=value...
    local device=$1
    shift
    rm -rf run
    "$foreign/dino-train" -q --device "$device" -c t.yaml "$@" >out 2>err && mv run "run-$device"
}
for kind in "train.centering=centering train.micro_batch_size=2 dino.kl_loss_weight=0.1" \
    "train.centering=sinkhorn_knopp ibot.separate_head=true ibot.head_n_prototypes=48 ibot.head_hidden_dim=24 ibot.head_bottleneck_dim=16"; do
    # shellcheck disable=SC2086
    for device in cpu foreign; do
        status 0 runs "$device" $kind
    done
    same_results run-cpu run-foreign
    rm -rf run-cpu run-foreign
done
status 0 runs cpu
status 0 "$foreign/dino-train" -q --device foreign -c t.yaml optim.epochs=1 optim.warmup_epochs=0
status 0 "$foreign/dino-train" --device foreign --plan -c t.yaml

# ---- features, and what is made of them
w=$(find run-cpu -name '*.safetensors' | sort | tail -n 1)
status 0 dino-extract -q -w "$w" train -o train.feat
status 0 dino-extract -q -w "$w" val -o val.feat
for what in cls patch cls+mean; do
    status 0 "$foreign/dino-extract" -q --device foreign -j 3 -w "$w" --tokens "$what" val -o "$what-foreign.feat"
    status 0 dino-extract -q -w "$w" --tokens "$what" val -o "$what-cpu.feat"
    same "$what-cpu.feat" "$what-foreign.feat"
done
status 0 feat-knn -q --json -k 3,5 --resamples 20 -o votes.json -r knn.json train.feat val.feat
status 0 "$foreign/feat-knn" -q --device foreign --json -k 3,5 --resamples 20 -o votes2.json -r knn2.json train.feat val.feat
same votes.json votes2.json
same knn.json knn2.json
status 0 feat-logreg -q --json --folds 2 -t train.feat -m cpu.model -o cpu.json -r logreg.json val.feat
cp cpu.model first.model
status 0 "$foreign/feat-logreg" -q --device foreign --json --folds 2 -t train.feat -m cpu.model -o cpu2.json -r logreg2.json val.feat
same first.model cpu.model
same logreg.json logreg2.json

status 0 dino-extract -q -w "$w" --tokens patch train -o tokens.feat
for device in cpu foreign; do
    tool=feat-bank
    [ $device = cpu ] || tool=$foreign/feat-bank
    status 0 "$tool" -q --device $device -n 50 -o $device.bank tokens.feat
    status 0 "$tool" -q --device $device -s cpu.bank --json -o $device.json -r /dev/null patch-cpu.feat
done
same cpu.bank foreign.bank
same cpu.json foreign.json

# ---- an address does not compile as a pointer
cat >good.c <<'END'
#include "op.h"
struct device_address first(struct tensor t);
struct device_address first(struct tensor t) { return t.data; }
END
sed 's/^struct device_address first(struct tensor t) .*/float first_value(struct tensor t); float first_value(struct tensor t) { return *(t.data); }/' good.c >bad.c
includes="-I$TESTS/../kernels/op -I$TESTS/../common -I$TESTS/../formats"
if command -v cc >/dev/null; then
    # shellcheck disable=SC2086
    status 0 cc -std=c11 -fsyntax-only $includes good.c
    # shellcheck disable=SC2086
    status 1 cc -std=c11 -fsyntax-only $includes bad.c
else
    skip 'no compiler' 'a tensor that is followed'
fi
done_testing
