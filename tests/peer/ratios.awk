# ratios.awk - the table of compare.sh for one work. Of every program the median of its rounds, the lowest and the
# highest; beside each of the others how many times as fast ours is, by the same three of the ratios of each round.
#
# Input: work, round, program, seconds of a unit; programs of ours are called "ours ...". Variables: work, title, show
# (rate: units per second; ms; s).
$1 == work {
    if (!($3 in n)) name[++n_names] = $3
    seconds[$3, $2] = $4
    n[$3]++
    if ($2 > rounds) rounds = $2
}
# Into middle, low and high: of the n values v[1..n].
function spread(v, n,    i, j, t) {
    for (i = 2; i <= n; i++)
        for (j = i; j > 1 && v[j - 1] > v[j]; j--) { t = v[j]; v[j] = v[j - 1]; v[j - 1] = t }
    low = v[1]; high = v[n]
    middle = n % 2 ? v[(n + 1) / 2] : (v[n / 2] + v[n / 2 + 1]) / 2
}
function figure(x) { return sprintf(x < 10 ? "%.2f" : x < 100 ? "%.1f" : "%.0f", x) }
function ours(program) { return program ~ /^ours / }
function speed(program,    i, k, v) {
    for (i = 1; i <= rounds; i++)
        if ((program, i) in seconds)
            v[++k] = show == "rate" ? 1 / seconds[program, i] : seconds[program, i] * (show == "ms" ? 1000 : 1)
    spread(v, k)
    return sprintf("%s [%s, %s]", figure(middle), figure(low), figure(high))
}
function ratio(mine, other,    i, k, v) {
    for (i = 1; i <= rounds; i++)
        if ((mine, i) in seconds && (other, i) in seconds) v[++k] = seconds[other, i] / seconds[mine, i]
    if (!k) return "-"
    spread(v, k)
    return sprintf("%.2f [%.2f, %.2f]", middle, low, high)
}
END {
    unit = show == "rate" ? "images/s" : show
    printf "%s: %s, %d rounds\n", title, unit, rounds
    printf "  %-38s %-24s", "", "median [lowest, highest]"
    for (i = 1; i <= n_names; i++) if (ours(name[i])) printf " %-20s", name[i] " is x"
    printf "\n"
    for (i = 1; i <= n_names; i++) {
        printf "  %-38s %-24s", name[i], speed(name[i])
        for (j = 1; j <= n_names && !ours(name[i]); j++)
            if (ours(name[j])) printf " %-20s", ratio(name[j], name[i])
        printf "\n"
    }
}
