# bbu-index: every rule about bad data, the layouts, the statuses, the reports.
. "$TESTS/cli/lib.sh"
"$BUILD/tests/datagen" -q --groups 10 --width 64 --seed 5 made || exit 1
fresh() { rm -rf d && cp -r made d; }
group() { ls "d/$1" | sed -n "${2}p"; } # the n-th group of a split
edit() { sed -i "$2" "d/annotations/$1.json"; }
index() { local want=$1; shift; rm -f x.index; status "$want" bbu-index -o x.index "$@" d; }
no_catalogue() { check "there is no catalogue" test ! -e x.index; }

# ---- a good dataset
fresh
index 0
err_has '30 images in 10 groups, train 18, val 6, test 6'
err_lacks warning
cp x.index first.index
index 0 -j1
same first.index x.index
index 0 --no-provenance
differ first.index x.index
status 0 bbu-index d
cp out piped.index
same first.index piped.index
(cd d && bbu-index -q . -o ../inside.index)
check 'a root is kept as seen from the catalogue' bash -c 'bbu-pack -q inside.index -o s1 && bbu-pack -q first.index -o s2 && cmp s1/*.shard s2/*.shard'
mkdir far && status 0 bbu-index -q d -o far/x.index
status 0 bbu-pack -q far/x.index -o far/shards
check 'packed from elsewhere' bash -c 'cd far && bbu-pack -q x.index -o again && cmp shards/shard-00000-of-00001.shard again/shard-00000-of-00001.shard'

mkdir -p site/lists && cp -r made site/d && status 0 bbu-index -q site/d -o site/x.index
status 0 bbu-index -q site/d -o site/lists/y.index
mkdir moved && mv site moved/to
check 'dataset and catalogue were moved together' bash -c 'bbu-pack -q moved/to/x.index -o s3 && bbu-pack -q moved/to/lists/y.index -o s4 && cmp s3/*.shard s4/*.shard && cmp s3/*.shard s1/*.shard'
check 'and are packed from within' bash -c 'cd moved/to/lists && bbu-pack -q y.index -o ../s5 && bbu-pack -q ../x.index -o ../s6 && cmp ../s5/*.shard ../s6/*.shard'
status 0 bbu-index -q "$PWD/moved/to/d" -o moved/z.index
mv moved/z.index . && status 0 bbu-pack -q z.index -o s7
mv moved/to/d moved/e && cd moved && status 1 bbu-pack -q to/x.index -o ../s8
err_has 'to/d/'
status 0 bbu-pack -q --root e to/x.index -o ../s8
cd ..

# ---- files
a=$(group train 1) b=$(group train 2) c=$(group train 3)
fresh
rm "d/train/$a/$a-0.jpeg"
: >"d/train/$a/$a-1.jpeg"
echo 'not an image' >"d/train/$b/$b-0.jpeg"
size=$(stat -c %s "d/train/$b/$b-1.jpeg")
truncate -s $((size / 2)) "d/train/$b/$b-1.jpeg"
index 1
no_catalogue
err_has "train/$a/$a-0.jpeg: No such file"
err_has "train/$a/$a-1.jpeg: the file is empty"
err_has "train/$b/$b-0.jpeg: not a JPEG, PNG or TIFF file"
err_has "train/$b/$b-1.jpeg: coded data is missing"
err_has '4 errors: 1 missing, 1 empty, 1 not JPEG, PNG or TIFF, 1 cut short or damaged'
index 3 -k
err_has '26 images in 10 groups'
err_has "warning: $a: the group has 1 of the usual 3 photographs"
cp x.index k.index
index 3 -k -j1
same k.index x.index
index 3 -k -q
err_has "warning: $a: the group has 1 of the usual 3 photographs"
err_lacks 'in 10 groups'

# ---- labels
fresh
edit val '0,/"gt_label": [01]/s//"gt_label": 2/'
index 1
err_has 'label 2 is outside the 2 classes (val.json, line 3)'
index 3 -k
err_has 'val 5'
fresh
edit val '0,/"gt_label": [01]/s//"gt_label": -1/'
index 1
err_has 'label -1 is outside'
fresh # no list has labels: a set without labels
sed -i 's/"gt_label": [01], //' d/annotations/*.json
index 0
err_has 'without label 30'
fresh
edit test '0,/"gt_label": [01], /s///'
index 1
err_has 'annotations/test.json: line 3, column 3: data_list[0]: gt_label is missing'

# ---- one name or content with two labels; entries twice; contents twice
fresh
line=$(sed -n 3p d/annotations/train.json)
case $line in *'"gt_label": 0'*) other=${line/'"gt_label": 0'/'"gt_label": 1'} ;; *) other=${line/'"gt_label": 1'/'"gt_label": 0'} ;; esac
edit train "3i\\$other"
index 1
check 'both labels are named' grep -qE 'is labelled (negative and positive|positive and negative)' err
err_has '1 name with two labels'
index 3 -k
err_has 'train 17'
fresh
edit train "3i\\$line"
index 0
err_has 'listed 2 times; used once'
err_has '30 images'
fresh
negative=$(grep -h '"gt_label": 0' d/annotations/train.json | head -n 1 | sed 's/.*"img_path": "\([^"]*\).*/\1/')
positive=$(grep -h '"gt_label": 1' d/annotations/train.json | head -n 1 | sed 's/.*"img_path": "\([^"]*\).*/\1/')
cp "d/$negative" "d/$positive"
index 1
err_has "is labelled positive; the same content, $negative, is labelled negative"
index 3 -k
err_has 'train 16'
third=$(grep -h '"gt_label": 0' d/annotations/train.json | tail -n 1 | sed 's/.*"img_path": "\([^"]*\).*/\1/')
cp "d/$negative" "d/$third" # a third name for it, labelled as the first: what disagrees is named, and all are left out
index 1
err_lacks "is labelled negative; the same content, $negative, is labelled negative"
err_has 'is labelled negative; the same content'
index 3 -k
err_has 'train 15'
fresh
cp "d/train/$a/$a-0.jpeg" "d/train/$a/$a-1.jpeg"
index 0
err_has "warning: train/$a/$a-1.jpeg: the same content as train/$a/$a-0.jpeg, of the same group: no view of its own, used once"
err_has '29 images'
err_has "warning: $a: the group has 2 of the usual 3 photographs"
err_has '1 content under two names'
fresh
cp "d/train/$a/$a-0.jpeg" "d/train/$c/$c-0.jpeg"
index 0
err_has "warning: train/$c/$c-0.jpeg: is of group $c, its content of group $a, too, as train/$a/$a-0.jpeg: one of the two is wrong"
err_has '1 content in two groups'
err_has '30 images'
fresh
grep -q "$a-0.*\"gt_label\": 0" d/annotations/train.json && label=0 || label=1
of_val=$(grep -h "\"gt_label\": $label" d/annotations/val.json | head -n 1 | sed 's/.*"img_path": "\([^"]*\).*/\1/')
cp "d/train/$a/$a-0.jpeg" "d/$of_val"
index 0
err_has "warning: $of_val: is in val, its content in train, too, as train/$a/$a-0.jpeg: a leak"
err_has '1 content in two splits'
status 0 bbu-index --json d -o x.index
out_has '"content-leak":1'

# ---- leaks
fresh
v=$(group val 1)
sed -i "s/\"group_id\": \"$v\"/\"group_id\": \"$a\"/" d/annotations/val.json
index 1
err_has "$a: the group is in train (3), val (3)"
err_has "warning: val/$v/$v-0.jpeg: belongs to group $a"
index 3 -k
err_has '24 images'
fresh
edit val "3i\\$line"
index 1
err_has 'the image is in train and in val'
err_has 'is listed in val'

# ---- paths
fresh
edit train "0,/train\\/$a\\/$a-0/s//..\\/train\\/$a\\/$a-0/"
index 1
err_has "../train/$a/$a-0.jpeg: leaves the dataset (train.json, line"
fresh
edit train "0,/train\\/$a\\/$a-0.jpeg/s//\\/etc\\/passwd/"
index 1
err_has '/etc/passwd: leaves the dataset'
fresh
cp made/train/"$a/$a-0.jpeg" outside.jpeg
ln -sf "$PWD/outside.jpeg" "d/train/$a/$a-0.jpeg"
index 1
err_has "train/$a/$a-0.jpeg: is a link that leaves the dataset"
index 3 -k
err_has 'train 17'
fresh # a link that stays is fine
mv "d/train/$a/$a-0.jpeg" d/kept.bin && ln -s ../../kept.bin "d/train/$a/$a-0.jpeg"
index 0
fresh # spelled otherwise, the same path
edit train "0,/train\\/$a\\/$a-0/s//.\\/train\\/\\/$a\\/.\\/$a-0/"
index 0
err_lacks warning

fresh # a listed file of another format is an error, and told once
edit val "0,/$v-0.jpeg/s//$v-0.webp/"
mv "d/val/$v/$v-0.jpeg" "d/val/$v/$v-0.webp" && printf 'RIFF' >"d/val/$v/$v-0.webp" && cp "d/val/$v/$v-0.webp" d/other.webp
index 1
check 'it is reported once' test "$(grep -c "val/$v/$v-0.webp" err)" -eq 1
err_has "val/$v/$v-0.webp: not a JPEG, PNG or TIFF file"
err_has 'warning: other.webp: no picture of a known format, by its content; left out'

fresh # a list that was made on a machine that does not care for the case of letters, or for backslashes
edit val "3s/$v-0.jpeg/$v-0.JPEG/;4s|val/$v/|val\\\\\\\\$v\\\\\\\\|"
index 1
err_has "val/$v/$v-0.JPEG: No such file or directory; val/$v/$v-0.jpeg is there, whose name differs in the case of letters"
err_has "warning: val/$v/$v-0.jpeg: in no list, but for a name that differs in the case of letters; left out"
err_has "val\\$v\\$v-1.jpeg: No such file or directory; val/$v/$v-1.jpeg is there, whose name differs in its backslashes"

fresh # names in two Unicode forms: ü, and u with a mark
u=$'\xc3\xbc' ue=$'u\xcc\x88'
mv "d/val/$v/$v-0.jpeg" "d/val/$v/$ue.jpeg" && edit val "0,/$v-0.jpeg/s//$u.jpeg/"
index 1
err_has "val/$v/$u.jpeg: No such file or directory; val/$v/$ue.jpeg is there, whose name differs only in its Unicode form"
err_has "warning: val/$v/$ue.jpeg: in no list, but for a name that differs only in its Unicode form; left out"
mv "d/val/$v/$ue.jpeg" "d/val/$v/$u.jpeg"
index 0
status 1 bash -c "printf 'd/val/$v/$ue.jpeg\n' | bbu-index -o n.index -"
err_has "d/val/$v/$ue.jpeg: No such file or directory; a name is there that differs only in its Unicode form"
edit val "3,5s/\"group_id\": \"$v\"/\"group_id\": \"$u\"/" && edit train "3s/\"group_id\": \"$a\"/\"group_id\": \"$ue\"/"
index 1
err_has "the group is in train (1), val (3)"
fresh
edit val "3,4s/\"group_id\": \"$v\"/\"group_id\": \"$u\"/;5s/\"group_id\": \"$v\"/\"group_id\": \"$ue\"/"
index 0
err_has "another group's name differs only in its Unicode form"
mkdir -p forms/train/$u forms/val/$ue && cp made/train/"$a"/*.jpeg forms/train/$u && cp made/val/"$v"/*.jpeg forms/val/$ue
status 0 bbu-index --layout classes -o f.index forms
err_has "another class's name differs only in its Unicode form"
rm -r forms/val && mkdir forms/train/bad && cp made/val/"$v"/*.jpeg forms/train/bad
status 0 bbu-index --layout classes --classes "$ue,bad" -o f.index forms
err_has "$u 3, bad 3"

fresh
edit val "4{p;s/$v-[0-9].jpeg/$v-9.jpeg/}" && cp "made/train/$a/$a-0.jpeg" "d/val/$v/$v-9.jpeg"
index 0
err_has "warning: $v: the group has 4 photographs, 3 are usual"

# ---- a list that names files in a system folder: they are taken, and only the other folders are left out
fresh
mkdir "d/train/$a/@eaDir" "d/val/$v/@eaDir" "d/val/$v/@eaDirs"
mv "d/train/$a/$a-0.jpeg" "d/train/$a/@eaDir" && cp "made/val/$v/$v-0.jpeg" "d/val/$v/@eaDir"
edit train "s|train/$a/$a-0.jpeg|train/$a/@eaDir/$a-0.jpeg|"
index 0
err_has '30 images'
err_has "warning: train/$a/@eaDir: a folder of a Synology storage, not of photographs; only files that a list names are taken"
err_has "warning: val/$v/@eaDir: a folder of a Synology storage, not of photographs; left out"

# ---- broken lists
fresh
sed -i '4s/"gt_label"/gt_label"/' d/annotations/val.json
index 1
err_has 'annotations/val.json: line 4, column'
index 3 -k
err_has '24 images'
fresh
head -c 300 made/annotations/val.json >d/annotations/val.json
index 1
err_has 'annotations/val.json: line'
fresh
echo '{}' >>d/annotations/val.json
index 1
err_has 'something follows the end'
fresh
edit val '4s/"gt_label": /"gt_label": 0/'
index 1
check 'a leading zero is named where it stands' grep -qE 'annotations/val.json: line 4, column [0-9]+: broken JSON: a number with a leading zero' err
fresh
sed '3s/site": "/&\xe5/' made/annotations/val.json >d/annotations/val.json
index 1
check 'bytes that are not UTF-8 too' grep -qE 'annotations/val.json: line 3, column [0-9]+: broken JSON: bytes that are not UTF-8' err
fresh
{ printf '{"metainfo": {"classes": ["negative", "positive"]}, "data_list": [], "numbers": ['; yes 7, | head -n 4000000 | tr -d '\n'; printf '7]}'; } >d/annotations/val.json
check 'a long array of numbers takes no more memory than its text' bash -c '(ulimit -v 150000; bbu-index -q -j1 d -o y.index)'
sed -i 's/"data_list": \[\], "numbers"/"data_list"/' d/annotations/val.json
index 1
err_has 'more than 10000 entries are wrong; data_list[10000]: not an object'
fresh
edit val '0,/"group_id"/s//"group_id": "x", "group_id"/'
index 1
err_has 'the key group_id appears twice'
fresh
edit val '3s/"group_id": "[^"]*"/"group_id": 9007199254740993, "serial": 12345678901234567890/;4,5s/"group_id": "[^"]*"/"group_id": 9007199254740992/'
index 0
check 'groups of more than 53 bits stay apart' bash -c 'bbu-info -l x.index | grep -c "	900719925474099[23]	" | grep -qx 3 && bbu-info -l x.index | grep -c "	9007199254740993	" | grep -qx 1'
check 'and so do further numbers' bash -c 'zstd -dc x.index 2>/dev/null | grep -aq "\"serial\":12345678901234567890"'
fresh
edit val '3s/"site": "[^"]*"/"site": NaN/'
index 1
check 'NaN is named' grep -qE 'annotations/val.json: line 3, column [0-9]+: broken JSON: NaN, which JSON does not have: write null' err
fresh
printf '%s' "$(printf '[%.0s' $(seq 1 5000))" >d/annotations/val.json
index 1
err_has 'nested too deep'
fresh
edit val 's/"negative", "positive"/"positive", "negative"/'
index 1
err_has 'its classes are not those of the list before'
fresh
edit val '0,/"gt_label": [01]/s//"gt_label": "1"/'
edit val '4s/"img_path": "[^"]*"/"img_path": 7/'
index 1
err_has 'line 3, column 3: data_list[0]: gt_label is not a whole number'
err_has 'line 4, column 3: data_list[1]: img_path is not a text'
err_has 'in no list, or in an entry that is wrong; left out'
fresh
rm d/annotations/*.json
index 1
err_has 'annotations: has none of train.json'

# ---- warnings
fresh
edit val '3,5s/"gt_label": [01]/"gt_label": 1/'
edit val '3s/"gt_label": 1/"gt_label": 0/'
index 0
err_has 'the group has negative and positive'
fresh
edit val 3d
index 0
err_has "warning: $v: the group has 2 of the usual 3 photographs"
err_has 'in no list; left out'
err_has '29 images'
fresh
rm -r d/annotations
index 0
err_has 'warning: test/: taken for a folder without labels; --layout classes takes its sub-folders for classes'
err_has 'warning: train/: taken for a folder without labels'
(echo path,label,split; cd d && ls */*/*.jpeg | sed 's,^\([^/]*\).*,&\,good\,\1,') >t.csv
index 0 --labels t.csv
err_lacks 'taken for'
cut -d, -f1,2 t.csv >u.csv
index 0 --labels u.csv
err_lacks 'without labels'
err_has 'warning: train/: its name makes no split: a column "split" of the table does'
index 0 --labels u.csv --divide 1,1,1
err_has 'warning: train/: divided like any other folder; --layout classes takes it for the split'
index 0 --labels t.csv --divide 1,1,1 --replace-splits
err_lacks 'warning: train/'
fresh
rm d/annotations/val.json
index 0
err_has 'warning: val: there is no annotations/val.json; 6 images left out'
fresh
printf 'tail' >>"d/train/$a/$a-0.jpeg"
size=$(stat -c %s "d/train/$a/$a-1.jpeg")
truncate -s $((size - 2)) "d/train/$a/$a-1.jpeg"
index 0
err_has "warning: train/$a/$a-0.jpeg: stray bytes after the end mark"
err_has "warning: train/$a/$a-1.jpeg: the end mark is missing"

fresh # orientation: after a doubled name, and only in XMP
segment() { head -c 2 "$1"; printf "\xff\xe1\x00\x$2$3"; tail -c +3 "$1"; }
segment "made/train/$a/$a-0.jpeg" 28 'Exif\0\0Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0' >"d/train/$a/$a-0.jpeg"
segment "made/train/$a/$a-1.jpeg" 33 'http://ns.adobe.com/xap/1.0/\0tiff:Orientation="6"' >"d/train/$a/$a-1.jpeg"
index 0
check 'EXIF whose name appears twice rotates the image' bash -c "bbu-info -l x.index | grep '$a-0.jpeg' | grep -q '48 x 64'"
err_lacks "$a-0.jpeg"
err_has "warning: train/$a/$a-1.jpeg: orientation 6 is only in XMP, not in EXIF, and is not applied"
check 'XMP does not' bash -c "bbu-info -l x.index | grep '$a-1.jpeg' | grep -q '64 x 48'"
index 0 --as-stored
err_lacks XMP

# ---- reports, further keys
fresh
rm "d/train/$a/$a-0.jpeg"
index 1 --json
out_has '{"report":"finding","level":"error","kind":"missing","thing":"train/'
out_has '"images":29,"left_out":1,"groups":10,"errors":1,"warnings":1,"splits":{"train":17,"val":6,"test":6,"none":0}'
out_has '"findings":{"missing":1,"group-size":1}'
check 'every line is an object' bash -c '! grep -qv "^{.*}$" out'
status 2 bbu-index --json d
err_has 'would both go to standard output'
fresh
index 0
check 'site, camera and date are carried on' bash -c 'zstd -dc x.index 2>/dev/null | grep -aq "\"site\":\"[a-z]*\",\"camera\":\"cam[0-9]\",\"date\":\"2024-"'

# ---- folders of classes
mkdir -p cl/ok/s1 cl/bad
cp made/train/"$a"/*.jpeg cl/ok/s1 && cp made/train/"$b"/*.jpeg cl/bad
status 0 bbu-index --layout classes -o c.index cl
err_has '6 images in 1 group, bad 3, ok 3'
err_has 'positive class (the defect): ok, the second of bad, ok (--positive names another)'
err_lacks 'no groups'
status 0 bbu-index --json --layout classes -o c.index cl
out_has '"classes":{"bad":3,"ok":3},"class_order":["bad","ok"],"positive":"ok"'
status 0 bash -c 'bbu-index --json --layout classes --classes ok,bad -o o.index cl'
out_has '"classes":{"ok":3,"bad":3},"class_order":["ok","bad"],"positive":"bad"'
err_has 'positive class (the defect): bad, the second of ok, bad'
err_lacks 'names another'
bbu-pack -q o.index -o os
check 'the order is that of the catalogue and of the shards' bash -c 'bbu-info --json o.index | grep -q "\"classes\":{\"ok\":3,\"bad\":3}" && bbu-info --json os/* | grep -q "\"classes\":\[\"ok\",\"bad\"\]"'
check 'labels follow it' bash -c '"$BUILD/tests/shardcat" os | grep "^bad/" | grep -vq " label 1 " || "$BUILD/tests/shardcat" os | grep "^ok/" | grep -vq " label 0 "; test $? -eq 1'
check 'settings name it' bash -c 'bbu-info --json o.index | grep -q "\"classes\":\"ok,bad\"" && ! bbu-info --json c.index | grep -q "\"classes\":\""'
for wrong in 'ok,badd:"badd" is no class; there are "bad", "ok"' 'ok:"bad" is missing; there are "bad", "ok"'; do
    status 1 bbu-index --layout classes --classes "${wrong%%:*}" -o w.index cl
    err_has "--classes: ${wrong#*:}"
done
for wrong in 'ok,bad,ok:"ok" appears twice' ',ok:an empty name' ':an empty name' 'no,no:"no" appears twice'; do # whatever the files
    status 2 bbu-index --layout classes --classes "${wrong%%:*}" -o w.index cl
    err_has "--classes ${wrong%%:*}: ${wrong#*:}"
done
status 1 bbu-index --layout folder --classes ok,bad -o w.index cl
err_has '--classes: the dataset has no classes'
check 'and no catalogue is made' test ! -e w.index
index 0 --classes negative,positive
bbu-info -l x.index >1
index 0 --classes positive,negative
err_has 'positive class (the defect): negative, the second of positive, negative'
bbu-info -l x.index >2
same 1 2
mkdir -p sp/train/ok sp/train/bad sp/val/bad sp/test sp/other
cp made/train/"$a"/*.jpeg sp/train/ok && cp made/train/"$b"/*.jpeg sp/train/bad && cp made/train/"$c"/*.jpeg sp/val/bad
cp made/val/"$v"/*.jpeg sp/test
cp "made/val/$v/$v-0.jpeg" sp/other/z.jpg
status 0 bbu-index --layout classes -o c.index sp
err_has '12 images in 0 groups, train 6, val 3, test 3, bad 6, ok 3, without label 3'
err_has "warning: other/z.jpg: in no split's folder; left out"
err_has 'warning: sp: names look as if '
err_has "-0.jpeg and $v-1.jpeg were views of one installation, but each counts as one of its own: --group-pattern '{group}-{view}' takes it from the names"
status 0 bbu-index --json --layout classes -o c.index sp
out_has '"level":"warning","kind":"view-names","thing":"sp","reason":"names look as if '
status 0 bbu-index --layout classes --group-pattern '{group}-{view}' -o c.index sp
err_has '12 images in 4 groups, train 6, val 3, test 3, bad 6, ok 3, without label 3'
err_lacks 'names look'
bbu-info -l c.index >1
check 'of a name the group and the view' grep -q "^train/ok/$a-1.jpeg	train	$a	1	ok" 1
status 0 bbu-index --layout classes --group-pattern '{group}_{view}' -o c.index sp
err_has "warning: --group-pattern: 12 names do not fit: "
status 1 bbu-index --group-pattern '{group}-{view}' made -o c.index
err_has '--group-pattern: the lists of the dataset say the groups (--layout folder takes no lists)'
status 2 bbu-index --group-pattern '{view}' sp -o c.index
err_has '--group-pattern: pattern {view}: no {group}'
mkdir one && i=0 && for f in sp/train/*/*.jpeg sp/val/*/*.jpeg; do i=$((i + 1)) && cp "$f" "one/P${i}x.jpeg"; done
status 0 bbu-index one -o c.index
err_lacks 'warning'
status 0 bbu-index --divide 1,1,1 one -o c.index
err_has 'warning: one: no groups, each photograph is divided by itself: photographs of one installation belong in a folder'
i=0 && for f in one/*; do mv "$f" "one/part $((i / 3)) ($((i % 3))).jpeg"; i=$((i + 1)); done
status 0 bbu-index one -o c.index
err_has "warning: one: names look as if part 0 (0).jpeg and part 0 (1).jpeg were views of one installation, but each counts as one of its own: --group-pattern '{group} ({view})'"
mkdir -p day/monday && mv one/* day/monday
status 0 bbu-index day -o c.index
err_has 'but all of monday/ counts as one:'
status 0 bbu-index --group-pattern '{group} ({view})' day -o c.index
err_has '9 images in 3 groups'
bbu-info -l c.index >1
check 'the folder stands before the name' grep -q '^monday/part 1 (2).jpeg		monday/part 1	2' 1
printf 'path;group\nmonday/part 0 (0).jpeg;Z\n' >t.csv
status 0 bbu-index --group-pattern '{group} ({view})' --labels t.csv day -o c.index
err_has '9 images in 4 groups'

echo >sp/train/ok/s.bmp && echo >sp/other/o.bmp
mkdir sp/@eaDir sp/train/@eaDir sp/train/ok/@eaDir && cp sp/other/z.jpg sp/train/ok/@eaDir
status 0 bbu-index --layout classes -o c.index sp
err_has '12 images in 0 groups, train 6, val 3, test 3, bad 6, ok 3, without label 3'
check 'an image that is of another format is reported once' test "$(grep -c 's\.bmp: no picture of a known format, by its content; left out' err)" -eq 1
err_has 'warning: train/ok/s.bmp: no picture of a known format, by its content; left out, with 1 more'
err_has 'warning: train/@eaDir: a folder of a Synology storage, not of photographs; left out, with 1 more of this name'
err_has 'warning: @eaDir: a folder of a Synology storage, not of photographs; left out'

# ---- system folders are no classes and hold no photographs
systems=(@eaDir '#recycle' '$RECYCLE.BIN' lost+found 'System Volume Information' __MACOSX RECYCLER 'Temporary Items'
    'Network Trash Folder' @__thumb @SynoResource found.000 Found.123 .Trash-1000)
for folder in "${systems[@]}"; do
    mkdir -p "nas/ok/$folder/x.jpg" "nas/$folder" && cp "made/val/$v/$v-0.jpeg" "nas/ok/$folder/x.jpg/small.jpg"
    cp "made/val/$v/$v-0.jpeg" "nas/$folder"
done
mkdir nas/bad nas/found.00 nas/found.0000 nas/found.00x && cp made/train/"$a"/*.jpeg nas/ok && cp made/train/"$b"/*.jpeg nas/bad
for layout in classes folder; do
    status 0 bbu-index --layout $layout -o c.index nas
    err_has '6 images in'
    err_has 'warnings: 12 folders of a system'
    check 'no name of theirs' bash -c '! bbu-info -l c.index | grep -E "small.jpg|@eaDir|#rec|BIN|lost|Volume|MACOSX|RECYC|Tempor|Trash|thumb|Syno|ound.[01]"'
done
err_has 'warning: Found.123: a folder of Windows, not of photographs; left out, with 3 more of this name'
err_has 'warning: #recycle: a folder of a Synology storage, not of photographs; left out, with 1 more of this name'
status 0 bash -c 'find nas -type f | bbu-index -o c.index -'
err_has 'warning: lost+found: a folder of the file system, not of photographs; files in it are named, and taken'

# ---- plain folders, names on standard input
mkdir -p pf/in/deep pf/.hidden
cp made/train/"$a"/*.jpeg pf/in/deep && cp "made/val/$v/$v-0.jpeg" pf/UPPER.JPG && cp pf/UPPER.JPG pf/.hidden/h.jpg
echo >pf/notes.txt && echo >pf/scan.bmp && ln -s .. pf/in/loop
status 0 bbu-index -o p.index pf
err_has '4 images in 1 group, without label 4'
err_has 'warning: scan.bmp: no picture of a known format, by its content; left out'
(cd pf && find . -name '*.jpeg' | LC_ALL=C sort) >names
(cd pf && bbu-index -q - <../names -o ../n.index)
check 'names from standard input' bash -c 'bbu-pack -q n.index -o ns'
find "$PWD/pf" -name '*.JPG' -print0 >names0
status 0 bash -c 'bbu-index -0 -o n0.index - <names0'
err_has '1 image in 1 group'
status 1 bash -c 'printf "none.jpg\nnone.jpg\n" | bbu-index -o n0.index -'
err_has 'none.jpg: No such file'
err_has 'listed 2 times'
printf 'made/train/%s/%s-0.jpeg\n' "$a" "$a" "$b" "$b" >names
status 0 bash -c 'bbu-index --no-provenance -o n0.index - <names'
{ printf '\xEF\xBB\xBF'; sed 's/$/\r/' names; echo; } >windows
status 0 bash -c 'bbu-index --no-provenance -o n1.index - <windows'
same n0.index n1.index
head -c -1 names >cut && status 0 bash -c 'bbu-index --no-provenance -o n1.index - <cut'
same n0.index n1.index
cp made/train/"$a/$a-0.jpeg" $'odd\r'
status 0 bash -c 'printf "odd\r\0" | bbu-index -0 -o n1.index -'
status 1 bash -c 'tr "\n" "\0" <names | bbu-index -o n1.index -'
err_has 'such names are read with -0'
status 1 bash -c 'printf "\377\376a\0\n\0" | bbu-index -o n1.index -'
err_has 'standard input: names in UTF-16, where UTF-8 is needed'
status 1 bash -c 'head -c 5000 /dev/zero | tr "\0" x | bbu-index -o n1.index -'
err_has 'standard input: no list of names: one is longer than 4096 bytes'

# ---- a messy folder: any bytes in names, other files, loops, files without read permission
mkdir -p "mess/a b" "mess/it's \"q\"" mess/$'new\nline' mess/$'latin\xe5' mess/links mess/secret mess/dir.jpg
n=0
for name in "a b/x y.JPG" "it's \"q\"/\$HOME;x.jpeg" $'new\nline/b\t.jpg' $'latin\xe5/c\xff.JpEg' "-dash.jpg" "dir.jpg/in.jpg" secret/s.jpg; do
    n=$((n + 1))
    cp "$(find made/train -name '*.jpeg' | sort | sed -n ${n}p)" "mess/$name"
done
ln -s . mess/links/self && ln -s .. mess/links/up && ln -s nothing mess/links/dangling.jpg && ln -s loop.jpg mess/links/loop.jpg
mkfifo mess/links/fifo.jpg && echo >mess/links/Thumbs.db && printf '\x89PNG\r\n' >mess/links/png.jpg
status 1 bbu-index -o m.index mess
err_has 'links/dangling.jpg: a link to what is not there'
err_has 'links/loop.jpg: Too many levels of symbolic links'
err_has 'links/fifo.jpg: not a regular file'
err_has 'links/png.jpg: not a JPEG, PNG or TIFF file'
err_has '4 errors: 2 missing, 1 not JPEG, PNG or TIFF, 1 unreadable'
status 3 bbu-index -k --json -o m.index mess
out_has '"images":7,"left_out":4,"groups":6'
check 'and the names are found again' bash -c 'bbu-pack -q m.index -o ms'
(cd mess && find . -name '*.[jJ]*' -type f ! -name png.jpg -print0 | bbu-index -q -0 -o ../m0.index - && bbu-pack -q ../m0.index --root . -o ../ms0)
check 'as they are from find -print0' bash -c 'bbu-info -l ms >1 && bbu-info -l ms0 >2 && test $(wc -l <1) = 7 && cmp <(sort 1) <(sort 2)'
chmod 755 .
nobody=$([ "$(id -u)" -ne 0 ] || echo setpriv --reuid 65534 --clear-groups)
if $nobody test -x "$BUILD/bbu-index" -a -r mess 2>/dev/null; then
    chmod 000 mess/secret
    status 1 $nobody "$BUILD/bbu-index" -o /dev/null mess
    err_has 'secret: Permission denied'
    chmod 755 mess/secret
else
    skip 'root may read everything, and nobody else can be tried' 'a folder that may not be read'
fi

# ---- nothing, nonsense, full disks
mkdir none
status 1 bbu-index -o x.index none
err_has 'none: no images; no catalogue written'
status 1 bbu-index -o x.index nowhere
err_has 'nowhere: No such file'
status 2 bbu-index
status 2 bbu-index -0 d
status 2 bbu-index d d
status 2 bbu-index --layout heap d
status 1 bbu-index -q d -o /dev/full
err_has 'No space left'
status 1 bbu-index -q d -o nowhere/x.index
status 1 bash -c 'bbu-index -q --max-pixels 1000 -o y.index d'
err_has 'more than the limit of 1000'
status 1 env FAIL_IO=read,path=jpeg LD_PRELOAD="$BUILD/tests/cli/fail-io.so" bbu-index d -o z.index
err_has 'Input/output error'
err_has '30 errors: 30 unreadable'
status 0 bbu-index --help
out_has '--layout'
status 0 bbu-index --version
no_leftovers

# ---- real odd files, where they are
odd=$TESTS/../../shared/data/odd-jpegs
[ -d "$odd" ] || odd=$TESTS/../../../shared/data/odd-jpegs
if [ -d "$odd" ]; then
    status 3 bbu-index -k "$odd" -o odd.index
    for f in "$odd"/damaged/truncated_baseline_*.jpg "$odd"/damaged/truncated_progressive_*.jpg; do
        err_has "damaged/$(basename "$f"): coded data is missing"
    done
    err_has 'hostile/bomb_65500x65500.jpg: 65500 x 65500 pixels are more than the limit'
    err_has 'warning: damaged/no_eoi.jpg: the end mark is missing'
    err_lacks ' ok/'
    bbu-info -l odd.index >listed
    check 'grey, colour and CMYK keep their components' bash -c 'grep -q "^ok/hopper_gray.jpg.*128 x 128 x 1" listed && grep -q "^ok/hopper.jpg.*128 x 128 x 3" listed && grep -q "^ok/pil_sample_cmyk.jpg.*100 x 100 x 4" listed && grep -q "^ok/jpg-cmyk-1.jpg.*32 x 32 x 4" listed'
    check 'memory stays small' bash -c '(ulimit -v 600000; bbu-index -q -j2 -k "$1" -o odd2.index 2>/dev/null; test $? -eq 3)' - "$odd"
else
    skip 'shared/data is not here' 'hard cases of other people'
fi
done_testing
