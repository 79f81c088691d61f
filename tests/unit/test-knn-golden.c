/* Neighbours, votes and top-1 against the published evaluation (eval.safetensors). */
#include <math.h>
#include <string.h>

#include "knn.h"
#include "golden.h"
#include "rowsbed.h"

enum { KS_MAX = 64 };
static const float SAME = 4e-6f; /* similarities nearer than this may stand in either order */

struct case_of {
    struct golden g;
    const float *train, *test, *similarity;
    int32_t *train_label, *test_label;
    int64_t n_train, n_test, dim;
    int n_classes, k, ks[KS_MAX], n_ks;
};

static int32_t *labels_of(struct golden *g, const char *name, int64_t *n, int *n_classes)
{
    const double *v = golden_f64(g, name, n);
    int32_t *label = malloc((size_t)*n * sizeof *label);
    for (int64_t i = 0; i < *n; i++) {
        label[i] = (int32_t)v[i];
        if (label[i] >= *n_classes)
            *n_classes = label[i] + 1;
    }
    return label;
}

static int ascending(const void *a, const void *b)
{
    return *(const int *)a - *(const int *)b;
}

static void load(struct case_of *c)
{
    c->train_label = labels_of(&c->g, "train_y", &c->n_train, &c->n_classes);
    c->test_label = labels_of(&c->g, "test_y", &c->n_test, &c->n_classes);
    c->train = golden_f32(&c->g, "train_x", NULL);
    c->test = golden_f32(&c->g, "test_x", NULL);
    c->similarity = golden_f32(&c->g, "knn.similarity", NULL);
    c->dim = golden_find(&c->g, "train_x")->dims[1];
    c->k = (int)golden_find(&c->g, "knn.index")->dims[1];
    for (int64_t i = 0; i < c->g.set.n && c->n_ks < KS_MAX; i++)
        if (sscanf(c->g.set.item[i].name, "knn.votes.k%d", &c->ks[c->n_ks]) == 1)
            c->n_ks++;
    qsort(c->ks, (size_t)c->n_ks, sizeof *c->ks, ascending);
}

/* Neighbours whose similarities are nearer than rounding may stand in another order. */
static void check_neighbours(struct case_of *c, const float *similarity, const int64_t *index)
{
    const double *expected = golden_f64(&c->g, "knn.index", NULL);
    const float *expected_similarity = c->similarity;
    int64_t swapped = 0, wrong = 0;
    is_close(similarity, expected_similarity, c->n_test * c->k, 1e-5, 1e-4, "knn.similarity");
    for (int64_t i = 0; i < c->n_test * c->k; i++) {
        if (index[i] == (int64_t)expected[i])
            continue;
        swapped++;
        bool near = false;
        for (int64_t j = i / c->k * c->k; j < (i / c->k + 1) * c->k; j++)
            near = near || (index[i] == (int64_t)expected[j] &&
                            fabsf(expected_similarity[i] - expected_similarity[j]) < SAME);
        near = near || fabsf(expected_similarity[i] - expected_similarity[(i / c->k + 1) * c->k - 1]) < SAME;
        wrong += !near;
    }
    ok(wrong == 0 && swapped * 100 <= c->n_test * c->k, "knn.index: %lld in another place, %lld wrong",
       (long long)swapped, (long long)wrong);
}

static double gap_of_best(const float *v, int n)
{
    float best = -1, second = -1;
    for (int i = 0; i < n; i++) {
        second = v[i] > best ? best : fmaxf(second, v[i]);
        best = fmaxf(best, v[i]);
    }
    return (double)best - (double)second;
}

/* Whether the k-th and the next neighbour of a test row may change places, and their votes with them. */
static bool is_open(const struct case_of *c, int64_t row, int k)
{
    const float *similarity = c->similarity + row * c->k;
    return k < c->k && fabsf(similarity[k - 1] - similarity[k]) < SAME;
}

static void check_votes(struct case_of *c, const double *votes, int k)
{
    char name[64];
    int64_t n = c->n_test * c->n_classes, undecided = 0;
    snprintf(name, sizeof name, "knn.votes.k%d", k);
    const float *expected = golden_f32(&c->g, name, NULL);
    float *got = malloc((size_t)n * sizeof *got);
    int64_t n_open = 0;
    for (int64_t i = 0; i < n; i++) {
        bool open = is_open(c, i / c->n_classes, k);
        got[i] = open ? expected[i] : (float)votes[i];
        n_open += open && i % c->n_classes == 0;
    }
    is_close(got, expected, n, 1e-5, 1e-4, "%s", name);
    ok(n_open * 2 <= c->n_test, "%s: %lld rows not compared, whose last neighbour may be another", name,
       (long long)n_open);
    for (int64_t i = 0; i < c->n_test; i++)
        undecided += gap_of_best(expected + i * c->n_classes, c->n_classes) < 1e-5;
    snprintf(name, sizeof name, "knn.top1.k%d", k);
    double expected_top1 = golden_f64(&c->g, name, NULL)[0];
    double top1 = (double)knn_count_right(votes, c->test_label, c->n_test, c->n_classes) / (double)c->n_test;
    ok(fabs(top1 - expected_top1) <= ((double)undecided + 1e-6) / (double)c->n_test, "%s: %.5f, %lld undecided", name,
       top1, (long long)undecided);
    free(got);
}

struct taken {
    int k;
    float *similarity;
    int64_t *index;
};

static void take(void *arg, int64_t q, int64_t m, const float *similarity, const int64_t *index)
{
    struct taken *t = arg;
    memcpy(t->similarity + q * t->k, similarity, (size_t)(m * t->k) * sizeof *similarity);
    memcpy(t->index + q * t->k, index, (size_t)(m * t->k) * sizeof *index);
}

static void check_all(struct case_of *c)
{
    struct fmt_error e = {0};
    struct rows train = {.n = c->n_train, .dim = c->dim, .host_x = c->train, .label = c->train_label};
    struct rows test = {.n = c->n_test, .dim = c->dim, .host_x = c->test, .label = c->test_label};
    struct knn_search s = {.bank = &train, .k = c->k};
    struct knn_vote v = {
        c->k, golden_number(&c->g, "knn_temperature", KNN_TEMPERATURE), c->train_label, c->n_classes, c->ks, c->n_ks};
    int64_t pairs = c->n_test * c->k, cells = c->n_test * c->n_classes;
    float *similarity = malloc((size_t)pairs * sizeof *similarity);
    int64_t *index = malloc((size_t)pairs * sizeof *index);
    double *votes = malloc((size_t)(c->n_ks * cells) * sizeof *votes);
    struct taken taken = {c->k, similarity, index};
    struct device device = test_device(1);
    ok(knn_search(&s, &test, 0, c->n_test, &device, &(struct knn_callback){take, &taken}, &e) == 0, "search: %s",
       e.text);
    check_neighbours(c, similarity, index);
    knn_votes(&v, similarity, index, c->n_test, votes, c->n_test);
    for (int i = 0; i < c->n_ks; i++)
        check_votes(c, votes + i * cells, c->ks[i]);
    test_device_close(&device);
    free(similarity);
    free(index);
    free(votes);
}

int main(void)
{
    struct case_of c = {0};
    if (!golden_open(&c.g, "eval.safetensors"))
        return tap_done();
    load(&c);
    ok(c.n_ks > 0, "%d sets of votes", c.n_ks);
    check_all(&c);
    golden_close(&c.g);
    free(c.train_label);
    free(c.test_label);
    return tap_done();
}
