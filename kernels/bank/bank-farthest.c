/* bank-farthest.c - see bank-farthest.h. */
#include "bank-farthest.h"

#include <stdlib.h>
#include <string.h>

#include "bank-score.h"

/* The farthest of n tokens, whose numbers are from `first` on, to `pick`; returns how many. sorted [n]: scratch. */
static int64_t pick_farthest(const float *distance, float *sorted, int64_t n, double share, int64_t first,
                             int64_t *pick)
{
    int64_t found = 0, n_largest = bank_score_tokens(n, share);
    memcpy(sorted, distance, (size_t)n * sizeof *sorted);
    bank_score_of(sorted, n, share); /* sorts them */
    for (int64_t t = 0; t < n && found < n_largest; t++)
        if (distance[t] >= sorted[n_largest - 1])
            pick[found++] = first + t;
    return found;
}

static int64_t most_parts(const struct rows *rows)
{
    int64_t most = 1;
    for (int64_t i = 0, n; i < rows->n; i += n) {
        n = tokens_parts(rows, i);
        most = n > most ? n : most;
    }
    return most;
}

int bank_farthest(struct tokens *t, const struct bank *bank, double share, const struct device *device,
                  struct fmt_error *e)
{
    struct bank_scorer s = {.n_tokens = 0};
    int64_t P = t->n_tokens, n = t->rows->n, most = most_parts(t->rows);
    int64_t *pick = malloc((size_t)(n * P + 1) * sizeof *pick);
    float *distance = malloc((size_t)(2 * most * P) * sizeof *distance);
    double *score = malloc((size_t)most * sizeof *score);
    int status = pick && distance && score ? 0 : fmt_no_memory(e);
    t->n_picked = 0;
    if (!status)
        status = bank_scorer_open(&s, bank, NULL, NULL, NULL, 1, device, e);
    for (int64_t i = 0, parts; i < n && !status; i += parts) {
        parts = tokens_parts(t->rows, i);
        status = bank_scorer_run(&s, t->rows, i, parts, NULL, distance, score, e);
        if (!status)
            t->n_picked += pick_farthest(distance, distance + most * P, parts * P, share, i * P, pick + t->n_picked);
    }
    bank_scorer_close(&s);
    free(distance);
    free(score);
    if (status)
        free(pick);
    t->pick = status ? NULL : pick;
    return status;
}
