#!/bin/bash
# bbu-info --trace: from scores, predictions, a classifier, features and shards back to the photographs; files that are
# gone; weights by the hash of their tensors.
. "$(dirname "$0")/lib.sh"
golden=$TESTS/golden
"$BUILD/tests/datagen" -q --groups 12 --width 64 --seed 3 bbu || exit 1
bbu-index -q bbu -o bbu.index
mkdir shards features weights
for s in train test; do bbu-pack -q --split $s bbu.index -o shards/$s; done
dino-weights convert -q "$golden/vit_plain.pth" -o weights/vit.safetensors
for s in train test; do dino-extract -q -w weights/vit.safetensors --resize 32 --size 28 shards/$s -o features/$s.feat; done
feat-cat -q --split test features/test.feat -o features/cat.feat
feat-logreg -q -t features/train.feat -C 1 --resamples 0 -m site.logreg -r /dev/null
feat-logreg -q -m site.logreg --resamples 0 -o predicted.txt -r scores.txt features/cat.feat
feat-logreg -q -m site.logreg --resamples 0 --json -o predicted.json -r scores.json features/cat.feat
feat-knn -q -k 3 --resamples 0 -r knn.txt features/train.feat features/test.feat

status 0 bbu-info --trace scores.txt
out_has 'model '
check 'the classifier' grep -Eq '^  model [0-9a-f]{12}: site.logreg \(by feat-logreg\)$' out
check 'what it was fitted to' grep -Eq '^    train [0-9a-f]{12}: features/train.feat \(by dino-extract\)$' out
check 'the features that were scored' grep -Eq '^  query [0-9a-f]{12}: features/cat.feat \(by feat-cat\)$' out
check 'those they were selected from' grep -Eq '^    features [0-9a-f]{12}: features/test.feat \(by dino-extract\)$' out
check 'the weights' grep -Eq '^ +weights [0-9a-f]{12}: weights/vit.safetensors' out
check 'the shards' grep -Eq '^ +shards [0-9a-f]{12}: shards/test/ \(by bbu-pack\)$' out
check 'the catalogue' grep -Eq '^ +catalogue [0-9a-f]{12}: bbu.index \(by bbu-index\)$' out
check 'the photographs' grep -Eq '^ +photographs: bbu \([0-9]+ images\)$' out
cp out text
for report in predicted.txt scores.json predicted.json; do
    status 0 bbu-info --trace $report
    check "$report says the same" cmp <(tail -n +2 text) <(tail -n +2 out)
done
status 0 bbu-info --trace knn.txt
check 'a report of feat-knn' grep -Eq '^  train [0-9a-f]{12}: features/train.feat' out
status 0 bbu-info --trace shards/test
check 'a folder of shards' grep -Eq '^  catalogue [0-9a-f]{12}: bbu.index' out
status 0 bbu-info --trace bbu.index
check 'a catalogue' grep -Eq '^  photographs: bbu ' out
status 0 bbu-info --trace --json site.logreg
check 'as JSON' grep -Eq '^\{"report":"trace","depth":2,"kind":"weights","identity":"[0-9a-f]{64}","path":"weights/vit.safetensors"' out

# ---- missing files: the nested copy of their provenance is followed
rm -r shards features/test.feat
status 0 bbu-info --trace features/cat.feat
check 'features that are gone' grep -Eq '^  features [0-9a-f]{12}: not found \(by dino-extract\)$' out
check 'shards that are gone' grep -Eq '^    shards [0-9a-f]{12}: not found \(by bbu-pack\)$' out
check 'the catalogue before them' grep -Eq '^      catalogue [0-9a-f]{12}: bbu.index' out
mkdir elsewhere && mv weights elsewhere
cd features || exit 1
status 0 bbu-info --trace cat.feat
check 'below the current folder only' bash -c '! grep -q "bbu\.index" out'
status 0 bbu-info --trace --in .. cat.feat
check 'and where it is told to look' grep -Eq ': \.\./bbu.index \(by bbu-index\)' out
check 'weights, too' grep -Eq ': \.\./elsewhere/weights/vit.safetensors' out
cd .. || exit 1
mv bbu gone
status 0 bbu-info --trace bbu.index
check 'photographs that are gone' grep -Eq 'photographs: not found \([0-9]+ images, once in bbu\)' out

# ---- what cannot be traced
echo 'a text' >note.txt
status 1 bbu-info --trace note.txt
err_has 'note.txt: does not say what it was made from'
status 1 bbu-info --trace nosuch
err_has 'nosuch: No such file'
status 1 bbu-info --trace --in nosuch bbu.index
err_has 'nosuch: No such file'
status 2 bbu-info --in . bbu.index
status 2 bbu-info --trace --verify bbu.index

# ---- the hash of weights is that in features
status 0 bbu-info --json elsewhere/weights/vit.safetensors
check 'bbu-info prints the hash of weights' test "$(grep -o '"weights":"[0-9a-f]*"' out)" = "$(bbu-info --json features/cat.feat | grep -o '"weights":"[0-9a-f]*"')"

# ---- a teacher records the iteration after which, and the run by which it was written, and its hash
. "$TESTS/cli/train-fixture.sh"
mkdir run-folder && cd run-folder && train_fixture || exit 1
status 0 dino-train -q -c t.yaml -j2 optim.epochs=1
teacher=run/eval/training_11/teacher_checkpoint.safetensors
status 0 bbu-info --trace $teacher
check 'its data' grep -Eq '^  data [0-9a-f]{12}: all/ \(by bbu-pack\)$' out
check 'the sets that it was scored by' grep -Eq '^  knn_val [0-9a-f]{12}: val/ \(by bbu-pack\)$' out
check 'and their photographs' grep -Eq '^ +photographs: bbu ' out
status 0 bbu-info --json $teacher
out_has '"iteration":11'
check 'the hash in it is that of its tensors' test "$(grep -o '"metadata":{.*},"weights"' out | grep -o '"weights":"[0-9a-f]*"')" = "$(grep -o '"weights":"[0-9a-f]*"' out | tail -n 1)"
dino-extract -q -w $teacher --resize 36 --size 32 val -o val.feat
status 0 bbu-info --trace val.feat
check 'features, teacher, data, photographs' grep -Eq '^  weights [0-9a-f]{12}: run/eval/(best|training_11)/teacher_checkpoint.safetensors \(by dino-train [0-9.]*, iteration 11\)$' out
check 'the checkpoint has the same inputs' test "$(bbu-info --trace run/model_0000011.rank_0.ckpt | tail -n +2)" = "$(bbu-info --trace $teacher | tail -n +2)"
status 0 dino-train -q --no-provenance -c t.yaml -j2 optim.epochs=1 train.output_dir=bare
cd bare || exit 1
status 1 bbu-info --trace eval/training_11/teacher_checkpoint.safetensors
err_has 'does not say what it was made from'
cd .. || exit 1
status 0 bbu-info --trace bare/eval/training_11/teacher_checkpoint.safetensors
check 'another file of the same network leads on' grep -Eq '^  weights [0-9a-f]{12}: run/eval/.*iteration 11, the same network\)$' out
check 'to its data' grep -Eq '^    data [0-9a-f]{12}: all/ ' out

# ---- of several files with one hash the one that records its inputs; the student of a checkpoint
mkdir ../several && cp $teacher ../several/zz.safetensors && cd ../several || exit 1
dino-weights convert -q --bare zz.safetensors -o aa.pth
dino-extract -q -w zz.safetensors --resize 36 --size 32 ../run-folder/val -o zz.feat
status 0 bbu-info --trace --in ../run-folder/all zz.feat
check 'a teacher before a bare .pth' grep -Eq '^  weights [0-9a-f]{12}: zz.safetensors \(by dino-train' out
check 'and on to the data' grep -Eq '^    data [0-9a-f]{12}: ../run-folder/all/ ' out
status 0 bbu-info --trace aa.pth
check 'the .pth itself' grep -Eq '^  weights [0-9a-f]{12}: zz.safetensors ' out
status 0 bash -c 'cat aa.pth | bbu-info --trace -'
check 'and through a pipe' grep -Eq '^  weights [0-9a-f]{12}: zz.safetensors ' out
mkdir low && cp zz.feat zz.safetensors low
status 0 bbu-info --trace low/zz.feat
check "FILE's own folder first" grep -Eq '^  weights [0-9a-f]{12}: low/zz.safetensors ' out
dino-extract -q -w ../run-folder/run/model_0000011.rank_0.ckpt --net student --resize 36 --size 32 ../run-folder/val -o student.feat
status 0 bbu-info --trace --in ../run-folder student.feat
check 'the student of a checkpoint' grep -Eq '^  weights [0-9a-f]{12}: ../run-folder/run/model_0000011.rank_0.ckpt \(its student, by dino-train' out
cd ../run-folder || exit 1
status 0 dino-train -q -c t.yaml -j2 optim.epochs=1 train.output_dir=again student.pretrained_weights=$teacher
mkdir ../own && cd ../own && cp ../run-folder/bare/eval/training_11/*.safetensors zz.safetensors || exit 1
cp "$(grep -l '"iteration":"-1"' ../run-folder/again/eval/*/*.safetensors | head -n 1)" aa.safetensors || exit 1
dino-extract -q -w zz.safetensors --resize 36 --size 32 ../run-folder/val -o own.feat
status 0 bbu-info --trace own.feat
check 'not weights that were made from weights of this very hash' grep -Eq '^  weights [0-9a-f]{12}: zz.safetensors' out
cd .. || exit 1

# ---- converted weights have the inputs of the original; rounded ones were made from it
mkdir converted && cd converted || exit 1
dino-weights convert -q --bare ../run-folder/$teacher -o bare.safetensors
dino-weights convert -q --dtype bf16 ../run-folder/$teacher -o half.safetensors
dino-weights convert -q --net student ../run-folder/run/model_0000011.rank_0.ckpt -o student.safetensors
status 0 bbu-info --trace --in ../run-folder ../run-folder/$teacher
tail -n +2 out >original
status 0 bbu-info --trace --in ../run-folder bare.safetensors
check 'converted, without its heads' cmp original <(tail -n +2 out)
status 0 bbu-info --json bare.safetensors
out_has '"iteration":11'
check 'and its hash' test "$(grep -o '"weights":"[0-9a-f]*"' out | sort -u | wc -l)" = 1
status 0 bbu-info --trace --in ../run-folder student.safetensors
check 'a student out of a checkpoint' cmp original <(tail -n +2 out)
status 0 bbu-info --trace --in ../run-folder half.safetensors
check 'rounded' grep -Eq '^  weights [0-9a-f]{12}: bare.safetensors \(by dino-train [0-9.]*, iteration 11\)$' out
rm bare.safetensors
status 0 bbu-info --trace half.safetensors
check 'and where what was rounded is gone' grep -Eq '^    data [0-9a-f]{12}: not found' out
sed 's/"weights":"...../"weights":"00000/' ../run-folder/$teacher >changed.safetensors
status 0 dino-weights convert changed.safetensors -o other.safetensors
err_has 'changed.safetensors: its tensors do not match the metadata; origin omitted'
check 'what is not theirs is not kept' lacks '"inputs"' other.safetensors
cd .. || exit 1

# ---- without provenance the header still names the weights
dino-extract -q --no-provenance -w elsewhere/weights/vit.safetensors --resize 32 --size 28 run-folder/val -o silent.feat
status 0 bbu-info --trace silent.feat
check 'features' grep -Eq '^  weights [0-9a-f]{12}: elsewhere/weights/vit.safetensors \(named by the header, the rest is not said\)$' out
feat-logreg -q --no-provenance -t features/train.feat -C 1 --resamples 0 -m silent.logreg -r /dev/null
status 0 bbu-info --trace silent.logreg
check 'a classifier' grep -Eq '^  weights [0-9a-f]{12}: elsewhere/weights/vit.safetensors \(named by the header' out

# ---- pipes
status 0 bash -c 'cat features/cat.feat | bbu-info --trace -'
check 'the same' cmp <(tail -n +2 out) <(bbu-info --trace features/cat.feat | tail -n +2)
for report in scores.txt predicted.json; do
    status 0 bash -c "cat $report | bbu-info --trace -"
    check "$report from a pipe" cmp <(tail -n +2 out) <(bbu-info --trace $report | tail -n +2)
done

status 0 bash -c "cat elsewhere/weights/vit.safetensors | bbu-info --json -"
check "the hash of weights from a pipe" test "$(grep -o ".weights.:.[0-9a-f]*" out)" = "$(bbu-info --json elsewhere/weights/vit.safetensors | grep -o ".weights.:.[0-9a-f]*")"
# ---- only a report
version=$(bbu-info --version | grep -o "[0-9.]*[0-9]" | head -n 1)
check "it names its tool and version" grep -Fqx "made by feat-logreg $version" scores.txt
check "that of feat-knn, too" grep -Fqx "made by feat-knn $version" knn.txt
check "predictions name them in their first line" grep -Fqx "# predictions of feat-logreg $version" <(head -n 1 predicted.txt)
for report in scores.txt predicted.txt scores.json knn.txt; do
    status 1 bbu-info $report
    err_has "$report: a report or predictions; --trace follows it"
done

# ---- damage is reported as without --trace
damaged() { # file: the same words
    status 1 bbu-info "$1"
    sed 's/^bbu-info: //' err >plain
    status 1 bbu-info --trace "$1"
    check "$1: --trace says what is wrong" grep -qF -- "$(cat plain)" err
    err_lacks 'does not say what it was made from'
}
head -c $(($(stat -c %s features/cat.feat) - 40)) features/cat.feat >cut.feat
damaged cut.feat
cp features/cat.feat header.feat && printf X | dd of=header.feat bs=1 seek=100 conv=notrunc 2>dd.err
damaged header.feat
head -c $(($(stat -c %s bbu.index) - 40)) bbu.index >cut.index
damaged cut.index
head -c 300 elsewhere/weights/vit.safetensors >cut.safetensors
damaged cut.safetensors

# ---- a hundred thousand inputs; hostile kinds
with_inputs() { # writes weights with these inputs, JSON from standard input
    local n
    { printf '{"__metadata__":{"inputs":"' && tr -d '\n' | sed 's/[\\"]/\\&/g' &&
        printf '"},"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}'; } >head.json
    n=$(stat -c %s head.json)
    { printf "$(printf '\\x%02x' $((n & 255)) $((n >> 8 & 255)) $((n >> 16 & 255)) $((n >> 24)) 0 0 0 0)" &&
        cat head.json && head -c 4 /dev/zero; } >"$1"
}
seq 150000 | awk '{ printf "%s{\"kind\":\"query\",\"identity\":\"%064x\"}", (NR > 1 ? "," : "["), $1 } END { print "]" }' |
    with_inputs many.safetensors
status 0 timeout 30 bbu-info --trace many.safetensors
check 'all of them are printed' test "$(grep -c '^  query' out)" = 150000
printf '[{"kind":"%0200d","identity":"%064x"},{"kind":"a\\u0007\\nb","identity":"%064x"}]' 7 1 2 | with_inputs names.safetensors
status 0 bbu-info --trace names.safetensors
check 'a long kind is cut' grep -Eq '^  0{64} 000000000000: not found' out
status 0 bbu-info --trace --json names.safetensors
out_has '"kind":"a??b"'
no_leftovers
done_testing
