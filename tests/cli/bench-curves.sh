# make bench-curves on tiny sizes, and its pictures: well-formed, with every point at its place.
. "$TESTS/cli/lib.sh"
PATH=$BUILD/tests:$PATH
export BENCH_DEPTH=3 # enough for a block in int8
well_formed() { # file: as xmllint sees it or, where that is missing, by tags that close what was opened
    if command -v xmllint >/dev/null; then xmllint --noout "$1"; else
        tr '\n' ' ' <"$1" | grep -oE '</?[a-zA-Z]+[^<>]*>' | awk '
            /\/>$/ {next}
            /^<\// {gsub(/[<\/>]/, ""); if (open[n--] != $1) exit bad = 1; next}
            {gsub(/[<>]/, ""); open[++n] = $1}
            END {exit bad || n != 0 || NR == 0}'
    fi
}
points() { sed -n 's/.*class="point" cx="\([0-9.-]*\)" cy="\([0-9.-]*\)".*/\1 \2/p' "$1"; }

# ---- places: a power of x is a straight line of that slope
printf 'series\tx\ty\tz\na <b>\t1\t2\t5\na <b>\t10\t200\t5\na <b>\t100\t20000\t5\nc\t10\t2000\t50\n' >power.tsv
status 0 bench-plot -t 'x & y' -x 'pixels of a side' -y seconds -s 2 power.tsv
mv out power.svg
check 'well-formed' well_formed power.svg
check 'four points' test "$(points power.svg | wc -l)" = 4
check 'the steps of a power are alike' bash -c '
    awk "{x[NR] = \$1; y[NR] = \$2} function same(a, b) {return (a - b) ^ 2 < 0.03}
         END {exit !(x[2] - x[1] > 50 && same(x[2] - x[1], x[3] - x[2]) && y[1] - y[2] > 50 &&
                     same(y[1] - y[2], y[2] - y[3]) && same(x[2], x[4]) && same(y[2] - y[4], (y[1] - y[2]) / 2))}"' \
    <<<"$(points power.svg)"
set -- $(points power.svg | sed '1p;3p;d')
check 'the ideal line goes from the first point to the last of such a power' \
    grep -qF "<line x1=\"$1\" y1=\"$2\" x2=\"$3\" y2=\"$4\" class=\"ideal\"" power.svg
for text in 'x &amp; y' 'pixels of a side' seconds 'a &lt;b&gt;' 'slope 2' 1 10 100 10000; do
    check "it says $text" grep -qF ">$text</text>" power.svg
done
status 0 bench-plot -t t -x x -y y -c 4 -s 1 -l power.tsv
check 'of another column the last point of the first series is on the line' bash -c '
    set -- $(sed -n "s/.*cx=\"\([0-9.]*\)\" cy=\"\([0-9.]*\)\".*100, 5<.*/\1 \2/p" out)
    grep -q "x2=\"$1\" y2=\"$2\" class=\"ideal\"" out'
status 0 bench-plot -t t -x x -y y power.tsv
check 'no slope, no line' lacks ideal out

# ---- what it refuses
status 2 bench-plot power.tsv
status 1 bench-plot -t t -x x -y y none.tsv
err_has 'bench-plot: none.tsv: cannot be read, or is empty'
for bad in 0 -1 x inf nan ''; do
    printf 'series\tx\ty\na\t1\t%s\n' "$bad" >bad.tsv
    status 1 bench-plot -t t -x x -y y bad.tsv
    err_has 'bench-plot: bad.tsv: a value that is no positive number'
done
printf 'series\tx\ty\n' >bad.tsv
status 1 bench-plot -t t -x x -y y bad.tsv
err_has 'no points'
status 1 bench-plot -t t -x x -y y -c 5 power.tsv
printf 'series\tx\ty\n%s' "$(for n in {1..300}; do printf 'a\t%s\t1\n.' $n; done | tr -d .)" >bad.tsv
status 1 bench-plot -t t -x x -y y bad.tsv
err_has 'too many points'
status 1 bash -c 'bench-plot -t t -x x -y y power.tsv >/dev/full'

# ---- all curves
status 0 env B="$BUILD" bash "$TESTS/../examples/bench-curves.sh" curves quick
n_precisions=$(bench precisions | wc -l)
for curve in images:2 resolution:2 prototypes:2 bank:2 threads:0; do
    name=${curve%:*}
    out_has "curves/$name.svg"
    check "$name: well-formed" well_formed "curves/$name.svg"
    n=$(($(wc -l <"curves/$name.tsv") - 1))
    check "$name: every measurement is a point" test "$n" -gt 0 -a "$(points "curves/$name.svg" | wc -l)" = "$n"
    check "$name: numbers, all positive" \
        awk -F'\t' 'NR > 1 && (NF != 5 || $2 <= 0 || $3 <= 0 || $4 <= 0 || $5 <= 0) {exit 1}' "curves/$name.tsv"
    [ "${curve#*:}" = 0 ] || check "$name: two sizes" test "$(cut -f 2 "curves/$name.tsv" | sed 1d | sort -u | wc -l)" = 2
done
check 'images in every precision' test "$(cut -f 1 curves/images.tsv | sed 1d | sort -u | wc -l)" = "$n_precisions"
# ---- processes
. "$TESTS/cli/mpi-fixture.sh"
several_processes 'curves of processes'
status 0 env B="$BUILD" bash "$TESTS/../examples/bench-processes.sh" curves quick
for name in processes bytes; do
    out_has "curves/$name.svg"
    check "$name: well-formed" well_formed "curves/$name.svg"
done
check 'a point for each strategy and number of processes' test "$(points curves/processes.svg | wc -l)" = 6
check 'bytes of each strategy, and by the formula' test "$(points curves/bytes.svg | wc -l)" = 5
done_testing
