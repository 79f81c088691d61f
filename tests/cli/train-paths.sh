# Several sets of shards as one: lists of paths in settings and on the command line, for training, views and scoring.
. "$TESTS/cli/lib.sh"
. "$TESTS/cli/train-fixture.sh"
train_fixture && bbu-pack -q --split test bbu.index -o test || exit 1
short="optim.epochs=1 optim.warmup_epochs=0 optim.freeze_last_layer_epochs=0 train.OFFICIAL_EPOCH_LENGTH=4 evaluation.eval_period_iterations=2"

# ---- views: as the same sets named one by one
status 0 dino-augment -q -c t.yaml train val -n 3 -o words.views
status 0 dino-augment -q -c t.yaml 'train.dataset_path=[train, val]' -n 3 -o list.views
same words.views list.views
status 0 dino-augment -q -c t.yaml "train.dataset_path=['train', val]" -n 3 -o list.views
same words.views list.views
sed 's/dataset_path: all/dataset_path: [train, val]/' t.yaml >list.yaml
status 0 dino-augment -q -c list.yaml -n 3 -o list.views
same words.views list.views
status 0 dino-augment -q -c t.yaml 'train.dataset_path=[val,train]' -n 3 -o other.views
differ words.views other.views

# ---- training and scoring
status 0 dino-train -q -c list.yaml $short train.output_dir=a 'evaluation.knn_val=[val,test]'
status 0 dino-train -q -c t.yaml $short train.output_dir=b 'train.dataset_path=[train,val]' 'evaluation.knn_val=[val,test]' -j 1
same_results a b
check 'images of both sets are scored' grep -q '"n_train": 18, "n_val": 12' a/evaluation.json
check 'the settings of the run have the list' grep -q "dataset_path: \['train', 'val'\]" a/config.yaml
status 0 dino-train -c list.yaml --plan
check 'memory of both is planned' grep -q 'batches made ahead' out
status 0 dino-train -c list.yaml --print-config
out_has "dataset_path: ['train', 'val']"

# ---- what is wrong with a list
status 1 dino-train -q -c t.yaml $short train.output_dir=c 'train.dataset_path=[train,none]'
err_has 'none'
status 1 dino-train -q -c t.yaml $short train.output_dir=c 'train.dataset_path=[train,train]'
err_has 'train/'
status 1 dino-train -q -c t.yaml $short train.output_dir=c 'train.dataset_path=[train,words.views]'
err_has 'words.views'
status 2 dino-train -q -c t.yaml $short train.output_dir=c 'train.dataset_path=[train,]'
err_has 'train.dataset_path: an empty name in a list'
status 1 dino-train -q -c t.yaml $short train.output_dir=c 'train.dataset_path=[]'
err_has 'no shards are named'
done_testing
