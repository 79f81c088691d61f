/* Drift between groups: the statistic against a slow reference, the rate of false alarms in simulations, what is found
 * and in which part. */
#include <stdlib.h>
#include <string.h>

#include "drift.h"
#include "rng.h"
#include "tap.h"

enum { DIM = 6, GROUPS_MAX = 60, VIEWS = 3, ROWS = GROUPS_MAX * VIEWS, PARTS = 1 + VIEWS };

/* Groups of up to VIEWS rows: what a group has in common is as large as what its rows differ by. */
struct drawn {
    int64_t n, first[GROUPS_MAX + 1];
    uint8_t today[GROUPS_MAX], in[VIEWS][ROWS];
    float x[ROWS * DIM];
    struct drift_rows rows;
    struct drift_values values;
    struct drift_part part[PARTS];
};

/* shift: of today's rows of this view (-1: of all) in the first two columns; scale: of today's values. */
static void draw(struct drawn *d, uint64_t seed, int n_reference, int n_today, double shift, int view, double scale)
{
    static const char *const name[PARTS] = {"all", "view 0", "view 1", "view 2"};
    struct rng r = rng_stream(seed, 0, 0, RNG_TEST);
    memset(d, 0, sizeof *d);
    for (int64_t g = 0; g < n_reference + n_today; g++) {
        double own[DIM];
        d->today[g] = g >= n_reference;
        for (int j = 0; j < DIM; j++)
            own[j] = rng_normal(&r);
        for (int v = 0; v < VIEWS; v++) {
            if (rng_below(&r, 5) == 0)
                continue;
            for (int j = 0; j < DIM; j++) {
                double z = own[j] + rng_normal(&r);
                z = d->today[g] ? z * scale + (j < 2 && (view < 0 || v == view) ? shift : 0) : z;
                d->x[d->n * DIM + j] = (float)z;
            }
            d->in[v][d->n++] = 1;
        }
        d->first[g + 1] = d->n;
    }
    d->rows = (struct drift_rows){n_reference + n_today, d->first, d->today};
    d->values = (struct drift_values){d->x, DIM};
    for (int p = 0; p < PARTS; p++)
        d->part[p] = (struct drift_part){.name = name[p], .in = p ? d->in[p - 1] : NULL, .values = &d->values};
    drift_scale(d->x, d->n, DIM);
}

static void run(struct drawn *d, int n_parts, double level, int n_permutations, uint64_t seed, int threads)
{
    struct fmt_error e = {0};
    struct thread_pool *pool = thread_open(threads, &e);
    struct drift_test t = {.rows = &d->rows, .least_groups = 3, .n_permutations = n_permutations, .level = level,
                           .seed = seed};
    if (drift_sums(&d->rows, d->part, n_parts, pool, &e) || drift_test(&t, d->part, n_parts, pool, &e))
        ok(false, "a test: %s", e.text);
    drift_release(d->part, n_parts);
    thread_close(pool);
}

/* ------------------------------------------------------------------ the statistic */
/* By its definition: means over all pairs of rows of different groups. */
static double slow_drift(const struct drawn *d, const struct drift_part *p)
{
    double sum[3] = {0}; /* of the reference, of today, across */
    int64_t n[3] = {0};
    for (int64_t g = 0; g < d->rows.n_groups; g++)
        for (int64_t h = 0; h < g; h++)
            for (int64_t i = d->first[g]; i < d->first[g + 1]; i++)
                for (int64_t k = d->first[h]; k < d->first[h + 1]; k++) {
                    double squares = 0;
                    int kind = d->today[g] == d->today[h] ? d->today[g] : 2;
                    for (int j = 0; j < DIM; j++)
                        squares += pow((double)d->x[i * DIM + j] - (double)d->x[k * DIM + j], 2);
                    if (p->in && !(p->in[i] && p->in[k]))
                        continue;
                    sum[kind] += sqrt(squares);
                    n[kind]++;
                }
    double across = sum[2] / (double)n[2];
    return (2 * across - sum[0] / (double)n[0] - sum[1] / (double)n[1]) / (2 * across);
}

static void test_statistic(void)
{
    static struct drawn d, other;
    draw(&d, 1, 20, 9, 0.8, -1, 1);
    run(&d, PARTS, 0.9, 99, 0, 1);
    for (int p = 0; p < PARTS; p++) {
        double slow = slow_drift(&d, &d.part[p]);
        ok(fabs(d.part[p].drift - slow) < 1e-5, "%s: drift %.6f, by its definition %.6f", d.part[p].name,
           d.part[p].drift, slow);
    }
    draw(&other, 1, 20, 9, 0.8, -1, 1);
    run(&other, PARTS, 0.9, 99, 0, 3);
    bool same = true;
    for (int p = 0; p < PARTS; p++)
        same = same && d.part[p].drift == other.part[p].drift && d.part[p].limit == other.part[p].limit &&
               d.part[p].p == other.part[p].p;
    ok(same, "with other threads the same bits");
    double mean = 0, squares = 0;
    for (int64_t i = 0; i < d.n; i++) {
        mean += (double)d.x[i * DIM] / (double)d.n;
        squares += (double)d.x[i * DIM] * (double)d.x[i * DIM] / (double)d.n;
    }
    ok(fabs(mean) < 1e-6 && fabs(squares - 1) < 1e-6, "columns have mean 0 and deviation 1");
    float constant[] = {3, 1, 3, 2};
    drift_scale(constant, 2, 2);
    ok(constant[0] == 0 && constant[2] == 0 && constant[1] == -1, "a constant column becomes zeros");
}

/* ------------------------------------------------------------------ false alarms */
/* Of n simulations without drift, at 90 %: how many raise an alarm in any part. */
static int false_alarms(int n, bool rows_alone)
{
    static struct drawn d;
    int n_alarms = 0;
    for (int i = 0; i < n; i++) {
        draw(&d, 1000 + (uint64_t)i, rows_alone ? 12 : 15, rows_alone ? 5 : 6, 0, -1, 1);
        uint8_t today[GROUPS_MAX];
        for (int64_t g = 0; rows_alone && g < d.rows.n_groups; g++) /* as if each row were a group of its own */
            for (int64_t k = d.first[g]; k < d.first[g + 1]; k++)
                today[k] = d.today[g];
        for (int64_t k = 0; rows_alone && k <= d.n; k++)
            d.first[k] = k;
        if (rows_alone) {
            memcpy(d.today, today, sizeof today);
            d.rows.n_groups = d.n;
        }
        run(&d, PARTS, 0.9, 199, (uint64_t)i, 1);
        bool any = false;
        for (int p = 0; p < PARTS; p++)
            any = any || d.part[p].alarm;
        n_alarms += any;
    }
    return n_alarms;
}

static void test_false_alarms(void)
{
    int n = false_alarms(600, false);
    ok(n >= 35 && n <= 84, "600 days without drift, one false alarm in ten allowed: %d (60 expected, 35 to 84 are "
       "more than three deviations)", n);
    n = false_alarms(200, true);
    ok(n > 40, "had photographs and not groups been exchanged: %d of 200", n);
}

/* ------------------------------------------------------------------ what is found */
static void test_power(void)
{
    static struct drawn d;
    int found = 0, right = 0, wrong = 0, spread = 0, tolerated = 0;
    for (int i = 0; i < 40; i++) {
        draw(&d, 5000 + (uint64_t)i, 35, 15, 2.0, 1, 1);
        run(&d, PARTS, 0.99, 999, 0, 1);
        right += d.part[2].alarm;
        wrong += d.part[1].alarm || d.part[3].alarm;
        found += d.part[0].alarm || d.part[2].alarm;
        draw(&d, 6000 + (uint64_t)i, 35, 15, 0, -1, 2.5);
        run(&d, PARTS, 0.99, 999, 0, 1);
        spread += d.part[0].alarm;
    }
    ok(found >= 36 && right >= 36, "a shift of one view is found (%d of 40), in that view (%d)", found, right);
    ok(wrong <= 3, "and not in the others (%d)", wrong);
    ok(spread >= 36, "so is a wider spread without any shift (%d of 40)", spread);
    draw(&d, 7, 35, 15, 2.0, -1, 1);
    run(&d, 1, 0.99, 999, 0, 1);
    ok(d.part[0].alarm && d.part[0].drift >= d.part[0].limit && d.part[0].p <= 0.01, "drift %.3f, limit %.3f, p %.4f",
       d.part[0].drift, d.part[0].limit, d.part[0].p);
    struct fmt_error e = {0};
    struct drift_test t = {.rows = &d.rows, .least_groups = 3, .n_permutations = 999, .level = 0.99, .tolerance = 0.9};
    ok(drift_sums(&d.rows, d.part, 1, NULL, &e) == 0 && drift_test(&t, d.part, 1, NULL, &e) == 0, "again");
    tolerated = !d.part[0].alarm && d.part[0].drift >= d.part[0].limit;
    ok(tolerated, "drift below the tolerance raises no alarm");
    drift_release(d.part, 1);
}

/* ------------------------------------------------------------------ little data */
static void test_little(void)
{
    static struct drawn d;
    draw(&d, 11, 20, 2, 5, -1, 1);
    run(&d, PARTS, 0.9, 99, 0, 1);
    ok(!d.part[0].judged && !d.part[0].alarm && isinf(d.part[0].drift), "two groups today are not judged");
    is_int(d.part[0].n_groups[1], 2, "but counted");
    draw(&d, 12, 20, 0, 0, -1, 1);
    run(&d, PARTS, 0.9, 99, 0, 1);
    ok(!d.part[0].judged && !d.part[0].alarm, "an empty day");
    draw(&d, 13, 4, 4, 50, -1, 1);
    run(&d, 1, 0.999, 199, 0, 1);
    ok(!d.part[0].alarm && isinf(d.part[0].limit) && d.part[0].limit > 0, "too few divisions for the level: no limit");
}

/* The nearest rows of the reference, never of the own group. */
static void test_nearest(void)
{
    float x[] = {0, 1, 10, 11, 12, 13, 14, 20};
    int64_t first[] = {0, 2, 3, 4, 5, 6, 7, 8};
    uint8_t today[] = {0, 0, 0, 0, 0, 0, 1};
    double distance[8];
    struct drift_rows rows = {7, first, today};
    struct drift_values values = {x, 1};
    drift_nearest(&rows, &values, distance, NULL);
    ok(distance[0] == 12 && distance[7] == (6 + 7 + 8 + 9 + 10) / 5.0, "means over the nearest five: %g, %g",
       distance[0], distance[7]);
    rows.n_groups = 1;
    drift_nearest(&rows, &values, distance, NULL);
    ok(distance[0] == 0, "none: 0");
}

int main(void)
{
    test_statistic();
    test_false_alarms();
    test_power();
    test_little();
    test_nearest();
    return tap_done();
}
