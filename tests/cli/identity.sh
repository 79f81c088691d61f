# Identities: every option that can change an output changes its identity, even if the bytes happen to be equal, and no
# other option does.
. "$TESTS/cli/lib.sh"
. "$TESTS/cli/train-fixture.sh"
train_fixture || exit 1
weights=${GOLDEN:-$TESTS/golden}/vit_plain.pth
case $weights in /*) ;; *) weights=$TESTS/../$weights ;; esac
identity() { bbu-info "$1" | grep -m 1 identity | grep -oE '[0-9a-f]{64}'; }

# the output, then options that change the result, "--", options that do not. make_it NAME OPTION...
check_identities() {
    local what=$1 n=1 option
    shift
    make_it plain
    identity plain >identities
    while [ "$1" != -- ]; do
        make_it other $1
        identity other >>identities
        n=$((n + 1))
        shift
    done
    check "$what: $n identities" test "$(sort -u identities | wc -l)" = $n
    sort identities | uniq -d | sed 's/^/# twice: /'
    for option in "${@:2}"; do
        make_it other $option
        check "$what: $option is none that counts" test "$(identity other)" = "$(identity plain)"
    done
}
make_it() { rm -rf "$1" && dino-extract -q -w "$weights" -o "$1" "${@:2}" val; }
check_identities dino-extract '--tokens mean' '--layers 2' --no-norm --unit '--resize 0' '--size 112' '--fit crop' '--fit pad' \
    --as-stored -- -j1 -v --no-provenance
make_it() { rm -rf "$1" && bbu-pack -q -o "$1" "${@:2}" bbu.index; }
check_identities bbu-pack '--split train' '--store rgb' '--short-side 40' '--short-side=40 --quality 80' '--shard-bytes 9K' --as-stored \
    -- -j1 -v --no-provenance
make_it() { rm -rf "$1" && dino-augment -q -c t.yaml -n 1 -o "$1" val "${@:2}"; }
check_identities dino-augment train.seed=1 augment.blur_rule=paper augment.horizontal_flip=0.4 crops.local_crops_number=1 \
    ibot.mask_sample_probability=0.4 train.batch_size_per_gpu=3 \
    -- -j1 -v --no-provenance train.output_dir=x train.max_to_keep=9 train.num_workers=1
make_it() { rm -rf "$1" && bbu-index -q -o "$1" "${@:2}" bbu; }
check_identities bbu-index --as-stored '--layout folder' -- -j1 -v --no-provenance
done_testing
