# inspect-fixture.sh - for the tests of bbu-inspect: drawn photographs of installations, a tiny network, a classifier.
# Makes bbu/ (photographs in bbu/SPLIT/GROUP/GROUP-VIEW.jpeg), bbu.index, shards/, train|val|test.feat, m.logreg and
# site.inspector in the current folder; $w is the file of the weights.
w=$TESTS/golden/vit_plain.pth
inspect_features() { # name, options of dino-extract
    dino-extract -q -w "$w" "${@:2}" shards -o "$1.all.feat" || return 1
    local s
    for s in train val test; do feat-cat --split $s "$1.all.feat" -o "$1.$s.feat" || return 1; done
    feat-logreg -q -t "$1.train.feat" -m "$1.logreg" --val "$1.val.feat" -C 1 -r /dev/null --resamples 0
}
inspect_fixture() {
    "$BUILD/tests/datagen" -q --groups 40 --width 96 --seed 3 bbu && bbu-index -q bbu -o bbu.index &&
        bbu-pack -q bbu.index -o shards && inspect_features m --tokens cls+mean --resize 32 --size 0 &&
        bbu-inspect -q --make site.inspector -w "$w" -m m.logreg --choose m.val.feat --missed 50%,50% --alarms 50%,0 \
            >made.txt
}
# The installations of verdicts in text, by name: NAME<tab>VERDICT
verdicts() { # file
    awk -F '\t' '$1 == "installation" { print $2 "\t" $6 }' "$1" | sort
}
# A watch, with output to the file that the options say, and its end.
start() { # options
    bbu-inspect -q "$@" site.inspector 2>>errors &
    watcher=$!
}
stop() {
    kill -"${1:-TERM}" $watcher
    wait $watcher 2>/dev/null
}
# Waits until a file has so many lines that match.
await() { # lines pattern file
    local i
    for i in $(seq 400); do
        [ -e "$3" ] && [ "$(grep -c "$2" "$3")" -ge "$1" ] && return 0
        sleep 0.025
    done
    return 1
}
