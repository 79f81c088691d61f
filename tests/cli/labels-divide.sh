# bbu-index: which class is the defect, splits by lot, installations that were photographed again.
. "$TESTS/cli/lib.sh"
"$BUILD/tests/datagen" -q --groups 40 --width 64 --seed 5 made || exit 1
mkdir -p cl/good cl/bad
for split in train val test; do
    for g in made/$split/*; do
        grep -q "\"img_path\": \"$split/${g##*/}/${g##*/}-0.jpeg\", \"gt_label\": 1" made/annotations/$split.json && class=bad || class=good
        cp -r "$g" cl/$class/
    done
done

# ---- the positive class, from the catalogue to the scores
status 0 bbu-index --layout classes --positive bad -o c.index cl
err_has 'positive class (the defect): bad, the second of good, bad'
check 'it is said before the numbers' bash -c 'grep -n "" err | grep -A1 "positive class" | grep -q "120 images"'
bbu-index -q --layout classes --classes good,bad -o 1.index cl
bbu-index -q --layout classes --positive bad -o 2.index cl
check '--classes says the same' bash -c 'cmp <(bbu-info -l 1.index) <(bbu-info -l 2.index)'
check 'settings name it' bash -c 'bbu-info --json c.index | grep -q "\"positive\":\"bad\""'
status 1 bbu-index --layout classes --positive ugly -o x.index cl
err_has '--positive ugly: "ugly" is no class; there are "bad", "good"'
status 1 bbu-index --layout classes --classes good,bad,ugly --positive bad -o x.index cl
err_has 'of two classes one is the positive; here are 3 classes: "good", "bad", "ugly"; --classes says'
status 1 bbu-index --layout folder --positive bad -o x.index cl
err_has 'no photograph has a label'

bbu-pack -q c.index -o packed
check 'the catalogue says so' bash -c 'bbu-info c.index | grep -qE "positive +bad$" && bbu-info --json c.index | grep -q "\"classes\":{\"good\":60,\"bad\":60},\"positive\":\"bad\""'
check 'and the shards' bash -c 'bbu-info packed | grep -qE "positive +bad$" && bbu-info --json packed/*.shard | grep -q "\"classes\":\[\"good\",\"bad\"\],\"positive\":\"bad\""'

# ---- good parts only, with the classes of those that have faults
mkdir -p only && cp -r cl/good only/
status 0 bbu-index --layout classes --classes good,bad -o o.index only
err_has 'warning: bad: no image is of this class'
err_has 'positive class (the defect): bad'
check 'both classes are there' bash -c 'bbu-info --json o.index | grep -q "\"bad\":0}"'

# ---- splits by lot
status 0 bbu-index --layout classes --positive bad --divide 70,15,15 --seed 7 -o d.index cl
err_has 'train 84, val 18, test 18'
check 'labels are balanced' bash -c 'grep "divided by seed 7" err | grep -c "good [0-9]*, bad [0-9]*" | grep -qx 3'
check 'groups are whole' bash -c 'bbu-info -l d.index | cut -f 2,3 | sort -u | cut -f 2 | sort | uniq -d | grep -q . ; test $? -eq 1'
bbu-index -q --layout classes --positive bad --divide 70,15,15 --seed 7 -j1 -o e.index cl
same d.index e.index
bbu-index -q --layout classes --positive bad --divide 70,15,15 --seed 8 -o e.index cl
differ d.index e.index
check 'settings have shares and seed' bash -c 'bbu-info --json d.index | grep -q "\"divide\":\"70,15,15\",\"seed\":7"'
status 0 bbu-index --json --layout classes --positive bad --divide 70,15,15 -o e.index cl
out_has '"classes_of_splits":{"train":{"good":'
(cd cl && find . -name '*.jpeg' | sort) >names && sort -r names >reversed
(cd cl && bbu-index -q --divide 1,1,1 -o ../n1.index - <../names && bbu-index -q --divide 1,1,1 -o ../n2.index - <../reversed)
check 'the order of names does not matter' bash -c 'cmp <(bbu-info -l n1.index | sort) <(bbu-info -l n2.index | sort)'
mkdir twice && cp -r cl/good twice/ && for g in twice/good/*; do cp "$g/${g##*/}-0.jpeg" "twice/good/copy-of-${g##*/}.jpeg"; done
status 0 bbu-index --divide 50,25,25 -o t.index twice/good
bbu-info -l t.index >listed
check 'copies are where their originals are' bash -c 'while read -r f; do g=${f#copy-of-}; g=${g%.jpeg}
    test "$(grep -P "\t$f\t|^$f\t|$f$" listed | cut -f 2)" = "$(grep -F "$g/$g-0.jpeg" listed | cut -f 2)" || exit 1; done < <(ls twice/good | grep copy-of)'
status 0 bbu-index --layout classes --divide 98,1,1 --positive bad -o s.index cl
err_has 'has no image of bad: too few groups'
status 0 bbu-index --part 1/2 --layout classes -o 1.readings cl
status 0 bbu-index --part 2/2 --layout classes -o 2.readings cl
status 0 bbu-index --join --layout classes --positive bad --divide 70,15,15 --seed 7 -o j.index cl 1.readings 2.readings
same d.index j.index

# ---- splits that are there already
status 1 bbu-index --divide 70,15,15 -o x.index made
err_has 'is in train (--replace-splits divides anew)'
check 'and no catalogue is made' test ! -e x.index
status 0 bbu-index --divide 70,15,15 --replace-splits -o x.index made
err_has 'train 84, val 18, test 18'
for wrong in 70,30 0,0,0 70,15,15,5 a,b,c; do
    status 2 bbu-index --divide "$wrong" -o x.index made
    err_has "--divide $wrong: three shares are needed"
done
status 0 bbu-index --seed 3 --replace-splits -o x.index made
err_has '--seed: not used: it is for --divide'
err_has '--replace-splits: not used'

# ---- photographed again after its repair: one name, two labels, two splits
cp -r made again
read -r bad < <(grep -h '"gt_label": 1' again/annotations/train.json | sed 's/.*"group_id": "\([^"]*\).*/\1/' | sort -u)
read -r good < <(grep -h '"gt_label": 0' again/annotations/val.json | sed 's/.*"group_id": "\([^"]*\).*/\1/' | sort -u)
sed -i "s/\"group_id\": \"$good\"/\"group_id\": \"$bad\"/" again/annotations/val.json
status 1 bbu-index -o x.index again
err_has "$bad: the group is in train (3), val (3); photographed again after repair? --ticket takes each label for a group of its own"
mv again/annotations/val.json val.json && sed "s/\"group_id\": \"$bad\"/\"group_id\": \"x\"/" val.json >again/annotations/val.json
sed -i "0,/\"gt_label\": 1, \"group_id\": \"$bad\"/s//\"gt_label\": 0, \"group_id\": \"$bad\"/" again/annotations/train.json
status 0 bbu-index -o x.index again # in one split it is a warning
err_has "warning: $bad: the group has "
err_has '(--ticket takes them for two groups)'
cp val.json again/annotations/val.json # in two splits, with a label in both
status 1 bbu-index -o x.index again
err_has "$bad: the group is in train (3), val (3); it has negative and positive (--ticket takes them for two groups)"
cp made/annotations/train.json again/annotations/train.json && mv val.json again/annotations/val.json
status 0 bbu-index --ticket -o x.index again
err_lacks "the group has"
err_has '120 images in 40 groups'
check 'its groups are two' bash -c "bbu-info -l x.index | grep -q '$bad:negative' && bbu-info -l x.index | grep -q '$bad:positive'"
status 0 bbu-index --ticket --divide 1,1,1 --replace-splits -o x.index again
check 'drawn splits keep both together' bash -c "test \$(bbu-info -l x.index | grep '$bad:' | cut -f 2 | sort -u | wc -l) -eq 1"
cp -r made leak # one label in two splits is a leak, whatever is asked
read -r other < <(grep -h '"gt_label": 1' leak/annotations/val.json | sed 's/.*"group_id": "\([^"]*\).*/\1/' | sort -u)
sed -i "s/\"group_id\": \"$other\"/\"group_id\": \"$bad\"/" leak/annotations/val.json
status 1 bbu-index -o x.index leak
err_lacks '--ticket'
status 1 bbu-index --ticket -o x.index leak
err_has "$bad:positive: the group is in train (3), val (3)"
done_testing
