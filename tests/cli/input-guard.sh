# No output replaces a file that the same run reads, whatever its name, be it an operand, named by a list, found in a
# folder, or standard input.
. "$TESTS/cli/lib.sh"
. "$TESTS/cli/man-fixture.sh"
man_fixture "$scratch/work" || { check "the fixture is made" false; done_testing; }
cd work || exit 1
w=tiny.safetensors shard=$(ls shards/*.shard) photo=$(find bbu -name '*.jpeg' | sort | head -n 1)
small="-q --config tiny.yaml train.batch_size_per_gpu=2 -n 1"
feat-logreg -q -t train.feat -m site.logreg -r /dev/null
find bbu -name '*.jpeg' | sort | head -n 3 >names
mkdir p && cp bbu.index p/a.shard
ln -s train.feat link.feat && ln test.feat hard.feat
refused() { # file command...: nothing is written onto it
    local file=$1
    shift
    rm -rf before && cp -a "$file" before
    status 1 bash -c "$*"
    err_has "is an input of this run: not replaced"
    check "one line" test "$(wc -l <err)" -eq 1
    check "$file is as it was" diff -r "$file" before
    no_leftovers .
}
refused bbu/annotations/train.json bbu-index -q bbu -o bbu/annotations/train.json
refused "$photo" bbu-index -q bbu -o "$photo"
refused names bbu-index -q - -o names '<names'
status 1 bbu-pack -q --root bbu p/a.shard -o p
err_has "p: holds a.shard, which is no shard: not replaced"
same p/a.shard bbu.index
refused "$shard" dino-augment $small shards -o "$shard"
refused "$shard" dino-augment $small shards -o "./$shard"
ln "$shard" twin.jpg
refused twin.jpg dino-augment -q --config tiny.yaml "'shards/*.shard'" --rows 1 --sheet twin.jpg
refused tiny.yaml dino-augment $small shards -o tiny.yaml
refused $w dino-extract -q -w $w shards -o $w
refused "$shard" dino-extract -q -w $w shards -o "$shard"
refused "$photo" dino-extract -q -w $w "$photo" -o "$photo"
refused "$photo" dino-extract -q -w $w - -o "$photo" '<names'
refused names dino-extract -q -w $w - -o names '<names'
refused run/config.yaml dino-extract -q -w $w -c run/config.yaml shards -o run/config.yaml
refused $w dino-weights -q convert $w -o $w
refused $w dino-weights -q convert $w -o "$PWD/$w" --format pth
refused $w dino-weights -q convert - -o $w "<$w"
refused train.feat feat-cat train.feat val.feat -o train.feat
refused val.feat feat-cat --json train.feat val.feat -o val.feat
refused val.feat feat-cat --text val.feat -o out.txt --keys val.feat
refused train.feat feat-cat - -o train.feat '<train.feat'
refused train.feat feat-cat link.feat -o train.feat
refused train.feat feat-cat train.feat -o link.feat
refused test.feat feat-cat hard.feat -o test.feat
refused train.feat feat-cat --text train.feat '>>train.feat'
refused train.feat feat-knn -q -k 1 train.feat val.feat -o train.feat -r report
refused val.feat feat-knn -q -k 1 train.feat val.feat -r val.feat
refused test.feat feat-knn -q -k 1 train.feat val.feat --val test.feat -r test.feat
refused train.feat feat-logreg -q -t train.feat -m train.feat
refused test.feat feat-logreg -q -t train.feat -o test.feat test.feat
refused val.feat feat-logreg -q -t train.feat --val val.feat -r val.feat
refused site.logreg feat-logreg -q -m site.logreg -o site.logreg test.feat

# ---- other files are replaced, as make expects, whatever they hold, also files beside the inputs
cp bbu.index other && cp bbu.index shards.feat
status 0 feat-cat train.feat -o other
status 0 bbu-info --verify other
status 0 dino-extract -q -w $w shards -o shards.feat
status 0 bbu-index -q bbu -o bbu/own.index
status 0 bbu-index -q bbu -o bbu/own.index
status 0 dino-weights -q convert $w -o run/config.yaml
cd "$scratch" || exit 1
done_testing
