/* gate-calibrate.c - limits as order statistics. */
#include "gate-calibrate.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "binomial.h"
#include "num.h"

/* The values of a measure that are there, ascending; returns how many. */
static int64_t sort_values(const struct gate_values *v, int64_t n, enum gate_measure m, double *sorted)
{
    int64_t found = 0;
    for (int64_t i = 0; i < n; i++)
        if (!isnan(v[i].value[m]))
            sorted[found++] = v[i].value[m];
    qsort(sorted, (size_t)found, sizeof *sorted, num_order_f64);
    return found;
}

/* Photographs that only look alike are not stopped, however different the good ones are. */
static double at_least_alike(enum gate_limit l, double limit)
{
    return l == GATE_SIMILARITY_MOST ? fmax(limit, GATE_ALIKE) : limit;
}

static int64_t count_stopped(const struct gate_limits *limits, enum gate_limit l, const struct gate_values *v,
                             int64_t n)
{
    int64_t stopped = 0;
    for (int64_t i = 0; i < n; i++)
        stopped += gate_stops(limits, l, &v[i]);
    return stopped;
}

static void set_limit(struct gate_limits *limits, enum gate_limit l, const struct gate_values *v, int64_t n,
                      double *sorted)
{
    int64_t found = sort_values(v, n, gate_measure_of_limit(l), sorted);
    if (found == 0)
        return;
    int64_t rank = num_max(1, binomial_rank(found, limits->share, limits->confidence));
    limits->limit[l] = at_least_alike(l, gate_limit_is_least(l) ? sorted[rank - 1] : sorted[found - rank]);
    limits->n[l] = found;
    limits->stopped[l] = count_stopped(limits, l, v, n);
    limits->bound[l] = binomial_upper(rank - 1, found, limits->confidence);
}

int gate_calibrate(const struct gate_values *v, int64_t n, double share, double confidence,
                   struct gate_limits *limits, struct fmt_error *e)
{
    struct gate_limits l = gate_no_limits();
    if (n < 1)
        return fmt_fail(e, FMT_INVALID, "gates: there are no good photographs");
    double *sorted = malloc((size_t)n * sizeof *sorted);
    if (!sorted)
        return fmt_no_memory(e);
    l.share = share;
    l.confidence = confidence;
    l.n_photographs = n;
    for (int i = 0; i < GATE_LIMITS; i++)
        set_limit(&l, (enum gate_limit)i, v, n, sorted);
    free(sorted);
    for (int64_t i = 0; i < n; i++)
        l.n_stopped += gate_check(&l, &v[i], NULL) != GATE_NONE;
    *limits = l;
    return 0;
}

void gate_limit_text(const struct gate_limits *limits, enum gate_limit l, char text[GATE_LINE_MAX])
{
    *text = 0;
    if (isnan(limits->limit[l]))
        return;
    snprintf(text, GATE_LINE_MAX,
             "%s: %s at %s %.5g stops %lld of %s, with %.4g %% confidence at most %.2g %% of all",
             gate_name(gate_of_limit(l)), gate_measure_name(gate_measure_of_limit(l)),
             gate_limit_is_least(l) ? "least" : "most", limits->limit[l], (long long)limits->stopped[l],
             FMT_COUNT(limits->n[l], "good photograph", "good photographs"), 100 * limits->confidence,
             100 * limits->bound[l]);
}
