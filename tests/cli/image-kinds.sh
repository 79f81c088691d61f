# PNG, TIFF and cut JPEG go through all tools: the same pixels give the same features, whatever the kind of the file,
# and from files, shards of files and shards of pixels alike.
. "$TESTS/cli/lib.sh"
. "$TESTS/cli/man-fixture.sh"
man_fixture made
cd made
convert=$BUILD/tests/convert-image
values() { feat-cat --text "$1" | sed 's/^[^\t]*\t//' >"$2"; } # rows without their keys
files() { find "$1" -type f | LC_ALL=C sort; }
extract() { local out=$1; shift; status 0 dino-extract -q -w tiny.safetensors --size 56 --resize 56 "$@" -o "$out"; }

# ---- the same pixels as PNG, TIFF, PNG of 16 and TIFF of 12 bits
first=$(find bbu/train -name '*.jpeg' | LC_ALL=C sort | head -n 4)
mkdir j p t p16 t12
n=0
for f in $first; do
    n=$((n + 1))
    cp "$f" j/$n.jpeg
    "$convert" "$f" p/$n.png && "$convert" "$f" t/$n.TIF && "$convert" "$f" p16/$n.png 16 && "$convert" "$f" t12/$n.tiff 12
done
files j | extract j.feat -
values j.feat j.txt
for kind in p t p16 t12; do
    bits=16
    [ $kind = t12 ] && bits=12
    status 0 bbu-index --layout folder --bits $bits $kind -o $kind.index
    err_has '4 images in 0 groups, without label 4'
    err_lacks warning
    files $kind | extract files.feat --bits $bits -
    values files.feat files.txt
    same j.txt files.txt
    for store in jpeg rgb; do
        status 0 bbu-pack -q --store $store $kind.index -o $kind-$store
        extract shards.feat $kind-$store
        values shards.feat shards.txt
        same j.txt shards.txt
    done
    status 0 bbu-info --verify $kind-jpeg/*.shard
done
bbu-info -l p.index >l && check 'the catalogue says what kind' grep -q '	png$' l
bbu-info -l t12.index >l && check 'and how it is decoded' grep -q '	tiff, 12 of 16 bits$' l
bbu-info -l t12-jpeg/*.shard >l && check 'so do shards' grep -q '	tiff, 12 of 16 bits	' l
status 0 bbu-info --json t12.index
out_has '"files":{"tiff":4}'
out_has '"bits":12'
status 0 bbu-info --json t12-jpeg/*.shard
out_has '"version":"1.2"'
status 0 bbu-info --json shards/*.shard
out_has '"version":"1.1"'
for set in t12-jpeg t12-rgb; do
    status 0 dino-augment -q --no-provenance -c tiny.yaml -n 1 $set train.batch_size_per_gpu=4 -o $set.views
done
"$BUILD/tests/shardcat" t12-jpeg | sed 's/ tiff / - /' >1 && "$BUILD/tests/shardcat" t12-rgb | sed 's/ rgb / - /' >2
same 1 2

# ---- bits: stated, or the dataset is refused where it would be almost black
status 1 bbu-index --layout folder t12 -o x.index
err_has '1.tiff: the largest sample of 4 images of 16 bits is '
err_has 'of 12 bits it seems, and almost black with 16; say --bits 12, or --bits 16'
err_has 'no catalogue written'
status 0 bbu-index -q --layout folder --bits 16 t12 -o x.index
status 1 bbu-index --layout folder --bits 12 p16 -o x.index
err_has 'has more than the 12 bits that were stated'
status 2 bbu-index --bits 8 p16 -o x.index
files t12 | status 0 dino-extract -w tiny.safetensors - -o x.feat
err_has 'the photographs were almost black; --bits says how many bits are significant'
status 1 feat-cat x.feat files.feat -o y.feat # 16 and 12 bits
err_has 'bits 1'
status 0 dino-extract -q -w tiny.safetensors --bits 12 t12-jpeg -o x.feat
err_has '--bits: not used: the shards say how their files are decoded'
for i in 1 2; do
    status 0 bbu-index --layout folder --bits 12 --part $i/2 t12 -o $i.readings
done
status 0 bbu-index --layout folder --bits 12 --join t12 1.readings 2.readings -o joined.index
same joined.index t12.index
status 1 bbu-index --layout folder --join t12 1.readings 2.readings -o joined.index
err_has 'of another dataset or of other options'

# ---- orientation
mkdir turned
"$convert" j/1.jpeg turned/a.png 0 6 && "$convert" j/1.jpeg turned/b.tif 0 6
status 0 bbu-index -q --layout folder turned -o turned.index
status 0 bbu-index -q --layout folder --as-stored turned -o stored.index
bbu-info -l turned.index | cut -f 6 >up && bbu-info -l stored.index | cut -f 6 >st
differ up st
files turned | extract a.feat -
status 0 bbu-pack -q turned.index -o turned-shards
extract b.feat turned-shards
values a.feat a.txt && values b.feat b.txt
same a.txt b.txt
files turned | extract a.feat --as-stored -
status 0 bbu-pack -q --as-stored turned.index -o stored-shards
extract b.feat stored-shards
values a.feat a.txt && values b.feat b.txt
same a.txt b.txt
"$BUILD/tests/shardcat" stored-shards >l && check 'their orientation is that of the pixels' grep -q '^a.png png 448x336' l
check 'in TIFF, too' grep -q '^b.tif tiff 448x336' l

# ---- the inspector reads photographs as its features were made: the same scores as of JPEG
cp -r bbu/annotations an && mkdir bbu12 && mv an bbu12/annotations && sed -i 's/\.jpeg"/.tif"/' bbu12/annotations/*.json
find bbu -name '*.jpeg' | while read -r f; do
    mkdir -p "bbu12/$(dirname "${f#bbu/}")" && "$convert" "$f" "bbu12/$(echo "${f#bbu/}" | sed 's/jpeg$/tif/')" 12
done
for set in bbu bbu12; do
    status 0 bbu-index -q --bits 12 $set -o $set.index
    status 0 bbu-pack -q $set.index -o $set-shards
    extract $set.feat $set-shards
    feat-cat -q --split train $set.feat -o $set.train.feat
    status 0 feat-logreg -q -t $set.train.feat -m $set.logreg -C 1 -r /dev/null --resamples 0
    status 0 bbu-inspect -q --make $set.inspector -w tiny.safetensors -m $set.logreg --thresholds 0.5
    bbu-inspect -q --json $set.inspector $set.index --split test | grep -o '"score":[^,]*' >$set.scores
done
check 'scores are there' test -s bbu.scores
same bbu.scores bbu12.scores
status 0 bbu-info --json bbu12.feat
out_has '"bits":"12"'

# ---- signs of damage in features
mkdir signs && cp j/1.jpeg signs/a.jpeg && { head -c -2 j/2.jpeg; printf 'abcdefghi'; tail -c 2 j/2.jpeg; } >signs/b.jpeg
files signs | status 0 dino-extract -w tiny.safetensors --size 56 --resize 56 - -o x.feat
check 'the first is named' grep -q \
    '^dino-extract: warning: signs/b.jpeg: [0-9] stray bytes before marker d9; signs of damage in 1 image: look at it$' err

# ---- refused, with the reason
mkdir bad
head -c 3000 p/1.png >bad/cut.png
head -c 3000 t/1.TIF >bad/cut.tif
printf '\x89PNG\r\n\x1a\n' >bad/start.png
printf 'II*\0' >bad/start.tif
status 1 bbu-index --layout folder bad -o x.index
for f in cut.png cut.tif start.png start.tif; do
    check "$f has one line" test "$(grep -c "^bbu-index: $f: " err)" -eq 1
done
err_has 'cut.png: image data is missing; the file is cut short'
cp p/1.png bad/good.jpg
status 3 bbu-index -k --layout folder bad -o x.index
err_has '1 image in'

printf 'RIFF\044\0\0\0WEBPVP8 ' >bad/w.jpg
ls bad/w.jpg | status 1 dino-extract -w tiny.safetensors - -o x.feat
err_has 'bad/w.jpg: not a JPEG, PNG or TIFF file, but WebP: dwebp FILE -o FILE.png'

# ---- cut JPEG
mkdir cut
cp j/1.jpeg cut/whole.jpeg
head -c $(($(stat -c %s j/2.jpeg) * 7 / 10)) j/2.jpeg >cut/cut.jpeg
status 1 bbu-index --layout folder cut -o cut.index
err_has 'cut.jpeg: coded data is missing'
err_has ' % of its rows came: --truncated fill takes it, the rest grey'
cp -r cut stub && head -c $(($(stat -c %s j/2.jpeg) * 3 / 10)) j/2.jpeg >stub/cut.jpeg
status 1 bbu-index --layout folder stub -o x.index
err_has ' % of its rows came, too few for --truncated fill'
status 1 bbu-index --layout folder --truncated fill stub -o x.index
err_has ' rows came, too few to fill the rest with grey'
files stub | status 1 dino-extract -w tiny.safetensors --truncated fill - -o x.feat
err_has 'stub/cut.jpeg: cut short: '
status 0 bbu-index --layout folder --truncated fill cut -o cut.index
err_has 'warning: cut.jpeg: cut short (near line'
err_has ' % of its rows came; what is missing is grey'
check 'with the least share' grep -q '1 image is filled with grey; of the worst [5-9][0-9] % of the rows came' err
err_has '1 warning: 1 JPEG file cut short and filled'
status 0 bbu-index --json --layout folder --truncated fill cut -o cut.index
out_has '"kind":"filled"'
out_has '"findings":{"filled":1}'
check 'and in JSON' grep -q '"filled":1,"filled_least_percent":[5-9][0-9],' out
status 0 bbu-info --json cut.index
check 'and in the catalogue' grep -q '"filled":1,"filled_least_percent":[5-9][0-9]' out
bbu-info -l cut.index >l && check 'the catalogue says which' grep -q '^cut.jpeg	.*	jpeg, filled, [5-9][0-9] % of its rows came$' l
files cut | status 1 dino-extract -w tiny.safetensors - -o x.feat
err_has 'cut/cut.jpeg: coded data is missing'
files cut | extract a.feat --truncated fill -
err_has '1 image was cut short: what is missing is grey; of the worst '
values a.feat a.txt
for store in jpeg rgb; do
    status 0 bbu-pack -q --store $store cut.index -o cut-$store
    extract b.feat cut-$store
    values b.feat b.txt
    same a.txt b.txt
done
bbu-info -l cut-jpeg/*.shard >l && check 'shards say which' grep -q '^cut.jpeg	.*	jpeg, filled, [5-9][0-9] % of its rows came	' l
for source in cut.index cut-jpeg; do
    bbu-inspect --json --verdicts-only bbu.inspector $source >verdicts 2>err
    check "the inspector fills as $source says" bash -c '! grep -q unreadable verdicts && test "$(grep -c photograph verdicts)" -ge 2'
done
bbu-inspect --json bbu.inspector cut/cut.jpeg >verdicts 2>err
check 'and nothing that is only named' grep -q unreadable verdicts
status 0 bbu-index -q --layout folder --truncated fill j -o filled.index
status 0 bbu-index -q --layout folder j -o plain.index
bbu-info -l filled.index >1 && bbu-info -l plain.index >2
same 1 2
done_testing
