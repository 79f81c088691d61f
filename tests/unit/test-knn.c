/* Exactness against a plain search, ties, groups, and independence of threads, blocks and neighbours in the file. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "knn.h"
#include "rng.h"
#include "rowsbed.h"
#include "tap.h"

enum { N_BANK = 1500, N_QUERY = 200, DIM = 19, K = 30 };

static float bank[N_BANK * DIM], query[N_QUERY * DIM];
static int64_t bank_group[N_BANK], query_group[N_QUERY];

static void fill(float *x, int64_t n, uint64_t stream)
{
    struct rng r = rng_stream(7, stream, 0, RNG_TEST);
    for (int64_t i = 0; i < n * DIM; i++)
        x[i] = (float)rng_normal(&r);
}

static struct rows rows_of(const float *x, int64_t n)
{
    return (struct rows){.n = n, .dim = DIM, .host_x = x};
}

struct result {
    float similarity[N_QUERY * K];
    int64_t index[N_QUERY * K];
};

static void take(void *arg, int64_t q, int64_t m, const float *similarity, const int64_t *index)
{
    struct result *r = arg;
    memcpy(r->similarity + q * K, similarity, (size_t)(m * K) * sizeof *similarity);
    memcpy(r->index + q * K, index, (size_t)(m * K) * sizeof *index);
}

struct neighbours { /* of any number of queries */
    int k;
    float *similarity;
    int64_t *index;
};

static void keep(void *arg, int64_t q, int64_t m, const float *similarity, const int64_t *index)
{
    const struct neighbours *to = arg;
    memcpy(to->similarity + q * to->k, similarity, (size_t)(m * to->k) * sizeof *similarity);
    memcpy(to->index + q * to->k, index, (size_t)(m * to->k) * sizeof *index);
}

static int search(const struct knn_search *s, const float *x, int64_t n, int n_threads, struct result *r,
                  struct fmt_error *e)
{
    struct device device = test_device(n_threads);
    struct rows queries = rows_of(x, n);
    queries.group = s->exclude_own_group ? query_group : NULL;
    int status = knn_search(s, &queries, 0, n, &device, &(struct knn_callback){take, r}, e);
    test_device_close(&device);
    return status;
}

/* Every neighbour is allowed, in descending order, once, and none that was left out is better than the last. */
static bool is_exact(const struct result *r, bool groups)
{
    for (int64_t q = 0; q < N_QUERY; q++) {
        bool taken[N_BANK] = {false};
        const int64_t *index = r->index + q * K;
        const float *similarity = r->similarity + q * K;
        for (int i = 0; i < K; i++) {
            if (index[i] < 0 || taken[index[i]] || (groups && bank_group[index[i]] == query_group[q]))
                return false;
            taken[index[i]] = true;
            if (!(fabs((double)similarity[i] - cosine(query + q * DIM, bank + index[i] * DIM, DIM)) < 1e-6))
                return false;
            if (i > 0 && !(similarity[i] < similarity[i - 1] ||
                           (similarity[i] == similarity[i - 1] && index[i] > index[i - 1])))
                return false;
        }
        for (int64_t b = 0; b < N_BANK; b++)
            if (!taken[b] && !(groups && bank_group[b] == query_group[q]) &&
                cosine(query + q * DIM, bank + b * DIM, DIM) > (double)similarity[K - 1] + 1e-6)
                return false;
    }
    return true;
}

static void test_exact(void)
{
    static struct result one, other;
    struct fmt_error e = {0};
    struct rows m = rows_of(bank, N_BANK);
    struct knn_search s = {.bank = &m, .k = K};
    ok(search(&s, query, N_QUERY, 1, &one, &e) == 0 && is_exact(&one, false), "the nearest of all");
    int threads[] = {2, 8};
    for (int i = 0; i < 2; i++) {
        search(&s, query, N_QUERY, threads[i], &other, &e);
        ok(memcmp(&one, &other, sizeof one) == 0, "the same bits with %d threads", threads[i]);
    }
    s.memory_bytes = 1;
    search(&s, query, N_QUERY, 3, &other, &e);
    ok(memcmp(&one, &other, sizeof one) == 0, "the same bits in the smallest blocks");
    bool same = true;
    for (int64_t q = 0; q < N_QUERY; q += 17) {
        search(&s, query + q * DIM, 1, 2, &other, &e);
        same = same && memcmp(one.similarity + q * K, other.similarity, K * sizeof(float)) == 0 &&
               memcmp(one.index + q * K, other.index, K * sizeof(int64_t)) == 0;
    }
    ok(same, "the same bits for a query alone");
    m.group = bank_group;
    s.exclude_own_group = true;
    ok(search(&s, query, N_QUERY, 4, &one, &e) == 0 && is_exact(&one, true), "none of the same group");
}

static void test_ties(void)
{
    static struct result r;
    static float same[N_BANK * DIM];
    struct fmt_error e = {0};
    for (int64_t i = 0; i < N_BANK; i++)
        memcpy(same + i * DIM, bank, DIM * sizeof *same);
    struct rows m = rows_of(same, N_BANK);
    struct knn_search s = {.bank = &m, .k = K, .memory_bytes = 1};
    search(&s, query, 3, 8, &r, &e);
    bool lowest = true;
    for (int i = 0; i < 3 * K; i++)
        lowest = lowest && r.index[i] == i % K;
    ok(lowest, "of equal rows the lowest indices, in order");
}

static void test_few_rows(void)
{
    static struct result r;
    struct fmt_error e = {0};
    int64_t own[5] = {1, 1, 2, 2, 2};
    int32_t label[5] = {0, 1, 1, 1, 1};
    struct rows m = rows_of(bank, 5);
    struct knn_search s = {.bank = &m, .k = K, .exclude_own_group = true};
    m.group = own;
    query_group[0] = 2;
    ok(search(&s, query, 1, 1, &r, &e) == 0 && r.index[1] >= 0 && r.index[2] == -1 && isinf(r.similarity[2]),
       "two rows are allowed, two are found");
    double votes[4];
    struct knn_vote v = {K, KNN_TEMPERATURE, label, 2, (const int[]){1, K}, 2};
    knn_votes(&v, r.similarity, r.index, 1, votes, 1);
    ok(fabs(votes[2] + votes[3] - 1) < 1e-12 && votes[0] + votes[1] < 1,
       "weights sum to 1 over those that are there");
    query_group[0] = 9;
    own[0] = own[1] = own[2] = own[3] = own[4] = 9;
    search(&s, query, 1, 1, &r, &e);
    knn_votes(&v, r.similarity, r.index, 1, votes, 1);
    ok(r.index[0] == -1 && votes[2] == 0 && votes[3] == 0, "nobody left: no votes");
    query_group[0] = 0;
}

/* n values of x, cut at 3.9, times scale. */
static void scale_up(const float *x, int64_t n, float scale, float *to)
{
    for (int64_t i = 0; i < n; i++)
        to[i] = fminf(fmaxf(x[i], -3.9f), 3.9f) * scale;
}

/* Almost the largest finite values: their norm is beyond float32. */
static void test_large_values(void)
{
    static struct result r[2];
    static float rows[N_BANK * DIM], asks[N_QUERY * DIM];
    struct fmt_error e = {0};
    int status = 0;
    for (int large = 0; large < 2; large++) {
        scale_up(bank, N_BANK * DIM, large ? 0x1p126f : 1, rows);
        scale_up(query, N_QUERY * DIM, large ? 0x1p126f : 1, asks);
        struct rows m = rows_of(rows, N_BANK);
        struct knn_search s = {.bank = &m, .k = K};
        status += search(&s, asks, N_QUERY, 2, &r[large], &e);
    }
    ok(status == 0 && memcmp(&r[0], &r[1], sizeof r[0]) == 0,
       "values up to 2^128 have the neighbours that they have when they are small");
}

/* A vote is a share: all weights for one class never make more than 1. */
static void test_votes_are_shares(void)
{
    enum { MOST = 60 };
    float similarity[MOST];
    int64_t index[MOST];
    int32_t label[MOST] = {0};
    double votes[2], most = 0;
    for (int i = 0; i < MOST; i++) {
        similarity[i] = 1 - (float)(i * i) / 5000;
        index[i] = i;
    }
    for (int k = 1; k <= MOST; k++) {
        struct knn_vote v = {k, KNN_TEMPERATURE, label, 2, &k, 1};
        knn_votes(&v, similarity, index, 1, votes, 1);
        most = fmax(most, votes[0]);
    }
    ok(most <= 1 && most > 1 - 1e-12, "the votes of one class are at most 1 # %.17g", most);
}

static void test_refusals(void)
{
    static struct result r;
    static float bad[N_BANK * DIM];
    struct fmt_error e = {0};
    memcpy(bad, bank, sizeof bad);
    bad[700 * DIM + 3] = NAN;
    bad[1200 * DIM] = INFINITY;
    struct rows m = rows_of(bad, N_BANK);
    struct knn_search s = {.bank = &m, .k = K};
    ok(search(&s, query, N_QUERY, 4, &r, &e) == FMT_NONFINITE && strstr(e.text, "row 700"), "names the first row: %s",
       e.text);
}

static void test_selected(void)
{
    static struct result one, other;
    static float some[400 * DIM];
    int64_t pick[400];
    struct fmt_error e = {0};
    for (int i = 0; i < 400; i++) {
        pick[i] = i < 100 ? i : i * 3 + i % 2;
        memcpy(some + i * DIM, bank + pick[i] * DIM, DIM * sizeof *some);
    }
    struct rows all = rows_of(bank, N_BANK), copied = rows_of(some, 400), picked;
    rows_select(&picked, &all, pick, 400, &e);
    struct knn_search a = {.bank = &picked, .k = K}, b = {.bank = &copied, .k = K};
    search(&a, query, N_QUERY, 2, &one, &e);
    search(&b, query, N_QUERY, 2, &other, &e);
    ok(memcmp(&one, &other, sizeof one) == 0, "selected rows are those rows");
    rows_release(&picked);
}

/* Tiles of queries of all widths, and rows longer than what a product sums at once. */
static void test_many_queries(void)
{
    enum { MANY = 1100, BANK = 300, WIDE = 700, NEAREST = 5 };
    static const int64_t n_asked[] = {1, 33, 512, 513, 1024};
    static float wide[MANY * WIDE], similarity[2][MANY * NEAREST];
    static int64_t index[2][MANY * NEAREST];
    struct fmt_error e = {0};
    struct rng r = rng_stream(7, 3, 0, RNG_TEST);
    for (int64_t i = 0; i < MANY * WIDE; i++)
        wide[i] = (float)rng_normal(&r);
    struct device device = test_device(3);
    struct rows all = {.n = MANY, .dim = WIDE, .host_x = wide}, some = {.n = BANK, .dim = WIDE, .host_x = wide};
    struct knn_search s = {.bank = &some, .k = NEAREST, .memory_bytes = 1};
    struct neighbours every = {NEAREST, similarity[0], index[0]}, part = {NEAREST, similarity[1], index[1]};
    int status = knn_search(&s, &all, 0, MANY, &device, &(struct knn_callback){keep, &every}, &e);
    for (int i = 0; i < 5; i++) {
        int64_t n = n_asked[i], from = MANY - n;
        status += knn_search(&s, &all, from, n, &device, &(struct knn_callback){keep, &part}, &e);
        ok(status == 0 && memcmp(similarity[0] + from * NEAREST, similarity[1], (size_t)n * NEAREST * 4) == 0 &&
               memcmp(index[0] + from * NEAREST, index[1], (size_t)n * NEAREST * 8) == 0,
           "the same bits for %d of the queries", (int)n);
    }
    test_device_close(&device);
}

/* Queries and bank from a tensor on the device, from host memory, and read by a function. */
static int read_bank(void *arg, int64_t first, int64_t n, const float **x, int64_t *n_read, struct fmt_error *e)
{
    (void)arg, (void)e;
    *x = bank + first * DIM;
    *n_read = n < 100 ? n : 100;
    return 0;
}

static void test_sources(void)
{
    static struct result host, device_memory, function;
    struct fmt_error e = {0};
    struct device device = test_device(2);
    struct device_arena memory;
    struct rows m = rows_of(bank, N_BANK), on_device = rows_on_device(&device, &memory, bank, NULL, N_BANK, DIM);
    struct rows by_function = {.n = N_BANK, .dim = DIM, .read = read_bank};
    struct knn_search s = {.bank = &m, .k = K, .memory_bytes = 1};
    int status = search(&s, query, N_QUERY, 2, &host, &e);
    s.bank = &on_device;
    status += search(&s, query, N_QUERY, 2, &device_memory, &e);
    s.bank = &by_function;
    status += search(&s, query, N_QUERY, 2, &function, &e);
    ok(status == 0 && memcmp(&host, &device_memory, sizeof host) == 0 && memcmp(&host, &function, sizeof host) == 0,
       "the same neighbours wherever the features are %s", e.text);
    device_arena_release(&memory);
    test_device_close(&device);
}

int main(void)
{
    fill(bank, N_BANK, 0);
    fill(query, N_QUERY, 1);
    for (int i = 0; i < N_BANK; i++)
        bank_group[i] = i % 40;
    for (int i = 0; i < N_QUERY; i++)
        query_group[i] = i % 45;
    test_exact();
    test_ties();
    test_few_rows();
    test_large_values();
    test_votes_are_shares();
    test_refusals();
    test_selected();
    test_many_queries();
    test_sources();
    return tap_done();
}
