/* tile-scores.c - see tile-scores.h. Rows are sorted by photograph and, within it, by probability. */
#include "tile-scores.h"

#include <stdlib.h>
#include <string.h>

#include "num.h"
#include "recipe.h"

bool tile_scores_needed(const struct feat_header *h)
{
    const char *fit = recipe_find(&h->recipe, "fit");
    return fit && (text_after(fit, "tiles") || strstr(fit, "in regions"));
}

struct tile {
    const char *key;
    double p; /* of the positive class */
    int64_t row;
};

static int by_key(const void *a, const void *b)
{
    const struct tile *x = a, *y = b;
    int c = strcmp(x->key, y->key);
    if (c == 0 && x->p != y->p)
        c = x->p < y->p ? 1 : -1;
    return c ? c : (x->row > y->row) - (x->row < y->row);
}

/* A photograph: its tiles, and the first of its rows. */
struct photograph {
    const struct tile *tile;
    int64_t n, first;
};

static int by_first(const void *a, const void *b)
{
    const struct photograph *x = a, *y = b;
    return (x->first > y->first) - (x->first < y->first);
}

/* Cuts the sorted tiles into photographs, in the order of their first rows; returns how many. */
static int64_t find_photographs(const struct tile *tile, int64_t n, struct photograph *photo)
{
    int64_t found = 0;
    for (int64_t i = 0; i < n; i++) {
        if (i == 0 || strcmp(tile[i].key, tile[i - 1].key) != 0)
            photo[found++] = (struct photograph){&tile[i], 0, tile[i].row};
        struct photograph *p = &photo[found - 1];
        p->n++;
        p->first = num_min(p->first, tile[i].row);
    }
    qsort(photo, (size_t)found, sizeof *photo, by_first);
    return found;
}

/* proba [K] = the mean over the first n tiles of the photograph. */
static void set_mean(const struct rows *rows, const struct photograph *p, int64_t n, double *proba)
{
    int K = rows->n_classes;
    for (int c = 0; c < K; c++) {
        double sum = 0;
        for (int64_t i = 0; i < n; i++)
            sum += rows->proba[p->tile[i].row * K + c];
        proba[c] = sum / (double)n;
    }
}

static int join(struct rows *rows, const struct photograph *photo, int64_t n, int64_t most, int64_t *pick,
                struct fmt_error *e)
{
    struct rows joined;
    int K = rows->n_classes;
    for (int64_t i = 0; i < n; i++)
        pick[i] = K == 2 ? photo[i].tile->row : photo[i].first;
    int status = rows_select(&joined, rows, pick, n, e);
    if (status)
        return status;
    for (int64_t i = 0; i < n; i++)
        set_mean(rows, &photo[i], K == 2 ? num_min(most, photo[i].n) : photo[i].n, joined.proba + i * K);
    rows_release(rows);
    *rows = joined;
    return 0;
}

static int descending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x < y) - (x > y);
}

double tile_score(double *p, int64_t n, int n_classes, int64_t most)
{
    double sum = 0;
    if (n_classes == 2)
        qsort(p, (size_t)n, sizeof *p, descending);
    n = n_classes == 2 ? num_min(n, most) : n;
    for (int64_t i = 0; i < n; i++)
        sum += p[i];
    return sum / (double)n;
}

int tile_scores(struct rows *rows, int positive, int64_t most, struct fmt_error *e)
{
    size_t n = (size_t)rows->n + 1;
    struct tile *tile = calloc(n, sizeof *tile);
    struct photograph *photo = calloc(n, sizeof *photo);
    int64_t *pick = calloc(n, sizeof *pick);
    int status = tile && photo && pick ? 0 : fmt_no_memory(e);
    for (int64_t i = 0; i < rows->n && !status; i++)
        tile[i] = (struct tile){rows->key[i], rows->n_classes == 2 ? rows->proba[i * 2 + positive] : 0, i};
    if (!status) {
        qsort(tile, (size_t)rows->n, sizeof *tile, by_key);
        status = join(rows, photo, find_photographs(tile, rows->n, photo), most, pick, e);
    }
    free(tile);
    free(photo);
    free(pick);
    return status;
}
