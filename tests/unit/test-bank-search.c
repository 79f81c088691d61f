/* test-bank-search - a bank in parts, held by threads that stand for processes: the queries that are classified
 * correctly are those of one search (knn.h), whatever the number of processes; ties, parts without rows, several
 * pieces; a failure of one is one of all. */
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "bank-search.h"
#include "part.h"
#include "rng.h"
#include "tap.h"
#include "test-device.h"
#include "world-threads.h"

enum { BANK = 1501, QUERIES = 701, DIM = 24, CLASSES = 3, KS = 4 };

static float bank[BANK * DIM], query[QUERIES * DIM];
static int32_t bank_label[BANK], query_label[QUERIES];

/* Noise around a direction of each class, so that more neighbours are not simply better; every third row of the bank
 * is the copy of an earlier one, with another label now and then. */
static void draw(void)
{
    struct rng r = rng_stream(8, 0, 0, RNG_TEST);
    for (int i = 0; i < BANK; i++) {
        bank_label[i] = (int32_t)rng_below(&r, CLASSES);
        for (int d = 0; d < DIM; d++)
            bank[i * DIM + d] = (float)rng_normal(&r) + (d == bank_label[i]);
        if (i % 3 == 2)
            memcpy(&bank[i * DIM], &bank[(int)rng_below(&r, (uint32_t)i) * DIM], DIM * sizeof(float));
    }
    for (int i = 0; i < QUERIES; i++) {
        query_label[i] = i % 50 == 7 ? -1 : (int32_t)rng_below(&r, CLASSES);
        for (int d = 0; d < DIM; d++)
            query[i * DIM + d] = (float)rng_normal(&r) + (d == query_label[i]);
    }
}

static struct rows rows_of(float *x, int32_t *label, int64_t n)
{
    return (struct rows){.n = n, .dim = DIM, .host_x = x, .label = label};
}

/* The reference: one search for all, and all votes. */
static void count_all(int64_t n_bank, const int *ks, int64_t *right)
{
    struct fmt_error e = {0};
    struct device device = test_device(1);
    struct rows all = rows_of(bank, bank_label, n_bank), asked = rows_of(query, query_label, QUERIES);
    struct knn_voting v = {.search = {.bank = &all, .k = ks[KS - 1]}, .memory_bytes = INT64_MAX,
                           .vote = {ks[KS - 1], KNN_TEMPERATURE, bank_label, CLASSES, ks, KS}};
    double *votes = malloc(sizeof(double) * KS * QUERIES * CLASSES);
    if (!votes || knn_vote_rows(&v, &asked, &device, votes, &e))
        ok(false, "reference: %s", e.text);
    for (int i = 0; i < KS; i++)
        right[i] = knn_count_right(votes + i * QUERIES * CLASSES, query_label, QUERIES, CLASSES);
    free(votes);
    device_close(&device);
}

struct process {
    struct world world;
    int64_t n_bank, right[KS];
    const int *ks;
    int status;
    struct fmt_error error;
    pthread_t thread;
};

static void *search(void *arg)
{
    struct process *p = arg;
    struct device device = test_device(1);
    struct part own = world_share(&p->world);
    int64_t first = part_first(own, p->n_bank), n = part_end(own, p->n_bank) - first;
    struct rows held = rows_of(bank + first * DIM, bank_label + first, n), asked = rows_of(query, query_label, QUERIES);
    struct bank_search s = {.world = &p->world, .own = &held, .first = first,
                            .vote = {p->ks[KS - 1], KNN_TEMPERATURE, bank_label, CLASSES, p->ks, KS}};
    p->status = bank_search_count_right(&s, &asked, &device, p->right, &p->error);
    device_close(&device);
    return NULL;
}

static void run(struct process *p, int n, int64_t n_bank, const int *ks)
{
    struct world_threads shared;
    world_threads_open(&shared, n);
    for (int r = 0; r < n; r++) {
        p[r] = (struct process){.world = world_threads_rank(&shared, r), .n_bank = n_bank, .ks = ks};
        pthread_create(&p[r].thread, NULL, search, &p[r]);
    }
    for (int r = 0; r < n; r++)
        pthread_join(p[r].thread, NULL);
    world_threads_close(&shared);
}

static void test_counts(int64_t n_bank, const int *ks)
{
    static struct process p[WORLD_THREADS_MAX];
    int64_t expected[KS];
    count_all(n_bank, ks, expected);
    for (int n = 1; n <= WORLD_THREADS_MAX; n += 1 + n / 3) {
        bool same = true;
        run(p, n, n_bank, ks);
        for (int r = 0; r < n; r++)
            same &= p[r].status == 0 && memcmp(p[r].right, expected, sizeof expected) == 0;
        ok(same, "%d processes, %d rows: %d, %d, %d and %d of %d right", n, (int)n_bank, (int)p[0].right[0],
           (int)p[0].right[1], (int)p[0].right[2], (int)p[0].right[3], QUERIES);
    }
}

static void test_failure(void)
{
    static struct process p[3];
    float good = bank[(BANK - 1) * DIM];
    bank[(BANK - 1) * DIM] = NAN;
    run(p, 3, BANK, (const int[]){1, 2, 3, 4});
    for (int r = 0; r < 3; r++)
        ok(p[r].status == FMT_NONFINITE && strncmp(p[r].error.text, "rank 2: training row", 20) == 0, "%s",
           p[r].error.text);
    bank[(BANK - 1) * DIM] = good;
}

static void test_bytes(void)
{
    struct device device = test_device(1);
    struct rows whole = {.n = 1000000, .dim = 384}, part = {.n = 125000, .dim = 384}, none = {.n = 0, .dim = 384};
    struct knn_vote v = {.k = 200, .n_classes = 10, .n_ks = 4};
    int64_t one = bank_search_bytes(&whole, 100000, &v, 1, &device),
            eight = bank_search_bytes(&part, 100000, &v, 8, &device);
    ok(one > 0 && one < (int64_t)100 << 20 && eight > 0 && eight <= one, "%d and %d MiB, whatever the bank",
       (int)(one >> 20), (int)(eight >> 20));
    ok(bank_search_bytes(&none, 0, &v, 1, &device) == 0, "nothing for no queries");
    device_close(&device);
}

int main(void)
{
    draw();
    test_counts(BANK, (const int[]){1, 5, 20, 200});
    test_counts(BANK, (const int[]){1, 10, 999, 1500});
    test_counts(5, (const int[]){1, 2, 3, 5});
    test_failure();
    test_bytes();
    return tap_done();
}
