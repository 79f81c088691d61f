/* drift.c - a permutation only needs the sum of distances within today's groups: that across and that of the reference
 * follow from the sums of rows and of all. */
#include "drift.h"

#include <math.h>
#include <stdlib.h>

#include "rng.h"

/* ------------------------------------------------------------------ the statistic of a division */
/* What all divisions of a part share. */
struct pairs {
    int64_t n_groups;
    const float *sum;
    const int64_t *count;
    double *of_group; /* [n_groups] distances of its rows to all others */
    double all;       /* of ordered pairs of groups */
    int64_t n, squares; /* rows, and the sum of squares of their numbers by group */
    int64_t n_with_rows, least_groups; /* groups; of both kinds so many are needed */
};

static int pairs_open(struct pairs *p, const struct drift_part *part, const struct drift_test *t, struct fmt_error *e)
{
    int64_t n_groups = t->rows->n_groups;
    *p = (struct pairs){.n_groups = n_groups, .sum = part->sum, .count = part->count, .least_groups = t->least_groups};
    p->of_group = calloc((size_t)n_groups + 1, sizeof *p->of_group);
    if (!p->of_group)
        return fmt_no_memory(e);
    for (int64_t g = 0; g < n_groups; g++) {
        for (int64_t h = 0; h < n_groups; h++)
            p->of_group[g] += (double)p->sum[g * n_groups + h];
        p->all += p->of_group[g];
        p->n += p->count[g];
        p->n_with_rows += p->count[g] > 0;
        p->squares += p->count[g] * p->count[g];
    }
    return 0;
}

/* today [n_today]: groups. -INFINITY where too few groups of a kind have rows: that is nobody's largest drift. */
static double statistic(const struct pairs *p, const int64_t *today, int64_t n_today)
{
    double within = 0, of_today = 0;
    int64_t n = 0, squares = 0, n_with_rows = 0;
    for (int64_t a = 0; a < n_today; a++) {
        int64_t g = today[a];
        const float *sum = p->sum + g * p->n_groups;
        double row = 0;
        for (int64_t b = 0; b < n_today; b++)
            row += (double)sum[today[b]];
        within += row;
        of_today += p->of_group[g];
        n += p->count[g];
        squares += p->count[g] * p->count[g];
        n_with_rows += p->count[g] > 0;
    }
    if (n_with_rows < p->least_groups || p->n_with_rows - n_with_rows < p->least_groups)
        return -INFINITY;
    double n_across = (double)n * (double)(p->n - n), n_within = (double)(n * n - squares);
    double n_rest = (double)((p->n - n) * (p->n - n) - (p->squares - squares));
    double across = of_today - within; /* each pair once; within and the rest have each twice, as their numbers have */
    double twice = 2 * across / n_across;
    return twice > 0 ? (twice - within / n_within - (p->all - within - 2 * across) / n_rest) / twice : 0;
}

/* ------------------------------------------------------------------ all divisions of all parts */
struct testing {
    const struct drift_test *t;
    const struct pairs *pairs;
    int64_t *group; /* [n_workers,n_groups] scratch: a permutation, whose first groups are today's */
    double *drift;  /* [n_permutations + 1] of one part; the first is the division that came */
    int64_t n_today;
};

static void permute(void *arg, int64_t item, int worker)
{
    struct testing *w = arg;
    const struct drift_rows *rows = w->t->rows;
    int64_t *order = w->group + worker * rows->n_groups, n = 0;
    struct rng r = rng_stream(w->t->seed, (uint64_t)item, 0, RNG_DRIFT);
    if (item > 0)
        rng_permutation(&r, rows->n_groups, order);
    for (int64_t g = 0; item == 0 && g < rows->n_groups; g++)
        if (rows->today[g])
            order[n++] = g;
    w->drift[item] = statistic(w->pairs, order, w->n_today);
}

static int descending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x < y) - (x > y);
}

/* How many of the sorted (descending) values are at least v. */
static int64_t n_reaching(const double *sorted, int64_t n, double v)
{
    int64_t low = 0, high = n;
    while (low < high) {
        int64_t mid = (low + high) / 2;
        if (sorted[mid] >= v)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

/* rank [n]: how many divisions have at least the drift of each; joined with those of other parts: the smallest. */
static void join_ranks(const double *drift, const double *sorted, int64_t n, int64_t *smallest)
{
    for (int64_t i = 0; i < n; i++) {
        int64_t rank = n_reaching(sorted, n, drift[i]);
        smallest[i] = rank < smallest[i] ? rank : smallest[i];
    }
}

static int ascending(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* The largest rank that at most a share of 1 - level of all divisions reach; 0: none. */
static int64_t alarming_rank(const int64_t *ranks, int64_t n, double level)
{
    int64_t allowed = (int64_t)floor((1 - level) * (double)n + 1e-9);
    if (allowed == 0)
        return 0;
    return ranks[allowed] > ranks[allowed - 1] ? ranks[allowed - 1] : ranks[allowed] - 1;
}

static void judge(const struct drift_test *t, struct drift_part *part, const double *drift, const double *sorted,
                  const int64_t *ranks, int64_t n)
{
    int64_t own = n_reaching(sorted, n, drift[0]), at = alarming_rank(ranks, n, t->level), n_as_extreme = 0;
    while (n_as_extreme < n && ranks[n_as_extreme] <= own)
        n_as_extreme++;
    part->drift = drift[0];
    part->limit = at > 0 ? sorted[at - 1] : INFINITY;
    part->p = (double)n_as_extreme / (double)n;
    part->alarm = part->judged && own <= at && part->drift >= t->tolerance;
}

static void count_part(const struct drift_test *t, struct drift_part *part)
{
    for (int kind = 0; kind < 2; kind++)
        part->n_rows[kind] = part->n_groups[kind] = 0;
    for (int64_t g = 0; g < t->rows->n_groups; g++) {
        part->n_rows[t->rows->today[g] != 0] += part->count[g];
        part->n_groups[t->rows->today[g] != 0] += part->count[g] > 0;
    }
    part->judged = part->n_groups[0] >= t->least_groups && part->n_groups[1] >= t->least_groups;
}

/* Sets drift and sorted of a part [n]. */
static int run_part(const struct drift_test *t, const struct drift_part *part, struct testing *w, double *drift,
                    double *sorted, struct thread_pool *pool, struct fmt_error *e)
{
    struct pairs pairs;
    int64_t n = t->n_permutations + 1;
    int status = pairs_open(&pairs, part, t, e);
    if (status)
        return status;
    w->pairs = &pairs;
    w->drift = drift;
    thread_for(pool, n, permute, w);
    for (int64_t i = 0; i < n; i++)
        sorted[i] = drift[i];
    qsort(sorted, (size_t)n, sizeof *sorted, descending);
    free(pairs.of_group);
    return 0;
}

int drift_test(const struct drift_test *t, struct drift_part *part, int n_parts, struct thread_pool *pool,
               struct fmt_error *e)
{
    int64_t n = t->n_permutations + 1;
    size_t bytes = (size_t)n_parts * (size_t)n * sizeof(double);
    double *drift = malloc(bytes + 1), *sorted = malloc(bytes + 1);
    int64_t *ranks = malloc((size_t)n * sizeof *ranks);
    struct testing w = {.t = t};
    w.group = malloc((size_t)thread_workers(pool) * ((size_t)t->rows->n_groups + 1) * sizeof *w.group);
    int status = drift && sorted && ranks && w.group ? 0 : fmt_no_memory(e);
    for (int64_t g = 0; g < t->rows->n_groups; g++)
        w.n_today += t->rows->today[g] != 0;
    for (int64_t i = 0; !status && i < n; i++)
        ranks[i] = n;
    for (int p = 0; p < n_parts && !status; p++) {
        count_part(t, &part[p]);
        status = run_part(t, &part[p], &w, drift + p * n, sorted + p * n, pool, e);
        if (!status)
            join_ranks(drift + p * n, sorted + p * n, n, ranks);
    }
    if (!status)
        qsort(ranks, (size_t)n, sizeof *ranks, ascending);
    for (int p = 0; p < n_parts && !status; p++)
        judge(t, &part[p], drift + p * n, sorted + p * n, ranks, n);
    free(drift);
    free(sorted);
    free(ranks);
    free(w.group);
    return status;
}
