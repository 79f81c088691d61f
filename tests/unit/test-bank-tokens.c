/* Banks of tokens: the coreset's choices against plain distances, scores against plain distances; groups, faults,
 * threads. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bank-score.h"
#include "coreset.h"
#include "rng.h"
#include "rowsbed.h"
#include "tap.h"

enum { PHOTOGRAPHS = 150, TOKENS = 64, DIM = 13, N = PHOTOGRAPHS * TOKENS, SIZE = 700 };

static float x[N * DIM];

/* Tokens around 40 centres, so that near and far ones are mixed. */
static void fill(void)
{
    static float centre[40 * DIM];
    struct rng r = rng_stream(11, 0, 0, RNG_TEST);
    for (int i = 0; i < 40 * DIM; i++)
        centre[i] = (float)rng_normal(&r);
    for (int64_t i = 0; i < N; i++) {
        int64_t at = (int64_t)rng_below(&r, 40);
        for (int j = 0; j < DIM; j++)
            x[i * DIM + j] = centre[at * DIM + j] + 0.3f * (float)rng_normal(&r);
    }
}

REFERENCE static double distance_of(const float *a, const float *b)
{
    double sum = 0;
    for (int i = 0; i < DIM; i++)
        sum += ((double)a[i] - (double)b[i]) * ((double)a[i] - (double)b[i]);
    return sqrt(sum);
}

/* ------------------------------------------------------------------ coreset */
/* Follows the choices, in double: after each all distances. Returns how many of them are of a token that is as far as
 * any, to rounding; radius: the distance of the farthest one after the last. */
REFERENCE static int64_t follow(const int64_t *pick, int64_t n, const int64_t *chosen, int64_t size, double *radius)
{
    double *nearest = malloc((size_t)n * sizeof *nearest);
    int64_t n_right = chosen[0] == 0;
    for (int64_t i = 0; i < n; i++)
        nearest[i] = INFINITY;
    for (int64_t m = 0; m < size; m++) {
        n_right += m > 0 && nearest[chosen[m]] >= *radius * (1 - 2e-6);
        *radius = 0;
        for (int64_t i = 0; i < n; i++) {
            nearest[i] = fmin(nearest[i], distance_of(x + (pick ? pick[i] : i) * DIM,
                                                      x + (pick ? pick[chosen[m]] : chosen[m]) * DIM));
            *radius = fmax(*radius, nearest[i]);
        }
    }
    free(nearest);
    return n_right;
}

static int64_t same(const int64_t *a, const int64_t *b, int64_t n)
{
    int64_t i = 0;
    while (i < n && a[i] == b[i])
        i++;
    return i;
}

/* Rows as a file gives them: some at a time, in memory that changes. */
static int read_rows(void *arg, int64_t first, int64_t n, const float **to, int64_t *n_read, struct fmt_error *e)
{
    static float block[3 * TOKENS * DIM];
    (void)arg, (void)e;
    *n_read = n < 3 ? n : 3;
    memcpy(block, x + first * TOKENS * DIM, (size_t)(*n_read * TOKENS * DIM) * sizeof *block);
    *to = block;
    return 0;
}

static void test_coreset(void)
{
    static int64_t first[SIZE];
    struct fmt_error e = {0};
    for (int how = 0; how < 3; how++) { /* threads 1 and 3, memory and file */
        struct device device = test_device(how == 1 ? 3 : 1);
        struct rows rows = {.n = PHOTOGRAPHS, .dim = TOKENS * DIM, .host_x = how == 2 ? NULL : x, .read = read_rows};
        struct tokens tokens = {.rows = &rows, .n_tokens = TOKENS};
        struct coreset c;
        double radius;
        ok(coreset_choose(&tokens, SIZE, &device, NULL, &c, &e) == 0 && c.n == SIZE, "coreset %d: %s", how, e.text);
        if (how == 0) {
            is_int(follow(NULL, N, c.chosen, SIZE, &radius), SIZE, "coreset: each choice is the farthest token");
            ok(fabs(c.radius - radius) < 1e-5 * radius, "coreset: radius %g, %g", c.radius, radius);
            memcpy(first, c.chosen, sizeof first);
        }
        is_int(same(c.chosen, first, SIZE), SIZE, "coreset %d: the same choices", how);
        ok(c.n_passes > 1 && c.n_passes < SIZE / 10, "coreset %d: %lld passes", how, (long long)c.n_passes);
        int64_t n_same = 0;
        for (int64_t i = 0; i < SIZE; i++)
            n_same += memcmp(c.x + i * DIM, x + c.chosen[i] * DIM, DIM * sizeof *x) == 0;
        is_int(n_same, SIZE, "coreset %d: its values", how);
        coreset_release(&c);
        test_device_close(&device);
    }
}

/* A list of tokens, of photographs in another order than in memory. */
static void test_picked(void)
{
    static int64_t pick[N], number[N];
    int64_t n = 0, index[PHOTOGRAPHS];
    for (int i = 0; i < PHOTOGRAPHS; i++)
        index[i] = PHOTOGRAPHS - 1 - i;
    for (int64_t i = 0; i < N; i++)
        if (i % 3 == 1) {
            number[n] = i;
            pick[n++] = index[i / TOKENS] * TOKENS + i % TOKENS;
        }
    double radius;
    struct device device = test_device(2);
    struct rows rows = {.n = PHOTOGRAPHS, .dim = TOKENS * DIM, .host_x = x, .index = index};
    struct tokens tokens = {&rows, TOKENS, number, n};
    struct coreset c;
    ok(coreset_choose(&tokens, 50, &device, NULL, &c, NULL) == 0 &&
           follow(pick, n, c.chosen, 50, &radius) == 50,
       "coreset: of picked tokens");
    coreset_release(&c);
    test_device_close(&device);
}

static void test_few(void)
{
    struct device device = test_device(2);
    static float twice[6 * DIM];
    for (int i = 0; i < 6; i++)
        memcpy(twice + i * DIM, x + i / 2 * DIM, sizeof *x * DIM);
    struct rows rows = {.n = 3, .dim = 2 * DIM, .host_x = twice};
    struct tokens tokens = {.rows = &rows, .n_tokens = 2};
    struct coreset c;
    struct fmt_error e = {0};
    ok(coreset_choose(&tokens, 5, &device, NULL, &c, &e) == 0 && c.n == 3, "coreset: equal tokens once %s", e.text);
    ok(c.radius == 0, "coreset: nothing is far then");
    coreset_release(&c);
    ok(coreset_choose(&tokens, 7, &device, NULL, &c, &e) == 0 && c.n == 6 && c.chosen[5] == 5 && c.radius == 0 &&
           distance_of(c.x + 5 * DIM, twice + 5 * DIM) == 0, "coreset: all tokens %s", e.text);
    coreset_release(&c);
    is_int(coreset_choose(&tokens, 0, &device, NULL, &c, NULL), FMT_INVALID, "coreset: of no tokens");
    twice[3] = NAN;
    is_int(coreset_choose(&tokens, 6, &device, NULL, &c, &e), FMT_NONFINITE, "coreset: a NaN: %s", e.text);
    test_device_close(&device);
}

/* ------------------------------------------------------------------ scores */
enum { VECTORS = 300, FAULTS = 20 };

/* Photographs 0 .. 9 are in the bank, in groups of two; 10 .. 12 are faults. */
static void make_bank(struct bank *b, int first, int n, int n_vectors)
{
    struct feat_header h = {.kind = FEAT_PATCH, .dim = DIM, .n_tokens = TOKENS, .grid_h = 8, .grid_w = 8};
    struct fmt_error e = {0};
    int status = bank_init(b, &h, "", &e);
    for (int i = 0; i < n && !status; i++) {
        char group[16];
        snprintf(group, sizeof group, "g%d", (first + i) / 2);
        struct bank_photograph p = {"p", group, {(uint8_t)(first + i + 1)}, -1, true, NAN};
        status = bank_add_photograph(b, &p, &e);
    }
    for (int i = 0; i < n_vectors && !status; i++) {
        int photograph = i % n, token = (i * 7) % TOKENS;
        const float *from = x + ((first + photograph) * TOKENS + token) * DIM;
        status = bank_add_vector(b, from, (struct bank_vector){photograph, token}, &e);
    }
    ok(!status, "a bank %s", e.text);
}

/* The distance of a token of photograph p, of group `group` (-1: none is left out). */
static double plain_distance(const struct bank *b, const float *token, int group)
{
    static const float origin[DIM];
    double nearest = INFINITY;
    for (int64_t i = 0; i < b->n_vectors; i++)
        if (group < 0 || atoi(b->photograph[b->origin[i].photograph].group + 1) != group)
            nearest = fmin(nearest, distance_of(token, b->x + i * DIM));
    return isinf(nearest) ? 2 * distance_of(token, origin) : nearest;
}

static void test_scores(void)
{
    enum { ROWS = 20 };
    struct bank b, faults;
    struct fmt_error e = {0};
    static float distance[ROWS * TOKENS], again[ROWS * TOKENS];
    double score[ROWS], score_again[ROWS];
    int64_t of_bank[10], of_faults[3], of_rows[ROWS];
    make_bank(&b, 0, 10, VECTORS);
    make_bank(&faults, 10, 3, FAULTS);
    /* Photographs 0 .. 19; those from 10 on have no group by name, 11 is known by its content. */
    struct rows rows = {0};
    ok(rows_reserve(&rows, ROWS_GROUP_NAME | ROWS_CONTENT | ROWS_KEY, ROWS, &e) == 0, "rows %s", e.text);
    rows.n = ROWS, rows.dim = TOKENS * DIM, rows.host_x = x;
    static char name[ROWS][16];
    for (int i = 0; i < ROWS; i++) {
        snprintf(name[i], sizeof name[i], "g%d", i / 2);
        rows.key[i] = "p";
        rows.group_name[i] = i < 10 ? name[i] : "";
        memset(rows.content[i], 0, DIGEST_BYTES);
        rows.content[i][0] = (uint8_t)(i == 11 ? 12 : 0);
    }
    ok(bank_groups(&b, &faults, &rows, of_bank, of_faults, of_rows, &e) == 0, "groups %s", e.text);
    ok(of_bank[2] == of_rows[3] && of_bank[2] != of_rows[4] && of_faults[1] == of_rows[11] &&
           of_faults[2] != of_rows[12], "groups: by name, by content, else none");
    for (int with_faults = 0; with_faults < 2; with_faults++) {
        struct device device = test_device(1), more = test_device(3);
        struct bank_scorer s, one;
        ok(bank_scorer_open(&s, &b, of_bank, with_faults ? &faults : NULL, of_faults, ROWS, &device, &e) == 0 &&
               bank_scorer_open(&one, &b, of_bank, with_faults ? &faults : NULL, of_faults, 1, &more, &e) == 0,
           "scorers %s", e.text);
        s.largest = one.largest = 0.05; /* of 64 tokens: 3.2, so 4 */
        ok(bank_scorer_run(&s, &rows, 0, ROWS, of_rows, distance, score, &e) == 0 &&
               bank_scorer_run(&one, &rows, 0, ROWS, of_rows, again, score_again, &e) == 0, "scores %s", e.text);
        ok(memcmp(distance, again, sizeof distance) == 0 && memcmp(score, score_again, sizeof score) == 0,
           "scores: the same one by one, with three threads");
        double worst = 0, worst_score = 0;
        for (int i = 0; i < ROWS; i++) {
            double largest[4] = {-9, -9, -9, -9};
            for (int t = 0; t < TOKENS; t++) {
                const float *token = x + (i * TOKENS + t) * DIM;
                double d = plain_distance(&b, token, i < 10 ? i / 2 : -1);
                d -= with_faults ? plain_distance(&faults, token, i == 11 ? 5 : -1) : 0;
                worst = worse(worst, fabs(d - (double)distance[i * TOKENS + t]));
                for (int k = 0; k < 4; k++)
                    if (d > largest[k]) {
                        double swapped = largest[k];
                        largest[k] = d;
                        d = swapped;
                    }
            }
            worst_score = worse(worst_score, fabs(score[i] - (largest[0] + largest[1] + largest[2] + largest[3]) / 4));
        }
        ok(worst < 2e-6, "distances%s: within %g of the plain ones", with_faults ? " with faults" : "", worst);
        ok(worst_score < 2e-6, "scores%s: within %g", with_faults ? " with faults" : "", worst_score);
        bank_scorer_close(&s);
        bank_scorer_close(&one);
        test_device_close(&device);
        test_device_close(&more);
    }
    rows_release(&rows);
    bank_release(&b);
    bank_release(&faults);
}

static void test_score_of(void)
{
    float d[200];
    for (int i = 0; i < 200; i++)
        d[i] = (float)((i * 37) % 200);
    ok(bank_score_of(d, 200, 0.01) == 198.5, "of 200 the mean of the two largest");
    ok(bank_score_of(d, 101, 0.01) == 198.5, "of 101 two: rounded up");
    ok(bank_score_of(d, 100, 0.01) == 199, "of 100 one, although 0.01 is no binary number");
    ok(bank_score_of(d, 5, 1e-9) == 199 && bank_score_of(d, 2, 1) == 198.5, "at least one; all");
}

/* Vectors of no other group. */
static void test_alone(void)
{
    struct bank b;
    struct fmt_error e = {0};
    struct device device = test_device(1);
    struct bank_scorer s;
    double score;
    int64_t of_bank[2], of_rows[1];
    make_bank(&b, 0, 2, 8);
    const char *key = "a.jpeg", *group = "g0";
    uint8_t content[1][DIGEST_BYTES] = {{0}};
    struct rows rows = {.n = 1, .dim = TOKENS * DIM, .host_x = x, .key = &key, .group_name = &group,
                        .content = content};
    ok(bank_groups(&b, NULL, &rows, of_bank, NULL, of_rows, &e) == 0 &&
           bank_scorer_open(&s, &b, of_bank, NULL, NULL, 1, &device, &e) == 0, "one group %s", e.text);
    is_int(bank_scorer_run(&s, &rows, 0, 1, of_rows, NULL, &score, &e), FMT_INVALID, "nothing to compare with: %s",
           e.text);
    bank_scorer_close(&s);
    bank_release(&b);
    test_device_close(&device);
}

int main(void)
{
    fill();
    test_coreset();
    test_picked();
    test_few();
    test_scores();
    test_score_of();
    test_alone();
    return tap_done();
}
