# ratios.awk - the tables of compare.sh for one work, by the clock and by the time of processors. Of every program the
# median of its rounds, the lowest and the highest; beside each of the others how many times as fast ours is, by the same
# three of the ratios of each round.
#
# Input: work, round, program, seconds of a unit, the same of processors; our programs are called "ours ...". Variables:
# work, title, show (rate: units per second; ms; s).
$1 == work {
    if (!($3 in seen)) name[++n_names] = $3
    seen[$3] = 1
    seconds["clock", $3, $2] = $4
    seconds["cpu", $3, $2] = $5
    if ($2 > rounds) rounds = $2
}
function ours(program) { return program ~ /^ours / }
function figure(x) { return sprintf(x < 10 ? "%.2f" : x < 100 ? "%.1f" : "%.0f", x) }
# The n values v[1..n].
function spread(v, n,    i, j, t) {
    if (!n) return "-"
    for (i = 2; i <= n; i++)
        for (j = i; j > 1 && v[j - 1] > v[j]; j--) { t = v[j]; v[j] = v[j - 1]; v[j - 1] = t }
    t = n % 2 ? v[(n + 1) / 2] : (v[n / 2] + v[n / 2 + 1]) / 2
    return sprintf("%s [%s, %s]", figure(t), figure(v[1]), figure(v[n]))
}
function speed(by, program, show,    i, k, s, v) {
    for (i = 1; i <= rounds; i++)
        if ((by, program, i) in seconds) {
            s = seconds[by, program, i]
            v[++k] = show == "rate" ? 1 / s : show == "ms" ? 1000 * s : s
        }
    return spread(v, k)
}
function ratio(by, mine, other,    i, k, v) {
    for (i = 1; i <= rounds; i++)
        if ((by, mine, i) in seconds && (by, other, i) in seconds)
            v[++k] = seconds[by, other, i] / seconds[by, mine, i]
    return spread(v, k)
}
function table(by, heading, show,    i, j) {
    printf "  %-40s %-24s", heading, show == "rate" ? "units/s" : show
    for (i = 1; i <= n_names; i++) if (ours(name[i])) printf " %-21s", name[i] " is x"
    printf "\n"
    for (i = 1; i <= n_names; i++) {
        printf "  %-40s %-24s", name[i], speed(by, name[i], show)
        for (j = 1; j <= n_names && !ours(name[i]); j++)
            if (ours(name[j])) printf " %-21s", ratio(by, name[j], name[i])
        printf "\n"
    }
}
END {
    printf "%s, %d rounds: median [lowest, highest]\n", title, rounds
    table("clock", "by the clock", show)
    table("cpu", "by time of processors, for a unit", show == "rate" ? "ms" : show)
}
