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

# ---- what is gone: the copy of its provenance leads on
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

# ---- the hash of weights is that which features carry
status 0 bbu-info --json elsewhere/weights/vit.safetensors
check 'bbu-info tells the hash of weights' test "$(grep -o '"weights":"[0-9a-f]*"' out)" = "$(bbu-info --json features/cat.feat | grep -o '"weights":"[0-9a-f]*"')"

# ---- a teacher says after which iteration of which run it was written, and its hash
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
status 1 bbu-info --trace bare/eval/training_11/teacher_checkpoint.safetensors
cd .. || exit 1
no_leftovers
done_testing
