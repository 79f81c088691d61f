# dino-extract: rows for every image, with bits that do not depend on the rest of the extraction; sizes, layers, what is left out.
. "$TESTS/cli/lib.sh"
golden=${GOLDEN:-$TESTS/golden}
case $golden in /*) ;; *) golden=$TESTS/../$golden ;; esac
"$BUILD/tests/datagen" -q --groups 6 --width 96 --seed 6 d && bbu-index -q d -o x.index && bbu-pack -q x.index -o s &&
    bbu-pack -q --store rgb x.index -o rgb || exit 1
w=$golden/vit_plain.pth
extract() { dino-extract -q -w "$w" "$@"; }
text() { feat-cat -q --text "$1" >"${1%.feat}.txt"; }

# ---- labels come along; bits do not depend on threads, neighbours or form
status 0 dino-extract -w "$w" s -o a.feat
err_has 'Loaded pretrained weights from'
err_has 'heads and resampling deduced'
err_has '% of the images'
text a.feat
check 'a row for each image' bash -c 'test $(grep -c jpeg a.txt) -eq $(find d -name "*.jpeg" | wc -l)'
for j in 1 2 3; do
    status 0 extract -j$j s -o j.feat
    same a.feat j.feat
done
status 0 extract rgb -o rgb.feat
check 'decoded pixels give the same values' bash -c 'cmp <(feat-cat -q --npy a.feat) <(feat-cat -q --npy rgb.feat)'
find d -name '*.jpeg' | sort >names
status 0 bash -c 'dino-extract -q -w "$1" - <names >n.feat' - "$w"
status 0 bash -c 'sed "s/\$/\r/" names | dino-extract -q -w "$1" - -o crlf.feat' - "$w"
same n.feat crlf.feat
status 1 bash -c 'tr "\n" "\0" <names | dino-extract -q -w "$1" - -o z.feat' - "$w"
err_has 'such names are read with -0'
# ---- a name with anything in it is one field of a table, the same in every tool
odd=$'odd\tname\nwith\\all\x01.jpeg'
cp "$(head -n 1 names)" "$odd"
status 0 bash -c 'printf "%s\0" "$2" | dino-extract -q -w "$1" -0 - -o odd.feat' - "$w" "$odd"
text odd.feat
check 'feat-cat writes it escaped' test "$(cut -f 1 odd.txt)" = 'odd\tname\nwith\\all\001.jpeg'
status 0 feat-knn -q -k 1 -o odd.knn a.feat odd.feat
check 'feat-knn writes the same' bash -c 'test "$(grep -v "^#" odd.knn | tail -n +2 | cut -f 1)" = "$(cut -f 1 odd.txt)"'
status 0 feat-logreg -q -C 1 -t a.feat --folds 2 -o odd.logreg odd.feat
check 'feat-logreg writes the same' bash -c 'test "$(grep -v "^#" odd.logreg | tail -n +2 | cut -f 1)" = "$(cut -f 1 odd.txt)"'
status 0 bash -c 'sort -r names | tr "\n" "\0" | dino-extract -q -w "$1" -0 - -o r.feat' - "$w"
feat-cat -q --text n.feat | sort >n.txt
feat-cat -q --text r.feat | sort >r.txt
same n.txt r.txt
check 'named JPEG files give the values of the shards' cmp <(cut -f 1,6- a.txt | sed 's|^|d/|' | sort) <(cut -f 1,6- n.txt | sort)
first=$(head -n 1 names)
status 0 extract "$first" -o one.feat
check 'one image by itself has the same features' bash -c 'grep -qxF "$(feat-cat -q --text one.feat)" n.txt'
for j in 1 2 8; do # with several threads all compute the one image
    status 0 extract -j$j "$first" -o j.feat
    same one.feat j.feat
done
status 0 dino-extract -w "$w" --json s -o k.feat
out_has '"report":"extract"'
out_has '"skipped":0'

# ---- equal work, equal bytes; other names of files are not other work
mkdir moved && cp -r s moved/other
status 0 extract moved/other -o m.feat
same a.feat m.feat
status 0 dino-weights -q convert "$w" -o w.safetensors
status 0 dino-extract -q -w w.safetensors s -o ws.feat
same a.feat ws.feat
status 0 extract --no-provenance s -o np.feat
differ a.feat np.feat

# ---- what a row holds
values() { # of a row: the product of the array's dimensions but the first
    feat-cat -q --npy "$1" -o v.npy && head -c 128 v.npy | grep -ao "'shape': ([0-9, ]*" |
        sed 's/.*(//' | tr -d ' ' | awk -F, '{n = 1; for (i = 2; i <= NF; i++) if ($i != "") n *= $i; print n}'
}
width=$(values a.feat)
for want in "mean 1" "cls+mean 2" "patch 256"; do
    status 0 extract --tokens ${want% *} s -o t.feat
    check "${want% *}: ${want#* } times as wide" test "$(values t.feat)" -eq $((width * ${want#* }))
done
status 0 dino-extract -w "$w" --layers 2 s -o l2.feat
err_has '--layers 2: of blocks 0 to 2 these: 1,2'
check 'two layers' test "$(values l2.feat)" -eq $((width * 2))
status 0 extract --layers 2,1 s -o l21.feat
same l2.feat l21.feat
status 0 dino-extract -w "$w" --layers 2, s -o last.feat
err_has '--layers 2,: of blocks 0 to 2 these: 2,'
same last.feat a.feat
check 'the default is printed as it is typed' bash -c 'bbu-info a.feat | grep -q "layers *2,$"'
status 0 extract --layers 2 --no-norm s -o raw.feat
differ l2.feat raw.feat
status 0 extract --unit s -o unit.feat
check 'rows of unit length' bash -c 'feat-cat -q --json unit.feat | sed "s/.*\[//; s/\].*//" | tr , " " |
    awk "{s = 0; for (i = 1; i <= NF; i++) s += \$i * \$i; if (s < 0.999999 || s > 1.000001) bad = 1} END {exit bad}"'
status 0 dino-extract -q -w "$golden/vit_plain_teacher_checkpoint.pth" --tokens head s -o head.feat
check 'the head has its prototypes' test "$(values head.feat)" -ne "$width"
status 1 extract --tokens head s -o no.feat
err_has 'holds no projection head'

# ---- sizes
for fit in resize crop pad; do
    status 0 extract --resize 0 --size 0 --fit $fit s -o fit-$fit.feat
    status 0 extract --resize 100 --size 90 --fit $fit s -o fit9-$fit.feat
done
differ fit-resize.feat fit-crop.feat
differ fit-crop.feat fit-pad.feat
status 0 dino-extract -w "$w" --size 0 s -o whole.feat
err_lacks 'cut away'
status 0 extract --resize 20 --size 56 s -o small.feat
status 1 extract --size 13 --fit crop s -o no.feat
err_has 'less than a patch'
status 1 extract --resize 1 --size 0 --fit crop s -o no.feat
err_has 'less than a patch'
"$BUILD/tests/datagen" -q --groups 4 --width 128 --seed 7 e
status 1 extract --size 0 --resize 0 --tokens patch "$first" "$(find e -name '*.jpeg' | head -n 1)" -o no.feat
err_has 'rows of all patches need one --size'
status 0 extract --size 0 --resize 0 --tokens patch s -o p.feat
check 'no output of what failed' test ! -e no.feat
no_leftovers

# ---- what fails
head -c 1000 "$first" >cut.jpeg
status 1 dino-extract -w "$w" "$first" cut.jpeg missing.jpeg -o no.feat
err_has 'cut.jpeg: '
err_lacks ': extract: ' # how many in how much time: of what was done
status 3 dino-extract -k -w "$w" "$first" cut.jpeg missing.jpeg -o k.feat
err_has 'missing.jpeg: No such file or directory; left out'
err_has '2 of 3 images were left out'
text k.feat
check 'the good one is there' test "$(grep -c jpeg k.txt)" -eq 1
status 2 dino-extract s
status 2 dino-extract -w "$w"
status 2 extract --layers 4 s -o no.feat
status 2 extract --layers 1,1 s -o no.feat
status 2 extract --tokens head --no-norm s -o no.feat
status 2 extract --json s
status 1 extract s cut.jpeg -o no.feat
err_has 'cut.jpeg: not shards, as others are: shards and images cannot be mixed'
status 1 extract s nowhere -o no.feat
err_has 'nowhere: No such file or directory'
status 1 extract s -o /dev/full
err_has '/dev/full: No space left on device'
status 1 dino-extract -w "$golden/eval.safetensors" s -o no.feat
err_has 'no weights of a vision transformer'
status 1 dino-extract -w missing.pth s -o no.feat
check 'no output of what failed' test ! -e no.feat

# ---- tiles and regions: rows of a photograph; where they lie stands in its further keys
status 0 dino-extract -w "$w" --json --tiles 42:14 s -o tiles.feat
out_has '"rows":'
for j in 1 3; do
    status 0 extract -j$j --tiles 42:14 s -o j.feat
    same tiles.feat j.feat
done
status 0 feat-cat -q --json tiles.feat
out_has '"tile":"0,1","tile_box":[27,0,42,42]'
check 'as many rows as tiles' bash -c 'test $(feat-cat -q --json tiles.feat | grep -c tile_box) -eq $(($(feat-cat -q --json a.feat | wc -l) * 9))'
printf 'left 0.0 0.0 0.5 1.0\nclose 10 10 40 40 1\n' >regions
status 0 extract --regions regions s -o regions.feat
status 0 bash -c 'feat-cat -q --json regions.feat | grep -c "\"tile\":\"left\"" >left; feat-cat -q --json regions.feat | grep -c "\"tile\":\"close\"" >close'
check 'a region of view 1 is in a third of the photographs' test "$(cat left)" -eq $((3 * $(cat close)))
status 0 extract --regions regions --tiles 28 s -o both.feat
status 0 bbu-info both.feat
out_has 'tiles, in regions'
status 0 extract --resize 0 --size 42 s -o whole.feat
status 1 feat-knn -q tiles.feat whole.feat
err_has 'fit resize, other file has tiles'
status 1 feat-knn -q regions.feat a.feat
err_has 'fit resize, other file has resize, in regions'
status 0 extract --tiles 28:7 s -o other.feat
status 0 extract --tiles 28 s -o tiles28.feat
status 1 feat-knn -q other.feat tiles28.feat
err_has 'overlap 3, other file has 7'
status 1 feat-knn -q both.feat tiles28.feat
err_has 'fit tiles, other file has tiles, in regions'
echo 'left 0 0 1' >bad
status 1 extract --regions bad s -o no.feat
err_has 'bad: region left'
printf 'far 90 0 40 40\n' >far
status 1 extract --regions far s -o no.feat
err_has 'leaves the 96 x 72 pixels'
check 'of a photograph that is named' grep -qE '^dino-extract: [^ ]+\.jpeg: region far' err
status 1 extract --tiles 40 s -o no.feat
err_has 'a multiple of 14'
status 2 extract --tiles 42 --size 42 s -o no.feat
status 2 extract --tiles 42:22 s -o no.feat

# ---- teacher or student
. "$TESTS/cli/man-fixture.sh"
man_fixture "$scratch/both" || check 'the fixture is made' false
ckpt=$(ls -d both/run/model_*.ckpt | tail -n 1)
status 0 dino-extract -w "$ckpt" --net teacher s -o teacher.feat
err_lacks 'not used'
err_has 'of 2 networks "teacher" was taken, not "student"'
status 0 dino-extract -w both/tiny.safetensors s -o file.feat
err_lacks 'not used'
check 'a checkpoint gives its teacher' bash -c 'cmp <(feat-cat -q --npy teacher.feat) <(feat-cat -q --npy file.feat)'
status 0 dino-extract -w "$ckpt" --net student s -o student.feat
err_lacks 'not used'
err_has 'of 2 networks "student" was taken, not "teacher"'
check 'or its student' bash -c '! cmp -s <(feat-cat -q --npy teacher.feat) <(feat-cat -q --npy student.feat)'
status 0 dino-extract -w both/tiny.safetensors --net student s -o one.feat
err_has '--net: not used: the weights are one network'
status 1 extract -w "$golden/vit_plain_teacher_checkpoint.pth" --net student s -o no.feat
err_has 'holds a teacher and no student'
no_leftovers
done_testing
