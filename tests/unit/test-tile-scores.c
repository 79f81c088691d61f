/* test-tile-scores.c - rows of tiles as rows of photographs, against sums by hand. */
#include <string.h>

#include "linear.h"
#include "tap.h"
#include "tile-scores.h"

enum { N = 7 };
static const char *const keys[N] = {"b", "a", "b", "c", "b", "a", "b"};
static const char *const places[N] = {"b0", "a0", "b1", "c0", "b2", "a1", "b3"};
static const double p[N] = {0.25, 0.5, 0.75, 0.125, 1, 0.625, 0};
static const int32_t labels[N] = {1, 0, 1, -1, 1, 0, 1};

static struct rows make(int n_classes)
{
    struct rows r = {.n_classes = n_classes, .n = N};
    if (rows_reserve(&r, ROWS_LABEL | ROWS_KEY | ROWS_EXTRA | ROWS_GROUP | ROWS_PROBA, N, NULL))
        return r;
    for (int i = 0; i < N; i++) {
        r.label[i] = labels[i];
        r.key[i] = keys[i];
        r.extra[i] = places[i];
        r.group[i] = keys[i][0] - 'a';
        for (int c = 0; c < n_classes; c++)
            r.proba[i * n_classes + c] = c == 1 ? p[i] : (1 - p[i]) / (n_classes - 1);
    }
    r.n_groups = 3;
    return r;
}

static void two_classes(int64_t most, int positive, const double *want, const char *const *place)
{
    struct rows r = make(2);
    struct fmt_error e = {0};
    bool good = tile_scores(&r, positive, most, &e) == 0 && r.n == 3;
    for (int i = 0; good && i < 3; i++)
        good = r.key[i][0] == "bac"[i] && fabs(r.proba[2 * i + 1] - want[i]) < 1e-15 &&
               fabs(r.proba[2 * i] - (1 - want[i])) < 1e-15 && strcmp(r.extra[i], place[i]) == 0 &&
               r.group[i] == r.key[i][0] - 'a' && r.label[i] == (i == 0) - (i == 2);
    ok(good, "mean of the largest %lld, class %d", (long long)most, positive);
    rows_release(&r);
}

/* The score of one photograph is, to the bit, that of its rows. */
static void one(int n_classes, int64_t most)
{
    double b[] = {0.25, 0.75, 1, 0}; /* the tiles of "b" */
    struct rows r = make(n_classes);
    double score = tile_score(b, 4, n_classes, most);
    ok(tile_scores(&r, 1, most, NULL) == 0 && r.proba[1] == score, "one photograph, %d classes, %lld: %g", n_classes,
       (long long)most, score);
    rows_release(&r);
}

/* A classifier remembers it; files of 1.1 mean the largest. */
static void remembered(int32_t mean_of, int minor)
{
    static char *classes[] = {"good", "bad"};
    double theta[] = {1, 0};
    struct linear m = {.features = {.kind = FEAT_CLS, .dim = 1, .n_tokens = 1, .class_name = classes, .n_classes = 2},
                       .positive = 1, .n_rows = 1, .dim = 1, .theta = theta, .C = 1, .tile_mean_of = mean_of}, again;
    struct fmt_buffer file = {0};
    struct fmt_writer out = fmt_buffer_writer(&file);
    struct provenance made;
    struct fmt_error e = {0};
    provenance_init(&made, "test", "0", false);
    ok(linear_write(&m, &made, &out, &e) == 0, "written %s", e.text);
    struct fmt_memory memory = {file.data, file.bytes, 0};
    struct fmt_reader in = fmt_memory_reader(&memory);
    ok(linear_read(&again, &in, &e) == 0 && again.tile_mean_of == (mean_of ? mean_of : 1) &&
           file.data[20] == minor, "mean of %d in a file of 1.%d %s", mean_of, minor, e.text);
    linear_release(&again);
    provenance_release(&made);
    fmt_buffer_release(&file);
}

int main(void)
{
    for (int most = 1; most < 6; most++)
        one(2, most);
    one(3, 1);
    remembered(0, 1);
    remembered(1, 1);
    remembered(2, 2);
    remembered(INT32_MAX, 2);
    static const char *const largest[] = {"b2", "a1", "c0"}, *const smallest[] = {"b3", "a0", "c0"};
    two_classes(1, 1, (const double[]){1, 0.625, 0.125}, largest);
    two_classes(2, 1, (const double[]){0.875, 0.5625, 0.125}, largest);
    two_classes(100, 1, (const double[]){0.5, 0.5625, 0.125}, largest);
    two_classes(1, 0, (const double[]){0, 0.5, 0.125}, smallest);
    struct rows r = make(3);
    ok(tile_scores(&r, -1, 1, NULL) == 0 && r.n == 3 && fabs(r.proba[1] - 0.5) < 1e-15 &&
           fabs(r.proba[3 + 1] - 0.5625) < 1e-15 && strcmp(r.extra[0], "b0") == 0, "three classes: the mean of all");
    rows_release(&r);
    struct feat_header h = {.kind = FEAT_CLS};
    ok(!tile_scores_needed(&h) && recipe_add(&h.recipe, "fit", "resize, in regions", NULL) == 0 &&
           tile_scores_needed(&h) && recipe_set(&h.recipe, "fit", "tiles", NULL) == 0 && tile_scores_needed(&h) &&
           recipe_set(&h.recipe, "fit", "resize", NULL) == 0 && !tile_scores_needed(&h), "by the recipe");
    recipe_release(&h.recipe);
    return tap_done();
}
