/* test-rank-times - who is the slowest rank, in what, and when that is worth a warning. */
#include <pthread.h>
#include <string.h>

#include "rank-times.h"
#include "tap.h"
#include "training-metrics.h"
#include "world-threads.h"

static struct rank_times took(double data, double forward, double backward, double rest)
{
    struct rank_times t = {.n = 0};
    for (int i = 0; i < 10; i++)
        rank_times_add(&t, data + forward + backward + rest, data, &(struct step_times){forward, backward, rest});
    return t;
}

static struct rank_report judged(const struct rank_times *all, int n)
{
    struct rank_report r = {.n = 0};
    struct fmt_error e = {0};
    ok(rank_times_judge(all, n, &r, &e) == 0 && r.n == 10, "%d ranks: rank %d took %.2f s, the median %.2f s: %s", n,
       r.slowest, r.time, r.median, rank_part_name[r.part]);
    return r;
}

static bool near(double a, double b)
{
    return fabs(a - b) < 1e-9;
}

static void test_judge(void)
{
    struct rank_times two[2] = {took(0, 1, 2, .1), took(.5, 1, 2, .1)};
    struct rank_report r = judged(two, 2);
    ok(r.slowest == 1 && r.part == RANK_DATA && near(r.time, 3.6) && near(r.median, 3.1),
       "of two, the faster is the median");
    struct rank_times four[4] = {took(0, 1, 2, .1), took(0, 1.5, 2.4, .1), took(.1, 1, 2, .1), took(0, 1, 2, .2)};
    r = judged(four, 4);
    ok(r.slowest == 1 && r.part == RANK_FORWARD && near(r.time, 4) && near(r.median, 3.2),
       "of four, the lower of the middle two");
    four[2] = took(0, 1, 3, .1);
    r = judged(four, 4);
    ok(r.slowest == 2 && r.part == RANK_BACKWARD, "another one, in another part");
    four[0] = took(0, 1, 3, 5);
    r = judged(four, 4);
    ok(r.slowest == 0 && r.part == RANK_REST, "the first, in its updates");
    struct rank_times alike[3] = {took(0, 1, 2, 0), took(0, 1, 2, 0), took(0, 1, 2, 0)};
    r = judged(alike, 3);
    ok(r.slowest == 0 && near(r.time, r.median), "of equal ones the first, which is not slower");
}

/* ---- reports in a row ---- */

static bool persists(struct rank_slow *s, int rank, double time, double median)
{
    return rank_times_persists(s, &(struct rank_report){.slowest = rank, .time = time, .median = median, .n = 10});
}

static void test_persists(void)
{
    struct rank_slow s = {.rank = 0};
    ok(!persists(&s, 1, 2, 1) && !persists(&s, 1, 2, 1), "twice is chance");
    ok(persists(&s, 1, 2, 1), "three reports in a row are not");
    ok(!persists(&s, 1, 2, 1) && !persists(&s, 1, 2, 1), "said once");
    ok(!persists(&s, 2, 2, 1) && !persists(&s, 2, 2, 1) && persists(&s, 2, 2, 1), "another rank begins anew");
    ok(!persists(&s, 2, 1.05, 1) && !persists(&s, 2, 2, 1) && !persists(&s, 2, 2, 1) && persists(&s, 2, 2, 1),
       "so does one that was as fast as the others meanwhile");
    s = (struct rank_slow){.rank = 0};
    bool said = false;
    for (int i = 0; i < 20; i++)
        said |= persists(&s, 0, 1.09, 1);
    ok(!said, "less than a tenth is nothing");
    int n = 0;
    while (n < 1000 && !persists(&s, 0, .0020, .0010))
        n++;
    ok(n >= 490 && n <= 510, "milliseconds count when they have cost seconds (%d reports)", n);
}

/* ---- gathered, and written ---- */

enum { RANKS = 3 };
struct rank {
    struct world world;
    struct rank_times times;
    struct rank_report report;
    int status;
    pthread_t thread;
};

static void *compare(void *arg)
{
    struct rank *r = arg;
    struct fmt_error e = {0};
    r->status = rank_times_compare(&r->world, &r->times, &r->report, &e);
    return NULL;
}

static void test_compare(void)
{
    struct rank rank[RANKS];
    struct world_threads shared;
    world_threads_open(&shared, RANKS);
    for (int i = 0; i < RANKS; i++) {
        rank[i] = (struct rank){.world = world_threads_rank(&shared, i), .times = took(0, i == 2 ? 2 : 1, 1, 0)};
        if (pthread_create(&rank[i].thread, NULL, compare, &rank[i]))
            abort();
    }
    for (int i = 0; i < RANKS; i++)
        pthread_join(rank[i].thread, NULL);
    for (int i = 0; i < RANKS; i++)
        ok(rank[i].status == 0 && rank[i].report.slowest == 2 && rank[i].report.part == RANK_FORWARD &&
               *rank[i].report.host && rank[i].times.n == 0,
           "rank %d knows, and counts again from 0", i);
    struct training_times t = {.count = 0};
    struct fmt_buffer line = {0};
    struct fmt_error e = {0};
    training_times_add(&t, 4, 1);
    ok(training_times_line(&t, 10, 8, &rank[0].report, &line, &e) == 0 && !fmt_buffer_append(&line, "", 1), "a line");
    is_text((char *)line.data,
            "{\"iteration\": 10, \"iter_time\": 4.000000, \"data_time\": 1.000000, \"images_per_second\": 2, "
            "\"data_wait\": 0.2500, \"own_time\": 2.000000, \"slowest_rank\": 2, \"slowest_time\": 3.000000, "
            "\"slowest_in\": \"forward\"}", "which names it");
    fmt_buffer_release(&line);
    world_threads_close(&shared);
}

int main(void)
{
    test_judge();
    test_persists();
    test_compare();
    return tap_done();
}
