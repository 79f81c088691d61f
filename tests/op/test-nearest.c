/* Operations of the search for nearest neighbours against a plain search in double: parts of a bank, groups, ties,
 * fewer rows than neighbours; rows of unit length at the limits of floats; every instruction set. */
#include "nearest.h"
#include "num.h"
#include "opbed.h"
#include "topk.h"

enum { Q = 150, C = 21, K = 12, N = 900, TILE = 160, FIRST_PART = 512, PADDED = 2 * FIRST_PART };

static float *bank, *tiles, query[Q * C];
static int64_t bank_group[N], query_group[Q];

struct result {
    float similarity[Q * K];
    int64_t index[Q * K];
};

static void to_unit(float *x, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        double norm = sqrt(dot(x + i * C, x + i * C, C));
        for (int j = 0; j < C; j++)
            x[i * C + j] = (float)((double)x[i * C + j] / norm);
    }
}

static void draw(void)
{
    bank = calloc(PADDED * C, sizeof *bank);
    tiles = calloc(C * TILE, sizeof *tiles);
    float *rows = noise(N * C, 1), *asked = noise(Q * C, 1);
    memcpy(bank, rows, N * C * sizeof *bank);
    memcpy(bank + 700 * C, bank + 3 * C, C * sizeof *bank); /* ties */
    memcpy(query, asked, sizeof query);
    memcpy(query, bank + 3 * C, C * sizeof *query);
    to_unit(bank, N);
    to_unit(query, Q);
    for (int q = 0; q < Q; q++)
        for (int j = 0; j < C; j++)
            tiles[j * TILE + q] = query[q * C + j];
    for (int i = 0; i < N; i++)
        bank_group[i] = i % 30;
    for (int q = 0; q < Q; q++)
        query_group[q] = q % 40;
    free(rows), free(asked);
}

static void count_call(void *arg)
{
    ++*(int *)arg;
}

/* The bank in parts of FIRST_PART rows, of which `n` count in all. */
static void search(struct op_ctx *c, int64_t n, bool groups, struct result *r, int *n_calls)
{
    struct nearest_host_work host_work = {count_call, n_calls};
    for (int64_t first = 0; first < n || first == 0; first += FIRST_PART) {
        struct nearest s = {.first = first, .n = num_min(FIRST_PART, n - first), .first_part = first == 0,
                            .last_part = first + FIRST_PART >= n};
        ON_DEVICE(c, {
            s.similarity = COPY(r->similarity, Q, K);
            s.index = COPY(r->index, Q, K);
            s.queries = COPY((const float *)tiles, 1, C, TILE);
            s.bank = COPY((const float *)bank + first * C, FIRST_PART, C);
            s.query_group = groups ? COPY((const int64_t *)query_group, Q) : TENSOR_NONE;
            s.bank_group = groups ? COPY((const int64_t *)bank_group + first, s.n) : TENSOR_NONE;
            op_nearest(c, &s, &host_work);
        });
    }
}

static bool is_exact(const struct result *r, int64_t n, bool groups)
{
    bool exact = true;
    for (int q = 0; q < Q; q++) {
        int64_t n_allowed = 0;
        bool taken[N] = {false};
        const int64_t *index = r->index + q * K;
        const float *s = r->similarity + q * K;
        for (int64_t i = 0; i < n; i++)
            n_allowed += !groups || bank_group[i] != query_group[q];
        for (int i = 0; i < K; i++) {
            if (i >= n_allowed) {
                exact = exact && index[i] == -1 && isinf(s[i]) && s[i] < 0;
                continue;
            }
            exact = exact && index[i] >= 0 && index[i] < n && !taken[index[i]] &&
                    (!groups || bank_group[index[i]] != query_group[q]) &&
                    fabs((double)s[i] - dot(query + q * C, bank + index[i] * C, C)) < 1e-6;
            if (!exact)
                return false;
            taken[index[i]] = true;
            exact = i == 0 || s[i] < s[i - 1] || (s[i] == s[i - 1] && index[i] > index[i - 1]);
        }
        for (int64_t i = 0; i < n && n_allowed >= K; i++)
            exact = exact && (taken[i] || (groups && bank_group[i] == query_group[q]) ||
                              dot(query + q * C, bank + i * C, C) <= (double)s[K - 1] + 1e-6);
    }
    return exact;
}

static void test_search(void)
{
    static struct result one, other;
    int n_calls = 0;
    search(&ctx, N, false, &one, &n_calls);
    ok(is_exact(&one, N, false), "the nearest of all, from two parts of the bank");
    ok(n_calls == 2, "the host's work is done once in each");
    ok(one.index[0] == 3 && one.index[1] == 700 && one.similarity[0] == one.similarity[1], "ties by index");
    struct op_ctx alone = ctx;
    alone.pool = NULL;
    search(&alone, N, false, &other, &n_calls);
    ok(memcmp(&one, &other, sizeof one) == 0, "the same bits with one thread");
    search(&ctx, N, true, &other, &n_calls);
    ok(is_exact(&other, N, true), "none of the own group");
    search(&ctx, 7, false, &other, &n_calls);
    ok(is_exact(&other, 7, false), "fewer rows than neighbours");
    search(&ctx, 0, false, &other, &n_calls);
    ok(is_exact(&other, 0, false), "no rows");
    clean("nearest");
}

static void test_unit_rows(void)
{
    enum { ROWS = 70 };
    float *x = noise(ROWS * C, 1), *y = malloc(ROWS * C * sizeof *y);
    int64_t bad = 5;
    memset(x, 0, C * sizeof *x);
    for (int j = 0; j < C; j++)
        x[C + j] = j % 2 ? 3e38f : -3e38f;
    memcpy(y, x, ROWS * C * sizeof *y);
    ON_DEVICE(&ctx, op_unit_rows(&ctx, &bad, COPY(y, ROWS, C)));
    bool unit = y[0] == 0;
    for (int64_t i = 1; i < ROWS; i++)
        unit = unit && fabs(dot(y + i * C, y + i * C, C) - 1) < 1e-6 && (y[i * C] > 0) == (x[i * C] > 0);
    ok(bad == -1 && unit, "rows of length 1; of zeros, as they are; of the largest values, too");
    x[60 * C + 3] = NAN;
    x[41 * C] = INFINITY;
    ON_DEVICE(&ctx, op_unit_rows(&ctx, &bad, COPY(x, ROWS, C)));
    ok(bad == 41, "the first row that is not finite");
    clean("unit_rows");
    free(x), free(y);
}

static void compare_sets(const struct topk_loops *a, const struct topk_loops *b, const char *name)
{
    float *x = noise(1000, 1), *limit = noise(1000, 1), y[2][1000];
    int32_t at[2][1000];
    bool same = true;
    for (int n = 1; n < 1000; n += 37) {
        int found = a->above(x, limit, n, at[0]);
        memcpy(y[0], x, sizeof y[0]);
        memcpy(y[1], x, sizeof y[1]);
        a->divide(y[0], n, 0x1p-32f, 0.7f);
        b->divide(y[1], n, 0x1p-32f, 0.7f);
        double sum[2] = {a->squares(x, n), b->squares(x, n)};
        same = same && found == b->above(x, limit, n, at[1]) && memcmp(at[0], at[1], (size_t)found * 4) == 0 &&
               memcmp(&sum[0], &sum[1], sizeof *sum) == 0 && memcmp(y[0], y[1], sizeof y[0]) == 0;
    }
    ok(same, "the same bits on %s", name);
    free(x), free(limit);
}

/* Above is strict, and nothing is above NaN or is NaN above. */
static void test_above(void)
{
    float *x = noise(1000, 1), *limit = noise(1000, 1);
    int32_t at[1000];
    bool same = true;
    for (int i = 0; i < 1000; i += 7)
        limit[i] = i % 2 ? x[i] : -INFINITY;
    for (int i = 3; i < 1000; i += 61)
        *(i % 2 ? &x[i] : &limit[i]) = NAN;
    for (int n = 0; n < 1000; n += 37) {
        int found = topk_loops()->above(x, limit, n, at), expected = 0;
        for (int i = 0; i < n; i++)
            if (x[i] > limit[i])
                same = same && expected < found && at[expected++] == i;
        same = same && found == expected;
    }
    ok(same, "all that are above their limits, in order");
    free(x), free(limit);
}

static void test_shapes(void)
{
    struct fmt_error e = {0};
    float s[4] = {0}, x[NEAREST_QUERIES] = {0}, *rows = zeros_f32(NEAREST_BANK);
    int64_t index[4] = {0};
    ON_DEVICE(&ctx, {
        struct nearest n = {.similarity = COPY(s, 2, 2), .index = COPY(index, 2, 2),
                            .queries = COPY(x, 1, 1, NEAREST_QUERIES), .bank = COPY(rows, NEAREST_BANK - 1, 1)};
        op_nearest(&ctx, &n, NULL);
    });
    ok(op_sync(&ctx, &e) == FMT_MISMATCH, "a part that is no multiple of the tile: %s", e.text);
    free(rows);
}

int main(void)
{
    if (bed_open())
        return 1;
    draw();
    test_search();
    test_unit_rows();
    test_shapes();
    test_above();
    BED_COMPARE_SETS(topk_loops, "topk");
    free(bank), free(tiles);
    return bed_close();
}
