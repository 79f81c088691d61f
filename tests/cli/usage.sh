# Wrong usage of every tool: status 2, one line that ends in "(try TOOL -h)", before any file is opened: the files named
# here do not exist. The options come from -h: a new one without a row here fails.
. "$TESTS/cli/lib.sh"

# tool option -> correct words, but for the missing files
words_of() {
    case $1 in
    bbu-index) echo nosuch ;;
    bbu-info) echo nosuch ;;
    bbu-inspect) # what judging takes, and what making does
        case ${2:-} in
        --make) ;;
        --null | --split | --verdicts-only | --watch | --append | --journal | --wait | --look | --unpack | '')
            echo nosuch.inspector nosuch ;;
        --reference | --gates) echo --make nosuch.inspector -w nosuch.pth -m nosuch.logreg --thresholds 0.5 --reference nosuch ;;
        --thresholds) echo --make nosuch.inspector -w nosuch.pth -m nosuch.logreg ;;
        *) echo --make nosuch.inspector -w nosuch.pth -m nosuch.logreg --choose nosuch ;;
        esac ;;
    bbu-pack) echo nosuch -o nosuch-shards ;;
    dino-augment) echo nosuch -o nosuch.views ;;
    dino-extract) echo nosuch -w nosuch.pth -o nosuch.feat ;;
    dino-train) echo train.dataset_path=nosuch train.output_dir=/dev/null/none ;;
    dino-weights) # only quantize computes
        [ "${2:-}" = --device ] && echo quantize nosuch.pth -o nosuch.safetensors && return
        echo convert nosuch.pth -o nosuch.safetensors ;;
    feat-bank) # what making takes, and what scoring does
        case ${2:-} in
        --vectors | --class | --largest | --against | --calibrate) echo -o nosuch.bank nosuch.feat ;;
        --maps | --scale | --photographs) echo --score nosuch.bank --maps nosuch --photographs nosuch nosuch.feat ;;
        --score | --join | --subtract | --list) ;;
        *) echo --score nosuch.bank nosuch.feat ;;
        esac ;;
    feat-cat) echo nosuch ;;
    feat-compare) echo nosuch nosuch ;;
    feat-drift) echo nosuch nosuch ;;
    feat-verdict) echo -c nosuch nosuch ;;
    feat-knn) echo nosuch nosuch ;;
    feat-logreg) echo -t nosuch nosuch ;;
    feat-report) echo nosuch ;;
    esac
}
# option, its value in -h -> values that it refuses, one per line; a line "-": it accepts any
wrong_values() {
    case $1/$2 in
    */FILE* | */DIR | */WHERE | */BANK) echo ;;
    --penalty/*) printf '%s\n' '' x 0 -1 1x 1,,2 1, ,1 nan inf 1e999 grid,1 ;;
    --neighbours/*) printf '%s\n' '' x 0 -1 1.5 5,,9 5, 5x 1e7 "$(seq -s, 33)" ;;
    --per-class/*) printf '%s\n' '' x 0 -1 1.5 5,,9 1e7 ;;
    --at-recall/* | --at-precision/*) printf '%s\n' x 0 1.1 -0.5 0.5,,0.9 0.5, 0.5x nan ;;
    --layers/*) printf '%s\n' '' x 0 -1 1x 1,,2 2,2 , 65 0,64 99999999999999999999 ;;
    --thresholds/*) printf '%s\n' '' x 1, ,1 0.7,0.2 1,2,3 nan ;;
    --scale/*) printf '%s\n' '' x 1 1, ,1 2,1 1,1 nan,1 ;;
    --tiles/*) printf '%s\n' '' x 0 -1 1.5 64: 64:64 :8 64:x 64:8:8 ;;
    --group-pattern/*) printf '%s\n' '' x '{view}' '{group}{group}' '{nosuch}' ;;
    --largest/SHARE) printf '%s\n' '' x 0 1.5 -1 nan ;;
    --vectors/N*SHARE) printf '%s\n' '' x 0 -1 1.5 nan 1e9x ;;
    --missed/* | --alarms/* | --gates/*) printf '%s\n' '' x 0 1 5 5%% 5/0 5%, 5%,100% nan ;;
    --model/NAME) printf '%s\n' '' x dinov2_vitx14 dinov2_vits dinov2_vits14_ dinov2_vits14_regs dinov2_vits16 ;;
    --class-weight/*) printf '%s\n' '' x balance 1 0,1 1,-1 1,,2 1, nan,1 none,1 ;;
    --max-pixels/N | --shard-bytes/N | --memory/SIZE) # K, M, G
        printf '%s\n' '' x 1x 1.5 -1 0 +1 0x10 1KB 1k ' 1' '1 ' nan 99999999999999999999 9223372036854775807T 9T9 ;;
    */N | */K) printf '%s\n' '' x 1x 1.5 -1 1e3 0x10 1K '1 ' - nan 99999999999999999999 9007199254740993 ;;
    --picture-bytes/*) printf '%s\n' '' x 1x 1.5 -1 1KB 1k nan 9T9 ;;
    */TEXT) echo - ;;
    */S) printf '%s\n' '' x 1x 1e999 nan inf 0x1p3 1,5 '1 ' ;;
    */X | */P | */T | */G) printf '%s\n' '' x 1x -1 1e999 1e300x nan inf 0x1p3 1,5 '1 ' - ;;
    --group-score/*K | --group-score/*learned | --tile-score/*) printf '%s\n' '' x mean-of mean-of- mean-of-0 mean-of-1.5 max3 ;;
    */*'|'*) printf '%s\n' '' nosuch "$2" "${2%%|*}x" "$(printf %.1s "$2")" 1 ;;
    --divide/*) printf '%s\n' 70,30 0,0,0 a,b,c ;;
    --classes/*) printf '%s\n' '' , a,,b a, ,a a,a a,b,a ;;
    */NAME | */NAMES | */CLASS | */KEY) echo - ;;
    *) return 1 ;;
    esac
}
refused() { # tool words...: status 2, one line, that line
    local tool=$1 got
    timeout 20 "$@" >out 2>err </dev/null
    got=$?
    [ $got -eq 2 ] && [ ! -s out ] && [ "$(wc -l <err)" -eq 1 ] && grep -q "^$tool: .*(try $tool -h)\$" err && return
    echo "status $got: $*"
    cat out err
    return 1
}
all_refused() { # tool option value-of-help
    local tool=$1 option=$2 kind=$3 value words bad=0
    words=$(words_of "$tool" "$option")
    if [ -z "$kind" ]; then
        refused "$tool" $words "$option=1"
        return
    fi
    refused "$tool" $words "$option" || bad=1
    wrong_values "$option" "$kind" >values || { echo "$option=$kind: what would be wrong?"; return 1; }
    while IFS= read -r value; do
        [ "$kind/$value" = "${kind%%[!A-Z]*}/-" ] && [ "$(wc -l <values)" -eq 1 ] && continue
        refused "$tool" $words "$option=$value" || bad=1
        [ -n "$value" ] && { grep -qF -- "${value:0:40}" err || { echo "the value is not named: $(cat err)"; bad=1; }; }
    done <values
    return $bad
}
options_of() { # tool -> "--name VALUE", one a line
    "$1" -h | sed -nE 's/^  (-.,|   ) (--[a-z-]+)(=([^ ]+))?( .*|$)/\2 \4/p' | grep -v -e '^--help' -e '^--version'
}

for page in "$TESTS"/../man/*.1; do
    tool=$(basename "$page" .1)
    options_of "$tool" >options
    check "$tool has options" test "$(wc -l <options)" -ge 4
    while read -r option kind <&3; do
        check "$tool $option $kind" all_refused "$tool" "$option" "$kind"
    done 3<options
    for wrong in --nosuch --nosuch=1 -% -v% --help=1 ''; do
        check "$tool '$wrong'" refused "$tool" $(words_of "$tool") "$wrong"
    done
    status 0 "$tool" -h --nosuch
    status 0 "$tool" --version
done

# ---- the error for an unknown option suggests a similar one
while read -r word near; do
    check "--$word" refused bbu-pack nosuch -o nosuch-shards "--$word"
    if [ -n "$near" ]; then err_has "unknown option --${word%%=*}; the nearest is --$near (try"; else
        err_lacks 'nearest'; fi
done <<'END'
short_side=3 short-side
shortside short-side
shrt-side short-side
bytes=3 shard-bytes
keepgoing keep-going
hlep help
nosuch
x
qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqq
END
check "--tokns" refused dino-extract nosuch -w nosuch.pth -o nosuch.feat --tokns=cls
err_has 'the nearest is --tokens'

# ---- operands that are missing or too many, options that exclude each other, outputs of one name
while read -r command; do
    command=${command/'$HERE'/$(basename "$PWD")}
    check "$command" refused $command
done <<'END'
bbu-index
bbu-index a b
bbu-index -0 a -o b
bbu-index a --json
bbu-info
bbu-info -l --json a
bbu-pack
bbu-pack a
bbu-pack -o a
bbu-pack a b -o c
bbu-pack a -o -
dino-augment
dino-augment train.seed=1
dino-augment a --sheet b.jpg -o c
dino-augment a --json
dino-augment a --sheet b.png
dino-augment a --sheet b.JPG.webp
dino-augment a --sheet ./c.d/b.
dino-augment a --sheet - --json
dino-augment a -o b train.seed=x
dino-augment a -o b train.sed=1
dino-augment a -o b train.OFFICIAL_EPOCH_LENGTH=1 optim.epochs=1 optim.warmup_epochs=0 --first-step 1
dino-extract
dino-extract a
dino-extract -w a
dino-extract -w a b --json
dino-extract -w a b -o c --model dinov2_vits14 -c d
dino-extract -w a b -o c --tokens head --layers 1
dino-extract -w a b -o c --tokens head --no-norm
dino-extract -w a b -o c -0
dino-train a
dino-train a=1
dino-train train.seed
dino-train train.seed=
dino-train train.seed=1.5
dino-train train.seed=99999999999999999999
dino-train optim.base_lr=nan
dino-train optim.base_lr=1e999
dino-train train.resume_path=a
dino-train --plan --print-config
dino-weights
dino-weights merge a b
dino-weights list
dino-weights compare a
dino-weights compare a b c
dino-weights convert a
dino-weights convert a b -o c
dino-weights list a -o b
dino-weights compare a b -o c
dino-weights convert a -o b --model dinov2_vits14 -c d
feat-cat
feat-cat a --text --json
feat-cat a --json --npy
feat-cat a --keys b -o b
feat-cat a --keys -
feat-cat a --keys ./b -o b
feat-cat a --keys //dev/null -o /dev/null
feat-knn
feat-knn a
feat-knn a b -o c -r c
feat-knn a b -o ./c -r ../$HERE/c
feat-knn a b -o -
feat-knn a b --tries 2
feat-knn a b --per-class 3 -o c
feat-logreg
feat-logreg a
feat-logreg -t a b c
feat-logreg -m a
feat-logreg -t a -o b
feat-logreg -m a --val b c
feat-logreg -t a b -o c -r c
feat-logreg -t a b -o -
feat-logreg -t a -m -
feat-logreg -t a -m b -o b c
feat-logreg -t a -m ./b -r b c
END

printf 'train: {sed: 1}\n' >wrong.yaml
for tool in dino-augment dino-extract dino-train dino-weights; do
    check "$tool: settings that are wrong" refused "$tool" $(words_of "$tool") -c wrong.yaml
    err_has 'the nearest is train.seed'
    status 1 "$tool" $(words_of "$tool") -c nosuch.yaml
    err_has 'nosuch.yaml: No such file'
done

# ---- every setting that is a number, a switch or a list refuses other words
dino-train --print-config --json | grep -oE '"[a-zA-Z_]+\.[a-zA-Z_0-9]+":("[^"]*"|\[[^]]*\]|[^,}]+)' >settings
check "settings are there" test "$(wc -l <settings)" -gt 100
settings_refuse() {
    local line key bad=0
    while IFS= read -r line; do
        key=${line#\"} key=${key%%\"*}
        case ${line#*:} in '"'* | null) continue ;; esac # texts, and what may be one
        refused dino-train --print-config "$key=1x" || bad=1
    done <settings
    return $bad
}
check "settings of other kinds than text" settings_refuse

# ---- options without effect are named, but are no error
while IFS=: read -r option command; do
    timeout 20 $command >out 2>err </dev/null
    check "$command: $option is not used" grep -qF -- ": $option: not used: " err
    check "$command -q: a warning is no progress" bash -c 'timeout 20 "$@" -q 2>&1 </dev/null | grep -qF -- ": $0: not used: "' "$option" $command
    check "$command: it continues" grep -qE 'nosuch.*: (No such file|no such)' err
done <<'END'
--quality:bbu-pack nosuch -o nosuch-shards --quality 90
--quality:bbu-pack nosuch -o nosuch-shards --quality 90 --short-side 64 --store rgb
--rows:dino-augment nosuch -o nosuch.views --rows 3
--steps:dino-augment nosuch --sheet nosuch.jpg -n 3
--dtype:dino-weights list nosuch --dtype f16
--tolerance:dino-weights convert nosuch -o b.pth -t 1
--top:dino-weights convert nosuch -o b.safetensors --top teacher
--val:feat-knn nosuch nosuch --no-thresholds --val nosuch
--at-recall:feat-knn nosuch nosuch --no-thresholds --at-recall 0.5
--folds:feat-logreg -t nosuch --val nosuch --folds 3
--penalty:feat-logreg -m nosuch nosuch -C 1
--at-recall:feat-logreg -m nosuch nosuch --at-recall 0.5
END
printf '' | bbu-index - --layout classes -o x 2>err
check "a layout of names" grep -qF -- '--layout: not used: ' err
check "nothing was written" bash -c '! ls | grep -e nosuch -e "\.tmp" -e "^x$"'
done_testing
